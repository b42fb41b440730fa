//! The whole gateway from outside: real sockets on loopback, functions in this process, time owned by the test.
//!
//! What lives here drives [`tidegate::Gateway`] as a client, a backend or an operator would, and looks at nothing but what
//! comes over the wire, the events that functions get, and what is left when the gateway has stopped.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand outside the gateway: they own runtimes, bounds on waiting and backends of their own"
)]
#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::let_underscore_must_use,
    reason = "a test that panics has failed, which is what it should do"
)]

mod harness;

mod access_log;
mod authorization;
mod clients;
mod control;
mod conversation;
mod edge_input;
mod endings;
mod events;
mod flow;
mod handshake;
mod http2;
mod http2_floods;
mod http_api;
mod http_proxy_api;
mod http_routes;
mod imports;
mod integrations;
mod jwt;
mod lambda_http;
mod lifecycle;
mod limits;
mod management;
mod metrics;
mod models;
mod mutual_tls;
mod plain_requests;
mod process;
mod rebinding;
mod reload;
mod replies;
mod routing_rules;
mod selection;
mod services;
mod throttles;
mod timers;
mod tls;
mod traces;
mod usage;
