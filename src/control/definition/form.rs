//! The form in which definitions come and are compared.

use serde_json::{Map, Value, json};

use super::super::kind::Kind;
use super::{SECTIONS, inner_section};
use crate::definition::{child, concise};
use crate::error::ServiceException;

/// Members of stages that deployments make.
pub(super) const DEPLOYING: [&str; 2] = ["deploymentId", "autoDeploy"];

/// The section of VPC links.
pub(super) const LINKS: &str = "vpcLinks";

/// A map of resources, each of which is a map.
pub(super) fn section(
    whole: &Value,
    name: &str,
    path: &str,
) -> Result<Map<String, Value>, ServiceException> {
    let path = child(path, name);
    let wrong = |path: &str| {
        let message = format!("{path}: must be a map");
        Err(ServiceException::bad_request(message))
    };
    match whole.get(name) {
        None => Ok(Map::new()),
        Some(Value::Object(resources)) => {
            match resources.iter().find(|(_, resource)| !resource.is_object()) {
                Some((key, _)) => wrong(&child(&path, key)),
                None => Ok(resources.clone()),
            }
        }
        Some(_) => wrong(&path),
    }
}

/// What is compared has the same members as what is wanted.
pub(super) fn keyed_like(kind: Kind, key: &str, before: &Value) -> Value {
    let mut keyed = before.clone();
    if let (Some(member), Some(members)) = (kind.facts().key, keyed.as_object_mut()) {
        members.insert(member.to_owned(), kind.key_value(key));
    }
    keyed
}

/// Every section is a map of maps, and no stage says how it is deployed.
pub(super) fn check_sections(api: &Value, place: &str) -> Result<(), ServiceException> {
    for (name, kind) in SECTIONS {
        for (key, resource) in section(api, name, place)? {
            let place = child(&child(place, name), &key);
            if let Some((inner, _)) = inner_section(kind) {
                section(&resource, inner, &place)?;
            }
            let said = DEPLOYING
                .iter()
                .find(|member| resource.get(**member).is_some());
            if let (Kind::Stage, Some(member)) = (kind, said) {
                let message = format!(
                    "{}: leave it out: loading is deploying",
                    child(&place, member)
                );
                return Err(ServiceException::bad_request(message));
            }
        }
    }
    Ok(())
}

/// Names that keys say, where a resource must have one.
pub(super) fn add_names(id: &str, api: &mut Value) {
    add_name(id, api);
    let authorizers = api.get_mut("authorizers").and_then(Value::as_object_mut);
    for (key, authorizer) in authorizers.into_iter().flatten() {
        add_name(key, authorizer);
    }
}

/// Adds the name that a key says.
pub(super) fn add_name(key: &str, resource: &mut Value) {
    if let Some(members) = resource.as_object_mut() {
        members.entry("name").or_insert_with(|| key.into());
    }
}

/// An API in the form in which two of them are compared.
pub(super) fn as_api(id: &str, api: &Value) -> Value {
    let whole = concise(&json!({ "apis": { id: api } }));
    whole["apis"][id].clone()
}

/// The same of a domain name.
pub(super) fn as_domain(name: &str, domain: &Value) -> Value {
    let whole = concise(&json!({ "domainNames": { name: domain } }));
    whole["domainNames"][name].clone()
}

/// The same of a VPC link.
pub(super) fn as_link(id: &str, link: &Value) -> Value {
    let mut whole = concise(&json!({ LINKS: { id: link } }));
    let mut link = whole[LINKS][id].take();
    omit_name(id, &mut link);
    link
}

/// Leaves a name out that the key says already.
pub(super) fn omit_name(key: &str, resource: &mut Value) {
    if let Some(members) = resource.as_object_mut()
        && members.get("name").and_then(Value::as_str) == Some(key)
    {
        members.shift_remove("name");
    }
}
