//! Resources of the API Gateway V2 API, with its field names, types and enums.
//!
//! Source: API Gateway V2 API Reference, "Resources". Maps are keyed by what identifies the resource, so the identifying
//! field is not repeated inside. What Amazon does not have stands under `tidegate`.

mod api;
mod authorizer;
mod domain_name;
mod integration;
mod route;
mod stage;

pub use api::{Api, ProtocolType};
pub use authorizer::{
    Authorizer, AuthorizerExtension, AuthorizerType, JwtConfiguration, OnTokenExpiry,
};
pub use domain_name::{ApiMapping, DomainName};
pub use integration::{
    ConnectionType, ContentHandlingStrategy, Integration, IntegrationExtension,
    IntegrationResponse, IntegrationType,
};
pub use route::{
    AuthorizationType, Ordering, ParameterConstraints, Route, RouteExtension, RouteResponse,
};
pub use stage::{
    AccessLogSettings, BinaryFrames, RouteSettings, Stage, StageExtension, StageLimits,
};
