//! Integrations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::{Bench, Target as StageTarget, function, link, mock};
use crate::definition::child;
use crate::lang::parameter::{MappingError, ParameterMapping, ParameterSource, ParameterTarget};
use crate::lang::uri_template::{UriKind, UriTemplate, UriVariable};
use crate::model::v2::{self, ContentHandlingStrategy, IntegrationType};
use crate::plan::integration::{ContentHandling, HttpTarget, Integration, PayloadFormat, Target};
use crate::plan::proxy_uri::ProxyUri;
use crate::plan::route::{CONNECT, DISCONNECT};

/// One integration; `None` with the reason noted. `users` are the keys of the routes that target it.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    id: &str,
    integration: &v2::Integration,
    users: &[&str],
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<Arc<Integration>> {
    check_unused(bench, integration, path);
    let is_private = link::is_private(bench, integration, path, stage);
    let parameters = parameters(bench, integration, users, path, stage);
    let target = match integration.integration_type {
        IntegrationType::AwsProxy => function(bench, integration, path, stage),
        IntegrationType::HttpProxy => {
            let target = http(bench, integration, &parameters, path, stage, is_private);
            target.map(Target::Http)
        }
        IntegrationType::Mock => mock::compile(bench, integration, path).map(Target::Mock),
    };
    Some(Arc::new(Integration {
        id: id.into(),
        target: target?,
        timeout: Duration::from_millis(integration.timeout_in_millis),
        parameters,
        content: match integration.content_handling_strategy {
            None => ContentHandling::Unchanged,
            Some(ContentHandlingStrategy::ConvertToBinary) => ContentHandling::ToBinary,
            Some(ContentHandlingStrategy::ConvertToText) => ContentHandling::ToText,
        },
        format: PayloadFormat::WebSocket,
        responses: BTreeMap::new(),
    }))
}

/// Settings that say nothing to an integration of this type.
fn check_unused(bench: &mut Bench<'_>, integration: &v2::Integration, path: &str) {
    let of_mock = "leave it out: only MOCK uses it";
    let of_http = "leave it out: only HTTP_PROXY uses it";
    let unlike_mock = "leave it out: MOCK calls nothing";
    let templates = [
        (
            "requestTemplates",
            !integration.request_templates.is_empty(),
        ),
        (
            "templateSelectionExpression",
            integration.template_selection_expression.is_some(),
        ),
        (
            "integrationResponses",
            !integration.integration_responses.is_empty(),
        ),
    ];
    let called = [
        ("integrationUri", integration.integration_uri.is_some()),
        (
            "integrationMethod",
            integration.integration_method.is_some(),
        ),
        (
            "contentHandlingStrategy",
            integration.content_handling_strategy.is_some(),
        ),
    ];
    let mapped = [(
        "requestParameters",
        !integration.request_parameters.is_empty(),
    )];
    let unused: &[(&[(&str, bool)], &str)] = match integration.integration_type {
        IntegrationType::AwsProxy => &[(&templates, of_mock), (&mapped, of_http)],
        IntegrationType::HttpProxy => &[(&templates, of_mock)],
        IntegrationType::Mock => &[(&called, unlike_mock), (&mapped, of_http)],
    };
    for (settings, remedy) in unused {
        for (key, present) in *settings {
            if *present {
                let what = "has no meaning for this type of integration";
                bench.scribe.problem(&child(path, key), what, *remedy);
            }
        }
    }
}

