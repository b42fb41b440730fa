//! IAM policy documents: read once, evaluated against requests.
//!
//! Identity policies of signing callers and the policies that Lambda authorizers answer with are the same language. Who a
//! caller is, and which facts are true of a request, is decided elsewhere and handed in as [`Facts`].
//!
//! The order of evaluation is Amazon's: an explicit deny, then any allow, else an implicit deny. What cannot be decided
//! (a variable without a value, a fact that is no number) never lets a request through that was not allowed anyway.
//!
//! Invariant: a document of [`POLICY_CHARACTERS_MAX`] characters is the most there is, and matching costs at most its length
//! times that of the text matched.
//!
//! Source: IAM User Guide, "IAM JSON policy element reference" and "Policy evaluation logic".

mod condition;
mod facts;
mod operator;
mod pattern;
mod read;

use std::collections::BTreeSet;

use serde_json::Value;

pub use facts::{Facts, key};

use condition::Condition;
use pattern::Pattern;

/// Most characters a document may have, counted over its keys and texts. The largest that AWS takes anywhere is a bucket
/// policy of 20 KB (Amazon S3 User Guide, "Bucket policies").
pub const POLICY_CHARACTERS_MAX: usize = 20 * 1024;
/// Longest resource in the policy of a Lambda authorizer, in characters (API Gateway Developer Guide, "Quotas").
pub const AUTHORIZER_RESOURCE_CHARACTERS_MAX: usize = 512;

/// A policy document, understood in full.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    statements: Vec<Statement>,
    /// The condition keys that statements ask about, in lower case.
    keys: BTreeSet<String>,
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct PolicyError {
    /// Where, as a JSON pointer (RFC 6901) into the document; empty for the document itself.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// What a policy is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The action, for instance `execute-api:Invoke`.
    pub action: &'a str,
    /// The ARN of the resource.
    pub resource: &'a str,
    /// What is known about caller and request.
    pub facts: &'a Facts,
}

/// The outcome of one policy or of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows the request and none denies it.
    Allow,
    /// A statement denies the request, whatever others say.
    ExplicitDeny,
    /// No statement speaks of the request.
    ImplicitDeny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug)]
struct Statement {
    effect: Effect,
    action: Element,
    resource: Element,
    conditions: Vec<Condition>,
}

/// `Action` or `Resource`, or its `Not` form.
#[derive(Clone, Debug)]
struct Element {
    negated: bool,
    patterns: Vec<Pattern>,
}

impl Policy {
    /// Reads an identity policy.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the document; nothing in it is ignored. `Principal` is refused: it belongs to policies
    /// that are attached to resources.
    pub fn parse(document: &Value) -> Result<Self, Vec<PolicyError>> {
        read::policy(document, read::Origin::Identity)
    }

    /// Reads the `policyDocument` of a Lambda authorizer, whose resources are at most
    /// [`AUTHORIZER_RESOURCE_CHARACTERS_MAX`] long and need not look like ARNs.
    ///
    /// # Errors
    ///
    /// As [`Policy::parse`].
    pub fn parse_authorizer_result(document: &Value) -> Result<Self, Vec<PolicyError>> {
        read::policy(document, read::Origin::Authorizer)
    }

    fn of(statements: Vec<Statement>) -> Self {
        let keys = statements.iter().flat_map(Statement::keys);
        Self {
            keys: keys.map(str::to_owned).collect(),
            statements,
        }
    }

    /// Whether the policy asks about a condition key, named in any case. Facts that it does not ask about change nothing and need
    /// not be gathered.
    pub fn asks(&self, key: &str) -> bool {
        self.keys
            .iter()
            .any(|asked| asked.eq_ignore_ascii_case(key))
    }

    /// What this policy says about a request.
    pub fn evaluate(&self, request: &Request<'_>) -> Decision {
        let mut decision = Decision::ImplicitDeny;
        for statement in &self.statements {
            if !statement.applies(request) {
                continue;
            }
            match statement.effect {
                Effect::Deny => return Decision::ExplicitDeny,
                Effect::Allow => decision = Decision::Allow,
            }
        }
        decision
    }
}

/// What several policies say together: one deny denies, else one allow allows.
pub fn evaluate_all<'a>(
    policies: impl IntoIterator<Item = &'a Policy>,
    request: &Request<'_>,
) -> Decision {
    let mut decision = Decision::ImplicitDeny;
    for policy in policies {
        match policy.evaluate(request) {
            Decision::ExplicitDeny => return Decision::ExplicitDeny,
            Decision::Allow => decision = Decision::Allow,
            Decision::ImplicitDeny => {}
        }
    }
    decision
}

/// The message of `AccessDeniedException`: who may not do what; the account of the resource is masked but for four digits.
///
/// AWS: "Troubleshooting issues with API Gateway permissions".
pub fn access_denied_message(user_arn: &str, request: &Request<'_>, decision: Decision) -> String {
    let mut parts: Vec<String> = request.resource.splitn(6, ':').map(str::to_owned).collect();
    if let Some(account) = parts.get_mut(4) {
        let hidden = account.chars().count().saturating_sub(4);
        let shown: String = account.chars().skip(hidden).collect();
        *account = format!("{}{shown}", "*".repeat(hidden));
    }
    let reason = match decision {
        Decision::ExplicitDeny => " with an explicit deny",
        Decision::Allow | Decision::ImplicitDeny => "",
    };
    format!(
        "User: {user_arn} is not authorized to perform: {} on resource: {}{reason}",
        request.action,
        parts.join(":")
    )
}

impl Statement {
    fn keys(&self) -> impl Iterator<Item = &str> {
        let elements = [&self.action, &self.resource];
        let patterns = elements.into_iter().flat_map(|element| &element.patterns);
        let conditions = self.conditions.iter().flat_map(Condition::keys);
        patterns.flat_map(Pattern::keys).chain(conditions)
    }

    fn applies(&self, request: &Request<'_>) -> bool {
        self.action
            .covers(request.action, request.facts, self.effect)
            && self
                .resource
                .covers(request.resource, request.facts, self.effect)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(request.facts, self.effect))
    }
}

impl Element {
    fn covers(&self, text: &str, facts: &Facts, effect: Effect) -> bool {
        let undecided = undecided(self.negated, effect);
        let matched = self
            .patterns
            .iter()
            .any(|pattern| pattern.matches(text, facts).unwrap_or(undecided));
        matched != self.negated
    }
}

/// What a comparison that cannot be made counts as: no match, except under a negation in an allowing statement, where no
/// match would let the request through.
fn undecided(negated: bool, effect: Effect) -> bool {
    negated && effect == Effect::Allow
}

#[cfg(test)]
mod tests;
