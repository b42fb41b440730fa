//! Files that a template includes: what `AWS::Include` names stands in its place.
//!
//! Source: CloudFormation template reference, "AWS::Include transform", "Fn::Transform" and "Transform"; the AWS CLI's `cloudformation
//! package`, which takes paths of files where the service takes S3 URIs.

use std::path::PathBuf;
use std::sync::Arc;

use crate::definition::tree::{Entry, Node, Tags, Value, parse_with};
use crate::definition::{Origin, Report};

use super::Files;
use super::intrinsics::{Evaluator, MARK, entries, list_of, scalar, weight, with};

/// The function that includes.
pub(super) const TRANSFORM: &str = "Fn::Transform";
const INCLUDE: &str = "AWS::Include";
const BUCKET: &str = "s3://";
const REMEDY: &str = "write `Location: ./FILE.yaml`, a file beside the template";

/// A template with what its sections include, and what it includes as a whole.
pub(super) fn sections(root: &Node, files: &Files, report: &mut Report) -> Node {
    let mut sections: Vec<Entry> = entries(root).to_vec();
    let transforms = root.get("Transform");
    let one = transforms.map(std::slice::from_ref).unwrap_or_default();
    for transform in transforms.and_then(list_of).unwrap_or(one) {
        // Macros of the whole template are left to AWS, by whatever form they are named.
        if transform.get("Name").and_then(scalar) != Some(INCLUDE) {
            continue;
        }
        let included = read(transform, transform, files, report);
        for section in included.iter().flat_map(entries) {
            match sections.iter_mut().find(|own| own.key == section.key) {
                Some(own) => join(&mut own.value, entries(&section.value), report),
                None => sections.push(section.clone()),
            }
        }
    }
    for section in &mut sections {
        let Some(call) = section.value.get(TRANSFORM).cloned() else {
            continue;
        };
        let included = read(&call, &call, files, report);
        if let Value::Mapping(own) = &mut section.value.value {
            own.retain(|entry| entry.key != TRANSFORM);
        }
        let included = included.as_ref().map(entries).unwrap_or_default();
        join(&mut section.value, included, report);
    }
    with(root, Value::Mapping(sections))
}

/// Adds entries to a map, which must not have them yet.
fn join(node: &mut Node, more: &[Entry], report: &mut Report) {
    let Value::Mapping(own) = &mut node.value else {
        if !more.is_empty() {
            let what = "is no map, so that nothing can be included here";
            report.add(Some(&node.place), "", what, "write its members below it");
        }
        return;
    };
    for entry in more {
        if let Some(known) = own.iter().find(|known| known.key == entry.key) {
            let what = format!("is included, and stands in {} already", known.place);
            report.add(Some(&entry.place), &entry.key, what, "keep one of them");
            continue;
        }
        own.push(entry.clone());
    }
}

/// What a call of a transform, `{ Name: AWS::Include, Parameters: { Location: FILE } }`, includes; `node` is where it stands.
fn read(call: &Node, node: &Node, files: &Files, report: &mut Report) -> Option<Node> {
    let mut refuse = |at: &Node, what: &str, remedy: &str| {
        report.add(Some(&at.place), TRANSFORM, what, remedy);
        None
    };
    let name = call.get("Name").and_then(scalar).unwrap_or_default();
    if name != INCLUDE {
        let what = format!("`{name}` is a macro, which only AWS can run");
        return refuse(node, &what, "write out what it makes");
    }
    let location = call.get("Parameters").and_then(|all| all.get("Location"));
    let Some(location) = location else {
        return refuse(node, "names no `Location`", REMEDY);
    };
    let path = match scalar(location) {
        Some(path) if path.starts_with(BUCKET) => {
            return refuse(location, "is in a bucket, which is not read", REMEDY);
        }
        Some(path) if !path.is_empty() && !path.contains("://") => path,
        _ => return refuse(location, "is no path that is written out", REMEDY),
    };
    let text = match files(path) {
        Ok(text) => text,
        Err(problem) => {
            let what = format!("`{path}` cannot be read: {problem}");
            return refuse(location, &what, "name a file beside the template");
        }
    };
    if text.contains(MARK) {
        let what = format!("`{path}` contains U+F8FF, which is for private use");
        return refuse(location, &what, "remove it");
    }
    let origin = Arc::new(Origin {
        name: path.to_owned(),
        directory: PathBuf::new(),
    });
    parse_with(&text, &origin, Tags::Functions, report)
}

impl Evaluator<'_, '_> {
    /// What a call of `Fn::Transform` stands for, worked out.
    pub(super) fn include(&mut self, call: &Node, node: &Node, depth: usize) -> Option<Node> {
        if self.including {
            let what = "stands in a file that is included itself";
            self.report.add(
                Some(&node.place),
                TRANSFORM,
                what,
                "include it in the template",
            );
            return None;
        }
        let included = read(call, node, self.files, self.report)?;
        self.count(weight(&included), node)?;
        self.including = true;
        let worked = self.at(&included, depth);
        self.including = false;
        worked
    }

    /// A map with `Fn::Transform` beside other members: these and those of the file.
    pub(super) fn joined(&mut self, node: &Node, call: &Entry, depth: usize) -> Option<Node> {
        let rest = entries(node).iter().filter(|entry| entry.key != TRANSFORM);
        let rest = with(node, Value::Mapping(rest.cloned().collect()));
        let mut joined = self.at(&rest, depth)?;
        let included = self.include(&call.value, &call.value, depth)?;
        if !matches!(included.value, Value::Mapping(_)) {
            let what = "includes no map, although it has neighbours";
            self.report
                .add(Some(&call.place), TRANSFORM, what, "let it stand alone");
            return None;
        }
        join(&mut joined, entries(&included), self.report);
        Some(joined)
    }
}
