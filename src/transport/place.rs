//! Where a request leads: host and path to an API, its stage, and what is wanted there.
//!
//! Source: developer guide, "Invoke URL for a WebSocket API", "Stages for HTTP APIs" and "API mappings"; the addresses below
//! `/_apis/` are ours.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::exchange::DEFAULT_STAGE;
use crate::plan::domain::Domain;
use crate::plan::stage::{Protocol, Stage};
use crate::plan::{ApiStages, Plan};

/// Prefix of addresses that name API and stage themselves.
const ALWAYS: &str = "/_apis/";
/// Path segment of the management API.
const CONNECTIONS: &str = "@connections";

/// Length of the longest spelling of `..`, which is `%2E%2E`.
const DOTS_BYTES: usize = 6;

/// Where a request leads.
#[derive(Debug)]
pub(super) enum Place {
    /// A stage of a WebSocket API.
    Stage(Arc<Stage>),
    /// A path below a stage, where WebSocket APIs have nothing.
    Below(Arc<Stage>),
    /// A connection of a stage.
    Connections(Arc<Stage>, String),
    /// A stage of an HTTP API.
    Http(HttpPlace),
    /// An HTTP API that has no such stage.
    Missing,
    /// Nothing is there.
    Nowhere,
}

/// A stage of an HTTP API.
#[derive(Debug)]
pub(super) struct HttpPlace {
    /// The stage.
    pub(super) stage: Arc<Stage>,
    /// Where the path below it begins, in bytes.
    pub(super) below_stage: usize,
    /// On a custom domain, the part of the path that chose the stage: an `apiMappingKey`, or the base path of a routing rule.
    pub(super) base_path: Option<Arc<str>>,
}

impl Place {
    /// Whether it belongs to an HTTP API, found or not.
    pub(super) fn is_http(&self) -> bool {
        matches!(self, Self::Http(_) | Self::Missing)
    }
}

/// Finds API, stage and what a client wants of them.
pub(super) fn find(
    plan: &Plan,
    path: &str,
    host: &str,
    headers: &HeaderMap,
    client: IpAddr,
) -> Place {
    if let Some(rest) = path.strip_prefix(ALWAYS) {
        let (api, rest) = rest.split_once('/').unwrap_or((rest, ""));
        return match plan.api(api) {
            Some(stages) => of_api(stages, path, rest, Naming::Always, client),
            None => Place::Nowhere,
        };
    }
    if let Some(stages) = api_of_host(plan, host) {
        return of_api(stages, path, inner(path), Naming::Host, client);
    }
    if let Some(domain) = plan.domains.find(host) {
        return of_domain(plan, domain, (path, host, headers), client);
    }
    match plan.only_api() {
        Some((_, stages)) => of_api(stages, path, inner(path), Naming::Host, client),
        None => Place::Nowhere,
    }
}

/// The id of a connection in a path that names neither API nor stage.
pub(super) fn bare_connection(path: &str) -> Option<String> {
    let (segment, id) = inner(path).split_once('/')?;
    (read(segment) == CONNECTIONS).then(|| decoded(id))
}

/// Whether a host is the name of an API, its own or a custom one.
pub(super) fn is_named(plan: &Plan, host: &str) -> bool {
    api_of_host(plan, host).is_some() || plan.domains.find(host).is_some()
}

/// `{apiId}.execute-api.<anything>`.
fn api_of_host<'p>(plan: &'p Plan, host: &str) -> Option<&'p ApiStages> {
    let (api, rest) = host.split_once('.')?;
    rest.starts_with("execute-api.")
        .then(|| plan.api(api))
        .flatten()
}

fn inner(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

/// What names the API.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// The host; the path begins with the stage.
    Host,
    /// The path, which may name the stage as well, be it `$default`.
    Always,
}

