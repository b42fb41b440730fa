//! Resources as they stand in a definition, with nothing in them that came from outside of the text.

use serde_json::{Map, Value};

use super::diagnostic::{child, item};
use super::places::Places;

/// The resources that have a form on the wire, as JSON in the form of a definition, with every default filled in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    /// APIs by id.
    pub apis: Map<String, Value>,
    /// Custom domain names.
    pub domain_names: Map<String, Value>,
    /// VPC links by id.
    pub vpc_links: Map<String, Value>,
}

impl Written {
    /// What a definition in its normal form may show.
    pub(super) fn of(normal: Option<&Value>, places: &Places) -> Self {
        let section = |name: &str| {
            let section = normal.and_then(|normal| normal.get(name));
            match section.map(|section| shown(section, name, places)) {
                Some(Value::Object(resources)) => resources,
                _ => Map::new(),
            }
        };
        Self {
            apis: section("apis"),
            domain_names: section("domainNames"),
            vpc_links: section("vpcLinks"),
        }
    }
}

pub(super) fn shown(value: &Value, path: &str, places: &Places) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let value = shown(value, &child(path, name), places);
                (name.clone(), value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let items = items.map(|(index, value)| shown(value, &item(path, index), places));
            items.collect()
        }
        scalar => match places.written(path) {
            Some(written) => written.into(),
            None => scalar.clone(),
        },
    }
}
