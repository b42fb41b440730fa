//! One condition: an operator, a key, and the values it is held against.

use super::operator::{Kind, OPERATORS, Operand};
use super::pattern::Pattern;
use super::{Effect, Facts, undecided};

/// How a key with several values is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// No prefix: meant for keys with one value.
    One,
    /// `ForAnyValue:`.
    Any,
    /// `ForAllValues:`.
    All,
}

/// An operator's name taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operator {
    pub(super) kind: Kind,
    negated: bool,
    quantifier: Quantifier,
    if_exists: bool,
}

impl Operator {
    /// Reads a name such as `ForAnyValue:StringLikeIfExists`; `None` when there is no such operator.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(_) => return None,
            None => (Quantifier::One, name),
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (_, kind, negated) = OPERATORS.iter().find(|(own, ..)| *own == base)?;
        // Null asks about existence itself.
        if *kind == Kind::Null && (if_exists || quantifier != Quantifier::One) {
            return None;
        }
        Some(Self {
            kind: *kind,
            negated: *negated,
            quantifier,
            if_exists,
        })
    }
}

/// A condition of a statement; the values are alternatives.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) operator: Operator,
    /// In lower case.
    pub(super) key: String,
    pub(super) operands: Vec<Operand>,
}

impl Condition {
    /// The condition keys that decide whether it holds, in lower case.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let patterns = self.operands.iter().flat_map(Operand::patterns);
        patterns.flat_map(Pattern::keys).chain([self.key.as_str()])
    }

    /// Whether the condition holds in a statement of this effect.
    pub(super) fn holds(&self, facts: &Facts, effect: Effect) -> bool {
        let values = facts.values(&self.key);
        let operator = &self.operator;
        if operator.kind == Kind::Null {
            let absent = values.is_empty();
            return self
                .operands
                .iter()
                .any(|operand| matches!(operand, Operand::Bool(own) if *own == absent));
        }
        if values.is_empty() {
            return self.holds_without_key();
        }
        let mut outcomes = values
            .iter()
            .map(|value| self.matches(value, facts, effect) != operator.negated);
        match operator.quantifier {
            Quantifier::Any => outcomes.any(|outcome| outcome),
            Quantifier::All => outcomes.all(|outcome| outcome),
            // Several values under an operator for one: a match with any of them is a match.
            Quantifier::One if operator.negated => outcomes.all(|outcome| outcome),
            Quantifier::One => outcomes.any(|outcome| outcome),
        }
    }

    /// AWS: "IAM JSON policy elements: Condition operators": what a missing key means.
    fn holds_without_key(&self) -> bool {
        let operator = &self.operator;
        operator.if_exists
            || match operator.quantifier {
                Quantifier::Any => false,
                Quantifier::All => true,
                Quantifier::One => operator.negated,
            }
    }

    fn matches(&self, value: &str, facts: &Facts, effect: Effect) -> bool {
        let undecided = undecided(self.operator.negated, effect);
        self.operands
            .iter()
            .any(|operand| operand.matches(value, facts).unwrap_or(undecided))
    }
}