/// `rest` is the part of `path` that begins with the stage, without a slash in front.
fn of_api(stages: &ApiStages, path: &str, rest: &str, naming: Naming, client: IpAddr) -> Place {
    if stages.are_http() {
        return http(stages, rest, path.len() - rest.len(), naming, client);
    }
    let rest = match naming {
        Naming::Always => rest,
        Naming::Host => rest.trim_start_matches('/'),
    };
    let (stage, rest) = rest.split_once('/').unwrap_or((rest, ""));
    match stages.get(stage) {
        // AWS: 403 where the API's own endpoint is switched off.
        Some(stage) if stage.api.is_open_to(client) => web_socket(stage, path, rest),
        Some(_) | None => Place::Nowhere,
    }
}

/// What is wanted of a stage of a WebSocket API; `rest` is what follows it in `path`.
fn web_socket(stage: &Arc<Stage>, path: &str, rest: &str) -> Place {
    if path.split('/').skip(1).any(is_dubious) {
        // A signature covers the path without such segments, so they must not lead anywhere.
        return Place::Nowhere;
    }
    let stage = Arc::clone(stage);
    match rest.split_once('/') {
        Some((segment, id)) if read(segment) == CONNECTIONS => {
            Place::Connections(stage, decoded(id))
        }
        _ if rest.is_empty() => Place::Stage(stage),
        _ => Place::Below(stage),
    }
}

/// The stage of an HTTP API: the one that the first segment of `rest` names, or else `$default` with all of it.
fn http(stages: &ApiStages, rest: &str, rest_at: usize, naming: Naming, client: IpAddr) -> Place {
    let segment = rest.split('/').next().unwrap_or_default();
    let name = match naming {
        Naming::Always => Cow::Owned(decoded(segment)),
        Naming::Host => Cow::Borrowed(segment),
    };
    let place = |stage: &Arc<Stage>, below_stage| match stage.api.is_open_to(client) {
        // AWS: 404 where the API's own endpoint is switched off (sources disagree).
        false => Place::Missing,
        true => Place::Http(HttpPlace {
            stage: Arc::clone(stage),
            below_stage,
            base_path: None,
        }),
    };
    match (stages.get(&name), naming) {
        (Some(stage), Naming::Always) => place(stage, rest_at + segment.len()),
        // AWS: a path that begins with `/$default` means nothing special.
        (Some(stage), Naming::Host) if name != DEFAULT_STAGE => {
            place(stage, rest_at + segment.len())
        }
        _ => match stages.get(DEFAULT_STAGE) {
            // The slash in front of `rest` belongs to the path below the stage; there is none after a bare `/_apis/{api}`.
            Some(stage) if rest.is_empty() && naming == Naming::Always => place(stage, rest_at),
            Some(stage) => place(stage, rest_at.saturating_sub(1)),
            None => Place::Missing,
        },
    }
}

/// The stage that a domain's rules and mappings choose by path, host and headers. AWS: 403 where there is none.
fn of_domain(
    plan: &Plan,
    domain: &Domain,
    (path, host, headers): (&str, &str, &HeaderMap),
    client: IpAddr,
) -> Place {
    let open = domain.is_open_to(client);
    let choice = open.then(|| domain.select(path, host, headers));
    let Some(choice) = choice.flatten() else {
        return Place::Nowhere;
    };
    let stages = plan.api(choice.api);
    let Some(stage) = stages.and_then(|stages| stages.get(choice.stage)) else {
        return Place::Nowhere;
    };
    if matches!(stage.api.protocol, Protocol::Http) {
        return Place::Http(HttpPlace {
            stage: Arc::clone(stage),
            below_stage: choice.taken,
            base_path: Some(choice.base_path),
        });
    }
    let rest = path.get(choice.taken..).unwrap_or_default();
    web_socket(stage, path, rest.strip_prefix('/').unwrap_or(rest))
}

fn is_dubious(segment: &str) -> bool {
    segment.len() <= DOTS_BYTES && matches!(&*read(segment), "." | "..")
}

fn decoded(text: &str) -> String {
    read(text).into_owned()
}

fn read(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}
