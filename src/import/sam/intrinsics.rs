//! The functions of CloudFormation, as far as they can be worked out from a template alone.
//!
//! A reference to a resource becomes a mark in the text around it: what the reference means is for whoever reads the text to say.
//! Source: CloudFormation template reference, "Intrinsic functions".

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Entered;

use crate::definition::Report;
use crate::definition::tree::{Entry, Node, Scalar, Value};

use super::Files;
use super::include::TRANSFORM;

/// Around a reference inside a text, e.g. `integrations/<mark>Chat<mark>` or `<mark>Chat.Arn<mark>`. Not for use in texts (Unicode, private use).
pub(super) const MARK: char = '\u{f8ff}';
const NO_VALUE: &str = "AWS::NoValue";
/// Values inside values that are worked out; templates that refer to themselves end here.
const DEPTH: usize = 64;
/// Bytes that the functions of one template may make altogether.
const MADE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that a value counts at least.
const VALUE_BYTES: usize = 8;

/// What a template says about names.
pub(super) struct Names<'t> {
    /// Parameters and pseudo parameters.
    pub(super) parameters: BTreeMap<String, Node>,
    pub(super) conditions: BTreeMap<String, &'t Node>,
    pub(super) mappings: Option<&'t Node>,
    /// Logical ids of resources.
    pub(super) resources: Vec<String>,
}

/// Works values out.
pub(super) struct Evaluator<'t, 'r> {
    names: Names<'t>,
    pub(super) report: &'r mut Report,
    /// Whether conditions hold, by name: each is worked out once, however many refer to it.
    known: BTreeMap<String, bool>,
    /// Bytes that functions have made.
    made: usize,
    pub(super) files: &'t Files,
    /// Whether what is worked out stands in a file that the template includes.
    pub(super) including: bool,
}

impl<'t, 'r> Evaluator<'t, 'r> {
    /// What works out the values of a template; what is wrong with them is reported.
    pub(super) fn new(names: Names<'t>, files: &'t Files, report: &'r mut Report) -> Self {
        Self {
            names,
            report,
            known: BTreeMap::new(),
            made: 0,
            files,
            including: false,
        }
    }

    /// A value without functions; `None` where the template says that there is none.
    pub(super) fn value(&mut self, node: &Node) -> Option<Node> {
        self.at(node, 0)
    }

    /// Whether a condition of the template holds.
    pub(super) fn holds(&mut self, name: &str, node: &Node) -> bool {
        self.condition(name, node, 0)
    }

    pub(super) fn at(&mut self, node: &Node, depth: usize) -> Option<Node> {
        if depth > DEPTH {
            return self.refuse(
                node,
                "is nested too deep, or refers to itself",
                "write the value out",
            );
        }
        let depth = depth + 1;
        match &node.value {
            Value::Scalar(_) => Some(node.clone()),
            Value::Sequence(items) => {
                let items = items.iter().filter_map(|item| self.at(item, depth));
                let value = Value::Sequence(items.collect());
                Some(with(node, value))
            }
            Value::Mapping(entries) => {
                if let [only] = entries.as_slice()
                    && (only.key == "Ref" || only.key.starts_with("Fn::"))
                {
                    return self.function(only, node, depth);
                }
                if let Some(call) = entries.iter().find(|entry| entry.key == TRANSFORM) {
                    return self.joined(node, call, depth);
                }
                let mut worked = Vec::new();
                for entry in entries {
                    if let Some(value) = self.at(&entry.value, depth) {
                        worked.push(Entry {
                            value,
                            ..entry.clone()
                        });
                    }
                }
                Some(with(node, Value::Mapping(worked)))
            }
        }
    }

