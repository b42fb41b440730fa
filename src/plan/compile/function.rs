//! Functions: what a URI names, and what a hosted function may not set.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Bench, Target};
use crate::client::lambda::{InvokeTarget, TargetError};
use crate::definition::child;
use crate::function::RESERVED_NAMES;
use crate::lang::scope::Scope;
use crate::lang::syntax::{SyntaxError, nearest};
use crate::lang::uri_template::{UriKind, UriTemplate, UriVariable};
use crate::plan::integration::FunctionTarget;

/// The prefix of functions that the gateway hosts.
const HOSTED: &str = "function:";
const REMEDY: &str = "write `function:NAME` for a function of this file, a Lambda ARN, an \
     `arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations` ARN, or an \
     `http(s)://HOST/2015-03-31/functions/NAME/invocations` URL";

/// Stage variables, as expressions read them.
pub(super) struct Variables<'a>(pub(super) &'a BTreeMap<String, String>);

impl Scope for Variables<'_> {
    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        let name = name.strip_prefix("stageVariables.")?;
        self.0.get(name).map(|value| Cow::Borrowed(value.as_str()))
    }
}

/// Hosted functions whose environment sets what the gateway sets.
pub(super) fn check_hosted(bench: &mut Bench<'_>) {
    for (name, function) in &bench.definition.functions {
        let path = child(&child("functions", name), "environment");
        for variable in function.environment.keys() {
            if RESERVED_NAMES.contains(&variable.as_str()) {
                let path = child(&path, variable);
                let what = "the gateway sets this variable itself";
                bench.scribe.problem(&path, what, "leave it out");
            }
        }
    }
}

/// The function that `uri` names on a stage; `None` with the reason noted, or when there is no stage to know it on.
pub(super) fn target(
    bench: &mut Bench<'_>,
    uri: &str,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<FunctionTarget> {
    if let Some(name) = uri.strip_prefix(HOSTED) {
        return hosted(bench, name, uri, path);
    }
    let template = match UriTemplate::parse(uri) {
        Ok(template) => template,
        Err(error) => {
            let error = SyntaxError::new(error.position, error.problem, REMEDY);
            bench.scribe.syntax(path, uri, &error);
            return None;
        }
    };
    check_variables(bench, &template, path, stage);
    let rendered = match stage {
        Some(stage) => {
            // When it cannot be rendered, that has just been noted.
            let scope = Variables(&stage.stage.stage_variables);
            template.render(&scope, &BTreeMap::new()).ok()?
        }
        None if template.variables().next().is_some() => return None,
        None => Cow::Borrowed(uri),
    };
    let target = match template.kind() {
        UriKind::Http => InvokeTarget::at_url(&rendered, &bench.definition.server.region),
        UriKind::Arn => InvokeTarget::from_arn(&rendered, bench.lambda_endpoint.as_ref()),
    };
    match target {
        Ok(target) => Some(FunctionTarget::Remote(Arc::new(target))),
        Err(TargetError::NotAFunction(_) | TargetError::NotAnInvokeUrl(_)) => {
            let what = format!("{} names no Lambda function", bench.scribe.shown(path, uri));
            bench.scribe.problem(path, what, REMEDY);
            None
        }
    }
}

fn hosted(bench: &mut Bench<'_>, name: &str, uri: &str, path: &str) -> Option<FunctionTarget> {
    let functions = &bench.definition.functions;
    let known = functions.contains_key(name) || bench.in_process.iter().any(|own| own == name);
    if known {
        return Some(FunctionTarget::Hosted(name.into()));
    }
    if !bench.scribe.has(&child("functions", name)) {
        let names = functions.keys().chain(bench.in_process).map(String::as_str);
        let remedy = match nearest(name, names) {
            Some(near) => format!("did you mean `{HOSTED}{near}`?"),
            None => "add it to `functions`".to_owned(),
        };
        let what = format!("{} is not among `functions`", bench.scribe.shown(path, uri));
        bench.scribe.problem(path, what, remedy);
    }
    None
}

/// Stage variables that a URI needs and the stage does not have, or that do not fit their place in it.
pub(super) fn check_variables(
    bench: &mut Bench<'_>,
    template: &UriTemplate,
    path: &str,
    stage: Option<Target<'_>>,
) {
    let Some(stage) = stage else { return };
    let mut paths = BTreeMap::new();
    let mut whole = true;
    for variable in template.variables() {
        match variable {
            // Each request brings its own; here a harmless one does.
            UriVariable::Path(name) => {
                paths.insert(name.clone(), "x".to_owned());
            }
            UriVariable::Stage(name) => {
                let name = name.strip_prefix("stageVariables.").unwrap_or(name);
                if !stage.stage.stage_variables.contains_key(name) {
                    missing_variable(bench, name, path, stage);
                    whole = false;
                }
            }
        }
    }
    let rendered = template.render(&Variables(&stage.stage.stage_variables), &paths);
    if let (true, Err(error)) = (whole, rendered) {
        let what = format!("on stage `{}` {error}", stage.name);
        let remedy = "correct the stage's `stageVariables`";
        bench.scribe.problem(path, what, remedy);
    }
}

/// Notes that a stage lacks a variable.
pub(super) fn missing_variable(bench: &mut Bench<'_>, name: &str, path: &str, stage: Target<'_>) {
    let what = format!("stage `{}` has no variable `{name}`", stage.name);
    let remedy = format!("add `{name}` to the stage's `stageVariables`");
    bench.scribe.problem(path, what, remedy);
}
