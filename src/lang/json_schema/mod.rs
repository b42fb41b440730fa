//! Models: JSON Schema, draft 4, as Amazon's request validation understands it.
//!
//! The schemas of an API may refer to each other, and to nothing else. What a schema may cost is bounded before a message
//! meets it: schemas that lead back to themselves are refused, and the deeper a schema goes into itself at one place of a
//! message, the less deep may the message be.
//!
//! Source: API Gateway Developer Guide, "Data models for REST APIs" and "Request validation"; JSON Schema draft 4.

mod walk;

use std::collections::BTreeMap;
use std::fmt;

use jsonschema::{Draft, PatternOptions, Registry, Validator};
use serde_json::{Value, json};

use walk::{Problem, Walked};

/// Longest schema, in characters (service model of apigatewayv2: `StringWithLengthBetween0And32K`).
pub const SCHEMA_CHARACTERS: usize = 32 * 1024;
/// Schemas that may be at work at a time: those at one place of a message, times the depth of the message. Each takes room on
/// the stack of a thread.
const DEPTH_BUDGET: usize = 1000;
/// Deepest message that is looked at, whatever its schema.
const MESSAGE_DEPTH: usize = 128;
/// Deepest message whose mistakes are told one by one: finding all of them takes longer than finding one.
const EXPLAINED_DEPTH: usize = 4;
/// Mistakes that are told of one message.
const EXPLAINED: usize = 5;
/// Steps back that matching one pattern may take.
const BACKTRACKS: usize = 10_000;
/// Largest compiled pattern, in bytes.
const PATTERN_BYTES: usize = 1024 * 1024;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The model that is wrong: the one asked for, or one that it refers to.
    pub model: String,
    /// Where in it, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong, lower case, without a full stop.
    pub problem: String,
    /// How to fix it, lower case, without a full stop.
    pub remedy: String,
}

/// The schemas of one API by the names of their models.
#[derive(Debug, Clone, Copy)]
pub struct Models<'a> {
    /// `apiId`, which is part of the address of a model.
    pub api: &'a str,
    /// The schemas.
    pub schemas: &'a BTreeMap<String, Value>,
}

/// A schema, ready to judge messages.
pub struct Schema {
    validator: Validator,
    /// Deepest message that it judges.
    message_depth: usize,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("message_depth", &self.message_depth)
            .finish_non_exhaustive()
    }
}

impl Schema {
    /// The schema of the model `name`, with those it refers to.
    ///
    /// # Errors
    /// Everything that is wrong with it and them.
    pub fn compile(name: &str, models: Models<'_>) -> Result<Self, Vec<SchemaError>> {
        let Walked { documents, chain } = walk::walk(name, models)?;
        let address = models.address(name);
        let wrong = |problem: String| vec![Problem::of(&address, "").says(&problem, models)];
        let mut errors = Vec::new();
        for (address, document) in &documents {
            let checked = jsonschema::draft4::meta::validate(document);
            errors.extend(checked.err().map(|error| {
                let pointer = error.instance_path().to_string();
                Problem::of(address, &pointer).says(&error.masked().to_string(), models)
            }));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let resources = documents.into_iter().map(|(address, document)| {
            let resource = Draft::Draft4.create_resource(document);
            (address, resource)
        });
        let registry = Registry::new()
            .extend(resources)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|error| wrong(error.to_string()))?;
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(BACKTRACKS)
            .size_limit(PATTERN_BYTES);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft4)
            .with_registry(&registry)
            .with_pattern_options(patterns)
            .offline()
            .build(&json!({ "$ref": address }))
            .map_err(|error| wrong(error.masked().to_string()))?;
        Ok(Self {
            validator,
            message_depth: (DEPTH_BUDGET / chain.max(1)).min(MESSAGE_DEPTH),
        })
    }

    /// Whether a message fits.
    pub fn accepts(&self, message: &Value) -> bool {
        is_within(message, self.message_depth) && self.validator.is_valid(message)
    }

    /// What is wrong with a message that does not fit, without repeating any of it but names.
    ///
    /// AWS: a list in brackets; its words are those of another library.
    pub fn explain(&self, message: &Value) -> String {
        if !is_within(message, self.message_depth) {
            return format!("[the message is deeper than {} levels]", self.message_depth);
        }
        if !is_within(message, EXPLAINED_DEPTH) {
            return "[the message does not fit its model]".to_owned();
        }
        let errors = self.validator.iter_errors(message).take(EXPLAINED);
        let texts: Vec<_> = errors
            .map(|error| match error.instance_path().as_str() {
                "" => error.masked_with("the message").to_string(),
                place => format!("{place}: {}", error.masked()),
            })
            .collect();
        format!("[{}]", texts.join(", "))
    }
}

impl Models<'_> {
    /// The address by which models refer to each other.
    fn address(&self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    fn prefix(&self) -> String {
        let api = self.api;
        format!("https://apigateway.amazonaws.com/restapis/{api}/models/")
    }
}

/// Whether a value has no more than so many levels.
fn is_within(value: &Value, levels: usize) -> bool {
    match (value, levels.checked_sub(1)) {
        (Value::Array(items), Some(left)) => items.iter().all(|item| is_within(item, left)),
        (Value::Object(fields), Some(left)) => fields.values().all(|field| is_within(field, left)),
        (_, left) => left.is_some(),
    }
}

#[cfg(test)]
mod tests;
