//! What a schema consists of: finds everything that it leads to before any message does.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{Models, SchemaError};

/// Most schemas one inside the other at the same place of a message: by `$ref`, `allOf` and the like.
const CHAIN: usize = 32;
/// The draft that models are written in.
const DRAFT: &str = "http://json-schema.org/draft-04/schema";

/// What was found.
#[derive(Debug)]
pub(super) struct Walked {
    /// Every model that is needed, by its address, as it is to be used.
    pub(super) documents: BTreeMap<String, Value>,
    /// The longest way through schemas that judge the same place of a message.
    pub(super) chain: usize,
}

/// A schema: the model it is in, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Node {
    model: String,
    pointer: String,
}

/// Where another schema stands that a schema leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the same place of the message.
    Same,
    /// Further inside the message, or nowhere: it waits to be referred to.
    Elsewhere,
}

/// Something wrong at a place of a document.
pub(super) struct Problem<'a> {
    address: &'a str,
    pointer: &'a str,
}

impl<'a> Problem<'a> {
    pub(super) fn of(address: &'a str, pointer: &'a str) -> Self {
        Self { address, pointer }
    }

    pub(super) fn says(&self, problem: &str, models: Models<'_>) -> SchemaError {
        let prefix = models.prefix();
        let model = self.address.strip_prefix(&prefix).unwrap_or(self.address);
        SchemaError {
            model: model.to_owned(),
            pointer: self.pointer.to_owned(),
            problem: problem.to_owned(),
            remedy: "correct the schema".to_owned(),
        }
    }
}

/// Finds everything that the model `name` leads to.
pub(super) fn walk(name: &str, models: Models<'_>) -> Result<Walked, Vec<SchemaError>> {
    let mut walker = Walker {
        models,
        edges: HashMap::new(),
        errors: Vec::new(),
    };
    let root = Node {
        model: name.to_owned(),
        pointer: String::new(),
    };
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        if walker.edges.contains_key(&node) {
            continue;
        }
        let edges = walker.edges_of(&node);
        open.extend(edges.iter().map(|(_, node)| node.clone()));
        walker.edges.insert(node, edges);
    }
    if !walker.errors.is_empty() {
        return Err(walker.errors);
    }
    let chain = walker.longest_chain();
    match (chain, walker.errors.is_empty()) {
        (Some(chain), true) => Ok(Walked {
            documents: walker.documents(),
            chain,
        }),
        _ => Err(walker.errors),
    }
}

struct Walker<'a> {
    models: Models<'a>,
    edges: HashMap<Node, Vec<(At, Node)>>,
    errors: Vec<SchemaError>,
}

