//! `AWS::Serverless::HttpApi`, the `HttpApi` events of functions, and `Globals`.

use crate::definition::tree::{Entry, Node, Value};

use super::draft::{child, entry, map_at, plain_at, texts_at};
use super::intrinsics::{MARK, entries, list_of, scalar, text_at, with};
use super::wire::lowered;
use super::{Resource, Template};

/// The API of events that name none (SAM specification).
pub(super) const IMPLICIT: &str = "ServerlessHttpApi";
const DEFAULT: &str = "$default";
/// What SAM lets an event have when it names no version.
const FORMAT: &str = "2.0";

impl Template<'_, '_> {
    /// The properties of a resource over those that `Globals` has for its kind: maps are merged, lists added up.
    pub(super) fn with_globals(&self, resource: &Resource, section: &str) -> Node {
        let globals = self
            .globals
            .as_ref()
            .and_then(|globals| globals.get(section));
        match globals.filter(|_| resource.kind.starts_with("AWS::Serverless::")) {
            Some(globals) => merged(globals, &resource.properties),
            None => resource.properties.clone(),
        }
    }

    /// `AWS::Serverless::HttpApi`.
    pub(super) fn http_api(&mut self, resource: &Resource) {
        let properties = self.with_globals(resource, "HttpApi");
        let mut api = self.new_api(&resource.logical, &resource.at);
        api.extend([entry("protocolType", text_at(&resource.at, "HTTP"))]);
        self.draft.apis.push(api);
        self.http_members(resource, &properties);
    }

    fn http_members(&mut self, resource: &Resource, properties: &Node) {
        let at = &resource.at;
        let stage = properties.get("StageName").map(|name| self.plain(name));
        let stage = stage
            .as_ref()
            .and_then(scalar)
            .unwrap_or(DEFAULT)
            .to_owned();
        let mut members = Vec::new();
        let mut staged = Vec::new();
        for property in entries(properties) {
            let (name, value) = (property.key.as_str(), &property.value);
            match name {
                "Name" | "Description" | "Tags" | "DisableExecuteApiEndpoint" => {
                    let only = map_at(at, vec![property.clone()]);
                    members.extend(self.members(&only, &[]));
                }
                "CorsConfiguration" => members.push(entry("corsConfiguration", self.cors(value))),
                "AccessLogSettings"
                | "DefaultRouteSettings"
                | "RouteSettings"
                | "StageVariables" => {
                    let only = map_at(at, vec![property.clone()]);
                    staged.extend(self.members(&only, &[]));
                }
                "Auth" => self.authorizers(resource, value),
                "Domain" => self.domain(resource, value, &stage),
                "StageName" => {}
                "DefinitionBody" | "DefinitionUri" => {}
                _ => self.warn(
                    &property.place,
                    &format!("{}.{name}", resource.logical),
                    "is not taken over",
                    "see the definition's schema for what there is",
                ),
            }
        }
        if let Some(api) = self.draft.api(&resource.logical) {
            api.extend(members);
            api.resource("stages", &stage, at).extend(staged);
        }
        // What the properties say goes before what a document says.
        if let Some(body) = properties.get("DefinitionBody") {
            self.document(resource, "DefinitionBody", body);
        }
        if let Some(uri) = properties.get("DefinitionUri") {
            self.document_file(resource, "DefinitionUri", uri);
        }
    }

    /// `true` opens the API to every page.
    fn cors(&mut self, value: &Node) -> Node {
        match scalar(value) {
            Some("true") => map_at(value, vec![entry("allowOrigins", texts_at(value, &["*"]))]),
            _ => lowered(&self.plain(value)),
        }
    }

    fn authorizers(&mut self, resource: &Resource, auth: &Node) {
        self.require_map(auth, "Auth");
        for (name, value) in auth
            .get("Authorizers")
            .map(entries)
            .unwrap_or_default()
            .iter()
            .map(|entry| (&entry.key, &entry.value))
        {
            let members = match value.get("FunctionArn") {
                Some(function) => self.lambda_authorizer(value, function),
                None => self.jwt_authorizer(value),
            };
            if let Some(api) = self.draft.api(&resource.logical) {
                api.resource("authorizers", name, value).extend(members);
            }
        }
        let taken = ["Authorizers", "DefaultAuthorizer", "EnableIamAuthorizer"];
        for other in entries(auth)
            .iter()
            .filter(|other| !taken.contains(&other.key.as_str()))
        {
            let path = format!("{}.Auth.{}", resource.logical, other.key);
            self.warn(
                &other.place,
                &path,
                "is not taken over",
                "write the authorizer under `Authorizers`",
            );
        }
    }

    fn jwt_authorizer(&mut self, value: &Node) -> Vec<Entry> {
        let mut members = vec![entry("authorizerType", text_at(value, "JWT"))];
        if let Some(source) = value.get("IdentitySource") {
            members.push(entry(
                "identitySource",
                with(source, Value::Sequence(vec![self.plain(source)])),
            ));
        }
        let configuration = value
            .get("JwtConfiguration")
            .or_else(|| value.get("jwtConfiguration"));
        if let Some(configuration) = configuration {
            members.push(entry(
                "jwtConfiguration",
                lowered(&self.plain(configuration)),
            ));
        }
        members
    }

