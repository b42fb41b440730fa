//! From resources to a definition.

use std::path::Path as FilePath;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::kind::Kind;
use super::super::record::Record;
use super::super::store::Store;
use super::super::view::{Path, View};
use super::super::wire::Call;
use super::super::{Context, StoreError, assemble, deploy, ways};
use super::allowed::check_readable;
use super::form::{LINKS, as_link, omit_name};
use super::names::Names;
use super::{DOMAIN_SECTIONS, object};
use crate::control::file::{FILED, FileSide};
use crate::definition::{Machine, concise, literally, load_text};
use crate::error::ServiceException;
use crate::plan::Plan;

/// What a control plane has, as a definition.
#[derive(Debug)]
pub struct Exported {
    /// The sections `apis`, `domainNames` and `vpcLinks` of a definition.
    pub definition: Value,
    /// What the definition cannot say, in sentences.
    pub notes: Vec<String>,
}

/// `GetDefinition`: what was made by calls and, with `file=true`, what the definition file has. A caller to whom a resource of it is denied
/// gets none of it.
pub(in super::super) fn get(
    context: &Context<'_>,
    view: &View,
    call: &Call,
) -> Result<Value, ServiceException> {
    call.check_query(&["file"])?;
    let with_file = match call.query("file").next() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ServiceException::bad_request("file: must be true or false")),
    };
    for kind in FILED {
        for (path, _) in view.list(kind.facts().collection)? {
            if with_file || view.file().leaves_free(&path).is_ok() {
                check_readable(context, view, kind, &path)?;
            }
        }
    }
    let Exported { definition, notes } = export(view, with_file)?;
    Ok(json!({ "definition": definition, "notes": notes }))
}

/// What the state directory of a gateway that does not run has; `None` when no control plane ever wrote there.
///
/// # Errors
/// It cannot be read, for instance because a gateway runs on it.
pub fn exported(directory: &FilePath) -> Result<Option<Exported>, StoreError> {
    let Some(store) = Store::open_existing(directory)? else {
        return Ok(None);
    };
    let nothing = load_text("", directory, &Machine::default());
    let nothing = nothing.expect("a definition may be empty");
    let file = Arc::new(FileSide::new(&nothing, Plan::default()));
    let view = View::new(file, store.snapshot()?);
    export(&view, false)
        .map(Some)
        .map_err(|_| store.unreadable())
}

fn export(view: &View, with_file: bool) -> Result<Exported, ServiceException> {
    let mut notes = Vec::new();
    let mut apis = Map::new();
    for (path, record) in view.list(Kind::Api.facts().collection)? {
        let of_file = view.file().leaves_free(&path).is_err();
        if of_file && !with_file {
            continue;
        }
        let Some(mut api) = api(view, &path)? else {
            continue;
        };
        names(view, &path, &api)?.rename(&mut api);
        omit_names(&path.id, &mut api);
        sort(&mut api);
        if !of_file {
            note_stages(view, &path, &record, &mut notes)?;
            note_closed(view, &path, &record, &mut notes)?;
            api = literally(&api);
        }
        apis.insert(path.id, api);
    }
    let mut domains = Map::new();
    for (path, record) in view.list(Kind::DomainName.facts().collection)? {
        let of_file = view.file().leaves_free(&path).is_err();
        if of_file && !with_file {
            continue;
        }
        if let Some(domain) = domain(view, &path)? {
            if !of_file {
                note_idle(&path, &record, &domain, &mut notes);
            }
            let domain = if of_file { domain } else { literally(&domain) };
            domains.insert(path.id, domain);
        }
    }
    let mut links = Map::new();
    for (path, _) in view.list(Kind::VpcLink.facts().collection)? {
        let of_file = view.file().leaves_free(&path).is_err();
        if of_file && !with_file {
            continue;
        }
        if let Some(link) = link(view, &path)? {
            let link = as_link(&path.id, &link);
            let link = if of_file { link } else { literally(&link) };
            links.insert(path.id, link);
        }
    }
    let definition = concise(&json!({ "apis": apis, "domainNames": domains, LINKS: links }));
    Ok(Exported { definition, notes })
}

/// An API with its stages, in the form of a definition, by ids.
pub(super) fn api(view: &View, path: &Path) -> Result<Option<Value>, ServiceException> {
    let Some(mut api) = assemble::api(view, path)? else {
        return Ok(None);
    };
    let mut stages = Map::new();
    for (path, stage) in view.list(&path.collection_of(Kind::Stage))? {
        stages.insert(path.id, assemble::stage(&stage).into());
    }
    api["stages"] = stages.into();
    Ok(Some(api))
}

