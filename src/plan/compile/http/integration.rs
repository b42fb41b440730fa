//! Integrations of HTTP APIs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::super::{Bench, Target as StageTarget, function, integration, link};
use super::service;
use crate::definition::child;
use crate::lang::http_mapping::{RequestMapping, ResponseMapping, Source};
use crate::lang::http_route::HttpRouteKey;
use crate::lang::parameter::MappingError;
use crate::lang::uri_template::{UriTemplate, UriVariable};
use crate::model::v2::{self, IntegrationType};
use crate::plan::integration::{
    ContentHandling, Integration, PayloadFormat, PrivateBackend, ProxyBackend, ProxyTarget,
    PublicBackend, Target,
};
use crate::plan::proxy_uri::ProxyUri;

/// The setting that only functions have another value of.
const FORMAT: &str = "payloadFormatVersion";
/// The setting that says which service is called.
const SUBTYPE: &str = "integrationSubtype";

/// One integration; `None` with the reason noted. `users` are the keys of the routes that target it; where `$default` is one,
/// it is the only one.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    id: &str,
    integration: &v2::Integration,
    users: &[&HttpRouteKey],
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<Integration> {
    check_unused(bench, integration, path);
    let is_private = link::is_private(bench, integration, path, stage);
    let responses = responses(bench, integration, users, path, stage);
    let target = match (
        integration.integration_type,
        &integration.integration_subtype,
    ) {
        (IntegrationType::AwsProxy, Some(subtype)) => {
            let target = service::compile(bench, integration, subtype, users, path, stage);
            target.map(Target::Service)
        }
        // What is called is in doubt where the subtype is not one.
        (IntegrationType::AwsProxy, None) if bench.scribe.has(&child(path, SUBTYPE)) => None,
        (IntegrationType::AwsProxy, None) => integration::function(bench, integration, path, stage),
        (IntegrationType::HttpProxy, _) => {
            let mappings = requests(bench, integration, users, path, stage);
            let method = method(bench, integration, path);
            let backend = match is_private {
                true => private(bench, integration, path, stage).map(ProxyBackend::Private),
                false => public(bench, integration, users, path, stage).map(ProxyBackend::Public),
            };
            proxy(integration, method, backend, mappings).map(Target::Proxy)
        }
        // The tables let no other through.
        (IntegrationType::Mock, _) => None,
    };
    Some(Integration {
        id: id.into(),
        target: target?,
        timeout: Duration::from_millis(integration.timeout_in_millis),
        parameters: Vec::new(),
        content: ContentHandling::Unchanged,
        // AWS: what is not written is stored as 1.0.
        format: match integration.payload_format_version.as_deref() {
            Some("2.0") => PayloadFormat::V2,
            _ => PayloadFormat::V1,
        },
        responses,
    })
}

/// Settings that say nothing to an integration of this type.
fn check_unused(bench: &mut Bench<'_>, integration: &v2::Integration, path: &str) {
    let of_http = "leave it out: only HTTP_PROXY uses it";
    let of_services = "leave it out: `integrationSubtype` says what is called";
    let idle = child(&child(path, "tidegate"), "bodyIdleTimeout");
    // It has a default; what counts is whether it is written.
    let has_idle = bench.scribe.has(&idle);
    let has_parameters = !integration.request_parameters.is_empty();
    let has_tls = integration.tls_config.is_some();
    let has_format = integration.payload_format_version.as_deref() == Some("2.0");
    let at = |key: &str| child(path, key);
    let is_service = integration.integration_subtype.is_some() || bench.scribe.has(&at(SUBTYPE));
    let unused: &[(String, bool, &str)] = match integration.integration_type {
        IntegrationType::AwsProxy if is_service => &[
            (
                at("integrationUri"),
                integration.integration_uri.is_some(),
                of_services,
            ),
            (
                at("integrationMethod"),
                integration.integration_method.is_some(),
                of_services,
            ),
            (
                at(FORMAT),
                has_format,
                "write `1.0`, or leave it out: only functions have 2.0",
            ),
            (at("tlsConfig"), has_tls, of_http),
            (idle, has_idle, of_http),
        ],
        IntegrationType::AwsProxy => &[
            (
                at("requestParameters"),
                has_parameters,
                "leave it out: a function gets the request as it came",
            ),
            (at("tlsConfig"), has_tls, of_http),
            (idle, has_idle, of_http),
        ],
        IntegrationType::HttpProxy | IntegrationType::Mock => &[
            (
                at(FORMAT),
                has_format,
                "write `1.0`, or leave it out: only functions have 2.0",
            ),
            (
                at(SUBTYPE),
                is_service,
                "leave it out: only AWS_PROXY calls AWS services",
            ),
        ],
    };
    for (path, _, remedy) in unused.iter().filter(|(_, present, _)| *present) {
        let what = "has no meaning for this type of integration";
        bench.scribe.problem(path, what, *remedy);
    }
}

fn proxy(
    integration: &v2::Integration,
    method: Option<Option<Method>>,
    backend: Option<ProxyBackend>,
    mappings: Vec<RequestMapping>,
) -> Option<ProxyTarget> {
    Some(ProxyTarget {
        method: method?,
        backend: backend?,
        mappings,
        // The tables have the default.
        body_idle_timeout: integration.tidegate.body_idle_timeout?,
    })
}