    fn lambda_authorizer(&mut self, value: &Node, function: &Node) -> Vec<Entry> {
        let mut members = vec![
            entry("authorizerType", text_at(value, "REQUEST")),
            entry("authorizerUri", self.uri(function)),
        ];
        let format = value.get("AuthorizerPayloadFormatVersion");
        let text = format.and_then(scalar).unwrap_or(FORMAT);
        members.push(entry(
            "authorizerPayloadFormatVersion",
            text_at(format.unwrap_or(value), text),
        ));
        if let Some(simple) = value.get("EnableSimpleResponses") {
            members.push(entry("enableSimpleResponses", simple.clone()));
        }
        let identity = value.get("Identity");
        let of = |section: &str, before: &str| {
            let names = identity
                .and_then(|identity| identity.get(section))
                .and_then(list_of);
            let names = names.unwrap_or_default().iter();
            let names = names
                .filter_map(scalar)
                .map(|name| format!("{before}{name}"));
            names.collect::<Vec<_>>()
        };
        let sources = [
            of("Headers", "$request.header."),
            of("QueryStrings", "$request.querystring."),
            of("Context", "$context."),
            of("StageVariables", "$stageVariables."),
        ]
        .concat();
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        if !sources.is_empty() {
            members.push(entry(
                "identitySource",
                texts_at(identity.unwrap_or(value), &sources),
            ));
        }
        if let Some(ttl) = identity.and_then(|identity| identity.get("ReauthorizeEvery")) {
            members.push(entry(
                "authorizerResultTtlInSeconds",
                plain_at(ttl, scalar(ttl).unwrap_or_default()),
            ));
        }
        members
    }

    /// The events of a function: those of HTTP APIs are routes.
    pub(super) fn events(&mut self, resource: &Resource) {
        let properties = self.with_globals(resource, "Function");
        for event in properties.get("Events").map(entries).unwrap_or_default() {
            let kind = event.value.get("Type").and_then(scalar).unwrap_or_default();
            if kind == "HttpApi" {
                self.route(resource, event);
                continue;
            }
            let what = format!("an event of type `{kind}` is not taken over");
            let remedy = match kind {
                "Api" => "make it `HttpApi`: REST APIs are not there",
                _ => "only requests and messages reach functions here",
            };
            let path = format!("{}.Events.{}", resource.logical, event.key);
            self.warn(&event.place, &path, &what, remedy);
        }
    }

    fn route(&mut self, resource: &Resource, event: &Entry) {
        let at = &event.value;
        let empty = map_at(at, Vec::new());
        let properties = at.get("Properties").unwrap_or(&empty).clone();
        let text = |name: &str| properties.get(name).and_then(scalar);
        let logical = text("ApiId").map_or(IMPLICIT.to_owned(), |api| api.replace(MARK, ""));
        let key = match (text("Method"), text("Path")) {
            (None, None) => DEFAULT.to_owned(),
            (_, Some(DEFAULT)) => DEFAULT.to_owned(),
            (method, path) => format!(
                "{} {}",
                method.map_or("ANY".to_owned(), |method| match method {
                    "*" | "x-amazon-apigateway-any-method" => "ANY".to_owned(),
                    method => method.to_ascii_uppercase(),
                }),
                path.unwrap_or("/")
            ),
        };
        if logical == IMPLICIT && self.draft.api(IMPLICIT).is_none() {
            self.implicit(at);
        }
        let path = format!("{}.Events.{}", resource.logical, event.key);
        if self.draft.api(&logical).is_none() {
            let what = "belongs to an API that is not in this template, and is not taken over";
            return self.warn(&event.place, &path, what, "let `ApiId` be a `!Ref`");
        }
        let documented = self.draft.api(&logical);
        if documented.is_some_and(|api| api.documented && api.has("routes", &key)) {
            return self.documented_route(&event.place, &path, &properties);
        }
        let integration = self.event_integration(resource, &logical, at, &properties);
        let mut members = vec![entry(
            "target",
            text_at(at, format!("integrations/{integration}")),
        )];
        members.extend(self.event_authorization(&logical, at, &properties));
        let settings = properties
            .get("RouteSettings")
            .map(|settings| lowered(&self.plain(settings)));
        let stage = self.stage_of(&logical);
        let taken = [
            "ApiId",
            "Method",
            "Path",
            "Auth",
            "PayloadFormatVersion",
            "TimeoutInMillis",
            "RouteSettings",
        ];
        for other in entries(&properties)
            .iter()
            .filter(|other| !taken.contains(&other.key.as_str()))
        {
            self.warn(
                &other.place,
                &format!("{path}.{}", other.key),
                "is not taken over",
                "see the definition's schema for what there is",
            );
        }
        let Some(api) = self.draft.api(&logical) else {
            return;
        };
        if api.has("routes", &key) {
            let what = format!("`{key}` is there twice");
            return self.warn(&event.place, &path, &what, "keep one of them");
        }
        api.resource("routes", &key, at).extend(members);
        if let Some(settings) = settings {
            let stage = api.resource("stages", &stage, at);
            child(stage, "routeSettings", at).push(entry(&key, settings));
        }
    }

