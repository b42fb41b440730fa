//! Resources by themselves, as callers of the control plane bring them: the same tables check them that check a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, Origin, Place, Report};
use super::shape::{Object, Shape};
use super::surroundings::Machine;
use super::tables;
use super::tree::Node;
use super::walk::{Source, Walker};
use super::{Author, Definition, Loaded, Written, child};
use crate::model::v2::{Api, VpcLink};

/// A kind of resource that the control plane takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A VPC link.
    VpcLink,
    /// A custom domain name, without its mappings and rules.
    DomainName,
    /// An API mapping, with its key.
    ApiMapping,
    /// A routing rule, with its priority.
    RoutingRule,
}

impl Resource {
    fn table(self) -> &'static Object {
        match self {
            Self::VpcLink => &tables::VPC_LINK,
            Self::DomainName => &tables::DOMAIN_NAME_CALL,
            Self::ApiMapping => &tables::API_MAPPING_CALL,
            Self::RoutingRule => &tables::ROUTING_RULE_CALL,
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

/// Checks what is to be the id of an API.
///
/// # Errors
/// What is wrong with it.
pub fn check_api_id(id: &str) -> Result<(), Vec<Diagnostic>> {
    check_id(id, &tables::API_IDS, "apis")
}

/// Checks what is to be the id of a VPC link.
///
/// # Errors
/// What is wrong with it.
pub fn check_link_id(id: &str) -> Result<(), Vec<Diagnostic>> {
    check_id(id, &tables::VPC_LINK_IDS, "vpcLinks")
}

fn check_id(id: &str, shape: &Shape, section: &str) -> Result<(), Vec<Diagnostic>> {
    let mut report = Report::default();
    let surroundings = Machine::default();
    let mut walker = Walker::new(Source::Call, &surroundings, &mut report);
    let all = Value::Object(Map::from_iter([(id.to_owned(), Value::Object(Map::new()))]));
    walker.walk(&Node::of(&all, &nowhere()), shape, section);
    match report.is_empty() {
        true => Ok(()),
        false => Err(report.finish()),
    }
}

/// An API that did not come from a file, as a definition of nothing else: on the same server and with the same functions as
/// `around`, and with VPC links of the ids `links`. `api` is in the form of a file, and no more is done with it than [`check_resource`] does with a resource.
///
/// # Errors
/// Every problem, when there is too little left to look further; else they are kept for the compile step, as in [`super::load`].
pub fn load_api(
    around: &Definition,
    links: &BTreeSet<String>,
    id: &str,
    api: &Value,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::default();
    let surroundings = Machine::default();
    let mut walker = Walker::new(Source::Call, &surroundings, &mut report);
    let path = child("apis", id);
    let node = Node::of(api, &nowhere());
    let normal = walker.walk(&node, &Shape::Object(tables::API), &path);
    let places = std::mem::take(&mut walker.places);
    let Some(normal) = normal else {
        return Err(report.finish());
    };
    let api: Api = match serde_json::from_value(normal) {
        Ok(api) => api,
        Err(error) => {
            // The tests hold the tables and the model together, so this says that they failed to.
            let what = format!("passed every check, but does not fit the model: {error}");
            report.add(None, path, what, "report this as a defect of tidegate");
            return Err(report.finish());
        }
    };
    let definition = Definition {
        server: around.server.clone(),
        credentials: Vec::new(),
        functions: around.functions.clone(),
        apis: BTreeMap::from([(id.to_owned(), api)]),
        api_keys: BTreeMap::new(),
        usage_plans: BTreeMap::new(),
        domain_names: BTreeMap::new(),
        vpc_links: links
            .iter()
            .map(|id| (id.clone(), VpcLink::default()))
            .collect(),
    };
    Ok(Loaded {
        definition,
        places,
        files: Vec::new(),
        written: Written::default(),
        author: Author::Caller,
        report,
    })
}

/// The place of everything that is in no text.
fn nowhere() -> Place {
    Place::whole(Arc::new(Origin {
        name: "request".to_owned(),
        directory: PathBuf::new(),
    }))
}
