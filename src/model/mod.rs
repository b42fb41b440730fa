//! What the wire says: shapes without behaviour.
//!
//! [`v2`] has the resources of the API Gateway V2 API with Amazon's field names, [`v1`] those of the older API that have no
//! newer form; [`definition`] has what stands around them in a definition file. Names that refer to other things are still
//! text here; [`crate::plan`] resolves them.

pub mod definition;
pub mod v1;
pub mod v2;

use std::fmt;

use serde::Deserialize;

/// A bound that can be lifted with the word `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Limit<T> {
    /// The word `off`.
    Off(Off),
    /// The bound.
    At(T),
}

/// The word `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Off {
    /// The word `off`.
    Off,
}

impl<T> Limit<T> {
    /// The bound, or nothing when it is lifted.
    pub fn bound(self) -> Option<T> {
        match self {
            Self::Off(Off::Off) => None,
            Self::At(value) => Some(value),
        }
    }
}

/// Text that no log and no message shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The text itself, for the one place that uses it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_bound_or_off() {
        let read = |text| {
            serde_json::from_str::<Limit<u32>>(text)
                .ok()
                .map(Limit::bound)
        };
        assert_eq!(read("5"), Some(Some(5)));
        assert_eq!(read("\"off\""), Some(None));
        assert_eq!(read("\"on\""), None);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("s3cr3t");
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(secret.reveal(), "s3cr3t");
    }
}