pub(super) fn function(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<Target> {
    let method = integration.integration_method.as_deref();
    if method.is_some_and(|method| method != "POST") {
        let what = "functions are invoked with POST";
        let path = child(path, "integrationMethod");
        bench
            .scribe
            .problem(&path, what, "write `POST`, or leave it out");
    }
    let uri = uri(bench, integration, path, "`function:NAME` or a Lambda ARN")?;
    let path = child(path, "integrationUri");
    function::target(bench, uri, &path, stage).map(Target::Function)
}

fn http(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    parameters: &[ParameterMapping],
    path: &str,
    stage: Option<StageTarget<'_>>,
    is_private: bool,
) -> Option<HttpTarget> {
    let method = method(bench, integration, path);
    let text = uri(bench, integration, path, "an http or https URL")?;
    let around = path;
    let path = child(around, "integrationUri");
    let template = url(bench, text, &path, stage)?;
    check_path_parameters(bench, &template, parameters, &path);
    let upstream = match is_private {
        true => Some(link::behind(bench, integration, &template, around, stage)?),
        false => None,
    };
    Some(HttpTarget {
        method: method?,
        uri: ProxyUri::new(template),
        upstream: upstream.map(Arc::new),
    })
}

/// The URL of an HTTP backend, for either kind of API; `path` is that of the text.
pub(super) fn url(
    bench: &mut Bench<'_>,
    text: &str,
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<UriTemplate> {
    let template = match UriTemplate::parse(text) {
        Ok(template) => template,
        Err(error) => {
            bench.scribe.syntax(path, text, &error);
            return None;
        }
    };
    if template.kind() != UriKind::Http {
        let what = "HTTP_PROXY calls http and https URLs only";
        let remedy = "write a URL, or use AWS_PROXY for a Lambda function";
        bench.scribe.problem(path, what, remedy);
        return None;
    }
    function::check_variables(bench, &template, path, stage);
    Some(template)
}

pub(super) fn uri<'i>(
    bench: &mut Bench<'_>,
    integration: &'i v2::Integration,
    path: &str,
    what_it_is: &str,
) -> Option<&'i str> {
    let path = child(path, "integrationUri");
    if integration.integration_uri.is_none() && !bench.scribe.has(&path) {
        let remedy = format!("add `integrationUri`: {what_it_is}");
        bench.scribe.problem(&path, "is missing", remedy);
    }
    integration.integration_uri.as_deref()
}

fn method(bench: &mut Bench<'_>, integration: &v2::Integration, path: &str) -> Option<Method> {
    let path = child(path, "integrationMethod");
    if integration.integration_method.is_none() && !bench.scribe.has(&path) {
        let remedy = "add `integrationMethod`, for instance `POST`";
        bench.scribe.problem(&path, "is missing", remedy);
    }
    // The tables know only methods that there are.
    integration.integration_method.as_deref()?.parse().ok()
}

/// Path parameters must be mapped, and mappings to the path must be used.
fn check_path_parameters(
    bench: &mut Bench<'_>,
    template: &UriTemplate,
    parameters: &[ParameterMapping],
    path: &str,
) {
    let mapped: Vec<&str> = parameters
        .iter()
        .filter_map(|mapping| match mapping.target() {
            ParameterTarget::Path(name) => Some(name.as_str()),
            ParameterTarget::Header(_) | ParameterTarget::Query(_) => None,
        })
        .collect();
    let used: Vec<&str> = template
        .variables()
        .filter_map(|variable| match variable {
            UriVariable::Path(name) => Some(name.as_str()),
            UriVariable::Stage(_) => None,
        })
        .collect();
    for name in used.iter().filter(|name| !mapped.contains(name)) {
        let what = format!("nothing fills `{{{name}}}`");
        let remedy = format!("map `integration.request.path.{name}` in `requestParameters`");
        bench.scribe.problem(path, what, remedy);
    }
    for name in mapped.iter().filter(|name| !used.contains(name)) {
        let what = format!("has no `{{{name}}}` for the mapping to fill");
        let remedy = format!("add `{{{name}}}`, or remove `integration.request.path.{name}`");
        bench.scribe.problem(path, what, remedy);
    }
}

fn parameters(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    users: &[&str],
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Vec<ParameterMapping> {
    let connects = users.contains(&CONNECT);
    let takes_messages = users
        .iter()
        .any(|key| *key != CONNECT && *key != DISCONNECT);
    let mut mappings = Vec::new();
    for (key, value) in &integration.request_parameters {
        let path = child(&child(path, "requestParameters"), key);
        let mapping = match ParameterMapping::parse(key, value) {
            Ok(mapping) => mapping,
            Err(MappingError::Target(error)) => {
                bench.scribe.syntax(&path, key, &error);
                continue;
            }
            Err(MappingError::Source(error)) => {
                bench.scribe.syntax(&path, value, &error);
                continue;
            }
        };
        let source = mapping.source();
        if let (ParameterSource::StageVariable(name), Some(stage)) = (source, stage) {
            let name = name.strip_prefix("stageVariables.").unwrap_or(name);
            if !stage.stage.stage_variables.contains_key(name) {
                function::missing_variable(bench, name, &path, stage);
            }
        }
        if source.needs_handshake() && !connects && !users.is_empty() {
            let what = "only $connect has headers and query parameters";
            let remedy = "map from `route.request.body`, `context` or `stageVariables`";
            bench.scribe.problem(&path, what, remedy);
        }
        if source.needs_message() && !takes_messages && !users.is_empty() {
            let what = "only messages have a body";
            let remedy = "map from `context` or `stageVariables`";
            bench.scribe.problem(&path, what, remedy);
        }
        mappings.push(mapping);
    }
    mappings
}
