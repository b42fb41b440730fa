//! Stages: settings of connections, throttles and logs, and everything else bound to the stage's variables.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use connection_store::OutboxLimits;

use super::Compiler;
use crate::definition::child;
use crate::lang::access_log::AccessLogFormat;
use crate::model::v2;
use crate::plan::access_log::{AccessLog, Destination};
use crate::plan::route::{CONNECT, DEFAULT, DISCONNECT, RateLimit, Route, Routes};
use crate::plan::stage::{Api, BinaryFrames, ConnectionSettings, Stage};

/// A stage while it is being compiled: what its parts need to know of it.
pub(super) struct Binding<'a> {
    pub(super) api_path: &'a str,
    pub(super) api: &'a v2::Api,
    pub(super) name: &'a str,
    pub(super) stage: &'a v2::Stage,
    /// Integrations by id; nothing where a problem was reported.
    pub(super) parts: HashMap<String, Option<Arc<crate::plan::integration::Integration>>>,
}

impl Compiler<'_> {
    pub(super) fn stage(
        &mut self,
        api_path: &str,
        api: &Arc<Api>,
        model: &v2::Api,
        name: &str,
        stage: &v2::Stage,
    ) -> Stage {
        let mut binding = Binding {
            api_path,
            api: model,
            name,
            stage,
            parts: HashMap::new(),
        };
        for (id, integration) in &model.integrations {
            let compiled = self.integration(&binding, id, integration);
            binding.parts.insert(id.clone(), compiled.map(Arc::new));
        }
        self.route_settings(&binding);
        Stage {
            api: Arc::clone(api),
            name: name.into(),
            variables: stage.stage_variables.clone(),
            routes: self.routes(&binding),
            connections: Arc::new(settings(&stage.tidegate)),
            access_log: self.access_log(&binding),
            page: stage.tidegate.page.clone().map(Bytes::from),
        }
    }

    fn routes(&mut self, binding: &Binding<'_>) -> Routes {
        let mut compiled: HashMap<Box<str>, Arc<Route>> = HashMap::new();
        for (key, route) in &binding.api.routes {
            let route = self.route(binding, key, route);
            compiled.insert(key.as_str().into(), Arc::new(route));
        }
        let mut take = |key: &str| compiled.remove(key);
        Routes {
            connect: take(CONNECT).unwrap_or_else(|| Arc::new(bare(binding, CONNECT))),
            disconnect: take(DISCONNECT).unwrap_or_else(|| Arc::new(bare(binding, DISCONNECT))),
            default: take(DEFAULT),
            custom: compiled,
        }
    }

    /// Settings of routes that do not exist would be kept and never used.
    fn route_settings(&mut self, binding: &Binding<'_>) {
        let path = child(
            &child(&child(binding.api_path, "stages"), binding.name),
            "routeSettings",
        );
        for key in binding.stage.route_settings.keys() {
            let fixed = matches!(key.as_str(), CONNECT | DISCONNECT);
            if !fixed && !binding.api.routes.contains_key(key) {
                let known = binding.api.routes.keys();
                let remedy = super::route::nearest(key, known, "routes");
                self.problem(
                    &child(&path, key),
                    format!("there is no route `{key}`"),
                    remedy,
                );
            }
        }
    }

    fn access_log(&mut self, binding: &Binding<'_>) -> Option<AccessLog> {
        let settings = binding.stage.access_log_settings.as_ref()?;
        let stage = child(&child(binding.api_path, "stages"), binding.name);
        let path = child(&child(&stage, "accessLogSettings"), "format");
        let format = match AccessLogFormat::parse(&settings.format) {
            Ok(format) => format,
            Err(error) => {
                self.syntax(&path, &error);
                return None;
            }
        };
        let destination = match settings.destination_arn.as_str() {
            "stdout" => Destination::Stdout,
            "stderr" => Destination::Stderr,
            other => Destination::File(PathBuf::from(other.strip_prefix("file:").unwrap_or(other))),
        };
        Some(AccessLog {
            destination,
            format,
        })
    }
}

/// The limit of one route: its own numbers, completed by the stage's.
pub(super) fn throttle(binding: &Binding<'_>, key: &str) -> Option<RateLimit> {
    let own = binding.stage.route_settings.get(key);
    let default = &binding.stage.default_route_settings;
    let rate = own
        .and_then(|own| own.throttling_rate_limit)
        .or(default.throttling_rate_limit);
    let burst = own
        .and_then(|own| own.throttling_burst_limit)
        .or(default.throttling_burst_limit);
    match (rate, burst) {
        (None, None) => None,
        (rate, burst) => Some(RateLimit {
            // AWS: what is not set falls back to the account's figures.
            rate: rate.unwrap_or(crate::base::quotas::ACCOUNT_RATE),
            burst: burst.unwrap_or(crate::base::quotas::ACCOUNT_BURST),
        }),
    }
}

/// A route that the definition does not name but every stage has.
fn bare(binding: &Binding<'_>, key: &str) -> Route {
    Route {
        key: key.into(),
        authorization: super::route::fallback(key),
        integration: None,
        direction: crate::plan::route::Direction::OneWay,
        ordering: crate::plan::route::Ordering::Concurrent,
        throttle: throttle(binding, key),
        required: Vec::new(),
    }
}

fn settings(extension: &v2::StageExtension) -> ConnectionSettings {
    let limits = &extension.limits;
    ConnectionSettings {
        idle_timeout: limits.idle_timeout.bound(),
        duration: limits.connection_duration.bound(),
        frame_bytes: limits.frame_bytes.bound(),
        message_bytes: limits.message_bytes.bound(),
        fragments: limits.fragments.bound(),
        frames_per_second: limits.frames_per_second.bound(),
        assembly_timeout: limits.assembly_timeout.bound(),
        outbox: OutboxLimits {
            messages: limits.queue_messages.bound().unwrap_or(usize::MAX),
            bytes: limits.queue_bytes.bound().unwrap_or(usize::MAX),
        },
        in_flight: limits.in_flight.bound().unwrap_or(usize::MAX),
        binary_frames: match extension.binary_frames {
            v2::BinaryFrames::Close => BinaryFrames::Close,
            v2::BinaryFrames::Accept => BinaryFrames::Accept,
        },
        ping: extension.ping.bound(),
        pings_reset_idle: extension.pings_reset_idle,
    }
}
