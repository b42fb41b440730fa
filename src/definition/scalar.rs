//! What a scalar means, once the field it stands in is known.

use std::time::Duration;

use serde_json::{Number, Value as Json, json};

use super::shape::Shape;
use super::walk::Resolved;
use crate::lang::duration;

/// A scalar as the shape has it, or what is wrong with it. Texts are the walker's business.
pub(super) fn typed(shape: &Shape, scalar: &Resolved) -> Result<Json, String> {
    let text = scalar.text.as_str();
    match shape {
        Shape::Choice(choices) => choices
            .iter()
            .any(|choice| choice.word == text)
            .then(|| Json::from(text))
            .ok_or_else(|| "is not one of the words known here".to_owned()),
        _ if !scalar.plain && !matches!(shape, Shape::Duration { .. }) => {
            Err("is text, because it is quoted".to_owned())
        }
        Shape::Boolean => boolean(text)
            .map(Json::from)
            .ok_or_else(|| "is not a boolean".to_owned()),
        Shape::Integer { min, max } => {
            let value = integer(text).ok_or_else(|| "is not a whole number".to_owned())?;
            in_range(value, *min, *max).map(Json::from)
        }
        Shape::Number { min, max } => {
            let value = number(text).ok_or_else(|| "is not a number".to_owned())?;
            let value = in_range(value, *min, *max)?;
            Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
        }
        Shape::Duration { min_ms, max_ms } => {
            let value = duration::parse(text).map_err(|_| "is not a duration".to_owned())?;
            let (min, max) = (
                Duration::from_millis(*min_ms),
                Duration::from_millis(*max_ms),
            );
            let value = in_range(value, min, max)?;
            Ok(json!({ "secs": value.as_secs(), "nanos": value.subsec_nanos() }))
        }
        _ => Err("is a single value".to_owned()),
    }
}

fn in_range<T: PartialOrd>(value: T, min: T, max: T) -> Result<T, String> {
    if value < min || value > max {
        return Err("is out of range".to_owned());
    }
    Ok(value)
}

/// A scalar as YAML 1.2's core schema has it (section 10.3.2), where no field says more.
pub(super) fn core(text: &str, plain: bool) -> Json {
    if !plain {
        return Json::from(text);
    }
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Json::Null;
    }
    if let Some(value) = boolean(text) {
        return Json::Bool(value);
    }
    if let Ok(value) = text.parse::<i64>() {
        return Json::from(value);
    }
    number(text)
        .and_then(Number::from_f64)
        .map_or_else(|| Json::from(text), Json::Number)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    whole.then(|| text.parse().ok()).flatten()
}

fn number(text: &str) -> Option<f64> {
    let shaped = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let value: f64 = shaped.then(|| text.parse().ok()).flatten()?;
    value.is_finite().then_some(value)
}

/// What a shape is, to a person: completes "write …" and "expected …".
pub(super) fn describe(shape: &Shape) -> String {
    match shape {
        Shape::Text(rule) => {
            let says = rule.form.says();
            match (rule.min, rule.max) {
                (0, usize::MAX) => says.to_owned(),
                (1, usize::MAX) => format!("{says}, not empty"),
                (min, max) if min == max => says.to_owned(),
                (min, max) => format!("{says}, {min} to {max} characters"),
            }
        }
        Shape::Choice(choices) => {
            let words: Vec<_> = choices
                .iter()
                .filter(|choice| choice.refused.is_none())
                .map(|choice| format!("`{}`", choice.word))
                .collect();
            words.join(" or ")
        }
        Shape::Only { accepted, .. } => {
            let words: Vec<_> = accepted.iter().map(|word| format!("`{word}`")).collect();
            words.join(" or ")
        }
        Shape::Integer { min, max: i64::MAX } => format!("a whole number from {min}"),
        Shape::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Shape::Number { min, max } => format!("a number from {min} to {max}"),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Duration { min_ms, max_ms } => format!(
            "a duration from {} to {}, such as 500ms, 10s, 10m or 2h",
            duration::print(Duration::from_millis(*min_ms)),
            duration::print(Duration::from_millis(*max_ms))
        ),
        Shape::Or(words, inner) => {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or {}", words.join(" or "), describe(inner))
        }
        Shape::List { item, or_one, .. } => {
            let one = if *or_one { " or a list of such" } else { "" };
            match or_one {
                true => format!("{}{one}", describe(item)),
                false => format!("a list of: {}", describe(item)),
            }
        }
        Shape::Map { .. } => "a map".to_owned(),
        Shape::Object(object) => {
            let names: Vec<_> = object.fields.iter().map(|field| field.name).collect();
            format!("a map with {}", names.join(", "))
        }
        Shape::Document => "a map".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema_types_what_no_field_does() {
        let check = |text, plain, expected: Json| assert_eq!(core(text, plain), expected, "{text}");
        check("", true, Json::Null);
        check("~", true, Json::Null);
        check("null", false, json!("null"));
        check("true", true, json!(true));
        check("yes", true, json!("yes"));
        check("12", true, json!(12));
        check("-12", true, json!(-12));
        check("12", false, json!("12"));
        check("1.5", true, json!(1.5));
        check("2012-10-17", true, json!("2012-10-17"));
        check("1e999", true, json!("1e999"));
        check("nan", true, json!("nan"));
        check("*", true, json!("*"));
    }
}
