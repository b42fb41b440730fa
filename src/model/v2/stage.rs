//! Stages.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::super::Limit;

/// An API under an address.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// A description.
    pub description: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Values by name.
    pub stage_variables: BTreeMap<String, String>,
    /// Settings of every route.
    pub default_route_settings: RouteSettings,
    /// Settings by route key.
    pub route_settings: BTreeMap<String, RouteSettings>,
    /// One line per request.
    pub access_log_settings: Option<AccessLogSettings>,
    /// Always `true`: loading is deploying.
    pub auto_deploy: Option<bool>,
    /// What Amazon does not have.
    pub tidegate: StageExtension,
}

/// Settings of a route on a stage; what is absent falls back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteSettings {
    /// Requests per second.
    pub throttling_rate_limit: Option<f64>,
    /// Requests at once above the rate.
    pub throttling_burst_limit: Option<u32>,
    /// Whether the route is counted by itself.
    pub detailed_metrics_enabled: Option<bool>,
    /// Only `OFF` so far.
    pub logging_level: Option<String>,
    /// Only `false` so far.
    pub data_trace_enabled: Option<bool>,
}

/// Where the access log goes, and what a line of it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessLogSettings {
    /// `stdout`, `stderr`, `file:PATH`, or the ARN of a log group, which means `stdout`.
    pub destination_arn: String,
    /// One line with `$context` variables.
    pub format: String,
}

/// What Amazon's stages do not have; so far all of it is for WebSocket APIs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageExtension {
    /// Limits of each connection.
    pub limits: Option<StageLimits>,
    /// What becomes of a binary frame.
    #[serde(default)]
    pub binary_frames: BinaryFrames,
    /// How often the server pings.
    pub ping: Option<Limit<Duration>>,
    /// Whether a client's pings count as activity.
    #[serde(default)]
    pub pings_reset_idle: bool,
    /// The HTML that answers a plain GET of the stage's URL.
    pub page: Option<String>,
}

/// Limits of each connection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageLimits {
    /// Longest silence.
    pub idle_timeout: Limit<Duration>,
    /// Longest life.
    pub connection_duration: Limit<Duration>,
    /// Largest frame, in bytes of payload.
    pub frame_bytes: Limit<usize>,
    /// Largest message, in bytes of payload.
    pub message_bytes: Limit<usize>,
    /// Frames in one message.
    pub fragments: Limit<usize>,
    /// Frames per second.
    pub frames_per_second: Limit<u32>,
    /// Longest time from the first byte of a message to its last.
    pub assembly_timeout: Limit<Duration>,
    /// Messages waiting for a slow client.
    pub queue_messages: Limit<usize>,
    /// Bytes waiting for a slow client.
    pub queue_bytes: Limit<usize>,
    /// Messages being handled at the same time.
    pub in_flight: Limit<usize>,
}

/// What becomes of a binary frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BinaryFrames {
    /// The connection is closed with 1003.
    #[default]
    Close,
    /// It reaches `$default`.
    Accept,
}
