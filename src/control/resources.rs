//! Create, list, get, update and delete: the same for every kind of resource.

use rand::Rng as _;
use serde_json::{Map, Value, json};

use crate::definition::check_resource;
use crate::error::ServiceException;

use super::Context;
use super::kind::Kind;
use super::record::{Record, timestamp};
use super::view::{Path, View};
use super::wire::{Call, refused};

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// AWS: ten VPC links in a region.
const VPC_LINKS: usize = 10;

/// Creates a resource of what the body says.
pub(super) fn create(
    context: &Context<'_>,
    view: &mut View,
    kind: Kind,
    call: &Call,
) -> Result<Value, ServiceException> {
    let facts = kind.facts();
    let collection = kind.collection(call);
    check_resource(facts.resource, &call.body).map_err(|problems| refused(&problems, ""))?;
    if view.list(&collection)?.len() >= VPC_LINKS {
        let message = format!("There are {VPC_LINKS} VPC links already, which is the most");
        return Err(ServiceException::too_many(message, "VpcLinks"));
    }
    let path = unused(view, &collection, facts.id_length)?;
    let made = json!({
        "vpcLinkId": path.id,
        "createdDate": timestamp(context.now),
        "vpcLinkStatus": "AVAILABLE",
        "vpcLinkStatusMessage": "VPC link is ready to route traffic",
        "vpcLinkVersion": "V2",
    });
    let record = Record {
        set: call.body.clone(),
        made: object(made),
    };
    let answer = record.on_wire();
    view.put(path, record);
    Ok(answer.into())
}

/// A page of a collection.
pub(super) fn list(view: &View, kind: Kind, call: &Call) -> Result<Value, ServiceException> {
    let all = view.list(&kind.collection(call))?.into_iter();
    call.page(
        all.map(|(path, record)| (path.id, record.on_wire()))
            .collect(),
    )
}

/// One resource.
pub(super) fn get(view: &View, kind: Kind, call: &Call) -> Result<Value, ServiceException> {
    Ok(known(view, kind, &kind.path(call))?.on_wire().into())
}

/// Changes the members that the body has.
pub(super) fn update(view: &mut View, kind: Kind, call: &Call) -> Result<Value, ServiceException> {
    let facts = kind.facts();
    let path = kind.path(call);
    let mut record = known(view, kind, &path)?;
    for (name, value) in &call.body {
        if !facts.mutable.contains(&name.as_str()) {
            let message = format!(
                "{name}: cannot be changed, or is no member of {}",
                facts.noun
            );
            return Err(ServiceException::bad_request(message));
        }
        record.set.insert(name.clone(), value.clone());
    }
    check_resource(facts.resource, &record.set).map_err(|problems| refused(&problems, ""))?;
    let answer = record.on_wire();
    view.put(path, record);
    Ok(answer.into())
}

/// Deletes a resource and what is below it.
pub(super) fn delete(view: &mut View, kind: Kind, call: &Call) -> Result<(), ServiceException> {
    let path = kind.path(call);
    known(view, kind, &path)?;
    view.remove(&path)
}

/// The resource at `path`, or Amazon's text that there is none.
pub(super) fn known(view: &View, kind: Kind, path: &Path) -> Result<Record, ServiceException> {
    view.get(path)?.ok_or_else(|| missing(kind, &path.id))
}

fn missing(kind: Kind, id: &str) -> ServiceException {
    let noun = kind.facts().noun;
    let message = format!("Invalid {noun} identifier specified {id}");
    ServiceException::not_found(message, noun)
}

/// A path that nothing has yet.
fn unused(view: &View, collection: &str, length: usize) -> Result<Path, ServiceException> {
    loop {
        let path = Path::new(collection, id(length));
        if view.get(&path)?.is_none() {
            return Ok(path);
        }
    }
}

fn id(length: usize) -> String {
    let mut source = rand::rng();
    (0..length)
        .filter_map(|_| LETTERS.get(source.random_range(0..LETTERS.len())))
        .map(|letter| char::from(*letter))
        .collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
