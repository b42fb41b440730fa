//! Create, list, get, update and delete: the same for every kind of resource.

use rand::Rng as _;
use serde_json::{Map, Value};

use crate::definition::{Resource, check_resource};
use crate::error::ServiceException;

use super::kind::{Identity, Kind};
use super::record::{Record, timestamp};
use super::rules::QuickCreate;
use super::shown::{Protocol, shown};
use super::view::{Path, View};
use super::wire::{Call, refused};
use super::{Context, deploy, domains, links, rules, ways};

/// Letters of ids.
pub(super) const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Creates a resource of what the body says; gives its path.
pub(super) fn create(
    context: &Context<'_>,
    view: &mut View,
    kind: Kind,
    call: &Call,
) -> Result<Path, ServiceException> {
    require_parent(view, kind, call)?;
    check_required(kind, call)?;
    let mut body = call.body.clone();
    let quick = match kind {
        Kind::Api => QuickCreate::take(&mut body)?,
        Kind::DomainName => {
            domains::without_mutual(&mut body);
            None
        }
        _ => None,
    };
    let (path, mut record) = make(context, view, kind, &kind.collection(call), body)?;
    rules::before_create(view, kind, &path, &record)?;
    if kind == Kind::Integration {
        links::check_uri(view, &path, &record)?;
    }
    if quick.is_some() {
        record.make(rules::MANAGED, true);
    }
    view.put(path.clone(), record);
    if let Some(quick) = quick {
        quick.build(context, view, &path)?;
    }
    Ok(path)
}

/// The body has every member that the resource must have.
fn check_required(kind: Kind, call: &Call) -> Result<(), ServiceException> {
    let absent = kind.facts().required.iter();
    let absent: Vec<_> = absent
        .filter(|name| !call.body.contains_key(**name))
        .map(|name| missing_member(kind, name))
        .collect();
    match absent.is_empty() {
        true => Ok(()),
        false => Err(ServiceException::bad_request(absent.join("\n"))),
    }
}

/// A new resource of a collection, which is not in there yet.
pub(super) fn make(
    context: &Context<'_>,
    view: &View,
    kind: Kind,
    collection: &str,
    mut set: Map<String, Value>,
) -> Result<(Path, Record), ServiceException> {
    let facts = kind.facts();
    check_room(view, kind, collection)?;
    let path = match facts.identity {
        Identity::Made(length) => unused(view, collection, length)?,
        Identity::Named => Path::new(collection, named(kind, &set)?),
    };
    if facts.identity == Identity::Named {
        set.shift_remove(facts.id);
    }
    let record = made_at(context, kind, &path, set);
    Ok((path, record))
}

/// A collection has room for one more.
pub(super) fn check_room(
    view: &View,
    kind: Kind,
    collection: &str,
) -> Result<(), ServiceException> {
    check_count(kind, view.count(collection)? + 1)
}

/// A collection may have so many of a kind.
pub(super) fn check_count(kind: Kind, count: usize) -> Result<(), ServiceException> {
    let facts = kind.facts();
    match count > facts.most {
        false => Ok(()),
        true => {
            let message = format!("There can be no more than {} of {}", facts.most, facts.noun);
            Err(ServiceException::too_many(message, facts.noun))
        }
    }
}

/// A new resource with an id that is known already.
pub(super) fn made_at(
    context: &Context<'_>,
    kind: Kind,
    path: &Path,
    set: Map<String, Value>,
) -> Record {
    let facts = kind.facts();
    let mut record = Record {
        set,
        ..Record::default()
    };
    record.make(facts.id, path.id.as_str());
    rules::stamp(kind, &mut record, timestamp(context.now));
    record
}

