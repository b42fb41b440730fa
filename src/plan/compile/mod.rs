//! From a definition to a plan: names become what they name, expressions are parsed, quotas are checked.
//!
//! Every problem is reported, not just the first. An API is compiled once for each of its stages, because stage variables
//! may choose functions and hosts; problems that all stages share are reported once.

mod authorizer;
mod credentials;
mod domain;
mod function;
mod http;
mod integration;
mod link;
mod mock;
mod model;
mod route;
mod routing_rule;
mod scribe;
mod stage;
mod truststore;
mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::model::Model;
use super::route::RateLimit;
use super::stage::{Api, Protocol};
use super::usage::ApiKeySource;
use super::{AccountLimits, Plan};
use crate::base::quotas;
use crate::definition::{Author, Diagnostic, Loaded, child};
use crate::lang::selection::{Root, SelectionExpression};
use crate::model::definition::{Definition, ServerLimits};
use crate::model::v2;
pub use domain::{Wrong, needs as domain_needs};
pub(crate) use link::variable as stage_variable;
pub use routing_rule::{RuleProblem, compile_rule};
use scribe::Scribe;

/// Compiles a definition; `in_process` names functions that the embedding program brings.
///
/// # Errors
/// Everything that is wrong with the definition, what was found while reading it included.
pub fn compile(loaded: &Loaded, in_process: &[String]) -> Result<Plan, Vec<Diagnostic>> {
    let mut bench = Bench::new(loaded, in_process);
    let credentials = credentials::compile(&mut bench);
    function::check_hosted(&mut bench);
    link::check_upstreams(&mut bench);
    let stages = all_stages(&mut bench);
    let usage = usage::compile(&mut bench);
    let truststores = truststore::compile(&mut bench);
    let domains = domain::compile(&mut bench, &truststores);
    if !bench.scribe.is_clean() {
        return Err(bench.scribe.finish());
    }
    let account = account(&loaded.definition.server.limits);
    Ok(Plan::new(stages, credentials, usage, account).with_domains(domains, truststores))
}

/// Compiles the stages of a definition and nothing around them.
///
/// # Errors
/// Everything that is wrong with its APIs.
pub fn stages(
    loaded: &Loaded,
    in_process: &[String],
) -> Result<Vec<super::stage::Stage>, Vec<Diagnostic>> {
    let mut bench = Bench::new(loaded, in_process);
    let stages = all_stages(&mut bench);
    match bench.scribe.is_clean() {
        true => Ok(stages),
        false => Err(bench.scribe.finish()),
    }
}

/// How much of an API must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// What it has must be right; what it still lacks is no problem.
    Draft,
    /// Everything that a stage needs, whatever its settings are.
    Whole,
}

/// Checks the APIs of a definition apart from their stages.
///
/// # Errors
/// Everything that is wrong with them.
pub fn check(
    loaded: &Loaded,
    in_process: &[String],
    completeness: Completeness,
) -> Result<(), Vec<Diagnostic>> {
    let mut bench = Bench::new(loaded, in_process);
    if completeness == Completeness::Draft {
        bench.scribe.expect_a_draft();
    }
    for (id, api) in &loaded.definition.apis {
        let path = child("apis", id);
        protocol(&mut bench, id, api, &path);
        stage::routes(&mut bench, api, &path, None);
    }
    match bench.scribe.is_clean() {
        true => Ok(()),
        false => Err(bench.scribe.finish()),
    }
}

fn all_stages(bench: &mut Bench<'_>) -> Vec<super::stage::Stage> {
    let apis = bench.definition.apis.iter();
    apis.flat_map(|(id, api)| compile_api(bench, id, api))
        .collect()
}

/// What every part of the compilation needs.
struct Bench<'a> {
    definition: &'a Definition,
    in_process: &'a [String],
    /// In place of Lambda's endpoints in all regions.
    lambda_endpoint: Option<Url>,
    /// In place of the endpoints of all other services in all regions.
    aws_endpoint: Option<Url>,
    /// Those of the API that is being compiled.
    models: BTreeMap<String, Arc<Model>>,
    author: Author,
    scribe: Scribe<'a>,
}

impl<'a> Bench<'a> {
    fn new(loaded: &'a Loaded, in_process: &'a [String]) -> Self {
        let definition = &loaded.definition;
        let server = &definition.server;
        let aws_endpoint = endpoint(server.aws_endpoint.as_ref());
        let lambda_endpoint = endpoint(server.lambda_endpoint.as_ref());
        Self {
            definition,
            in_process,
            lambda_endpoint: lambda_endpoint.or_else(|| aws_endpoint.clone()),
            aws_endpoint,
            models: BTreeMap::new(),
            author: loaded.author,
            scribe: Scribe::new(&loaded.places, loaded.report()),
        }
    }
}

/// The stage that an API is compiled for.
#[derive(Clone, Copy)]
struct Target<'a> {
    /// Id of the API.
    api: &'a str,
    name: &'a str,
    stage: &'a v2::Stage,
}

/// Something is wrong, and it has been noted what.
struct Noted;

