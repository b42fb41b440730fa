//! Models, and which of them a route's messages must fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lang::json_schema::Schema;
use crate::lang::selection::SelectionExpression;

/// The key of the model for messages that no other key is for.
pub const DEFAULT: &str = "$default";

/// One model.
#[derive(Debug)]
pub struct Model {
    /// Its name: the key in the definition file.
    pub name: Arc<str>,
    /// What fits it; `None` when its schema makes no sense and `disableSchemaValidation` kept that from being said.
    pub schema: Option<Schema>,
}

/// How the messages of a route are checked.
#[derive(Debug)]
pub struct Validation {
    /// Gives the key of a message's model.
    pub selection: SelectionExpression,
    /// `requestModels`: models by key.
    pub models: BTreeMap<Box<str>, Arc<Model>>,
}

impl Validation {
    /// The model for a key.
    pub fn model(&self, key: &str) -> Option<&Arc<Model>> {
        self.models.get(key).or_else(|| self.models.get(DEFAULT))
    }
}