/// A page of a collection.
pub(super) fn list(
    context: &Context<'_>,
    view: &View,
    kind: Kind,
    call: &Call,
) -> Result<Value, ServiceException> {
    require_parent(view, kind, call)?;
    let mut items = Vec::new();
    let parent = protocol(view, call)?;
    for (path, record) in view.list(&kind.collection(call))? {
        let protocol = parent.or_else(|| Protocol::of(&record));
        let place = match kind {
            // In the order in which they are looked at.
            Kind::RoutingRule => format!("{:0>7}", record.key("priority")),
            _ => path.id.clone(),
        };
        items.push((place, shown(context, kind, &path, protocol, &record)));
    }
    items.sort_by(|(one, _), (other, _)| one.cmp(other));
    call.page(kind.facts().listed, items)
}

/// The path of one resource, which is there.
pub(super) fn find(view: &View, kind: Kind, call: &Call) -> Result<Path, ServiceException> {
    require_parent(view, kind, call)?;
    let path = kind.path(call);
    known(view, kind, &path)?;
    Ok(path)
}

/// A stage of an HTTP API: only those keep what authorizers decide.
pub(super) fn cached_stage(view: &View, call: &Call) -> Result<Path, ServiceException> {
    let path = find(view, Kind::Stage, call)?;
    match protocol(view, call)? {
        Some(Protocol::Http) => Ok(path),
        _ => Err(ServiceException::bad_request(
            "Only HTTP APIs keep results of authorizers",
        )),
    }
}

/// Changes the members that the body has; gives the path.
pub(super) fn update(
    context: &Context<'_>,
    view: &mut View,
    kind: Kind,
    call: &Call,
) -> Result<Path, ServiceException> {
    require_parent(view, kind, call)?;
    let path = kind.path(call);
    let mut record = known(view, kind, &path)?;
    let before = record.clone();
    for (name, value) in &call.body {
        match (kind, name.as_str()) {
            (Kind::DomainName, domains::CONFIGURATIONS) => {
                change(kind, &mut record, name, &domains::said(context, value))?;
            }
            (Kind::DomainName, domains::MUTUAL_TLS) => {
                let value = domains::changed_mutual(&record, value);
                change(kind, &mut record, name, &value)?;
            }
            _ => change(kind, &mut record, name, value)?,
        }
    }
    rules::before_update(view, kind, &path, &before, &record)?;
    if kind == Kind::Integration {
        links::check_uri(view, &path, &record)?;
    }
    if kind == Kind::Stage {
        record.make("lastUpdatedDate", timestamp(context.now));
    }
    view.put(path.clone(), record);
    Ok(path)
}

/// Makes a resource what the body says, whatever it was; gives its path.
pub(super) fn replace(view: &mut View, kind: Kind, call: &Call) -> Result<Path, ServiceException> {
    let path = find(view, kind, call)?;
    check_required(kind, call)?;
    let before = known(view, kind, &path)?;
    let after = Record {
        set: call.body.clone(),
        ..before.clone()
    };
    rules::before_update(view, kind, &path, &before, &after)?;
    view.put(path.clone(), after);
    Ok(path)
}

fn change(
    kind: Kind,
    record: &mut Record,
    name: &str,
    value: &Value,
) -> Result<(), ServiceException> {
    let facts = kind.facts();
    if facts.fixed.contains(&name) || record.made.contains_key(name) {
        // That it is what it was is no change.
        if record.made.get(name).or(record.set.get(name)) == Some(value) {
            return Ok(());
        }
        let message = format!("{name}: cannot be changed");
        return Err(ServiceException::bad_request(message));
    }
    let empty = |value: &Value| match value {
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(changes) if facts.merged.contains(&name) => {
            let map = record.map(name);
            for (key, value) in changes {
                match empty(value) {
                    true => drop(map.shift_remove(key)),
                    false => drop(map.insert(key.clone(), value.clone())),
                }
            }
        }
        value if empty(value) && !facts.required.contains(&name) => {
            record.set.shift_remove(name);
        }
        value => drop(record.set.insert(name.to_owned(), value.clone())),
    }
    Ok(())
}

