//! YAML 1.2 or JSON text to a tree in which everything knows its place.
//!
//! Scalars stay text here: what a scalar means is for the field it stands in to say, so `404`, `007` and `yes` lose
//! nothing. Every dimension is bounded: size, depth, and what aliases expand to.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::diagnostic::{Origin, Place, Report, child};
use super::syntax;

/// Largest text that is parsed, in bytes.
pub(super) const TEXT_BYTES: usize = 4 * 1024 * 1024;
/// Deepest nesting of maps and lists, aliases expanded.
pub(super) const DEPTH: usize = 64;
/// Values in one text, aliases expanded.
pub(super) const NODES: usize = 1_000_000;
/// Bytes that aliases may repeat in one text.
const REPEATED_BYTES: usize = 16 * 1024 * 1024;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Where the value begins.
    pub(super) place: Place,
    /// The value.
    pub(super) value: Value,
}

/// The three kinds of value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text, number, boolean or null: not yet told apart.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A map, in the order of the text; no key occurs twice.
    Mapping(Vec<Entry>),
}

/// One scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    /// The text, without quotes and with escapes resolved.
    pub(super) text: String,
    /// Whether it stood without quotes.
    pub(super) plain: bool,
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key begins.
    pub(super) place: Place,
    /// The value.
    pub(super) value: Node,
}

impl Node {
    /// A value that did not come from a text; all of it stands at `place`.
    pub(super) fn of(value: &serde_json::Value, place: &Place) -> Self {
        let scalar = |text: &str, plain| {
            Value::Scalar(Scalar {
                text: text.to_owned(),
                plain,
            })
        };
        let value = match value {
            serde_json::Value::Null => scalar("null", true),
            serde_json::Value::Bool(value) => scalar(&value.to_string(), true),
            serde_json::Value::Number(number) => scalar(&number.to_string(), true),
            serde_json::Value::String(text) => scalar(text, false),
            serde_json::Value::Array(items) => {
                Value::Sequence(items.iter().map(|item| Self::of(item, place)).collect())
            }
            serde_json::Value::Object(fields) => {
                let entries = fields.iter().map(|(key, value)| Entry {
                    key: key.clone(),
                    place: place.clone(),
                    value: Self::of(value, place),
                });
                Value::Mapping(entries.collect())
            }
        };
        Self {
            place: place.clone(),
            value,
        }
    }

    /// The value under `key`, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Mapping(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    /// Whether this is YAML's null: nothing, `~` or `null`, without quotes.
    pub(super) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => {
                scalar.plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::Sequence(_) | Value::Mapping(_) => false,
        }
    }
}

/// Parses one text; `None` when it cannot be read at all, with the reason in the report.
///
/// A text without content is an empty map.
pub(super) fn parse(text: &str, origin: &Arc<Origin>, report: &mut Report) -> Option<Node> {
    if text.len() > TEXT_BYTES {
        let whole = Place::whole(origin.clone());
        let what = format!("is larger than {TEXT_BYTES} bytes");
        report.add(Some(&whole), "", what, "split it with `include`");
        return None;
    }
    parse_any(text, origin, report)
}

/// The same for a text whose size somebody else has bounded.
pub(super) fn parse_any(text: &str, origin: &Arc<Origin>, report: &mut Report) -> Option<Node> {
    let whole = Place::whole(origin.clone());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = syntax::join_surrogates(text);
    let mut builder = Builder::new(origin, report);
    for event in Parser::new_from_str(&text).keep_tags(true) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, span.start),
            Err(error) => {
                builder.refuse_syntax(&text, &error);
                Err(Stop)
            }
        };
        if taken.is_err() {
            return None;
        }
    }
    let empty = Value::Mapping(Vec::new());
    Some(builder.root.unwrap_or(Node {
        place: whole,
        value: empty,
    }))
}

/// The text cannot be read any further; the report says why.
struct Stop;

/// A list or map whose end has not come yet.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
    /// Deepest nesting below.
    height: usize,
    /// Values and bytes below, aliases expanded.
    weight: Weight,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        seen: HashMap<String, usize>,
        slot: Slot,
    },
}

/// What the next value of a map is.
enum Slot {
    Key,
    Value(String, Place),
    /// The value of a key that was refused.
    Discard,
}

#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// A finished value with its measures.
#[derive(Clone)]
struct Built {
    node: Node,
    height: usize,
    weight: Weight,
}

struct Builder<'a> {
    origin: &'a Arc<Origin>,
    report: &'a mut Report,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    root: Option<Node>,
    nodes: usize,
    repeated_bytes: usize,
}

impl<'a> Builder<'a> {
    fn new(origin: &'a Arc<Origin>, report: &'a mut Report) -> Self {
        Self {
            origin,
            report,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            nodes: 0,
            repeated_bytes: 0,
        }
    }

    fn place(&self, mark: Marker) -> Place {
        Place {
            origin: self.origin.clone(),
            line: mark.line(),
            column: mark.col() + 1,
        }
    }

    fn stop(&mut self, place: &Place, what: impl Into<String>, remedy: &str) -> Result<(), Stop> {
        self.report.add(Some(place), "", what, remedy);
        Err(Stop)
    }

    fn refuse_syntax(&mut self, text: &str, error: &ScanError) {
        let place = self.place(*error.marker());
        let (what, remedy) = syntax::explain(text, error);
        self.report.add(Some(&place), "", what, remedy);
    }