fn public(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    users: &[&HttpRouteKey],
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<PublicBackend> {
    let text = integration::uri(bench, integration, path, "an http or https URL")?;
    let server_name = server_name(bench, integration, text, path);
    let path = child(path, "integrationUri");
    let template = integration::url(bench, text, &path, stage)?;
    check_path_variables(bench, &template, users, &path);
    Some(PublicBackend {
        uri: ProxyUri::new(template),
        appends_path: users.iter().any(|key| key.is_default()),
        server_name,
    })
}

fn private(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<PrivateBackend> {
    let what = "the ARN of a listener or of a Cloud Map service";
    let text = integration::uri(bench, integration, path, what)?;
    link::private(bench, integration, text, path, stage)
}

/// The method of requests to the backend, `Some(None)` for the client's own.
fn method(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    path: &str,
) -> Option<Option<Method>> {
    let path = child(path, "integrationMethod");
    match integration.integration_method.as_deref() {
        Some("ANY") => Some(None),
        // The tables know only methods that there are.
        Some(method) => method.parse().ok().map(Some),
        None => {
            if !bench.scribe.has(&path) {
                let remedy = "add `integrationMethod`: a method, or `ANY` for the client's own";
                bench.scribe.problem(&path, "is missing", remedy);
            }
            None
        }
    }
}

fn server_name(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    uri: &str,
    path: &str,
) -> Option<Arc<str>> {
    let settings = integration.tls_config.as_ref()?;
    if uri.starts_with("http://") {
        let path = child(path, "tlsConfig");
        let what = "has no meaning for an http URL";
        bench
            .scribe
            .problem(&path, what, "write an https URL, or leave it out");
    }
    settings.server_name_to_verify.as_deref().map(Arc::from)
}

/// Every route that leads here must have what the URI is made of.
fn check_path_variables(
    bench: &mut Bench<'_>,
    template: &UriTemplate,
    users: &[&HttpRouteKey],
    path: &str,
) {
    for variable in template.variables() {
        let UriVariable::Path(name) = variable else {
            continue;
        };
        let lacking = users
            .iter()
            .find(|key| !key.variables().any(|own| own == name));
        if let Some(key) = lacking {
            let what = format!("the route `{key}` has nothing for `{{{name}}}`");
            let remedy = match key.variables().next() {
                Some(own) => format!("write `{{{own}}}`, or give the route its own integration"),
                None => {
                    "write the URI without it, or give the route its own integration".to_owned()
                }
            };
            bench.scribe.problem(path, what, remedy);
        }
    }
}

/// The mappings of requests.
fn requests(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    users: &[&HttpRouteKey],
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Vec<RequestMapping> {
    let path = child(path, "requestParameters");
    let mut mappings: Vec<RequestMapping> = Vec::new();
    for (key, value) in &integration.request_parameters {
        let path = child(&path, key);
        let Some(mapping) = read(bench, key, value, &path, RequestMapping::parse) else {
            continue;
        };
        check_sources(bench, mapping.sources(), users, &path, stage);
        let same = |known: &RequestMapping| {
            known.action() == mapping.action() && known.target() == mapping.target()
        };
        if mappings.iter().any(same) {
            note_twin(bench, &path);
        }
        mappings.push(mapping);
    }
    mappings
}

/// The mappings of answers by status.
fn responses(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    users: &[&HttpRouteKey],
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> BTreeMap<u16, Vec<ResponseMapping>> {
    let path = child(path, "responseParameters");
    let mut responses = BTreeMap::new();
    for (status, entries) in &integration.response_parameters {
        let path = child(&path, status);
        let mut mappings: Vec<ResponseMapping> = Vec::new();
        for (key, value) in entries {
            let path = child(&path, key);
            let Some(mapping) = read(bench, key, value, &path, ResponseMapping::parse) else {
                continue;
            };
            check_sources(bench, mapping.sources(), users, &path, stage);
            let same = |known: &ResponseMapping| {
                known.action() == mapping.action() && known.target() == mapping.target()
            };
            if mappings.iter().any(same) {
                note_twin(bench, &path);
            }
            mappings.push(mapping);
        }
        // The tables have checked that it is a number.
        responses.extend(status.parse::<u16>().ok().map(|status| (status, mappings)));
    }
    responses
}

fn read<M>(
    bench: &mut Bench<'_>,
    key: &str,
    value: &str,
    path: &str,
    parse: fn(&str, &str) -> Result<M, MappingError>,
) -> Option<M> {
    match parse(key, value) {
        Ok(mapping) => return Some(mapping),
        Err(MappingError::Target(error)) => bench.scribe.syntax(path, key, &error),
        Err(MappingError::Source(error)) => bench.scribe.syntax(path, value, &error),
    }
    None
}

fn note_twin(bench: &mut Bench<'_>, path: &str) {
    let what = "says again what is done to this header";
    let remedy = "remove one of them: the case of a header's name tells nothing apart";
    bench.scribe.problem(path, what, remedy);
}

/// Stage variables must be there, and so must variables of the path on one route at least.
pub(super) fn check_sources<'m>(
    bench: &mut Bench<'_>,
    sources: impl Iterator<Item = &'m Source>,
    users: &[&HttpRouteKey],
    path: &str,
    stage: Option<StageTarget<'_>>,
) {
    for source in sources {
        match (source, stage) {
            (Source::StageVariable(name), Some(stage)) => {
                let name = name.strip_prefix("stageVariables.").unwrap_or(name);
                if !stage.stage.stage_variables.contains_key(name) {
                    function::missing_variable(bench, name, path, stage);
                }
            }
            (Source::PathVariable(name), _) => {
                let name = name.strip_prefix("request.path.").unwrap_or(name);
                let mut known = users.iter().flat_map(|key| key.variables());
                if !users.is_empty() && !known.any(|own| own == name) {
                    let what = format!("no route that leads here has `{{{name}}}` in its path");
                    let remedy = "map from a variable of the route's path";
                    bench.scribe.problem(path, what, remedy);
                }
            }
            _ => {}
        }
    }
}