/// Deletes a resource and what is below it.
pub(super) fn delete(view: &mut View, kind: Kind, call: &Call) -> Result<(), ServiceException> {
    require_parent(view, kind, call)?;
    let path = kind.path(call);
    let record = known(view, kind, &path)?;
    rules::before_delete(view, kind, &path, &record)?;
    match kind {
        Kind::Deployment => deploy::forget(view, &Kind::Api.path(call), &path),
        _ => view.remove(&path),
    }
}

/// Takes a member of a resource away.
pub(super) fn drop_member(
    view: &mut View,
    kind: Kind,
    call: &Call,
    member: &str,
) -> Result<(), ServiceException> {
    let path = find(view, kind, call)?;
    let mut record = known(view, kind, &path)?;
    record.set.shift_remove(member);
    view.put(path, record);
    Ok(())
}

/// Takes a key of a member that is a map away.
pub(super) fn drop_key(
    view: &mut View,
    kind: Kind,
    call: &Call,
    member: &str,
    key: &str,
) -> Result<(), ServiceException> {
    let path = find(view, kind, call)?;
    let mut record = known(view, kind, &path)?;
    if record.map(member).shift_remove(key).is_none() {
        let noun = kind.facts().noun;
        let message = format!("There is no {key} among the {member}");
        return Err(ServiceException::not_found(message, noun));
    }
    view.put(path, record);
    Ok(())
}

/// The resource at `path`, or Amazon's text that there is none.
pub(super) fn known(view: &View, kind: Kind, path: &Path) -> Result<Record, ServiceException> {
    view.get(path)?
        .ok_or_else(|| ServiceException::not_found(missing(kind, &path.id), kind.facts().noun))
}

/// The resource at `path` as callers see it.
pub(super) fn present(
    context: &Context<'_>,
    view: &View,
    kind: Kind,
    path: Path,
) -> Result<Map<String, Value>, ServiceException> {
    let record = known(view, kind, &path)?;
    let api = match path.api() {
        Some(api) => view.get(&Path::new(Kind::Api.facts().collection, api))?,
        None => None,
    };
    let protocol = api.as_ref().and_then(Protocol::of);
    Ok(shown(context, kind, &path, protocol, &record))
}

/// Checks the members of a resource that no API has.
pub(super) fn check_alone(resource: Resource, record: &Record) -> Result<(), ServiceException> {
    check_resource(resource, &record.set).map_err(|problems| refused(&problems, &[]))
}

/// Every resource around the one that the call is about is there.
fn require_parent(view: &View, kind: Kind, call: &Call) -> Result<(), ServiceException> {
    ways::check_no_id(call)?;
    let Some(parent) = kind.facts().parent else {
        return Ok(());
    };
    require_parent(view, parent, call)?;
    known(view, parent, &parent.path(call)).map(drop)
}

fn protocol(view: &View, call: &Call) -> Result<Option<Protocol>, ServiceException> {
    let api = view.get(&Kind::Api.path(call))?;
    Ok(api.as_ref().and_then(Protocol::of))
}

/// What is told of a resource that is not there.
pub(super) fn missing(kind: Kind, id: &str) -> String {
    match kind {
        Kind::Stage => "Invalid stage identifier specified".to_owned(),
        _ => format!("Invalid {} identifier specified {id}", kind.facts().noun),
    }
}

fn missing_member(kind: Kind, name: &str) -> String {
    match (kind, name) {
        (Kind::Route, "routeKey") => "Route key is required".to_owned(),
        _ => format!("{name}: is missing; {} must have it", kind.facts().noun),
    }
}

fn named(kind: Kind, set: &Map<String, Value>) -> Result<String, ServiceException> {
    let member = kind.facts().id;
    let name = set.get(member).and_then(Value::as_str).unwrap_or_default();
    // What else a name may be is checked with the rest of the resource.
    match name.is_empty() || name.contains('/') {
        true => Err(ServiceException::bad_request(format!(
            "{member}: is no name"
        ))),
        false => Ok(name.to_owned()),
    }
}

/// A path that nothing has yet.
pub(super) fn unused(
    view: &View,
    collection: &str,
    length: usize,
) -> Result<Path, ServiceException> {
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
