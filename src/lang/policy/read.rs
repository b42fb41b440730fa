//! From JSON to a [`Policy`], collecting everything that is wrong on the way.

use serde_json::{Map, Value};

use super::condition::{Condition, Operator};
use super::operator::{OPERATORS, Operand};
use super::pattern::{Pattern, Syntax};
use super::{
    AUTHORIZER_RESOURCE_CHARACTERS_MAX, Effect, Element, POLICY_CHARACTERS_MAX, Policy,
    PolicyError, Statement,
};

/// Where a document comes from, which decides how strictly its resources are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Identity,
    Authorizer,
}

const POLICY_ELEMENTS: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT_ELEMENTS: &[&str] = &[
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Reads a document.
pub(super) fn policy(document: &Value, origin: Origin) -> Result<Policy, Vec<PolicyError>> {
    let mut reader = Reader {
        origin,
        variables: false,
        problems: Vec::new(),
    };
    let statements = if characters(document) > POLICY_CHARACTERS_MAX {
        reader.problem(
            "",
            format!("a policy has at most {POLICY_CHARACTERS_MAX} characters"),
        );
        Vec::new()
    } else {
        reader.document(document)
    };
    if reader.problems.is_empty() {
        Ok(Policy::of(statements))
    } else {
        Err(reader.problems)
    }
}

/// Characters of all keys and texts, and one for every other value. Walks without recursion: the document may be deep.
fn characters(document: &Value) -> usize {
    let mut count = 0;
    let mut pending = vec![document];
    while let Some(value) = pending.pop() {
        count += match value {
            Value::String(text) => text.chars().count(),
            Value::Object(fields) => fields.keys().map(|key| key.chars().count()).sum(),
            _ => 1,
        };
        match value {
            Value::Array(items) => pending.extend(items),
            Value::Object(fields) => pending.extend(fields.values()),
            _ => {}
        }
    }
    count
}

/// Reads on after a problem, with something empty in place of what was wrong; nothing leaves with problems.
struct Reader {
    origin: Origin,
    /// Whether the document's version has policy variables.
    variables: bool,
    problems: Vec<PolicyError>,
}

impl Reader {
    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(PolicyError {
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn document(&mut self, document: &Value) -> Vec<Statement> {
        let Some(fields) = document.as_object() else {
            self.problem("", "a policy is an object with Version and Statement");
            return Vec::new();
        };
        self.check_names(fields, "", POLICY_ELEMENTS);
        self.optional_text(fields, "", "Id");
        match fields.get("Version").map(Value::as_str) {
            Some(Some("2012-10-17")) => self.variables = true,
            // AWS: "IAM JSON policy elements: Version": the default is the older one.
            Some(Some("2008-10-17")) | None => {}
            Some(_) => self.problem("/Version", "Version is 2012-10-17 or 2008-10-17"),
        }
        match fields.get("Statement") {
            Some(Value::Array(items)) if !items.is_empty() => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| self.statement(&format!("/Statement/{index}"), item))
                .collect(),
            Some(single @ Value::Object(_)) => {
                self.statement("/Statement", single).into_iter().collect()
            }
            Some(_) => {
                self.problem(
                    "/Statement",
                    "Statement is an object or a list of at least one",
                );
                Vec::new()
            }
            None => {
                self.problem("", "Statement is missing");
                Vec::new()
            }
        }
    }

    fn statement(&mut self, path: &str, statement: &Value) -> Option<Statement> {
        let Some(fields) = statement.as_object() else {
            self.problem(
                path,
                "a statement is an object with Effect, Action and Resource",
            );
            return None;
        };
        self.check_names(fields, path, STATEMENT_ELEMENTS);
        self.optional_text(fields, path, "Sid");
        let effect = self.effect(fields, path);
        let action = self.element(fields, path, ("Action", "NotAction"), Self::action);
        let resource = self.element(fields, path, ("Resource", "NotResource"), Self::resource);
        let conditions = fields
            .get("Condition")
            .map(|conditions| self.conditions(&at(path, "Condition"), conditions))
            .unwrap_or_default();
        Some(Statement {
            effect: effect?,
            action: action?,
            resource: resource?,
            conditions,
        })
    }

    fn check_names(&mut self, fields: &Map<String, Value>, path: &str, known: &[&str]) {
        for name in fields.keys().map(String::as_str) {
            if known.contains(&name) {
                continue;
            }
            let message = match name {
                "Principal" | "NotPrincipal" => format!(
                    "{name} is only for policies attached to a resource; this one belongs to its caller"
                ),
                _ => format!("there is no element {name}{}", hint(name, known)),
            };
            self.problem(&at(path, name), message);
        }
    }

    fn optional_text(&mut self, fields: &Map<String, Value>, path: &str, name: &str) {
        if fields.get(name).is_some_and(|value| !value.is_string()) {
            self.problem(&at(path, name), format!("{name} is a text"));
        }
    }

    fn effect(&mut self, fields: &Map<String, Value>, path: &str) -> Option<Effect> {
        match fields.get("Effect").map(Value::as_str) {
            Some(Some("Allow")) => Some(Effect::Allow),
            Some(Some("Deny")) => Some(Effect::Deny),
            Some(_) => {
                self.problem(&at(path, "Effect"), "Effect is Allow or Deny");
                None
            }
            None => {
                self.problem(path, "Effect is missing: Allow or Deny");
                None
            }
        }
    }

    /// One of two elements, of which a statement has exactly one.
    fn element(
        &mut self,
        fields: &Map<String, Value>,
        path: &str,
        (positive, negative): (&str, &str),
        read: fn(&Self, &str) -> Result<Pattern, String>,
    ) -> Option<Element> {
        let (name, value) = match (fields.get(positive), fields.get(negative)) {
            (Some(value), None) => (positive, value),
            (None, Some(value)) => (negative, value),
            (Some(_), Some(_)) => {
                self.problem(
                    path,
                    format!("{positive} and {negative} exclude each other"),
                );
                return None;
            }
            (None, None) => {
                self.problem(path, format!("{positive} or {negative} is missing"));
                return None;
            }
        };
        let texts = self.texts(&at(path, name), value, |value| {
            value.as_str().map(str::to_owned)
        });
        let patterns = texts
            .into_iter()
            .filter_map(|(path, text)| self.noted(&path, read(self, &text)))
            .collect();
        Some(Element {
            negated: name == negative,
            patterns,
        })
    }

    /// The value of a result; its error becomes a problem.
    fn noted<T>(&mut self, path: &str, result: Result<T, String>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(message) => {
                self.problem(path, message);
                None
            }
        }
    }

    /// One text or a list of at least one, each with its place.
    fn texts(
        &mut self,
        path: &str,
        value: &Value,
        scalar: fn(&Value) -> Option<String>,
    ) -> Vec<(String, String)> {
        let items: Vec<(String, &Value)> = match value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (format!("{path}/{index}"), item))
                .collect(),
            single => vec![(path.to_owned(), single)],
        };
        if items.is_empty() {
            self.problem(path, "the list is empty");
        }
        items
            .into_iter()
            .filter_map(|(path, item)| {
                let text = scalar(item).ok_or_else(|| "a text or a list of texts".to_owned());
                let text = self.noted(&path, text)?;
                Some((path, text))
            })
            .collect()
    }

    fn action(&self, text: &str) -> Result<Pattern, String> {
        if text != "*" && !text.contains(':') {
            return Err(format!(
                "'{text}' is not an action: a service, a colon and a name, such as execute-api:Invoke"
            ));
        }
        let syntax = Syntax {
            wildcards: true,
            variables: false,
            fold_case: true,
        };
        Pattern::parse(text, syntax)
    }

    fn resource(&self, text: &str) -> Result<Pattern, String> {
        match self.origin {
            Origin::Identity if text != "*" && !text.starts_with("arn:") => {
                return Err(format!("'{text}' is not a resource: an ARN or *"));
            }
            Origin::Authorizer if text.chars().count() > AUTHORIZER_RESOURCE_CHARACTERS_MAX => {
                return Err(format!(
                    "a resource of an authorizer's policy has at most {AUTHORIZER_RESOURCE_CHARACTERS_MAX} characters"
                ));
            }
            Origin::Identity | Origin::Authorizer => {}
        }
        let syntax = Syntax {
            wildcards: true,
            variables: self.variables,
            fold_case: false,
        };
        Pattern::parse(text, syntax)
    }

    fn conditions(&mut self, path: &str, conditions: &Value) -> Vec<Condition> {
        let Some(blocks) = conditions.as_object() else {
            self.problem(path, "Condition is an object of operators");
            return Vec::new();
        };
        let mut read = Vec::new();
        for (name, block) in blocks {
            let path = at(path, name);
            let Some(operator) = Operator::parse(name) else {
                let known: Vec<&str> = OPERATORS.iter().map(|(name, ..)| *name).collect();
                self.problem(
                    &path,
                    format!(
                        "there is no condition operator {name}{}",
                        hint(name, &known)
                    ),
                );
                continue;
            };
            let Some(keys) = block.as_object().filter(|keys| !keys.is_empty()) else {
                self.problem(
                    &path,
                    "a condition operator has an object of keys and values",
                );
                continue;
            };
            for (key, values) in keys {
                read.push(self.condition(&at(&path, key), operator, key, values));
            }
        }
        read
    }

    fn condition(
        &mut self,
        path: &str,
        operator: Operator,
        key: &str,
        values: &Value,
    ) -> Condition {
        if !key.contains(':') {
            self.problem(
                path,
                format!("'{key}' is not a condition key: a prefix, a colon and a name, such as aws:SourceIp"),
            );
        }
        let texts = self.texts(path, values, scalar);
        let operands = texts
            .into_iter()
            .filter_map(|(path, text)| {
                let operand = Operand::parse(operator.kind, &text, self.variables);
                self.noted(&path, operand)
            })
            .collect();
        Condition {
            operator,
            key: key.to_ascii_lowercase(),
            operands,
        }
    }
}

/// Condition values may be written as JSON numbers and booleans.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A step down in a JSON pointer (RFC 6901 section 3).
fn at(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The nearest known name, if one is near.
fn hint(name: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|own| (strsim::damerau_levenshtein(name, own), own))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, own)| format!("; did you mean {own}?"))
        .unwrap_or_default()
}
