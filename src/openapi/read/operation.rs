//! One operation: a route, with its integration and who may call it.

use serde_json::{Map, Value};

use super::Reader;
use super::part::Part;
use super::security::Requirement;
use crate::openapi::members;
use crate::openapi::pointer::Pointer;
use crate::openapi::{ANY_METHOD, AUTH, DEFAULT, INTEGRATION, INTEGRATIONS, OURS};

impl<'d> Reader<'d> {
    pub(super) fn operation(
        &mut self,
        at: &Pointer,
        operation: &'d Value,
        key: &str,
        security: Option<&Requirement<'d>>,
    ) {
        let Some(mut part) = self.part(at, operation) else {
            return;
        };
        self.places.note(&["routes", key], at, members::ROUTE);
        let mut route = Map::new();
        self.operation_id(&mut part, &mut route);
        self.default_route(&mut part, key);
        match part.take(INTEGRATION) {
            Some((at, integration)) => {
                let target = self.target(&at, integration, key, &route);
                let target = target.map(|id| format!("integrations/{id}").into());
                route.extend(target.map(|target| ("target".to_owned(), target)));
            }
            None => {
                let what = format!("has no {INTEGRATION}; its route has no target");
                self.findings.warning(at, what);
            }
        }
        self.authorization(&mut part, &mut route, security);
        if let Some((at, ours)) = part.take(OURS) {
            self.own_members(&at, ours, &mut route);
        }
        match part.take("responses") {
            Some((at, _)) => self.findings.unused(&at),
            None => self.missing(&at.child("responses")),
        }
        let described = [
            "tags",
            "summary",
            "description",
            "externalDocs",
            "parameters",
            "requestBody",
            "callbacks",
            "deprecated",
            "servers",
        ];
        part.unused(self, &described);
        self.rest(part);
        if self.routes.insert(key.to_owned(), route.into()).is_some() {
            let what = format!("there is a route {key} already");
            self.findings.error(at, what);
        }
    }

    fn operation_id(&mut self, part: &mut Part<'d>, route: &mut Map<String, Value>) {
        let Some((at, name)) = part.take("operationId") else {
            return;
        };
        let Some(text) = name.as_str() else {
            return self.findings.error(&at, "must be a text");
        };
        let times = self.operation_ids.entry(text).or_default();
        *times += 1;
        if *times > 1 {
            self.findings.parse_issue(&at, "repeated");
        }
        route.insert("operationName".to_owned(), text.into());
    }

    /// `isDefaultRoute` stands where the route is, and nowhere else.
    fn default_route(&mut self, part: &mut Part<'d>, key: &str) {
        let said = part.take("isDefaultRoute");
        let said = said.map(|(at, said)| (at, said == &Value::Bool(true)));
        match (said, key == DEFAULT) {
            (Some((_, true)), true) | (Some((_, false)) | None, false) => {}
            (Some((at, _)), false) => {
                let what = format!("the default route is {ANY_METHOD} under /{DEFAULT}");
                self.findings.error(&at, what);
            }
            (Some(_) | None, true) => {
                let at = part.at.child("isDefaultRoute");
                let what = "must be true for the default route";
                self.findings.error(&at, what);
            }
        }
    }

    /// The id of the operation's integration: one that the document shares, or its own.
    fn target(
        &mut self,
        at: &Pointer,
        integration: &'d Value,
        key: &str,
        route: &Map<String, Value>,
    ) -> Option<String> {
        if integration.get("$ref").is_none() {
            let name = route.get("operationName").and_then(Value::as_str);
            return self.integration(at, integration, name.unwrap_or(key));
        }
        let (place, _) = self.resolve(at, integration)?;
        let shared = place.name_in(&["components", INTEGRATIONS]);
        match shared.and_then(|name| self.shared.get(name)) {
            Some(id) => id.clone(),
            None => {
                let what = format!("must lead into #/components/{INTEGRATIONS}");
                self.findings.error(&at.child("$ref"), what);
                None
            }
        }
    }

    /// Who may call the route. What the operation says itself counts before what the document says of all.
    fn authorization(
        &mut self,
        part: &mut Part<'d>,
        route: &mut Map<String, Value>,
        shared: Option<&Requirement<'d>>,
    ) {
        let own = part.take("security");
        let own = own.map(|(at, security)| self.requirement(&at, security));
        let Some((at, auth)) = part.take(AUTH) else {
            match own {
                Some(Some(own)) => self.require(&own, route),
                // It is wrong, which has been noted.
                Some(None) => {}
                None => {
                    if let Some(shared) = shared {
                        self.require(shared, route);
                    }
                }
            }
            return;
        };
        if let Some(Some(Requirement {
            at,
            scheme: Some(_),
        })) = &own
        {
            let what = format!("cannot stand beside {AUTH}");
            self.findings.error(at, what);
        }
        let Some(mut auth) = self.part(&at, auth) else {
            return;
        };
        let kind = auth.take("type").and_then(|(_, kind)| kind.as_str());
        match kind.map(str::to_ascii_uppercase).as_deref() {
            Some("NONE") => {}
            Some("AWS_IAM") => drop(route.insert("authorizationType".to_owned(), "AWS_IAM".into())),
            _ => {
                let what = "must be AWS_IAM or NONE";
                self.findings.error(&at.child("type"), what);
            }
        }
        self.nothing_else(auth);
    }
}