impl Walker<'_> {
    fn problem(&mut self, node: &Node, keyword: &str, problem: &str, remedy: &str) {
        let pointer = match keyword {
            "" => node.pointer.clone(),
            _ => below(&node.pointer, keyword),
        };
        self.errors.push(SchemaError {
            model: node.model.clone(),
            pointer,
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        });
    }

    /// Where a schema leads to. Whether its keywords make sense is left to the schema of schemas.
    fn edges_of(&mut self, node: &Node) -> Vec<(At, Node)> {
        let models = self.models;
        let document = models.schemas.get(&node.model);
        let schema = document.and_then(|document| document.pointer(&node.pointer));
        let Some(Value::Object(keywords)) = schema else {
            self.problem(node, "", "a schema is a map", "write a map of keywords");
            return Vec::new();
        };
        self.check_draft(node, keywords.get("$schema"));
        if let Some(reference) = keywords.get("$ref") {
            // Draft 4: whatever stands beside a reference does not count.
            return self.target(node, reference).into_iter().collect();
        }
        let mut edges = Vec::new();
        for (keyword, value) in keywords {
            let (at, many) = match keyword.as_str() {
                "not" => (At::Same, false),
                "allOf" | "anyOf" | "oneOf" | "dependencies" => (At::Same, true),
                "additionalProperties" | "additionalItems" => (At::Elsewhere, false),
                "items" => (At::Elsewhere, value.is_array()),
                "properties" | "patternProperties" | "definitions" => (At::Elsewhere, true),
                _ => continue,
            };
            let base = below(&node.pointer, keyword);
            edges.extend(inside(value, many, &base).map(|pointer| {
                let model = node.model.clone();
                (at, Node { model, pointer })
            }));
        }
        edges
    }

    fn check_draft(&mut self, node: &Node, draft: Option<&Value>) {
        let known = |draft: &Value| {
            let draft = draft.as_str().unwrap_or_default();
            draft.trim_end_matches('#') == DRAFT
        };
        if node.pointer.is_empty() && !draft.is_none_or(known) {
            let remedy = format!("write `{DRAFT}#`, or leave it out");
            self.problem(node, "$schema", "models are written in draft 4", &remedy);
        }
    }

    /// What a reference leads to.
    fn target(&mut self, node: &Node, reference: &Value) -> Option<(At, Node)> {
        let reference = reference.as_str().unwrap_or_default();
        let prefix = self.models.prefix();
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let model = match address {
            "" => Some(node.model.as_str()),
            _ => address.strip_prefix(&prefix),
        };
        let fragment: Cow<'_, str> = percent_decode_str(fragment).decode_utf8_lossy();
        let is_pointer = fragment.is_empty() || fragment.starts_with('/');
        let (Some(model), true) = (model, is_pointer && !reference.is_empty()) else {
            let remedy = format!("write `#/definitions/NAME` or `{prefix}NAME`");
            let problem = "leads out of the models of this API";
            self.problem(node, "$ref", problem, &remedy);
            return None;
        };
        let Some(document) = self.models.schemas.get(model) else {
            let problem = "there is no such model";
            self.problem(node, "$ref", problem, "name a model of this API");
            return None;
        };
        if document.pointer(&fragment).is_none() {
            let remedy = "correct what stands behind the `#`";
            self.problem(node, "$ref", "leads to nothing", remedy);
            return None;
        }
        let node = Node {
            model: model.to_owned(),
            pointer: fragment.into_owned(),
        };
        Some((At::Same, node))
    }

    /// The longest way through schemas at one place of a message; `None` when one has no end, or none that is allowed.
    fn longest_chain(&mut self) -> Option<usize> {
        let mut nodes: Vec<_> = self.edges.keys().cloned().collect();
        nodes.sort_unstable();
        let mut known = HashMap::new();
        let mut longest = 0;
        for node in nodes {
            match self.chain_from(&node, &mut known, CHAIN) {
                Some(length) => longest = longest.max(length),
                None => {
                    let problem = "leads back to itself at the same place of a message, or through too many schemas";
                    let remedy = format!("keep {CHAIN} schemas one inside the other at most");
                    self.problem(&node, "", problem, &remedy);
                    return None;
                }
            }
        }
        Some(longest)
    }

    fn chain_from<'n>(
        &'n self,
        node: &'n Node,
        known: &mut HashMap<Node, usize>,
        left: usize,
    ) -> Option<usize> {
        if let Some(length) = known.get(node) {
            return (*length <= left).then_some(*length);
        }
        let left = left.checked_sub(1)?;
        let mut longest = 0;
        let edges = self.edges.get(node).into_iter().flatten();
        for (_, next) in edges.filter(|(at, _)| *at == At::Same) {
            longest = longest.max(self.chain_from(next, known, left)?);
        }
        known.insert(node.clone(), longest + 1);
        Some(longest + 1)
    }

    /// The documents that were met, without the names that schemas give themselves: Amazon does not follow those.
    fn documents(&self) -> BTreeMap<String, Value> {
        let mut documents = BTreeMap::new();
        let met: HashSet<_> = self.edges.keys().map(|node| &node.model).collect();
        for model in met {
            let document = self.models.schemas.get(model).cloned();
            documents.insert(self.models.address(model), document.unwrap_or_default());
        }
        for node in self.edges.keys() {
            let document = documents.get_mut(&self.models.address(&node.model));
            let schema = document.and_then(|document| document.pointer_mut(&node.pointer));
            if let Some(Value::Object(keywords)) = schema {
                keywords.remove("id");
                keywords.remove("$schema");
            }
        }
        documents
    }
}

/// The pointers to the schemas in a keyword's value: to the value itself, or to each thing in it that can be a schema.
fn inside(value: &Value, many: bool, base: &str) -> impl Iterator<Item = String> {
    let mut pointers = Vec::new();
    match value {
        Value::Object(entries) if many => {
            let schemas = entries.iter().filter(|(_, value)| value.is_object());
            pointers.extend(schemas.map(|(name, _)| below(base, name)));
        }
        Value::Array(items) if many => {
            pointers.extend((0..items.len()).map(|index| below(base, &index.to_string())));
        }
        Value::Object(_) => pointers.push(base.to_owned()),
        _ => {}
    }
    pointers.into_iter()
}

/// A pointer to something inside (RFC 6901).
fn below(pointer: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{name}")
}
