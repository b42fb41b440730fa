//! Tags of resources, which are named by their ARNs.

use serde_json::{Map, Value, json};

use crate::definition::check_resource;
use crate::error::ServiceException;

use super::Context;
use super::kind::Kind;
use super::record::Record;
use super::resources::known;
use super::view::{Path, View};
use super::wire::{Call, refused};

/// Adds tags, in place of those of the same keys.
pub(super) fn tag(
    context: &Context<'_>,
    view: &mut View,
    call: &Call,
) -> Result<Value, ServiceException> {
    let (kind, path, mut record) = resource(context, view, call)?;
    if let Some(other) = call.body.keys().find(|name| *name != "tags") {
        let message = format!("{other}: unknown member; known here: tags");
        return Err(ServiceException::bad_request(message));
    }
    let Some(Value::Object(added)) = call.body.get("tags") else {
        let message = "tags: must be a map of keys and values";
        return Err(ServiceException::bad_request(message));
    };
    record.tags().extend(added.clone());
    let facts = kind.facts();
    check_resource(facts.resource, &record.set).map_err(|problems| refused(&problems, ""))?;
    view.put(path, record);
    Ok(Value::Object(Map::new()))
}

/// Takes away the tags with the keys in `tagKeys`.
pub(super) fn untag(
    context: &Context<'_>,
    view: &mut View,
    call: &Call,
) -> Result<(), ServiceException> {
    let (_, path, mut record) = resource(context, view, call)?;
    let mut named = false;
    for key in call.query("tagKeys") {
        named = true;
        record.tags().shift_remove(key);
    }
    if !named {
        return Err(ServiceException::bad_request("tagKeys: is missing"));
    }
    view.put(path, record);
    Ok(())
}

/// All tags of a resource.
pub(super) fn list(
    context: &Context<'_>,
    view: &View,
    call: &Call,
) -> Result<Value, ServiceException> {
    let (_, _, mut record) = resource(context, view, call)?;
    Ok(json!({ "tags": record.tags() }))
}

fn resource(
    context: &Context<'_>,
    view: &View,
    call: &Call,
) -> Result<(Kind, Path, Record), ServiceException> {
    let arn = call.id("resource-arn");
    let (kind, path) = named(context, arn).ok_or_else(|| {
        ServiceException::bad_request(format!("Invalid resource ARN specified {arn}"))
    })?;
    let record = known(view, kind, &path)?;
    Ok((kind, path, record))
}

/// The resource behind `arn:aws:apigateway:{region}::/{collection}/{id}`.
fn named(context: &Context<'_>, arn: &str) -> Option<(Kind, Path)> {
    let rest = arn.strip_prefix("arn:aws:apigateway:")?;
    let rest = rest.strip_prefix(context.region)?.strip_prefix("::/")?;
    let (collection, id) = rest.split_once('/')?;
    let kind = Kind::VpcLink;
    let fits = collection == kind.facts().collection && !id.is_empty() && !id.contains('/');
    fits.then(|| (kind, Path::new(collection, id)))
}
