//! From an API in the form of a definition to a document.
//!
//! The same API gives the same document, whatever its ids are: routes stand in the order of their keys, and integrations that more
//! routes share are numbered in the order in which these use them.

mod paths;
mod security;
mod shared;

use serde_json::{Map, Value, json};

use super::{CORS, ENDPOINT, FORM, FORM_VERSION, INTEGRATIONS, OURS, TAG_VALUE};
use security::Schemes;
use shared::Shared;

/// How a document is written.
#[derive(Debug, Clone)]
pub struct Writing<'a> {
    /// Where the API is served; `None` when that is not to be said.
    pub server: Option<Server<'a>>,
    /// In place of `info.version` for an API that has none.
    pub version: &'a str,
    /// Whether extensions are written. Without them the document tells clients what they can call, and cannot be imported.
    pub extensions: bool,
}

/// Where an API is served.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// The URL before the stage, without a slash at its end.
    pub url: &'a str,
    /// The stage; empty for none, and for `$default`.
    pub stage: &'a str,
}

/// The document of an API, which is in the form that a definition has under `apis.ID`. Members that a document has no place for are
/// those of stages only.
pub fn write(api: &Map<String, Value>, how: &Writing<'_>) -> Value {
    let shared = Shared::new(api);
    let schemes = Schemes::new(api);
    let mut document = Map::new();
    document.insert("openapi".to_owned(), "3.0.1".into());
    document.insert("info".to_owned(), info(api, how.version));
    let endpoint = match how.extensions {
        true => endpoint(api),
        false => Map::new(),
    };
    if how.server.is_some() || !endpoint.is_empty() {
        let server = server(how.server.as_ref(), endpoint);
        document.insert("servers".to_owned(), server);
    }
    if how.extensions
        && let Some(tags) = section(api, "tags")
    {
        let tags = tags.iter();
        let tags = tags.map(|(name, value)| json!({ "name": name, TAG_VALUE: value }));
        document.insert("tags".to_owned(), tags.collect());
    }
    let paths = paths::paths(api, &shared, &schemes, how.extensions);
    document.insert("paths".to_owned(), paths.into());
    let components = components(&shared, &schemes, how.extensions);
    if !components.is_empty() {
        document.insert("components".to_owned(), components.into());
    }
    if how.extensions {
        extensions(api, &mut document);
    }
    Value::Object(document)
}

fn info(api: &Map<String, Value>, version: &str) -> Value {
    let mut info = Map::new();
    let title = api.get("name").cloned().unwrap_or_default();
    info.insert("title".to_owned(), title);
    if let Some(description) = api.get("description") {
        info.insert("description".to_owned(), description.clone());
    }
    let version = api.get("version").cloned().unwrap_or(version.into());
    info.insert("version".to_owned(), version);
    info.into()
}

/// What there is to say of the API's own address.
fn endpoint(api: &Map<String, Value>) -> Map<String, Value> {
    let mut endpoint = Map::new();
    if api.get("disableExecuteApiEndpoint") == Some(&Value::Bool(true)) {
        endpoint.insert("disableExecuteApiEndpoint".to_owned(), true.into());
    }
    if let Some(kind) = api.get("ipAddressType") {
        endpoint.insert("ipAddressType".to_owned(), kind.clone());
    }
    endpoint
}

fn server(server: Option<&Server<'_>>, endpoint: Map<String, Value>) -> Value {
    let mut entry = Map::new();
    let url = server.map_or("/".to_owned(), |server| {
        format!("{}/{{basePath}}", server.url)
    });
    entry.insert("url".to_owned(), url.into());
    if let Some(server) = server {
        let variables = json!({ "basePath": { "default": server.stage } });
        entry.insert("variables".to_owned(), variables);
    }
    if !endpoint.is_empty() {
        entry.insert(ENDPOINT.to_owned(), endpoint.into());
    }
    json!([entry])
}

fn components(shared: &Shared<'_>, schemes: &Schemes<'_>, extensions: bool) -> Map<String, Value> {
    let mut components = Map::new();
    let schemes = schemes.written(extensions);
    if !schemes.is_empty() {
        components.insert("securitySchemes".to_owned(), schemes.into());
    }
    let integrations = shared.written();
    if extensions && !integrations.is_empty() {
        components.insert(INTEGRATIONS.to_owned(), integrations.into());
    }
    components
}

fn extensions(api: &Map<String, Value>, document: &mut Map<String, Value>) {
    if let Some(cors) = section(api, "corsConfiguration") {
        let mut cors = cors.clone();
        // Defaults, which a definition file may have filled in.
        cors.retain(|_, value| {
            let empty = value.as_array().is_some_and(Vec::is_empty);
            !empty && !value.is_null() && *value != Value::Bool(false)
        });
        document.insert(CORS.to_owned(), cors.into());
    }
    if let Some(expression) = api.get("apiKeySelectionExpression") {
        let ours = json!({ "apiKeySelectionExpression": expression });
        document.insert(OURS.to_owned(), ours);
    }
    document.insert(FORM.to_owned(), FORM_VERSION.into());
}

/// A member that is a map.
fn section<'a>(api: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    api.get(name).and_then(Value::as_object)
}
