//! Tags of resources, which are named by their ARNs.

use serde_json::{Map, Value, json};

use crate::definition::Resource;
use crate::error::ServiceException;

use super::file::FILED;
use super::kind::Kind;
use super::record::Record;
use super::resources::{check_alone, known};
use super::view::{Path, View};
use super::wire::Call;
use super::{Context, domains};

/// Adds tags, in place of those of the same keys.
pub(super) fn tag(
    context: &Context<'_>,
    view: &mut View,
    call: &Call,
) -> Result<Value, ServiceException> {
    let (kind, path, mut record) = changeable(context, view, call)?;
    if let Some(other) = call.body.keys().find(|name| *name != "tags") {
        let message = format!("{other}: unknown member; known here: tags");
        return Err(ServiceException::bad_request(message));
    }
    let Some(Value::Object(added)) = call.body.get("tags") else {
        let message = "tags: must be a map of keys and values";
        return Err(ServiceException::bad_request(message));
    };
    record.map("tags").extend(added.clone());
    // Those of APIs and stages are checked with all else in them.
    match kind {
        Kind::VpcLink => check_alone(Resource::VpcLink, &record)?,
        Kind::DomainName => domains::check(view, &path, &record)?,
        _ => {}
    }
    view.put(path, record);
    Ok(Value::Object(Map::new()))
}

/// Takes away the tags with the keys in `tagKeys`.
pub(super) fn untag(
    context: &Context<'_>,
    view: &mut View,
    call: &Call,
) -> Result<(), ServiceException> {
    let (_, path, mut record) = changeable(context, view, call)?;
    let mut named = false;
    for key in call.query("tagKeys") {
        named = true;
        record.map("tags").shift_remove(key);
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
    Ok(json!({ "tags": record.map("tags") }))
}

fn changeable(
    context: &Context<'_>,
    view: &View,
    call: &Call,
) -> Result<(Kind, Path, Record), ServiceException> {
    let (kind, path, record) = resource(context, view, call)?;
    view.file().leaves_free(&path)?;
    Ok((kind, path, record))
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

/// The resource behind `arn:aws:apigateway:{region}::/{collection}/{id}`, or a stage below an API.
fn named(context: &Context<'_>, arn: &str) -> Option<(Kind, Path)> {
    let rest = arn.strip_prefix("arn:aws:apigateway:")?;
    let rest = rest.strip_prefix(context.region)?.strip_prefix("::/")?;
    let mut parts = rest.split('/');
    let (collection, id) = (parts.next()?, parts.next()?);
    let (below, name, end) = (parts.next(), parts.next(), parts.next());
    let of = |kind: Kind| kind.facts().collection;
    let found = match (below, name, end) {
        (None, None, None) => {
            let mut kinds = FILED.into_iter();
            let kind = kinds.find(|kind| collection == of(*kind))?;
            (kind, Path::new(collection, id))
        }
        (Some(below), Some(name), None)
            if collection == of(Kind::Api) && below == of(Kind::Stage) =>
        {
            let api = Path::new(collection, id);
            (Kind::Stage, Path::new(api.collection_of(Kind::Stage), name))
        }
        _ => return None,
    };
    Some(found)
}