    /// The API that SAM makes when nobody else does.
    fn implicit(&mut self, at: &Node) {
        let resource = Resource {
            logical: IMPLICIT.to_owned(),
            kind: "AWS::Serverless::HttpApi".to_owned(),
            at: map_at(at, Vec::new()),
            properties: map_at(at, Vec::new()),
        };
        self.resources.push(resource.clone());
        self.http_api(&resource);
    }

    fn stage_of(&mut self, logical: &str) -> String {
        let Some(resource) = self.find(logical).cloned() else {
            return DEFAULT.to_owned();
        };
        let stage = self
            .with_globals(&resource, "HttpApi")
            .get("StageName")
            .cloned();
        let stage = stage.map(|stage| self.plain(&stage));
        stage
            .as_ref()
            .and_then(scalar)
            .unwrap_or(DEFAULT)
            .to_owned()
    }

    /// The integration of an event: one for each function, format and timeout.
    fn event_integration(
        &mut self,
        resource: &Resource,
        api: &str,
        at: &Node,
        properties: &Node,
    ) -> String {
        let format = properties
            .get("PayloadFormatVersion")
            .and_then(scalar)
            .unwrap_or(FORMAT);
        let timeout = properties.get("TimeoutInMillis").and_then(scalar);
        let mut key = resource.logical.clone();
        if format != FORMAT {
            key.push_str(&format!("-{}", format.replace('.', "-")));
        }
        if let Some(timeout) = timeout {
            key.push_str(&format!("-{timeout}ms"));
        }
        let mut members = vec![
            entry("integrationType", text_at(at, "AWS_PROXY")),
            entry(
                "integrationUri",
                text_at(at, format!("function:{}", resource.logical)),
            ),
            entry("payloadFormatVersion", text_at(at, format)),
        ];
        if let Some(timeout) = timeout {
            members.push(entry("timeoutInMillis", plain_at(at, timeout)));
        }
        if let Some(api) = self
            .draft
            .api(api)
            .filter(|api| !api.has("integrations", &key))
        {
            api.resource("integrations", &key, at).extend(members);
        }
        key
    }

    /// What an event says of its callers, or else what its API says of all.
    pub(super) fn event_authorization(
        &mut self,
        logical: &str,
        at: &Node,
        properties: &Node,
    ) -> Vec<Entry> {
        let api = self.find(logical).cloned();
        let auth = api.and_then(|api| self.with_globals(&api, "HttpApi").get("Auth").cloned());
        let own = properties.get("Auth");
        for auth in own.into_iter().chain(&auth) {
            self.require_map(auth, "Auth");
        }
        let named = own.and_then(|own| own.get("Authorizer"));
        let named = named.or_else(|| auth.as_ref().and_then(|auth| auth.get("DefaultAuthorizer")));
        let Some(named) = named else {
            return Vec::new();
        };
        let Some(name) = scalar(named) else {
            // To go on without would open the route.
            let what = "is not the name of an authorizer";
            let remedy = "name one of the API's `Authorizers`, or NONE or AWS_IAM";
            self.refuse(named, "Authorizer", what, remedy);
            return Vec::new();
        };
        if name == "NONE" {
            return Vec::new();
        }
        if name == "AWS_IAM" {
            return vec![entry("authorizationType", text_at(at, "AWS_IAM"))];
        }
        let authorizer = auth
            .as_ref()
            .and_then(|auth| auth.get("Authorizers")?.get(name));
        let is_function =
            authorizer.is_some_and(|authorizer| authorizer.get("FunctionArn").is_some());
        let kind = if is_function { "CUSTOM" } else { "JWT" };
        let mut members = vec![
            entry("authorizationType", text_at(at, kind)),
            entry("authorizerId", text_at(at, name)),
        ];
        let scopes = own.and_then(|own| own.get("AuthorizationScopes"));
        let scopes = scopes
            .or_else(|| authorizer.and_then(|authorizer| authorizer.get("AuthorizationScopes")));
        if let Some(scopes) = scopes {
            members.push(entry("authorizationScopes", self.plain(scopes)));
        }
        members
    }
}

fn merged(globals: &Node, own: &Node) -> Node {
    match (&globals.value, &own.value) {
        (Value::Mapping(all), Value::Mapping(_)) => {
            let mut members: Vec<Entry> = all
                .iter()
                .map(|entry| match own.get(&entry.key) {
                    Some(value) => Entry {
                        value: merged(&entry.value, value),
                        ..entry.clone()
                    },
                    None => entry.clone(),
                })
                .collect();
            let new = entries(own).iter();
            members.extend(
                new.filter(|entry| globals.get(&entry.key).is_none())
                    .cloned(),
            );
            map_at(own, members)
        }
        (Value::Sequence(all), Value::Sequence(more)) => with(
            own,
            Value::Sequence(all.iter().chain(more).cloned().collect()),
        ),
        _ => own.clone(),
    }
}
