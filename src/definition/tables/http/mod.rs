//! HTTP APIs: the tables beside those of WebSocket APIs, for what is written under `protocolType: HTTP`.

mod api;
mod authorizer;
mod integration;
mod route;
mod stage;

pub(super) use api::API;
