//! Resources of the API Gateway V2 API, with its field names, types and enums.
//!
//! Source: API Gateway V2 API Reference, "Resources". Maps are keyed by what identifies the resource, so the identifying
//! field is not repeated inside. What Amazon does not have stands under `tidegate`. A resource is one struct for both kinds of
//! API; what only one of them has is optional or empty, and [`crate::definition`] refuses it on the other.

mod api;
mod authorizer;
mod domain_name;
mod integration;
mod route;
mod stage;
mod vpc_link;

pub use api::{Api, Cors, IpAddressType, Model, ProtocolType};
pub use authorizer::{
    Authorizer, AuthorizerExtension, AuthorizerType, JwtConfiguration, OnTokenExpiry,
};
pub use domain_name::{
    ApiMapping, DomainName, DomainNameConfiguration, EndpointType, InvokeApi, MatchBasePaths,
    MatchHeaderValue, MatchHeaders, MutualTlsAuthentication, RoutingMode, RoutingRule,
    RoutingRuleAction, RoutingRuleCondition, SecurityPolicy,
};
pub use integration::{
    ConnectionType, ContentHandlingStrategy, Integration, IntegrationExtension,
    IntegrationResponse, IntegrationType, TlsConfig,
};
pub use route::{
    AuthorizationType, MessageRate, Ordering, ParameterConstraints, Route, RouteExtension,
    RouteResponse,
};
pub use stage::{
    AccessLogSettings, BinaryFrames, RouteSettings, Stage, StageExtension, StageLimits,
};
pub use vpc_link::VpcLink;
