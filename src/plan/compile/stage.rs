//! Stages: an API's routes with a stage's variables, throttles and limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use connection_store::OutboxLimits;
use foldhash::HashMap;

use super::route::Parts;
use super::{Bench, Target, authorizer, http, integration, route, users};
use crate::definition::child;
use crate::lang::access_log::AccessLogFormat;
use crate::lang::context_names::Protocol;
use crate::lang::syntax::nearest;
use crate::model::Limit;
use crate::model::v2::{self, ProtocolType};
use crate::plan::access_log::{AccessLog, Destination};
use crate::plan::route::{CONNECT, DEFAULT, DISCONNECT, MessageRoutes, Ordering, Route, Routes};
use crate::plan::stage::{Api, BinaryFrames, ConnectionSettings, Stage};

/// What `off` means for a bound that keeps memory finite: as much as the definition may ask for.
const QUEUE_MESSAGES_MAX: usize = 1_000_000;
const QUEUE_BYTES_MAX: usize = 1024 * 1024 * 1024;
const IN_FLIGHT_MAX: usize = 100_000;

/// First segment of the addresses that name API and stage themselves; no stage can have its name.
const ALWAYS: &str = "_apis";

/// One stage; `None` with the reason noted. `path` is that of the API.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    shared: Option<&Arc<Api>>,
    path: &str,
    target: Target<'_>,
) -> Option<Stage> {
    let routes = routes(bench, api, path, Some(target));
    let api_path = path;
    let path = &child(&child(path, "stages"), target.name);
    let stage = target.stage;
    check_name(bench, target.name, path);
    check_route_settings(bench, api, stage, api_path, path);
    let access_log = stage
        .access_log_settings
        .as_ref()
        .map(|settings| access_log(bench, settings, api.protocol_type, path));
    let access_log = match access_log {
        Some(compiled) => Some(compiled?),
        None => None,
    };
    let page = stage.tidegate.page.as_ref();
    Some(Stage {
        api: Arc::clone(shared?),
        name: target.name.into(),
        variables: stage.stage_variables.clone(),
        routes: routes?,
        connections: Arc::new(connections(&stage.tidegate)),
        access_log,
        page: page.map(|page| Bytes::copy_from_slice(page.as_bytes())),
    })
}