    fn take(&mut self, event: Event<'_>, mark: Marker) -> Result<(), Stop> {
        let place = self.place(mark);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => self.stop(
                &place,
                "a second document begins here",
                "keep one document in a file and use `include`",
            ),
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => self.repeat(anchor, &place),
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = self.check_tag(tag.as_deref(), &place)?;
                let scalar = Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain && !quoted,
                };
                self.scalar(scalar, place, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &place)?;
                self.begin(Content::Sequence(Vec::new()), place, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &place)?;
                let content = Content::Mapping {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    slot: Slot::Key,
                };
                self.begin(content, place, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    /// Whether the tag says that a scalar is text.
    fn check_tag(&mut self, tag: Option<&Tag>, place: &Place) -> Result<bool, Stop> {
        match tag {
            None => Ok(false),
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(true),
            Some(_) => {
                let what = "`!` begins a YAML tag, which definitions do not use";
                self.stop(place, what, "remove the tag, or quote this")?;
                Ok(false)
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar, place: Place, anchor: usize) -> Result<(), Stop> {
        let bytes = scalar.text.len();
        let built = Built {
            node: Node {
                place,
                value: Value::Scalar(scalar),
            },
            height: 0,
            weight: Weight { nodes: 1, bytes },
        };
        self.count(1, &built.node.place)?;
        self.finish(built, anchor)
    }

    fn begin(&mut self, content: Content, place: Place, anchor: usize) -> Result<(), Stop> {
        self.count(1, &place)?;
        if self.open.len() == DEPTH {
            let what = format!("is nested deeper than {DEPTH} levels");
            return self.stop(&place, what, "flatten it");
        }
        self.open.push(Open {
            place,
            anchor,
            content,
            height: 0,
            weight: Weight { nodes: 1, bytes: 0 },
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { entries, .. } => Value::Mapping(entries),
        };
        let built = Built {
            node: Node {
                place: open.place,
                value,
            },
            height: open.height + 1,
            weight: open.weight,
        };
        self.finish(built, open.anchor)
    }

    fn repeat(&mut self, anchor: usize, place: &Place) -> Result<(), Stop> {
        let Some(built) = self.anchors.get(&anchor) else {
            let what = "this alias stands inside the value it repeats";
            return self.stop(place, what, "write the value out");
        };
        let (weight, height) = (built.weight, built.height);
        self.copy(weight, place)?;
        if self.open.len() + height > DEPTH {
            let what = format!("is nested deeper than {DEPTH} levels");
            return self.stop(place, what, "flatten it");
        }
        let built = built_at(self.anchors.get(&anchor), place);
        built.map_or(Ok(()), |built| self.attach(built))
    }

    fn count(&mut self, nodes: usize, place: &Place) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > NODES {
            let what = format!("there are more than {NODES} values, aliases expanded");
            return self.stop(place, what, "repeat less, or split it with `include`");
        }
        Ok(())
    }

    /// Pays for a copy: of an anchored value when it is kept, and each time it is repeated.
    fn copy(&mut self, weight: Weight, place: &Place) -> Result<(), Stop> {
        self.count(weight.nodes, place)?;
        self.repeated_bytes = self.repeated_bytes.saturating_add(weight.bytes);
        if self.repeated_bytes > REPEATED_BYTES {
            let what = format!("aliases repeat more than {REPEATED_BYTES} bytes");
            return self.stop(place, what, "repeat less");
        }
        Ok(())
    }

    fn finish(&mut self, built: Built, anchor: usize) -> Result<(), Stop> {
        if anchor > 0 {
            self.copy(built.weight, &built.node.place)?;
            self.anchors.insert(anchor, built.clone());
        }
        self.attach(built)
    }

    fn attach(&mut self, built: Built) -> Result<(), Stop> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(built.node);
            return Ok(());
        };
        open.height = open.height.max(built.height);
        open.weight.add(built.weight);
        match &mut open.content {
            Content::Sequence(items) => items.push(built.node),
            Content::Mapping {
                entries,
                seen,
                slot,
            } => match std::mem::replace(slot, Slot::Key) {
                Slot::Key => *slot = key_of(built.node, entries, seen, self.report),
                Slot::Value(key, place) => {
                    seen.insert(key.clone(), entries.len());
                    entries.push(Entry {
                        key,
                        place,
                        value: built.node,
                    });
                }
                Slot::Discard => {}
            },
        }
        Ok(())
    }
}

/// A copy of an anchored value that stands where the alias stands.
fn built_at(built: Option<&Built>, place: &Place) -> Option<Built> {
    let mut built = built?.clone();
    built.node.place = place.clone();
    Some(built)
}

fn key_of(
    node: Node,
    entries: &[Entry],
    seen: &HashMap<String, usize>,
    report: &mut Report,
) -> Slot {
    let Value::Scalar(scalar) = node.value else {
        let what = "a key is text, not a map or a list";
        report.add(Some(&node.place), "", what, "quote this");
        return Slot::Discard;
    };
    let first = seen
        .get(&scalar.text)
        .and_then(|position| entries.get(*position));
    if let Some(first) = first {
        let what = format!("this key stands here twice, first at {}", first.place);
        let path = child("", &scalar.text);
        report.add(Some(&node.place), path, what, "keep one of them");
        return Slot::Discard;
    }
    Slot::Value(scalar.text, node.place)
}

#[cfg(test)]
mod tests;
