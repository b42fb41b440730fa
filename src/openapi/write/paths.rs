//! Routes as operations.

use serde_json::{Map, Value, json};

use super::section;
use super::security::Schemes;
use super::shared::Shared;
use crate::openapi::{ANY_METHOD, AUTH, DEFAULT, INTEGRATION, METHODS, OURS};

/// What `ANY` stands for where there are no extensions: the methods that OpenAPI and route keys both have.
const EVERY: usize = 7;

/// Routes by path and place in the path, in the order in which they are written.
pub(super) fn ordered(api: &Map<String, Value>) -> Vec<((&str, usize), &Value)> {
    let mut routes = Vec::new();
    for (key, route) in section(api, "routes").into_iter().flatten() {
        let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
        let place = METHODS.iter().position(|(_, known)| *known == method);
        routes.extend(place.map(|place| ((path, place), route)));
    }
    routes.sort_by_key(|(key, _)| *key);
    routes
}

/// `paths`.
pub(super) fn paths(
    api: &Map<String, Value>,
    shared: &Shared<'_>,
    schemes: &Schemes<'_>,
    extensions: bool,
) -> Map<String, Value> {
    let mut paths: Map<String, Value> = Map::new();
    for ((path, place), route) in ordered(api) {
        let (name, method) = METHODS.get(place).copied().unwrap_or_default();
        let written = match path {
            DEFAULT => format!("/{DEFAULT}"),
            path => path.to_owned(),
        };
        if path == DEFAULT && !extensions {
            continue;
        }
        let item = paths.entry(written.clone()).or_insert_with(|| json!({}));
        let operation = |method: &str| {
            let what = format!("{method} {written}");
            operation(&what, route, shared, schemes, extensions)
        };
        if name == ANY_METHOD && !extensions {
            for (name, method) in METHODS.iter().take(EVERY) {
                if item.get(name).is_none() {
                    item[name] = operation(method);
                    // There is one of each name.
                    let members = item[name].as_object_mut();
                    members.map(|members| members.shift_remove("operationId"));
                }
            }
        } else {
            item[name] = operation(method);
            if path == DEFAULT {
                item[name]["isDefaultRoute"] = true.into();
            }
        }
        let parameters = parameters(path);
        if !parameters.is_empty() {
            item["parameters"] = parameters.into();
        }
    }
    paths
}

fn operation(
    what: &str,
    route: &Value,
    shared: &Shared<'_>,
    schemes: &Schemes<'_>,
    extensions: bool,
) -> Value {
    let mut operation = Map::new();
    if let Some(name) = route.get("operationName") {
        operation.insert("operationId".to_owned(), name.clone());
    }
    let responses = json!({ "default": { "description": format!("Default response for {what}") } });
    operation.insert("responses".to_owned(), responses);
    let authorization = route["authorizationType"].as_str().unwrap_or("NONE");
    let authorizer = route["authorizerId"].as_str();
    if let Some(name) = authorizer.and_then(|id| schemes.name(id))
        && ["JWT", "CUSTOM"].contains(&authorization)
    {
        let scopes = route.get("authorizationScopes").cloned();
        let scopes = scopes.unwrap_or_else(|| json!([]));
        operation.insert("security".to_owned(), json!([{ name: scopes }]));
    }
    if extensions {
        if authorization == "AWS_IAM" {
            operation.insert(AUTH.to_owned(), json!({ "type": "AWS_IAM" }));
        }
        if route["apiKeyRequired"] == true {
            operation.insert(OURS.to_owned(), json!({ "apiKeyRequired": true }));
        }
        let integration = shared.of_route(route);
        operation.extend(integration.map(|set| (INTEGRATION.to_owned(), set)));
    }
    operation.into()
}

/// The variables of a path, which OpenAPI wants to be named apart.
fn parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|segment| {
        let inner = segment.strip_prefix('{')?;
        inner.strip_suffix('}')
    });
    let parameters = names.map(|name| {
        json!({
            "name": name, "in": "path", "description": format!("Generated path parameter for {name}"),
            "required": true, "schema": { "type": "string" },
        })
    });
    parameters.collect()
}
