//! Resources by themselves, as callers of the control plane bring them: the same tables check them that check a file.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, Origin, Place, Report};
use super::shape::{Object, Shape};
use super::surroundings::Machine;
use super::tables;
use super::tree::Node;
use super::walk::{Source, Walker};

/// A kind of resource that the control plane takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A VPC link, which files do not have.
    VpcLink,
}

impl Resource {
    fn table(self) -> &'static Object {
        match self {
            Self::VpcLink => &tables::VPC_LINK,
        }
    }
}

/// Checks the members of one resource, each by itself; what they refer to is not looked at.
///
/// Nothing in them is substituted, and none may name a file: whoever calls is not whoever runs the gateway.
///
/// # Errors
/// Every problem, with the path of its member.
pub fn check_resource(
    resource: Resource,
    members: &Map<String, Value>,
) -> Result<(), Vec<Diagnostic>> {
    let mut report = Report::default();
    let surroundings = Machine::default();
    let mut walker = Walker::new(Source::Call, &surroundings, &mut report);
    let node = Node::of(&Value::Object(members.clone()), &nowhere());
    let normal = walker.walk(&node, &Shape::Object(resource.table()), "");
    let problems = report.finish();
    match normal {
        Some(_) if problems.is_empty() => Ok(()),
        _ => Err(problems),
    }
}

/// The place of everything that is in no text.
fn nowhere() -> Place {
    Place::whole(Arc::new(Origin {
        name: "request".to_owned(),
        directory: PathBuf::new(),
    }))
}
