//! The condition operators: one table of their names, and the typed values each takes.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use time::format_description::well_known::Iso8601;
use time::{Date, OffsetDateTime};

use super::Facts;
use super::pattern::{Pattern, Syntax};

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text { wildcards: bool, fold_case: bool },
    Arn,
    Number(Order),
    Instant(Order),
    Bool,
    Address,
    Binary,
    Null,
}

/// How the request's value must stand to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

const fn text(wildcards: bool, fold_case: bool) -> Kind {
    Kind::Text {
        wildcards,
        fold_case,
    }
}

/// Name, kind, and whether the outcome is negated.
pub(super) const OPERATORS: &[(&str, Kind, bool)] = &[
    ("StringEquals", text(false, false), false),
    ("StringNotEquals", text(false, false), true),
    ("StringEqualsIgnoreCase", text(false, true), false),
    ("StringNotEqualsIgnoreCase", text(false, true), true),
    ("StringLike", text(true, false), false),
    ("StringNotLike", text(true, false), true),
    // AWS: "Amazon Resource Name (ARN) condition operators": Equals and Like behave identically.
    ("ArnEquals", Kind::Arn, false),
    ("ArnLike", Kind::Arn, false),
    ("ArnNotEquals", Kind::Arn, true),
    ("ArnNotLike", Kind::Arn, true),
    ("NumericEquals", Kind::Number(Order::Equal), false),
    ("NumericNotEquals", Kind::Number(Order::Equal), true),
    ("NumericLessThan", Kind::Number(Order::Less), false),
    (
        "NumericLessThanEquals",
        Kind::Number(Order::LessOrEqual),
        false,
    ),
    ("NumericGreaterThan", Kind::Number(Order::Greater), false),
    (
        "NumericGreaterThanEquals",
        Kind::Number(Order::GreaterOrEqual),
        false,
    ),
    ("DateEquals", Kind::Instant(Order::Equal), false),
    ("DateNotEquals", Kind::Instant(Order::Equal), true),
    ("DateLessThan", Kind::Instant(Order::Less), false),
    (
        "DateLessThanEquals",
        Kind::Instant(Order::LessOrEqual),
        false,
    ),
    ("DateGreaterThan", Kind::Instant(Order::Greater), false),
    (
        "DateGreaterThanEquals",
        Kind::Instant(Order::GreaterOrEqual),
        false,
    ),
    ("Bool", Kind::Bool, false),
    ("BinaryEquals", Kind::Binary, false),
    ("IpAddress", Kind::Address, false),
    ("NotIpAddress", Kind::Address, true),
    ("Null", Kind::Null, false),
];

/// One value of a condition in a policy.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Text(Pattern),
    /// The six parts of an ARN, each with its own wildcards; or a lone `*`.
    Arn(Vec<Pattern>),
    Number(Order, f64),
    Instant(Order, OffsetDateTime),
    Bool(bool),
    Address(IpNet),
    Binary(Vec<u8>),
}

impl Operand {
    /// Reads a value for an operator. The error is a sentence that says what the value should be.
    pub(super) fn parse(kind: Kind, value: &str, variables: bool) -> Result<Self, String> {
        match kind {
            Kind::Text {
                wildcards,
                fold_case,
            } => {
                let syntax = Syntax {
                    wildcards,
                    variables,
                    fold_case,
                };
                Pattern::parse(value, syntax).map(Self::Text)
            }
            Kind::Arn => arn_patterns(value, variables).map(Self::Arn),
            Kind::Number(order) => number(value)
                .map(|number| Self::Number(order, number))
                .ok_or_else(|| format!("'{value}' is not a number")),
            Kind::Instant(order) => instant(value)
                .map(|instant| Self::Instant(order, instant))
                .ok_or_else(|| {
                    format!("'{value}' is not a date such as 2026-04-14T22:16:59Z or a number of seconds since 1970")
                }),
            Kind::Bool | Kind::Null => boolean(value)
                .map(Self::Bool)
                .ok_or_else(|| format!("'{value}' is neither true nor false")),
            Kind::Address => address(value)
                .map(Self::Address)
                .ok_or_else(|| format!("'{value}' is not an address or a range such as 203.0.113.0/24")),
            Kind::Binary => STANDARD
                .decode(value)
                .map(Self::Binary)
                .map_err(|_| format!("'{value}' is not base64")),
        }
    }

