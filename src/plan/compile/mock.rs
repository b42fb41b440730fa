//! `MOCK` integrations: which literal template says the status, and which say the replies.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::{Bench, Noted};
use crate::definition::child;
use crate::lang::literal_template::LiteralTemplate;
use crate::lang::response_key::ResponseKey;
use crate::lang::selection::SelectionExpression;
use crate::model::v2;
use crate::plan::integration::MockTarget;

/// The key of the template that is used when no other is.
const DEFAULT: &str = "$default";
/// The key that Amazon's samples use in place of `$default`.
const JSON: &str = "application/json";

/// A mock; `None` with the reason noted.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    path: &str,
) -> Option<MockTarget> {
    let status = status(bench, integration, path);
    let mut keys = Vec::new();
    let mut payloads = Vec::new();
    for (key, response) in &integration.integration_responses {
        let path = child(&child(path, "integrationResponses"), key);
        if let Some((key, payload)) = compile_response(bench, key, response, &path) {
            keys.push(key);
            payloads.push(payload);
        }
    }
    let status = status?;
    let selected = ResponseKey::select(&keys, status.as_str());
    let selected = selected.and_then(|position| payloads.get(position));
    Some(MockTarget {
        status,
        payload: selected.cloned().unwrap_or_default(),
    })
}

fn status(bench: &mut Bench<'_>, integration: &v2::Integration, path: &str) -> Option<StatusCode> {
    let path = child(path, "requestTemplates");
    let chosen = choose(
        bench,
        &integration.request_templates,
        integration.template_selection_expression.as_deref(),
        &path,
    )
    .ok()?;
    let Some((key, text)) = chosen else {
        if integration.request_templates.is_empty() {
            let remedy = "add `requestTemplates: { $default: '{\"statusCode\":200}' }`";
            bench
                .scribe
                .problem(&path, "MOCK needs a request template", remedy);
        }
        return None;
    };
    let path = child(&path, key);
    let template = literal(bench, text, &path)?;
    let document: Option<Value> = serde_json::from_str(template.text()).ok();
    let status = document
        .as_ref()
        .and_then(|document| document.get("statusCode"))
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .filter(|status| (200..=599).contains(status))
        .and_then(|status| StatusCode::from_u16(status).ok());
    if status.is_none() {
        let what = "the request template of MOCK gives no status from 200 to 599";
        let remedy = "write JSON with an unquoted number, such as `{\"statusCode\":200}`";
        bench.scribe.problem(&path, what, remedy);
    }
    status
}

fn compile_response(
    bench: &mut Bench<'_>,
    key: &str,
    response: &v2::IntegrationResponse,
    path: &str,
) -> Option<(ResponseKey, Bytes)> {
    let key = match ResponseKey::parse(key) {
        Ok(key) => Some(key),
        Err(error) => {
            bench.scribe.syntax(path, key, &error);
            None
        }
    };
    let path = child(path, "responseTemplates");
    let chosen = choose(
        bench,
        &response.response_templates,
        response.template_selection_expression.as_deref(),
        &path,
    )
    .ok()?;
    let payload = match chosen {
        Some((key, text)) => {
            let template = literal(bench, text, &child(&path, key))?;
            Bytes::copy_from_slice(template.text().as_bytes())
        }
        None => Bytes::new(),
    };
    Some((key?, payload))
}

/// The template that a static selection expression chooses, with its key, if there is any. Templates that can never be chosen
/// are noted.
fn choose<'t>(
    bench: &mut Bench<'_>,
    templates: &'t BTreeMap<String, String>,
    expression: Option<&str>,
    path: &str,
) -> Result<Option<(&'t str, &'t str)>, Noted> {
    let wanted = match expression {
        Some(text) => Some(static_key(bench, text, path).ok_or(Noted)?),
        None => None,
    };
    let candidates = [wanted.as_deref(), Some(DEFAULT), Some(JSON)];
    let chosen = candidates
        .into_iter()
        .flatten()
        .find_map(|key| templates.get_key_value(key));
    let chosen = match (chosen, templates.len()) {
        // Amazon does not say what other keys mean; a single template leaves no doubt.
        (None, 1) if wanted.is_none() => templates.first_key_value(),
        (chosen, _) => chosen,
    };
    for key in templates.keys() {
        if chosen.is_none_or(|(chosen, _)| chosen != key) {
            let what = "nothing selects this template";
            let remedy = "remove it, or name it in `templateSelectionExpression`";
            bench.scribe.problem(&child(path, key), what, remedy);
        }
    }
    Ok(chosen.map(|(key, text)| (key.as_str(), text.as_str())))
}

/// What an expression without variables evaluates to.
fn static_key(bench: &mut Bench<'_>, text: &str, templates: &str) -> Option<String> {
    let parent = templates.rsplit_once('.').map_or("", |(parent, _)| parent);
    let path = child(parent, "templateSelectionExpression");
    match SelectionExpression::parse(text) {
        Ok(expression) => match expression.constant() {
            Some(key) => Some(key.to_owned()),
            None => {
                let what = "selects by what an event says";
                let remedy = "write static text such as `\\$default` until mapping templates land";
                bench.scribe.problem(&path, what, remedy);
                None
            }
        },
        Err(error) => {
            bench.scribe.syntax(&path, text, &error);
            None
        }
    }
}

fn literal(bench: &mut Bench<'_>, text: &str, path: &str) -> Option<LiteralTemplate> {
    match LiteralTemplate::parse(text) {
        Ok(template) => Some(template),
        Err(error) => {
            bench.scribe.syntax(path, text, &error);
            None
        }
    }
}
