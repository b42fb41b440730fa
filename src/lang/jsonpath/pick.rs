//! One value out of a JSON text without building the document.
//!
//! The whole text is still checked exactly as if it were built: RFC 8259 syntax, a depth of 128, numbers that fit, strings
//! that are Unicode. `serde::de::IgnoredAny` checks neither depth nor strings nor numbers and is therefore not used.
//! Of duplicate keys the last one counts, as in a built document.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use thiserror::Error;

use super::{JsonPath, Route, Step, stringify};

/// The text is not JSON: not RFC 8259, deeper than 128, or with a number that no double holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the text is not JSON")]
pub struct NotJson;

/// Checks that `text` is one JSON document.
///
/// # Errors
/// [`NotJson`] when it is not.
pub fn validate(text: &str) -> Result<(), NotJson> {
    read(text, Skip)
}

impl JsonPath {
    /// What the path finds in `text`, as text by the rules of [`stringify()`]; `None` when it finds nothing. Allocates only
    /// for strings with escapes, for arrays and for objects, if the path has names and indexes from the start only.
    ///
    /// # Errors
    /// [`NotJson`] when `text` as a whole is not JSON.
    pub fn pick<'t>(&self, text: &'t str) -> Result<Option<Cow<'t, str>>, NotJson> {
        match &self.route {
            Route::Definite(steps) if !steps.iter().any(Step::is_from_end) => {
                read(text, Pick { steps })
            }
            _ => {
                let root: Value = serde_json::from_str(text).map_err(|_| NotJson)?;
                let found = self.find(&root).and_then(|found| found.text());
                Ok(found.map(|text| Cow::Owned(text.into_owned())))
            }
        }
    }
}

impl Step {
    fn is_from_end(&self) -> bool {
        matches!(self, Self::Index(index) if *index < 0)
    }

    fn is_index(&self, position: usize) -> bool {
        matches!(self, Self::Index(index) if usize::try_from(*index) == Ok(position))
    }
}

fn read<'t, S: DeserializeSeed<'t>>(text: &'t str, seed: S) -> Result<S::Value, NotJson> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer).map_err(|_| NotJson)?;
    deserializer.end().map_err(|_| NotJson)?;
    Ok(value)
}

/// Reads a value and keeps nothing.
struct Skip;

impl<'de> DeserializeSeed<'de> for Skip {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Skip)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key_seed(Skip)?.is_some() {
            members.next_value_seed(Skip)?;
        }
        Ok(())
    }
}

/// Reads a key and tells whether it is the one.
struct KeyIs<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for KeyIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// Reads a value and keeps what the steps lead to.
struct Pick<'p> {
    steps: &'p [Step],
}

impl Pick<'_> {
    /// A scalar: found at the end of the steps, nothing before.
    fn scalar<'t>(&self, text: impl FnOnce() -> Cow<'t, str>) -> Option<Cow<'t, str>> {
        self.steps.is_empty().then(text)
    }
}

impl<'de> DeserializeSeed<'de> for Pick<'_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.scalar(|| Cow::Borrowed("")))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.scalar(|| Cow::Borrowed(if value { "true" } else { "false" })))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.scalar(|| Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.scalar(|| Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        // Printed as a built document would print it; what is not finite never leaves the parser.
        Ok(self.scalar(|| match Number::from_f64(value) {
            Some(number) => Cow::Owned(number.to_string()),
            None => Cow::Borrowed(""),
        }))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(self.scalar(|| Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.scalar(|| Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let Some((step, rest)) = self.steps.split_first() else {
            let value = Value::deserialize(SeqAccessDeserializer::new(elements))?;
            return Ok(owned_text(&value));
        };
        let mut found = None;
        for position in 0usize.. {
            if step.is_index(position) {
                match elements.next_element_seed(Pick { steps: rest })? {
                    Some(element) => found = element,
                    None => break,
                }
            } else if elements.next_element_seed(Skip)?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let Some((step, rest)) = self.steps.split_first() else {
            let value = Value::deserialize(MapAccessDeserializer::new(members))?;
            return Ok(owned_text(&value));
        };
        let Step::Name(name) = step else {
            Skip.visit_map(members)?;
            return Ok(None);
        };
        let mut found = None;
        while let Some(is_it) = members.next_key_seed(KeyIs(name))? {
            if is_it {
                found = members.next_value_seed(Pick { steps: rest })?;
            } else {
                members.next_value_seed(Skip)?;
            }
        }
        Ok(found)
    }
}

fn owned_text(value: &Value) -> Option<Cow<'static, str>> {
    stringify(value).map(|text| Cow::Owned(text.into_owned()))
}
