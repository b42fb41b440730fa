//! The definition file's side: its resources in the form that callers see. They cannot be changed by a call.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use serde_json::{Map, Value, json};

use crate::definition::{Loaded, child};
use crate::error::ServiceException;
use crate::model::definition::Definition;
use crate::plan::Plan;

use super::definition::DOMAIN_SECTIONS;
use super::kind::Kind;
use super::links;
use super::record::Record;
use super::resources::LETTERS;
use super::view::Path;

/// Characters of an id that stands for a key of the file.
const ID_CHARACTERS: usize = 7;

/// Kinds that a file may have, without what is part of them.
pub(super) const FILED: [Kind; 3] = [Kind::Api, Kind::DomainName, Kind::VpcLink];

/// What the definition file says.
#[derive(Debug)]
pub(super) struct FileSide {
    /// All of it, for what resources of the control plane may refer to.
    pub(super) definition: Definition,
    /// What of it runs, without the stages and domain names of the control plane.
    pub(super) plan: Plan,
    /// Its resources.
    pub(super) resources: BTreeMap<Path, Record>,
    /// Which text has a resource of [`FILED`].
    origins: BTreeMap<Path, String>,
}

impl FileSide {
    /// The side of a file that has been read, and compiled to `plan`.
    pub(super) fn new(loaded: &Loaded, plan: Plan) -> Self {
        let mut resources = BTreeMap::new();
        let mut origins = BTreeMap::new();
        let origin = |section: &str, id: &str| {
            let place = loaded.places.of(&child(section, id));
            let origin = place.map(|place| place.origin.name.clone());
            origin.unwrap_or_default()
        };
        for (id, api) in &loaded.written.apis {
            let path = Path::new(Kind::Api.facts().collection, id);
            origins.insert(path, origin("apis", id));
            api_resources(id, api, &mut resources);
        }
        for (name, domain) in &loaded.written.domain_names {
            let lower = name.to_ascii_lowercase();
            let path = Path::new(Kind::DomainName.facts().collection, &lower);
            origins.insert(path, origin("domainNames", name));
            domain_resources(&lower, domain, &mut resources);
        }
        for (id, link) in &loaded.written.vpc_links {
            let path = Path::new(Kind::VpcLink.facts().collection, id);
            origins.insert(path.clone(), origin("vpcLinks", id));
            resources.insert(path, link_record(id, link));
        }
        Self {
            definition: loaded.definition.clone(),
            plan,
            resources,
            origins,
        }
    }

    /// That the file does not have the resource, nor what it is part of, so that a call may change it.
    ///
    /// # Errors
    /// It does.
    pub(super) fn leaves_free(&self, path: &Path) -> Result<(), ServiceException> {
        for kind in FILED {
            let facts = kind.facts();
            let Some(id) = path.part_of(kind) else {
                continue;
            };
            if let Some(origin) = self.origins.get(&Path::new(facts.collection, id)) {
                let message = format!(
                    "{} {id} is defined in {origin}: change it there",
                    facts.noun
                );
                return Err(ServiceException::conflict(message));
            }
        }
        Ok(())
    }
}

fn link_record(id: &str, link: &Value) -> Record {
    let mut set = object(link);
    set.entry("name").or_insert_with(|| id.into());
    let mut link = record(set, json!({ "vpcLinkId": id }));
    links::stamp(&mut link);
    link
}

fn domain_resources(name: &str, domain: &Value, resources: &mut BTreeMap<Path, Record>) {
    let path = Path::new(Kind::DomainName.facts().collection, name);
    let mut set = object(domain);
    let sections = DOMAIN_SECTIONS.map(|(section, kind)| (set.shift_remove(section), kind));
    resources.insert(path.clone(), record(set, json!({ "domainName": name })));
    let mut adding = Adding { resources };
    for (section, kind) in sections {
        for (key, members) in object(&section.unwrap_or_default()) {
            adding.nested(&path, kind, &key, members, None);
        }
    }
}

fn api_resources(id: &str, api: &Value, resources: &mut BTreeMap<Path, Record>) {
    let path = Path::new(Kind::Api.facts().collection, id);
    let mut set = object(api);
    let mut section = |name: &str| set.shift_remove(name).map(|section| object(&section));
    let routes = section("routes").unwrap_or_default();
    let integrations = section("integrations").unwrap_or_default();
    let authorizers = section("authorizers").unwrap_or_default();
    let models = section("models").unwrap_or_default();
    let stages = section("stages").unwrap_or_default();
    set.entry("name").or_insert_with(|| id.into());
    resources.insert(path.clone(), record(set, json!({ "apiId": id })));
    let mut adding = Adding { resources };
    for (key, route) in routes {
        adding.nested(
            &path,
            Kind::Route,
            &key,
            route,
            Some(("routeResponses", Kind::RouteResponse)),
        );
    }
    for (key, integration) in integrations {
        let inner = Some(("integrationResponses", Kind::IntegrationResponse));
        adding.nested(&path, Kind::Integration, &key, integration, inner);
    }
    for (key, mut authorizer) in authorizers {
        if let Some(members) = authorizer.as_object_mut() {
            members.entry("name").or_insert_with(|| key.as_str().into());
        }
        adding.nested(&path, Kind::Authorizer, &key, authorizer, None);
    }
    for (key, mut model) in models {
        if let Some(schema) = model.get_mut("schema").filter(|schema| !schema.is_string()) {
            *schema = schema.to_string().into();
        }
        adding.nested(&path, Kind::Model, &key, model, None);
    }
    if stages.is_empty() {
        return;
    }
    let deployment = id_of(&path, Kind::Deployment, "");
    let made =
        json!({ "deploymentId": deployment, "deploymentStatus": "DEPLOYED", "autoDeployed": true });
    let place = Path::new(path.collection_of(Kind::Deployment), &deployment);
    adding.resources.insert(place, record(Map::new(), made));
    for (name, stage) in stages {
        let made = json!({ "stageName": name, "autoDeploy": true, "deploymentId": deployment });
        let place = Path::new(path.collection_of(Kind::Stage), &name);
        adding.resources.insert(place, record(object(&stage), made));
    }
}

struct Adding<'a> {
    resources: &'a mut BTreeMap<Path, Record>,
}

impl Adding<'_> {
    /// One resource of a map, with the resources of a map inside of it.
    fn nested(
        &mut self,
        parent: &Path,
        kind: Kind,
        key: &str,
        members: Value,
        inner: Option<(&str, Kind)>,
    ) {
        let facts = kind.facts();
        let id = match facts.key {
            Some(_) => id_of(parent, kind, key),
            None => key.to_owned(),
        };
        let path = Path::new(parent.collection_of(kind), &id);
        let mut set = object(&members);
        let below = inner.and_then(|(name, kind)| Some((set.shift_remove(name)?, kind)));
        if let Some(member) = facts.key {
            set.insert(member.to_owned(), kind.key_value(key));
        }
        self.resources
            .insert(path.clone(), record(set, json!({ facts.id: id })));
        if let Some((below, kind)) = below {
            for (key, members) in object(&below) {
                self.nested(&path, kind, &key, members, None);
            }
        }
    }
}

/// The id of what a file names by a key: always the same.
fn id_of(parent: &Path, kind: Kind, key: &str) -> String {
    let text = format!("{parent}\n{}\n{key}", kind.facts().collection);
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let bytes = hash.as_ref().iter().take(ID_CHARACTERS);
    bytes
        .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()))
        .map(|letter| char::from(*letter))
        .collect()
}

fn record(set: Map<String, Value>, made: Value) -> Record {
    Record {
        set,
        made: object(&made),
        ..Record::default()
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
