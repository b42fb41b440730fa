//! Integrations with AWS services: parameters against the table of the subtype.

use super::super::{Bench, Target as StageTarget};
use super::integration::check_sources;
use crate::definition::child;
use crate::lang::http_mapping::{MappingValue, Side};
use crate::lang::http_route::HttpRouteKey;
use crate::lang::syntax::nearest;
use crate::model::v2;
use crate::plan::service::{Action, Argument, Kind, Parameter, REGION, ServiceTarget, is_region};

/// What is called; `None` with the reason noted. `subtype` is the integration's.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    subtype: &str,
    users: &[&HttpRouteKey],
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<ServiceTarget> {
    // The tables let no other through.
    let action = Action::named(subtype)?;
    let path = child(path, "requestParameters");
    let mut region = None;
    let mut arguments = Vec::new();
    let mut meant = Vec::new();
    for (name, text) in &integration.request_parameters {
        let path = child(&path, name);
        let parameter = action.parameter(name);
        if parameter.is_none() && name != REGION {
            meant.extend(unknown(bench, action, name, &path));
            continue;
        }
        let value = match MappingValue::parse(text, Side::Request) {
            Ok(value) => value,
            Err(error) => {
                bench.scribe.syntax(&path, text, &error);
                continue;
            }
        };
        check_sources(bench, value.sources(), users, &path, stage);
        check_constant(bench, parameter, &value, &path);
        match parameter {
            Some(parameter) => arguments.push(Argument { parameter, value }),
            None => region = Some(value),
        }
    }
    check_missing(bench, action, integration, &meant, &path);
    Some(ServiceTarget {
        action,
        endpoint: bench.aws_endpoint.clone(),
        region: match region {
            Some(region) => region,
            // The tables have checked its form.
            None => MappingValue::parse(&bench.definition.server.region, Side::Request).ok()?,
        },
        arguments,
    })
}

/// Notes an unknown parameter; gives the known one that was probably meant.
fn unknown(bench: &mut Bench<'_>, action: &Action, name: &str, path: &str) -> Option<&'static str> {
    let known = action.parameters.iter().map(|parameter| parameter.name);
    let near = nearest(name, known.clone().chain([REGION]));
    let remedy = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let known: Vec<_> = known.chain([REGION]).collect();
            format!("its parameters are {}", known.join(", "))
        }
    };
    let what = format!("{} has no parameter `{name}`", action.subtype);
    bench.scribe.problem(path, what, remedy);
    near
}

/// Text that does not depend on the request must be of the parameter's kind; `None` is the region.
fn check_constant(
    bench: &mut Bench<'_>,
    parameter: Option<&Parameter>,
    value: &MappingValue,
    path: &str,
) {
    let Some(text) = value.constant() else {
        return;
    };
    let shown = bench.scribe.shown(path, text);
    let Some(parameter) = parameter else {
        if !is_region(text) {
            let what = format!("{shown} is not a region");
            bench
                .scribe
                .problem(path, what, "write one such as `eu-central-1`");
        }
        return;
    };
    if parameter.kind == Kind::Map {
        // AWS: the text of CreateIntegration's refusal, around our own way of showing values.
        let name = parameter.name;
        let what = format!(
            "Invalid selection expression specified: Validation Result: warnings : [], errors : [Invalid source: {shown} \
             specified for destination: {name}]"
        );
        let remedy = "take the object from the request, as in `$request.body.attributes`, or write it with a variable inside, \
                      as in `{\"agent\":{\"DataType\":\"String\",\"StringValue\":\"${request.header.user-agent}\"}}`";
        bench.scribe.problem(path, what, remedy);
        return;
    }
    let fits = match parameter.kind {
        Kind::Document => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        kind => kind.read(text).is_some(),
    };
    if !fits {
        let what = format!("{shown} is not {}", parameter.kind.description());
        bench
            .scribe
            .problem(path, what, "write that, or a variable that gives it");
    }
}

/// `meant` is what a misspelt parameter has been told apart from already.
fn check_missing(
    bench: &mut Bench<'_>,
    action: &Action,
    integration: &v2::Integration,
    meant: &[&str],
    path: &str,
) {
    for parameter in action
        .parameters
        .iter()
        .filter(|parameter| parameter.required)
    {
        let name = parameter.name;
        let there = integration.request_parameters.contains_key(name)
            || meant.contains(&name)
            || bench.scribe.has(&child(path, name));
        if !there {
            let what = format!("{} needs the parameter `{name}`", action.subtype);
            bench
                .scribe
                .problem(path, what, format!("add `{name}` to `requestParameters`"));
        }
    }
}