    fn function(&mut self, call: &Entry, node: &Node, depth: usize) -> Option<Node> {
        let argument = &call.value;
        match call.key.as_str() {
            "Ref" => {
                let name = scalar(argument)?.to_owned();
                self.reference(&name, node)
            }
            "Fn::GetAtt" => {
                let argument = self.at(argument, depth)?;
                let name = match &argument.value {
                    Value::Sequence(parts) => parts
                        .iter()
                        .filter_map(scalar)
                        .collect::<Vec<_>>()
                        .join("."),
                    _ => scalar(&argument)?.to_owned(),
                };
                self.attribute(&name, node)
            }
            "Fn::Sub" => self.sub(argument, node, depth),
            "Fn::Join" => {
                let (separator, list) = self.pair(argument, node, depth)?;
                let separator = scalar(&separator)?;
                let parts = list_of(&list)?
                    .iter()
                    .filter_map(scalar)
                    .collect::<Vec<_>>();
                let bytes: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
                self.count(bytes, node)?;
                Some(text_at(node, parts.join(separator)))
            }
            "Fn::Split" => {
                let (separator, whole) = self.pair(argument, node, depth)?;
                let parts = scalar(&whole)?.split(scalar(&separator)?);
                let parts = parts.map(|part| text_at(node, part.to_owned()));
                Some(with(node, Value::Sequence(parts.collect())))
            }
            "Fn::Select" => {
                let (index, list) = self.pair(argument, node, depth)?;
                let chosen = scalar(&index)?.parse::<usize>().ok();
                let chosen = chosen.and_then(|index| list_of(&list)?.get(index).cloned());
                chosen.or_else(|| {
                    self.refuse(
                        node,
                        "selects what the list does not have",
                        "write the value out",
                    )
                })
            }
            "Fn::If" => match list_of(argument).unwrap_or_default() {
                [name, then, otherwise] => {
                    let name = scalar(name)?.to_owned();
                    let chosen = if self.condition(&name, node, depth) {
                        then
                    } else {
                        otherwise
                    };
                    self.at(chosen, depth)
                }
                _ => self.refuse(
                    node,
                    "has no name and two values",
                    "write `!If [CONDITION, THEN, ELSE]`",
                ),
            },
            "Fn::FindInMap" => self.find(argument, node, depth),
            TRANSFORM => self.include(argument, node, depth),
            other => {
                let what = format!("`{other}` cannot be worked out from a template alone");
                self.refuse(node, &what, "write the value out")
            }
        }
    }

    fn reference(&mut self, name: &str, node: &Node) -> Option<Node> {
        if name == NO_VALUE {
            return None;
        }
        if let Some(bytes) = self.names.parameters.get(name).map(weight) {
            self.count(bytes, node)?;
            let value = self.names.parameters.get(name)?.value.clone();
            return Some(with(node, value));
        }
        self.attribute(name, node)
    }

    /// A mark for a resource or an attribute of one.
    fn attribute(&mut self, name: &str, node: &Node) -> Option<Node> {
        let resource = name.split('.').next().unwrap_or_default();
        if self.names.resources.iter().any(|known| known == resource) {
            return Some(text_at(node, format!("{MARK}{name}{MARK}")));
        }
        let what = format!("`{resource}` is neither a parameter nor a resource of this template");
        self.refuse(node, &what, "correct the name")
    }

