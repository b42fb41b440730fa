//! `components`: shared integrations and authorizers.

use serde_json::{Map, Value};

use super::Reader;
use super::part::text_of;
use crate::openapi::INTEGRATIONS;
use crate::openapi::members::{self, Form, Member};
use crate::openapi::pointer::Pointer;

impl<'d> Reader<'d> {
    pub(super) fn components(&mut self, at: &Pointer, components: &'d Value) {
        let Some(mut components) = self.part(at, components) else {
            return;
        };
        if let Some((at, integrations)) = components.take(INTEGRATIONS) {
            self.shared_integrations(&at, integrations);
        }
        if let Some((at, schemes)) = components.take("securitySchemes") {
            self.schemes(&at, schemes);
        }
        components.unused(
            self,
            &[
                "schemas",
                "responses",
                "parameters",
                "examples",
                "requestBodies",
                "headers",
                "links",
                "callbacks",
            ],
        );
        self.rest(components);
    }

    fn shared_integrations(&mut self, at: &Pointer, integrations: &'d Value) {
        let Some(members) = integrations.as_object() else {
            self.findings.error(at, "must be a map");
            return;
        };
        for (name, integration) in members {
            let at = at.child(name);
            // Another name for one of them: who uses it is led on to that one.
            if integration.get("$ref").is_some() {
                drop(self.resolve(&at, integration));
                continue;
            }
            let id = self.integration(&at, integration, name);
            self.shared.insert(name, id);
        }
    }

    /// One integration; gives its id, or `None` when HTTP APIs cannot have it.
    pub(super) fn integration(
        &mut self,
        at: &Pointer,
        integration: &'d Value,
        name: &str,
    ) -> Option<String> {
        let mut part = self.part(at, integration)?;
        for name in members::OF_REST {
            if let Some((at, _)) = part.take(name) {
                let what = "HTTP APIs have no such member of integrations; it is ignored";
                self.findings.warning(&at, what);
            }
        }
        let kind = integration.get("type").and_then(Value::as_str);
        let kind = kind.unwrap_or_default().to_ascii_uppercase();
        if ["AWS", "HTTP", "MOCK"].contains(&kind.as_str()) {
            let what = format!("HTTP APIs have no integrations of type {kind}; it is left out");
            self.findings.warning(&at.child("type"), what);
            return None;
        }
        let mut set = Map::new();
        for (written, name, form) in members::INTEGRATION {
            if let Some((at, value)) = part.take(written) {
                let value = self.converted(&at, value, *form);
                set.extend(value.map(|value| ((*name).to_owned(), value)));
            }
        }
        self.verified(at, &mut set);
        self.nothing_else(part);
        let id = self.ids.of(name, &self.integrations);
        let path = ["integrations", &id];
        self.places.note(&path, at, members::INTEGRATION);
        self.integrations.insert(id.clone(), set.into());
        Some(id)
    }

    /// REST APIs may leave certificates of backends unchecked; HTTP APIs check them whatever is said.
    fn verified(&mut self, at: &Pointer, set: &mut Map<String, Value>) {
        const UNCHECKED: &str = "insecureSkipVerification";
        let tls = set.get_mut("tlsConfig").and_then(Value::as_object_mut);
        let Some(tls) = tls else { return };
        if tls.shift_remove(UNCHECKED).is_none() {
            return;
        }
        let at = at.below(&["tlsConfig", UNCHECKED]);
        let what = "certificates of backends are always checked; it is ignored";
        self.findings.warning(&at, what);
        // For a private backend even an empty one says that it is called by https.
        let is_private = set
            .get("connectionType")
            .is_some_and(|kind| kind == "VPC_LINK");
        let is_empty = set.get("tlsConfig") == Some(&Value::Object(Map::new()));
        if is_empty && !is_private {
            set.shift_remove("tlsConfig");
        }
    }

    /// A member as resources have it.
    pub(super) fn converted(&mut self, at: &Pointer, value: &Value, form: Form) -> Option<Value> {
        self.whole(at, value);
        let converted = match (form, value) {
            (Form::Same, value) => value.clone(),
            (Form::Texts, value) => texts(value),
            (Form::Word, Value::String(word)) => word.to_ascii_uppercase().into(),
            (Form::Commas, Value::String(list)) => {
                let items = list.split(',').map(str::trim);
                items.filter(|item| !item.is_empty()).collect()
            }
            (Form::Version, Value::Number(number)) => {
                format!("{:.1}", number.as_f64().unwrap_or_default()).into()
            }
            (Form::Version, Value::String(_)) => value.clone(),
            _ => {
                self.findings.error(at, "must be a text");
                return None;
            }
        };
        Some(converted)
    }

    /// Members of an authorizer, by the table.
    pub(super) fn authorizer(
        &mut self,
        at: &Pointer,
        authorizer: &'d Value,
    ) -> Option<Map<String, Value>> {
        let mut part = self.part(at, authorizer)?;
        let mut set = Map::new();
        let table: &[Member] = members::AUTHORIZER;
        for (written, name, form) in table {
            if let Some((at, value)) = part.take(written) {
                let value = self.converted(&at, value, *form);
                set.extend(value.map(|value| ((*name).to_owned(), value)));
            }
        }
        self.nothing_else(part);
        Some(set)
    }

    /// What an operation has that Amazon's have not.
    pub(super) fn own_members(
        &mut self,
        at: &Pointer,
        ours: &'d Value,
        route: &mut Map<String, Value>,
    ) {
        let Some(mut ours) = self.part(at, ours) else {
            return;
        };
        if let Some((at, required)) = ours.take("apiKeyRequired") {
            self.whole(&at, required);
            route.insert("apiKeyRequired".to_owned(), required.clone());
        }
        self.nothing_else(ours);
    }
}

/// Values of maps as texts, which YAML may take for numbers.
fn texts(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (name.clone(), texts(value)));
            Value::Object(members.collect())
        }
        Value::Bool(value) => value.to_string().into(),
        value => text_of(value).map_or_else(|| value.clone(), Value::from),
    }
}
