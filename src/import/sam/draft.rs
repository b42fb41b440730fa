//! The definition while it is being put together; everything in it stands where it stood in the template.

use crate::definition::tree::{Entry, Node, Scalar, Value};

use super::intrinsics::entries;

const ROUTES: &str = "routes";
/// Sections of an API, in the order of a file.
const SECTIONS: [&str; 5] = [ROUTES, "integrations", "authorizers", "stages", "models"];

/// One API.
#[derive(Debug)]
pub(super) struct Api {
    /// Its logical id.
    pub(super) logical: String,
    /// Its key.
    pub(super) id: String,
    place: Node,
    members: Vec<Entry>,
    sections: [Vec<Entry>; SECTIONS.len()],
    /// Whether a document says which routes it has.
    pub(super) documented: bool,
}

impl Api {
    /// An API without anything.
    pub(super) fn new(logical: &str, id: String, at: &Node) -> Self {
        Self {
            logical: logical.to_owned(),
            id,
            place: map_at(at, Vec::new()),
            members: Vec::new(),
            sections: Default::default(),
            documented: false,
        }
    }

    /// Adds members.
    pub(super) fn extend(&mut self, members: impl IntoIterator<Item = Entry>) {
        self.members.extend(members);
    }

    /// A resource of a section, which is there then.
    pub(super) fn resource(&mut self, section: &str, key: &str, at: &Node) -> &mut Vec<Entry> {
        let index = SECTIONS.iter().position(|known| *known == section);
        let resources = &mut self.sections[index.unwrap_or_default()];
        child(resources, key, at)
    }

    /// Whether a section has the key.
    pub(super) fn has(&self, section: &str, key: &str) -> bool {
        let index = SECTIONS.iter().position(|known| *known == section);
        let resources = &self.sections[index.unwrap_or_default()];
        resources.iter().any(|entry| entry.key == key)
    }

    /// Takes over what a document says of the API and nobody else has said; gives the keys of its routes that anyone may call.
    pub(super) fn take_over(&mut self, said: &[Entry]) -> Vec<String> {
        self.documented = true;
        let mut open = Vec::new();
        for member in said {
            if !SECTIONS.contains(&member.key.as_str()) {
                if !self.members.iter().any(|known| known.key == member.key) {
                    self.members.push(member.clone());
                }
                continue;
            }
            for resource in entries(&member.value) {
                if self.has(&member.key, &resource.key) {
                    continue;
                }
                if member.key == ROUTES && resource.value.get("authorizationType").is_none() {
                    open.push(resource.key.clone());
                }
                let members = entries(&resource.value).to_vec();
                self.resource(&member.key, &resource.key, &resource.value)
                    .extend(members);
            }
        }
        open
    }

    fn finish(self) -> Entry {
        let mut members = self.members;
        for (name, resources) in SECTIONS.iter().zip(self.sections) {
            if !resources.is_empty() {
                members.push(entry(name, map_at(&self.place, resources)));
            }
        }
        entry(&self.id, map_at(&self.place, members))
    }
}

/// The whole definition.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) apis: Vec<Api>,
    pub(super) functions: Vec<Entry>,
    pub(super) domains: Vec<Entry>,
    pub(super) links: Vec<Entry>,
}

impl Draft {
    /// The API of a logical id.
    pub(super) fn api(&mut self, logical: &str) -> Option<&mut Api> {
        self.apis.iter_mut().find(|api| api.logical == logical)
    }

    /// All of it as a tree.
    pub(super) fn finish(self, root: &Node) -> Node {
        let apis = self.apis.into_iter().map(Api::finish).collect();
        let sections = [
            ("functions", self.functions),
            ("apis", apis),
            ("domainNames", self.domains),
            ("vpcLinks", self.links),
        ];
        let sections = sections.into_iter().filter(|(_, all)| !all.is_empty());
        let sections = sections.map(|(name, all)| entry(name, map_at(root, all)));
        map_at(root, sections.collect())
    }
}

/// The map under a key, which is there then.
pub(super) fn child<'e>(entries: &'e mut Vec<Entry>, key: &str, at: &Node) -> &'e mut Vec<Entry> {
    let index = match entries.iter().position(|entry| entry.key == key) {
        Some(index) => index,
        None => {
            entries.push(entry(key, map_at(at, Vec::new())));
            entries.len() - 1
        }
    };
    let value = &mut entries[index].value.value;
    if !matches!(value, Value::Mapping(_)) {
        *value = Value::Mapping(Vec::new());
    }
    match value {
        Value::Mapping(entries) => entries,
        _ => unreachable!("it is a map by now"),
    }
}

/// A key and its value, at the place of the value.
pub(super) fn entry(key: &str, value: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        place: value.place.clone(),
        value,
    }
}

/// A map at the place of something else.
pub(super) fn map_at(at: &Node, entries: Vec<Entry>) -> Node {
    Node {
        place: at.place.clone(),
        value: Value::Mapping(entries),
    }
}

/// A list of texts.
pub(super) fn texts_at(at: &Node, texts: &[&str]) -> Node {
    let items = texts
        .iter()
        .map(|text| super::intrinsics::text_at(at, *text));
    super::intrinsics::with(at, Value::Sequence(items.collect()))
}

/// What stands without quotes: a number or a boolean.
pub(super) fn plain_at(at: &Node, text: impl Into<String>) -> Node {
    let text = text.into();
    super::intrinsics::with(at, Value::Scalar(Scalar { text, plain: true }))
}