    /// Its texts, as far as they may have wildcards and variables.
    pub(super) fn patterns(&self) -> &[Pattern] {
        match self {
            Self::Text(pattern) => std::slice::from_ref(pattern),
            Self::Arn(patterns) => patterns,
            Self::Number(..)
            | Self::Instant(..)
            | Self::Bool(_)
            | Self::Address(_)
            | Self::Binary(_) => &[],
        }
    }

    /// Whether a fact matches this value; `None` when the fact is not of the operator's type or a variable has no value.
    pub(super) fn matches(&self, fact: &str, facts: &Facts) -> Option<bool> {
        match self {
            Self::Text(pattern) => pattern.matches(fact, facts),
            Self::Arn(patterns) => arn_matches(patterns, fact, facts),
            Self::Number(order, own) => Some(stands(*order, number(fact)?.partial_cmp(own)?)),
            Self::Instant(order, own) => Some(stands(*order, instant(fact)?.cmp(own))),
            Self::Bool(own) => Some(boolean(fact)? == *own),
            Self::Address(own) => {
                let address: IpAddr = fact.parse().ok()?;
                // An IPv4 client of a dual-stack socket shows as ::ffff:a.b.c.d.
                Some(own.contains(&address.to_canonical()))
            }
            Self::Binary(own) => Some(STANDARD.decode(fact).ok()? == *own),
        }
    }
}

fn stands(order: Order, fact_to_own: std::cmp::Ordering) -> bool {
    match order {
        Order::Equal => fact_to_own.is_eq(),
        Order::Less => fact_to_own.is_lt(),
        Order::LessOrEqual => fact_to_own.is_le(),
        Order::Greater => fact_to_own.is_gt(),
        Order::GreaterOrEqual => fact_to_own.is_ge(),
    }
}

fn arn_patterns(value: &str, variables: bool) -> Result<Vec<Pattern>, String> {
    let syntax = Syntax {
        wildcards: true,
        variables,
        fold_case: false,
    };
    let parts = Pattern::parse(value, syntax)?.split_colons(6);
    if parts.len() == 6 || value == "*" {
        return Ok(parts);
    }
    Err(format!(
        "'{value}' is not an ARN: six parts between colons, each of which may have wildcards"
    ))
}

/// AWS: "Amazon Resource Name (ARN) condition operators": each of the six parts is checked separately.
fn arn_matches(patterns: &[Pattern], fact: &str, facts: &Facts) -> Option<bool> {
    if let [all] = patterns {
        return all.matches(fact, facts);
    }
    let parts: Vec<&str> = fact.splitn(6, ':').collect();
    if parts.len() != patterns.len() {
        return None;
    }
    let mut matched = true;
    for (pattern, part) in patterns.iter().zip(parts) {
        matched &= pattern.matches(part, facts)?;
    }
    Some(matched)
}

/// Decimal numbers only: no infinity, no words.
fn number(text: &str) -> Option<f64> {
    let decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse()
        .ok()
        .filter(|number: &f64| decimal && number.is_finite())
}

/// ISO 8601 with a zone, a day (from its first second in UTC), or seconds since 1970.
fn instant(text: &str) -> Option<OffsetDateTime> {
    if let Ok(seconds) = text.parse() {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    OffsetDateTime::parse(text, &Iso8601::DEFAULT)
        .ok()
        .or_else(|| {
            let day = Date::parse(text, &Iso8601::DEFAULT).ok()?;
            Some(day.midnight().assume_utc())
        })
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn address(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| {
        text.parse()
            .ok()
            .map(|address: IpAddr| IpNet::from(address))
    })
}
