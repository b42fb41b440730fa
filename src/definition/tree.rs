//! YAML 1.2 or JSON text to a tree in which everything knows its place.
//!
//! Scalars stay text here: what a scalar means is for the field it stands in to say, so `404`, `007` and `yes` lose
//! nothing. Every dimension is bounded: size, depth, and what aliases expand to.

mod node;

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::diagnostic::{Origin, Place, Report, child};
use super::syntax;
pub(crate) use node::{Entry, Node, Scalar, Value};

/// Largest text that is parsed, in bytes.
pub(super) const TEXT_BYTES: usize = 4 * 1024 * 1024;
/// Deepest nesting of maps and lists, aliases expanded.
pub(super) const DEPTH: usize = 64;
/// Values in one text, aliases expanded.
pub(super) const NODES: usize = 1_000_000;
/// Bytes that aliases may repeat in one text.
const REPEATED_BYTES: usize = 16 * 1024 * 1024;

/// Parses one text; `None` when it cannot be read at all, with the reason in the report.
///
/// A text without content is an empty map.
pub(super) fn parse(text: &str, origin: &Arc<Origin>, report: &mut Report) -> Option<Node> {
    parse_with(text, origin, Tags::Refused, report)
}

/// The same, with a say in what `!` means.
pub(crate) fn parse_with(
    text: &str,
    origin: &Arc<Origin>,
    tags: Tags,
    report: &mut Report,
) -> Option<Node> {
    if text.len() > TEXT_BYTES {
        let whole = Place::whole(origin.clone());
        let what = format!("is larger than {TEXT_BYTES} bytes");
        report.add(Some(&whole), "", what, "split it with `include`");
        return None;
    }
    parse_tagged(text, origin, tags, report)
}

/// The same for a text whose size somebody else has bounded.
pub(super) fn parse_any(text: &str, origin: &Arc<Origin>, report: &mut Report) -> Option<Node> {
    parse_tagged(text, origin, Tags::Refused, report)
}

fn parse_tagged(text: &str, origin: &Arc<Origin>, tags: Tags, report: &mut Report) -> Option<Node> {
    let whole = Place::whole(origin.clone());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = syntax::join_surrogates(text);
    let mut builder = Builder::new(origin, tags, report);
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

/// What `!` before a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tags {
    /// Nothing that is known here.
    Refused,
    /// A function of CloudFormation: `!Sub x` is `{ Fn::Sub: x }`.
    Functions,
}

/// Functions of CloudFormation whose long names have nothing before them.
const BARE: [&str; 2] = ["Ref", "Condition"];

/// The text cannot be read any further; the report says why.
struct Stop;

/// A list or map whose end has not come yet.
struct Open {
    place: Place,
    anchor: usize,
    /// The function that it is the argument of.
    function: Option<String>,
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
    tags: Tags,
    report: &'a mut Report,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    root: Option<Node>,
    nodes: usize,
    repeated_bytes: usize,
}

impl<'a> Builder<'a> {
    fn new(origin: &'a Arc<Origin>, tags: Tags, report: &'a mut Report) -> Self {
        Self {
            origin,
            tags,
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
                let function = self.function(tag.as_deref());
                let quoted = match function {
                    Some(_) => false,
                    None => self.check_tag(tag.as_deref(), &place)?,
                };
                let scalar = Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain && !quoted,
                };
                self.scalar(scalar, place, anchor, function)
            }
            Event::SequenceStart(anchor, tag) => {
                let function = self.function(tag.as_deref());
                if function.is_none() {
                    self.check_tag(tag.as_deref(), &place)?;
                }
                self.begin(Content::Sequence(Vec::new()), place, anchor, function)
            }
            Event::MappingStart(anchor, tag) => {
                let function = self.function(tag.as_deref());
                if function.is_none() {
                    self.check_tag(tag.as_deref(), &place)?;
                }
                let content = Content::Mapping {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    slot: Slot::Key,
                };
                self.begin(content, place, anchor, function)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    /// The long name of the function that a tag stands for.
    fn function(&self, tag: Option<&Tag>) -> Option<String> {
        let tag = tag.filter(|tag| self.tags == Tags::Functions && !tag.is_yaml_core_schema())?;
        let name = tag.suffix.as_str();
        Some(match BARE.contains(&name) {
            true => name.to_owned(),
            false => format!("Fn::{name}"),
        })
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

    fn scalar(
        &mut self,
        scalar: Scalar,
        place: Place,
        anchor: usize,
        function: Option<String>,
    ) -> Result<(), Stop> {
        let bytes = scalar.text.len();
        let node = Node {
            place,
            value: Value::Scalar(scalar),
        };
        let built = Built {
            height: usize::from(function.is_some()),
            node: argument_of(function, node),
            weight: Weight { nodes: 1, bytes },
        };
        self.count(1, &built.node.place)?;
        self.finish(built, anchor)
    }

    fn begin(
        &mut self,
        content: Content,
        place: Place,
        anchor: usize,
        function: Option<String>,
    ) -> Result<(), Stop> {
        self.count(1, &place)?;
        if self.open.len() == DEPTH {
            let what = format!("is nested deeper than {DEPTH} levels");
            return self.stop(&place, what, "flatten it");
        }
        self.open.push(Open {
            place,
            anchor,
            function,
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
        let node = Node {
            place: open.place,
            value,
        };
        let built = Built {
            height: open.height + 1 + usize::from(open.function.is_some()),
            node: argument_of(open.function, node),
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

/// A value, in the long form of the function that it is the argument of.
fn argument_of(function: Option<String>, node: Node) -> Node {
    let Some(key) = function else {
        return node;
    };
    let place = node.place.clone();
    let entry = Entry {
        key,
        place: place.clone(),
        value: node,
    };
    Node {
        place,
        value: Value::Mapping(vec![entry]),
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
