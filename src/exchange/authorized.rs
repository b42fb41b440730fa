//! What an authorizer found out about the caller, in the form in which events and `$context` show it.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

/// The findings of one kind of authorizer.
#[derive(Debug, Clone)]
pub enum Authorized {
    /// A verified token.
    Jwt(Arc<JwtFacts>),
    /// What a Lambda function said.
    Lambda(Arc<LambdaFacts>),
    /// The owner of the key that signed the request, as `requestContext.identity` names the facts.
    Iam(Arc<Map<String, Value>>),
}

/// A verified token.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JwtFacts {
    /// Its claims, every value as text.
    pub claims: Map<String, Value>,
    /// Its scopes; `None` when the route asks for none, whatever the token has.
    pub scopes: Option<Vec<String>>,
}

/// What a Lambda authorizer said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LambdaFacts {
    /// `principalId`; functions that answer in the simple form name none.
    pub principal_id: Option<String>,
    /// `context`, as the function gave it.
    pub context: Option<Map<String, Value>>,
}

impl Authorized {
    /// `$context.authorizer.{name}`, where the authorizer itself gave it.
    pub fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Jwt(facts) => {
                let claim = name.strip_prefix("claims.")?;
                Some(text_of(facts.claims.get(claim)?))
            }
            Self::Lambda(facts) => match (name, &facts.principal_id) {
                ("principalId", Some(principal)) => Some(principal.into()),
                _ => Some(text_of(facts.context.as_ref()?.get(name)?)),
            },
            Self::Iam(_) => None,
        }
    }
}

/// AWS: values of an authorizer are strings wherever `$context` shows them.
pub(super) fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}