/// What an API is apart from its routes and stages; its models lie on the bench then.
fn protocol(bench: &mut Bench<'_>, id: &str, api: &v2::Api, path: &str) -> Option<Protocol> {
    check_quotas(bench, api, path);
    bench.models = model::compile(bench, id, api, path);
    match api.protocol_type {
        v2::ProtocolType::WebSocket => route_selection(bench, api, path)
            .map(|route_selection| Protocol::WebSocket { route_selection }),
        v2::ProtocolType::Http => Some(Protocol::Http),
    }
}

fn compile_api(bench: &mut Bench<'_>, id: &str, api: &v2::Api) -> Vec<super::stage::Stage> {
    let path = child("apis", id);
    let protocol = protocol(bench, id, api, &path);
    if api.stages.is_empty() {
        if !bench.scribe.is_wrong(&child(&path, "stages")) {
            let what = "has no stage, and so no address";
            bench
                .scribe
                .problem(&path, what, "add `stages: { prod: {} }`");
        }
        stage::routes(bench, api, &path, None);
        return Vec::new();
    }
    if api.routes.is_empty() && !bench.scribe.is_wrong(&child(&path, "routes")) {
        bench
            .scribe
            .problem(&path, "has stages but no route", "add a route");
    }
    let server = &bench.definition.server;
    let shared = protocol.map(|protocol| {
        Arc::new(Api {
            id: id.into(),
            name: api.name.clone().unwrap_or_else(|| id.to_owned()),
            protocol,
            api_key_source: api_key_source(api),
            region: server.region.as_str().into(),
            account_id: server.account_id.as_str().into(),
            closed: api.disable_execute_api_endpoint == Some(true),
            ipv4_only: api.ip_address_type == Some(v2::IpAddressType::Ipv4),
        })
    });
    let mut stages = Vec::new();
    for (name, stage) in &api.stages {
        let target = Target {
            api: id,
            name,
            stage,
        };
        match stage::compile(bench, api, shared.as_ref(), &path, target) {
            Some(compiled) => stages.push(compiled),
            // Whatever leaves a stage out has noted why. Should it not have, nothing may run without the stage.
            None if bench.scribe.is_clean() => {
                let path = child(&child(&path, "stages"), name);
                let remedy = "report this as a defect of tidegate";
                bench.scribe.problem(&path, "cannot be compiled", remedy);
            }
            None => {}
        }
    }
    stages
}

/// Where clients show their API keys; the tables know every expression.
fn api_key_source(api: &v2::Api) -> ApiKeySource {
    let expression = api.api_key_selection_expression.as_deref();
    expression.and_then(ApiKeySource::of).unwrap_or_default()
}

fn route_selection(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    path: &str,
) -> Option<SelectionExpression> {
    let path = child(path, "routeSelectionExpression");
    // The tables have it there.
    let text = api.route_selection_expression.as_deref()?;
    let expression = match SelectionExpression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            bench.scribe.syntax(&path, text, &error);
            return None;
        }
    };
    let foreign = expression
        .variables()
        .find(|variable| variable.root() != Root::RequestBody);
    if let Some(variable) = foreign {
        let what = format!("`{}` says nothing about a message", variable.written());
        bench
            .scribe
            .problem(&path, what, "use `$request.body` and paths into it");
        return None;
    }
    Some(expression)
}

fn check_quotas(bench: &mut Bench<'_>, api: &v2::Api, path: &str) {
    let counts = [
        ("routes", api.routes.len(), quotas::ROUTES_PER_API),
        (
            "integrations",
            api.integrations.len(),
            quotas::INTEGRATIONS_PER_API,
        ),
        (
            "authorizers",
            api.authorizers.len(),
            quotas::AUTHORIZERS_PER_API,
        ),
        ("stages", api.stages.len(), quotas::STAGES_PER_API),
    ];
    for (section, count, quota) in counts {
        if count > quota {
            let what = format!("has {count} {section}");
            let remedy = format!("keep at most {quota}, or make a second API");
            bench.scribe.problem(&child(path, section), what, remedy);
        }
    }
}

/// What stands for the routes that target each integration, by its id and in the order of their keys.
fn users<'a, U>(
    api: &'a v2::Api,
    stands_for: impl Fn(&'a str) -> Option<U>,
) -> BTreeMap<&'a str, Vec<U>> {
    let mut users: BTreeMap<&str, Vec<U>> = BTreeMap::new();
    for (key, route) in &api.routes {
        let target = route.target.as_deref();
        let id = target.and_then(|target| target.strip_prefix("integrations/"));
        if let (Some(id), Some(user)) = (id, stands_for(key)) {
            users.entry(id).or_default().push(user);
        }
    }
    users
}

fn endpoint(text: Option<&String>) -> Option<Url> {
    // Its form has been checked by the tables.
    text.and_then(|text| Url::parse(text).ok())
}

fn account(limits: &ServerLimits) -> AccountLimits {
    let requests = limits.request_rate.bound().map(|rate| RateLimit {
        rate,
        burst: limits.request_burst.bound().unwrap_or(u32::MAX),
    });
    let connects = limits.connect_rate.bound().map(|rate| RateLimit {
        rate,
        // AWS names no burst for new connections: one second's worth.
        burst: whole(rate),
    });
    AccountLimits { requests, connects }
}

/// A rate as a number of requests, at least one unless the rate is zero.
fn whole(rate: f64) -> u32 {
    // The tables bound rates to what fits; a cast saturates in any case.
    rate.ceil() as u32
}

#[cfg(test)]
mod tests;
