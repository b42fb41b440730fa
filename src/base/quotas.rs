//! Every limit that Amazon documents, as a constant with its unit and source.
//!
//! Sources are pages of the API Gateway Developer Guide: "Quotas for configuring and running a WebSocket API" (quotas),
//! "Amazon API Gateway quotas and important notes" (limits).

use std::time::Duration;

/// Longest life of a WebSocket connection (quotas).
pub const CONNECTION_DURATION: Duration = Duration::from_secs(2 * 60 * 60);
/// Longest silence on a WebSocket connection (quotas).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Largest WebSocket frame, in payload bytes (quotas).
pub const FRAME_BYTES: usize = 32 * 1024;
/// Largest WebSocket message, in payload bytes; also the largest `@connections` body (quotas).
pub const MESSAGE_BYTES: usize = 128 * 1024;
/// Shortest integration timeout that can be set (quotas).
pub const INTEGRATION_TIMEOUT_MIN: Duration = Duration::from_millis(50);
/// Longest, and default, integration timeout of a WebSocket API (quotas).
pub const INTEGRATION_TIMEOUT_MAX: Duration = Duration::from_secs(29);
/// Longest, and default, integration timeout of an HTTP API (quotas).
pub const HTTP_INTEGRATION_TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// Longest wait for a Lambda authorizer (limits; stated for HTTP APIs).
pub const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that a result of a Lambda authorizer of an HTTP API is kept (limits).
pub const AUTHORIZER_RESULT_TTL_MAX: Duration = Duration::from_secs(60 * 60);
/// Largest result of a Lambda authorizer of a WebSocket API, in bytes (quotas).
pub const AUTHORIZER_RESULT_BYTES: usize = 8 * 1024;
/// Largest request line plus headers, in bytes (limits).
pub const REQUEST_HEAD_BYTES: usize = 10_240;
/// Longest WebSocket URL, in characters (quotas).
pub const WEBSOCKET_URL_CHARACTERS: usize = 4096;
/// Largest request body of an HTTP API, in bytes (quotas).
pub const HTTP_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Largest reply body that is read as a whole, in bytes (limits: payload size).
pub const INTEGRATION_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Largest payload of a synchronous Lambda invocation, either way, in bytes (Lambda quotas).
pub const LAMBDA_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
/// Invocations of one account that run at once (Lambda quotas: concurrent executions).
pub const LAMBDA_CONCURRENCY: usize = 1000;
/// Routes in one API (quotas).
pub const ROUTES_PER_API: usize = 300;
/// Integrations in one API (quotas).
pub const INTEGRATIONS_PER_API: usize = 300;
/// Authorizers in one API (quotas).
pub const AUTHORIZERS_PER_API: usize = 10;
/// Stages of one API (quotas).
pub const STAGES_PER_API: usize = 10;
/// API keys of one account and region (limits).
pub const API_KEYS: usize = 10_000;
/// Usage plans of one account and region (limits).
pub const USAGE_PLANS: usize = 300;
/// Usage plans that one API key may be in (limits).
pub const PLANS_PER_API_KEY: usize = 10;
/// Routes of one stage that a usage plan may throttle by themselves (limits: method throttles).
pub const ROUTE_THROTTLES_PER_PLAN_STAGE: usize = 20;
/// Longest access-log template, in bytes (quotas).
pub const ACCESS_LOG_FORMAT_BYTES: usize = 3 * 1024;
/// Account-level throttle: requests per second (limits).
pub const ACCOUNT_RATE: f64 = 10_000.0;
/// Account-level throttle: bucket size in requests (limits).
pub const ACCOUNT_BURST: u32 = 5_000;
/// New WebSocket connections per second and account (quotas).
pub const CONNECT_RATE: f64 = 500.0;
/// Largest mapping template, in bytes (quotas).
pub const MAPPING_TEMPLATE_BYTES: usize = 300 * 1024;
/// Longest integration URI, in characters (service model of apigatewayv2: `UriWithLengthBetween1And2048`).
pub const INTEGRATION_URI_CHARACTERS: usize = 2048;
/// Longest value of a request parameter mapping, in characters (service model of apigatewayv2: `StringWithLengthBetween1And512`).
pub const PARAMETER_VALUE_CHARACTERS: usize = 512;
/// Longest wait for each of an issuer's discovery document and key set ("Control access to HTTP APIs with JWT authorizers").
pub const JWKS_TIMEOUT: Duration = Duration::from_millis(1500);
/// Largest discovery document or key set of an issuer, in bytes (limits; stated for key sets).
pub const JWKS_BYTES: usize = 150_000;
/// Longest time for which an issuer's keys are used without having been fetched again ("Control access to HTTP APIs with JWT
/// authorizers").
pub const JWKS_AGE: Duration = Duration::from_secs(2 * 60 * 60);