    fn sub(&mut self, argument: &Node, node: &Node, depth: usize) -> Option<Node> {
        let (template, own) = match list_of(argument) {
            Some([template, own]) => (scalar(template)?, Some(own)),
            _ => (scalar(argument)?, None),
        };
        let mut output = String::new();
        let mut worked = BTreeMap::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            self.append(&mut output, before, node)?;
            let Some((name, after)) = after.split_once('}') else {
                return self.refuse(node, "`${` is not closed", "add the `}`");
            };
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                self.append(&mut output, &format!("${{{literal}}}"), node)?;
                continue;
            }
            let value: &Node = match worked.entry(name) {
                Entered::Occupied(worked) => worked.into_mut(),
                Entered::Vacant(empty) => empty.insert(match own.and_then(|own| own.get(name)) {
                    Some(own) => self.at(own, depth)?,
                    None => self.reference(name.trim(), node)?,
                }),
            };
            self.append(&mut output, scalar(value)?, node)?;
        }
        self.append(&mut output, rest, node)?;
        Some(text_at(node, output))
    }

    /// Appends to what a function makes, as long as there is room.
    fn append(&mut self, output: &mut String, more: &str, node: &Node) -> Option<()> {
        self.count(more.len(), node)?;
        output.push_str(more);
        Some(())
    }

    /// Counts what a function is about to make.
    pub(super) fn count(&mut self, bytes: usize, node: &Node) -> Option<()> {
        self.made = self.made.saturating_add(bytes);
        if self.made > MADE_BYTES {
            let what = format!("functions make more than {MADE_BYTES} bytes of this template");
            self.refuse(node, &what, "make its values shorter");
            return None;
        }
        Some(())
    }

    fn find(&mut self, argument: &Node, node: &Node, depth: usize) -> Option<Node> {
        let argument = self.at(argument, depth)?;
        let keys: Vec<_> = list_of(&argument)?.iter().filter_map(scalar).collect();
        let mut found = self.names.mappings;
        for key in keys {
            found = found.and_then(|found| found.get(key));
        }
        match found {
            Some(found) => {
                self.count(weight(found), node)?;
                Some(found.clone())
            }
            None => self.refuse(
                node,
                "finds nothing in `Mappings`",
                "correct the keys, or write the value out",
            ),
        }
    }

    /// The two arguments of a function.
    fn pair(&mut self, argument: &Node, node: &Node, depth: usize) -> Option<(Node, Node)> {
        let argument = self.at(argument, depth)?;
        match list_of(&argument) {
            Some([one, two]) => Some((one.clone(), two.clone())),
            _ => {
                self.refuse(node, "does not have two arguments", "write a list of two");
                None
            }
        }
    }

    fn condition(&mut self, name: &str, node: &Node, depth: usize) -> bool {
        if let Some(holds) = self.known.get(name) {
            return *holds;
        }
        match self.names.conditions.get(name).copied() {
            Some(rule) if depth <= DEPTH => {
                let holds = self.rule(rule, depth + 1);
                self.known.insert(name.to_owned(), holds);
                holds
            }
            _ => {
                let what = format!("there is no condition `{name}`");
                self.refuse(node, &what, "add it under `Conditions`");
                false
            }
        }
    }

    fn rule(&mut self, rule: &Node, depth: usize) -> bool {
        let Value::Mapping(entries) = &rule.value else {
            return scalar(rule) == Some("true");
        };
        let Some(call) = entries.first() else {
            return false;
        };
        let parts = list_of(&call.value).unwrap_or_default();
        match call.key.as_str() {
            "Condition" => {
                let name = scalar(&call.value).unwrap_or_default().to_owned();
                self.condition(&name, rule, depth)
            }
            "Fn::Not" => !parts.iter().all(|part| self.rule(part, depth + 1)),
            "Fn::And" => parts.iter().all(|part| self.rule(part, depth + 1)),
            "Fn::Or" => parts.iter().any(|part| self.rule(part, depth + 1)),
            "Fn::Equals" => {
                let mut values = parts.iter().map(|part| self.at(part, depth));
                let (one, two) = (values.next().flatten(), values.next().flatten());
                one.as_ref().and_then(scalar) == two.as_ref().and_then(scalar)
            }
            other => {
                let what = format!("`{other}` is no function of conditions");
                self.refuse(
                    rule,
                    &what,
                    "write Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition",
                );
                false
            }
        }
    }

    fn refuse(&mut self, node: &Node, what: &str, remedy: &str) -> Option<Node> {
        self.report.add(Some(&node.place), "", what, remedy);
        None
    }
}

/// What a copy of a value costs, in bytes.
pub(super) fn weight(node: &Node) -> usize {
    let below: usize = match &node.value {
        Value::Scalar(scalar) => scalar.text.len(),
        Value::Sequence(items) => items.iter().map(weight).sum(),
        Value::Mapping(entries) => {
            let entries = entries.iter();
            entries
                .map(|entry| entry.key.len() + weight(&entry.value))
                .sum()
        }
    };
    VALUE_BYTES + below
}

/// The text of a scalar.
pub(super) fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// The items of a list.
pub(super) fn list_of(node: &Node) -> Option<&[Node]> {
    match &node.value {
        Value::Sequence(items) => Some(items),
        _ => None,
    }
}

/// The entries of a map.
pub(super) fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Mapping(entries) => entries,
        _ => &[],
    }
}

/// A text at the place of another value.
pub(super) fn text_at(node: &Node, text: impl Into<String>) -> Node {
    let text = text.into();
    with(node, Value::Scalar(Scalar { text, plain: false }))
}

/// Another value at the same place.
pub(super) fn with(node: &Node, value: Value) -> Node {
    Node {
        place: node.place.clone(),
        value,
    }
}