/// A domain name with its mappings and rules, in the form of a definition.
pub(super) fn domain(view: &View, path: &Path) -> Result<Option<Value>, ServiceException> {
    let Some(record) = view.get(path)? else {
        return Ok(None);
    };
    let mut domain = record.set;
    for (section, kind) in DOMAIN_SECTIONS {
        let member = kind.facts().key.unwrap_or_default();
        let mut inside = view.list(&path.collection_of(kind))?;
        // Rules in their order; keys of mappings are text.
        inside.sort_by_key(|(_, record)| record.set.get(member).and_then(Value::as_u64));
        let inside = inside.into_iter().map(|(_, record)| {
            let mut members = record.set.clone();
            members.shift_remove(member);
            (record.key(member), Value::Object(members))
        });
        domain.insert(section.to_owned(), inside.collect::<Map<_, _>>().into());
    }
    Ok(Some(domain.into()))
}

/// A VPC link in the form of a definition.
pub(super) fn link(view: &View, path: &Path) -> Result<Option<Value>, ServiceException> {
    Ok(view.get(path)?.map(|record| record.set.into()))
}

/// The names of what is in an API.
pub(super) fn names(view: &View, path: &Path, api: &Value) -> Result<Names, ServiceException> {
    let of_file = view.file().leaves_free(path).is_err();
    let mut chosen = Vec::new();
    for kind in [Kind::Integration, Kind::Authorizer] {
        for (path, record) in view.list(&path.collection_of(kind))? {
            if of_file || record.named {
                chosen.push((kind, path.id));
            }
        }
    }
    Ok(Names::of(api, |kind, id| {
        chosen.iter().any(|(of, own)| *of == kind && own == id)
    }))
}

/// Names that are said by keys already.
fn omit_names(id: &str, api: &mut Value) {
    omit_name(id, api);
    let authorizers = api.get_mut("authorizers").and_then(Value::as_object_mut);
    for (key, authorizer) in authorizers.into_iter().flatten() {
        omit_name(key, authorizer);
    }
}

/// Every section by key; of routes, those first that every API of the kind has, and HTTP routes by path.
fn sort(api: &mut Value) {
    for section in super::SECTIONS.map(|(section, _)| section) {
        if let Some(resources) = api.get_mut(section).and_then(Value::as_object_mut) {
            let mut all: Vec<_> = object(Some(&resources.clone().into()))
                .into_iter()
                .collect();
            all.sort_by_cached_key(|(key, _)| rank(key));
            *resources = all.into_iter().collect();
        }
    }
}

fn rank(key: &str) -> (usize, String, String) {
    let fixed = ["$connect", "$disconnect", "$default"];
    match (
        fixed.iter().position(|known| *known == key),
        key.split_once(' '),
    ) {
        (Some(place), _) => (place, String::new(), String::new()),
        (None, Some((method, path))) => (fixed.len(), path.to_owned(), method.to_owned()),
        (None, None) => (fixed.len(), key.to_owned(), String::new()),
    }
}

/// An API that answers under domain names only, and has none.
fn note_closed(
    view: &View,
    api: &Path,
    record: &Record,
    notes: &mut Vec<String>,
) -> Result<(), ServiceException> {
    if !record.is("disableExecuteApiEndpoint") {
        return Ok(());
    }
    for (domain, record) in view.list(Kind::DomainName.facts().collection)? {
        if ways::leads_to(view, &domain, &record, &api.id)? {
            return Ok(());
        }
    }
    let name = record.text("name");
    notes.push(format!(
        "API {} ({name}): answers nowhere, which a file refuses: add a domain name, or remove `disableExecuteApiEndpoint`",
        api.id
    ));
    Ok(())
}

/// Mappings or rules that the domain name's mode does not look at.
fn note_idle(path: &Path, record: &Record, domain: &Value, notes: &mut Vec<String>) {
    let mode = ways::mode(record);
    let looked_at = [mode.has_mappings(), mode.has_rules()];
    for ((section, _), looked_at) in DOMAIN_SECTIONS.into_iter().zip(looked_at) {
        if !looked_at && !object(domain.get(section)).is_empty() {
            notes.push(format!(
                "domain name {}: its routingMode does not look at its {section}, which a file refuses: remove them, or write another mode",
                path.id
            ));
        }
    }
}

/// Says which stages run something else than the API as it is now, which is what a definition can say.
fn note_stages(
    view: &View,
    api: &Path,
    record: &Record,
    notes: &mut Vec<String>,
) -> Result<(), ServiceException> {
    let name = record.text("name");
    if view.list(&api.collection_of(Kind::Stage))?.is_empty() {
        notes.push(format!(
            "API {} ({name}): has no stage, which a file refuses: add `stages: {{ prod: {{}} }}`",
            api.id
        ));
    }
    for stage in deploy::lagging(view, api)? {
        notes.push(format!(
            "API {} ({name}): stage {stage} does not run the API as it is now, which is what is written",
            api.id
        ));
    }
    Ok(())
}