/// The routes of an API on a stage, or, without one, just what is wrong with them.
pub(super) fn routes(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<Routes> {
    match api.protocol_type {
        ProtocolType::WebSocket => messages(bench, api, path, stage).map(Routes::Messages),
        ProtocolType::Http => {
            http::routes(bench, api, path, stage).map(|routes| Routes::Http(Box::new(routes)))
        }
    }
}

fn messages(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<MessageRoutes> {
    let parts = parts(bench, api, path, stage);
    let mut compiled: BTreeMap<&str, Arc<Route>> = BTreeMap::new();
    for key in api.routes.keys() {
        if let Some(route) = route::compile(bench, api, key, &parts, path, stage) {
            compiled.insert(key, Arc::new(route));
        }
    }
    if compiled.len() < api.routes.len() {
        return None;
    }
    let mut predefined = |key| compiled.remove(key);
    let connect = predefined(CONNECT).unwrap_or_else(|| Arc::new(route::absent(CONNECT, stage)));
    let disconnect =
        predefined(DISCONNECT).unwrap_or_else(|| Arc::new(route::absent(DISCONNECT, stage)));
    let default = predefined(DEFAULT);
    let custom: HashMap<Box<str>, Arc<Route>> = compiled
        .into_iter()
        .map(|(key, route)| (key.into(), route))
        .collect();
    let serial = |route: &Arc<Route>| route.ordering == Ordering::Serial;
    Some(MessageRoutes {
        any_serial: custom.values().chain(&default).any(serial),
        connect,
        disconnect,
        default,
        custom,
    })
}

fn parts(bench: &mut Bench<'_>, api: &v2::Api, path: &str, stage: Option<Target<'_>>) -> Parts {
    let mut integrations = BTreeMap::new();
    let mut users = users(api, Some);
    for (id, integration) in &api.integrations {
        let users: Vec<&str> = users.remove(id.as_str()).unwrap_or_default();
        let path = child(&child(path, "integrations"), id);
        if let Some(compiled) = integration::compile(bench, id, integration, &users, &path, stage) {
            integrations.insert(id.clone(), compiled);
        }
    }
    Parts {
        integrations,
        authorizers: authorizer::all(bench, api, path, stage),
    }
}

/// Addresses that begin like the name of a stage and are none.
fn check_name(bench: &mut Bench<'_>, name: &str, path: &str) {
    if name == ALWAYS {
        let what = format!("`/{ALWAYS}/` begins the addresses that name API and stage");
        let remedy = "choose another name for the stage";
        bench.scribe.problem(path, what, remedy);
    }
}

fn check_route_settings(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    stage: &v2::Stage,
    api_path: &str,
    path: &str,
) {
    for key in stage.route_settings.keys() {
        // Every stage of a WebSocket API can connect and disconnect.
        let always = api.protocol_type == ProtocolType::WebSocket
            && matches!(key.as_str(), CONNECT | DISCONNECT);
        let section = child(&child(api_path, "routes"), key);
        if always || api.routes.contains_key(key) || bench.scribe.has(&section) {
            continue;
        }
        let remedy = match nearest(key, api.routes.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name a route of the API".to_owned(),
        };
        let path = child(&child(path, "routeSettings"), key);
        bench
            .scribe
            .problem(&path, "there is no such route", remedy);
    }
}

fn access_log(
    bench: &mut Bench<'_>,
    settings: &v2::AccessLogSettings,
    protocol: ProtocolType,
    path: &str,
) -> Option<AccessLog> {
    let path = child(&child(path, "accessLogSettings"), "format");
    let protocol = match protocol {
        ProtocolType::WebSocket => Protocol::WebSocket,
        ProtocolType::Http => Protocol::Http,
    };
    let format = match AccessLogFormat::parse(&settings.format, protocol) {
        Ok(format) => format,
        Err(error) => {
            bench.scribe.syntax(&path, &settings.format, &error);
            return None;
        }
    };
    let destination = match settings.destination_arn.as_str() {
        "stdout" => Destination::Stdout,
        "stderr" => Destination::Stderr,
        // A log group is what collects the lines of a process.
        group if group.starts_with("arn:") => Destination::Stdout,
        // The tables let nothing else through.
        other => Destination::File(PathBuf::from(other.strip_prefix("file:")?)),
    };
    Some(AccessLog {
        destination,
        format,
    })
}

fn connections(extension: &v2::StageExtension) -> ConnectionSettings {
    // HTTP APIs have no connections that last.
    let Some(limits) = &extension.limits else {
        return ConnectionSettings::default();
    };
    ConnectionSettings {
        idle_timeout: limits.idle_timeout.bound(),
        duration: limits.connection_duration.bound(),
        frame_bytes: limits.frame_bytes.bound(),
        message_bytes: limits.message_bytes.bound(),
        fragments: limits.fragments.bound(),
        frames_per_second: limits.frames_per_second.bound(),
        assembly_timeout: limits.assembly_timeout.bound(),
        outbox: OutboxLimits {
            messages: limits.queue_messages.bound().unwrap_or(QUEUE_MESSAGES_MAX),
            bytes: limits.queue_bytes.bound().unwrap_or(QUEUE_BYTES_MAX),
        },
        in_flight: limits.in_flight.bound().unwrap_or(IN_FLIGHT_MAX),
        binary_frames: match extension.binary_frames {
            v2::BinaryFrames::Close => BinaryFrames::Close,
            v2::BinaryFrames::Accept => BinaryFrames::Accept,
        },
        ping: extension.ping.and_then(Limit::bound),
        pings_reset_idle: extension.pings_reset_idle,
    }
}
