//! Models and the routes that ask for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Bench;
use crate::definition::child;
use crate::lang::json_schema::{Models, SCHEMA_CHARACTERS, Schema, SchemaError};
use crate::lang::selection::{Root, SelectionExpression};
use crate::lang::syntax::nearest;
use crate::model::v2;
use crate::plan::model::{Model, Validation};
use crate::plan::route::{CONNECT, DISCONNECT};

/// The models of an API by name; what is wrong is noted, unless the API says not to look. `path` is that of the API.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    id: &str,
    api: &v2::Api,
    path: &str,
) -> BTreeMap<String, Arc<Model>> {
    let section = child(path, "models");
    let silent = api.disable_schema_validation == Some(true);
    let mut schemas = BTreeMap::new();
    for (name, model) in &api.models {
        let path = child(&child(&section, name), "schema");
        match schema(&model.schema) {
            Ok(schema) => drop(schemas.insert(name.clone(), schema)),
            Err(_) if silent => {}
            Err(what) => {
                let remedy = "write JSON Schema, draft 4, as a map or as a text in JSON";
                bench.scribe.problem(&path, what, remedy);
            }
        }
    }
    let models = Models {
        api: id,
        schemas: &schemas,
    };
    let mut compiled = BTreeMap::new();
    for name in api.models.keys() {
        let schema = match schemas.contains_key(name) {
            true => Schema::compile(name, models),
            false => Err(Vec::new()),
        };
        let errors = schema.as_ref().err().into_iter().flatten();
        for error in errors.filter(|_| !silent) {
            note(bench, error, &section);
        }
        let model = Model {
            name: name.as_str().into(),
            schema: schema.ok(),
        };
        compiled.insert(name.clone(), Arc::new(model));
    }
    compiled
}

/// A schema as a document; a text is read as JSON.
fn schema(written: &Value) -> Result<Value, String> {
    let (schema, length) = match written {
        Value::String(text) => {
            let parsed = serde_json::from_str(text);
            let parsed = parsed.map_err(|_| "the text is not JSON".to_owned())?;
            (parsed, text.chars().count())
        }
        _ => (written.clone(), written.to_string().chars().count()),
    };
    match length > SCHEMA_CHARACTERS {
        true => Err(format!(
            "has {length} characters; {SCHEMA_CHARACTERS} is the most"
        )),
        false => Ok(schema),
    }
}

/// Notes a mistake in a schema, as near to it as the definition has a place.
fn note(bench: &mut Bench<'_>, error: &SchemaError, section: &str) {
    let path = child(&child(section, &error.model), "schema");
    let inside = bench.scribe.below(&path, &error.pointer);
    if bench.scribe.hides(&path) || bench.scribe.hides(&inside) {
        let what = "what stands here is wrong after substitution";
        bench.scribe.problem(&inside, what, error.remedy.clone());
        return;
    }
    let (path, what) = match bench.scribe.has(&inside) {
        true => (inside, error.problem.clone()),
        // The schema is a text, of which the definition knows only the whole.
        false => (path, format!("{}: {}", error.pointer, error.problem)),
    };
    bench.scribe.problem(&path, what, error.remedy.clone());
}

/// How a route's messages are checked; `path` is that of the route, `api_path` that of its API.
pub(super) fn validation(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    key: &str,
    api_path: &str,
    path: &str,
) -> Option<Validation> {
    let route = api.routes.get(key)?;
    let expression_path = child(path, "modelSelectionExpression");
    let models_path = child(path, "requestModels");
    let expression = route.model_selection_expression.as_deref();
    let models = &route.request_models;
    if matches!(key, CONNECT | DISCONNECT) && (expression.is_some() || !models.is_empty()) {
        let path = match expression {
            Some(_) => &expression_path,
            None => &models_path,
        };
        let what = "there is no message that a model could be for";
        bench.scribe.problem(path, what, "leave it out");
        return None;
    }
    let Some(expression) = expression else {
        if !models.is_empty() && !bench.scribe.has(&expression_path) {
            let what = "no model is looked at without a selection expression";
            let remedy = "add `modelSelectionExpression`, e.g. `$default`, or leave this out";
            bench.scribe.problem(&models_path, what, remedy);
        }
        return None;
    };
    if models.is_empty() && !bench.scribe.has(&models_path) {
        let what = "no message fits where there is no model";
        let remedy = "add `requestModels`, e.g. `{ $default: NAME }`, or leave this out";
        bench.scribe.problem(&expression_path, what, remedy);
    }
    let mut compiled = BTreeMap::new();
    for (key, name) in models {
        let model = bench.models.get(name).cloned();
        match model {
            Some(model) => drop(compiled.insert(key.as_str().into(), model)),
            None => unknown(bench, api, name, api_path, &child(&models_path, key)),
        }
    }
    let selection = selection(bench, expression, &expression_path)?;
    Some(Validation {
        selection,
        models: compiled,
    })
}

fn unknown(bench: &mut Bench<'_>, api: &v2::Api, name: &str, api_path: &str, path: &str) {
    if bench.scribe.has(&child(&child(api_path, "models"), name)) {
        return;
    }
    let remedy = match nearest(name, api.models.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add it to the API's `models`".to_owned(),
    };
    let shown = bench.scribe.shown(path, name);
    let what = format!("{shown} is not a model of this API");
    bench.scribe.problem(path, what, remedy);
}

fn selection(bench: &mut Bench<'_>, text: &str, path: &str) -> Option<SelectionExpression> {
    let expression = match SelectionExpression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            bench.scribe.syntax(path, text, &error);
            return None;
        }
    };
    let known = [Root::RequestBody, Root::Context, Root::StageVariable];
    let mut variables = expression.variables();
    if let Some(variable) = variables.find(|variable| !known.contains(&variable.root())) {
        let what = format!("`{}` says nothing about a message", variable.written());
        let remedy = "use `$request.body`, `$context` or `$stageVariables`";
        bench.scribe.problem(path, what, remedy);
        return None;
    }
    drop(variables);
    Some(expression)
}
