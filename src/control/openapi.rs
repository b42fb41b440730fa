//! `ImportApi`, `ReimportApi` and `ExportApi`: HTTP APIs as OpenAPI documents.
//!
//! A document is read (`crate::openapi`), checked as a whole by the tables and the compile step, and only then becomes resources. So
//! whatever is wrong is told by its place in the document, and nothing of a document that is wrong is kept.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::definition::child;
use crate::error::ServiceException;
use crate::openapi::{
    self, BasePath, FORM_VERSION, Imported, Pointer, Reading, Rendered, Server, Writing,
};
use crate::plan::compile::Completeness;

use super::around::Around;
use super::kind::Kind;
use super::record::Record;
use super::resources::{known, make};
use super::shown::Protocol;
use super::view::{Path, View};
use super::wire::Call;
use super::{Context, assemble, deploy};

/// Lines of problems in one message; the rest are counted.
const LINES_SHOWN: usize = 100;
/// Where an API keeps what its last import had to say; the gateway makes both.
const INFO: &str = "importInfo";
const WARNINGS: &str = "warnings";
/// What an import replaces, besides the members of the API itself.
const REPLACED: [Kind; 3] = [Kind::Route, Kind::Integration, Kind::Authorizer];

/// `ImportApi`: a new API of a document; gives its path.
pub(super) fn import(
    context: &Context<'_>,
    view: &mut View,
    call: &Call,
) -> Result<Path, ServiceException> {
    let imported = read(context, view, call)?;
    let collection = Kind::Api.facts().collection;
    let (path, record) = make(context, view, Kind::Api, collection, Map::new())?;
    fill(context, view, &path, record, imported)?;
    Ok(path)
}

/// `ReimportApi`: a document in place of all that an API has but its stages and deployments; gives the API's path.
pub(super) fn reimport(
    context: &Context<'_>,
    view: &mut View,
    call: &Call,
) -> Result<Path, ServiceException> {
    let path = Kind::Api.path(call);
    let record = http_api(view, &path)?;
    let imported = read(context, view, call)?;
    for kind in REPLACED {
        for (path, _) in view.list(&path.collection_of(kind))? {
            view.remove(&path)?;
        }
    }
    fill(context, view, &path, record, imported)?;
    Ok(path)
}

/// The API, which must be one of HTTP.
fn http_api(view: &View, path: &Path) -> Result<Record, ServiceException> {
    let record = known(view, Kind::Api, path)?;
    match Protocol::of(&record) {
        Some(Protocol::Http) => Ok(record),
        _ => Err(ServiceException::bad_request(
            "Only HTTP APIs can be imported and exported",
        )),
    }
}

/// Reads the document of a call and checks it.
fn read(context: &Context<'_>, view: &View, call: &Call) -> Result<Imported, ServiceException> {
    if let Some(other) = call.body.keys().find(|name| *name != "body") {
        let message = format!("{other}: unknown member; known here: body");
        return Err(ServiceException::bad_request(message));
    }
    let Some(Value::String(text)) = call.body.get("body") else {
        let message = "body: must be an OpenAPI document, as one text";
        return Err(ServiceException::bad_request(message));
    };
    let base_path = match call.query("basepath").next() {
        None => BasePath::default(),
        Some(word) => BasePath::of(word).ok_or_else(|| {
            ServiceException::bad_request("basepath: must be ignore, prepend or split")
        })?,
    };
    let fail_on_warnings = boolean(call, "failOnWarnings", false)?;
    let how = Reading {
        base_path,
        region: context.region,
        account_id: &view.file().definition.server.account_id,
    };
    let imported = openapi::read(text, &how).map_err(|lines| refused("Errors", lines))?;
    check_counts(&imported)?;
    check(context, view, &imported)?;
    match fail_on_warnings && !imported.warnings.is_empty() {
        true => Err(refused("Warnings", imported.warnings)),
        false => Ok(imported),
    }
}

/// An API has room for what the document has. Compiling more than that is work for nothing.
fn check_counts(imported: &Imported) -> Result<(), ServiceException> {
    let counts = REPLACED.map(|kind| {
        let section = kind.facts().collection;
        let resources = imported.api.get(section).and_then(Value::as_object);
        (section, resources.map_or(0, Map::len), kind.facts().most)
    });
    let excess = counts.into_iter().filter(|(_, count, most)| count > most);
    let lines: Rendered = excess
        .map(|(section, count, most)| {
            let at = imported.locate(section);
            let remedy = format!("keep at most {most}, or make a second API");
            format!("{at}: has {count} {section}; {remedy}")
        })
        .collect();
    match lines.is_empty() {
        true => Ok(()),
        false => Err(refused("Errors", lines)),
    }
}

/// What the tables and the compile step say of the document, in its own terms.
fn check(context: &Context<'_>, view: &View, imported: &Imported) -> Result<(), ServiceException> {
    // Any id will do: nothing is kept of this.
    const ID: &str = "imported";
    let path = Path::new(Kind::Api.facts().collection, ID);
    let draft = Value::Object(imported.api.clone());
    let around = Around::seen(context, view)?;
    let checked = deploy::check(&around, &path, &draft, Completeness::Draft);
    let around = child(Kind::Api.facts().collection, ID);
    checked.map_err(|problems| {
        let lines = problems.iter().map(|problem| {
            let path = problem.path.strip_prefix(&around).unwrap_or_default();
            let at: Pointer = imported.locate(path.trim_start_matches('.'));
            format!("{at}: {}; {}", problem.what, problem.remedy)
        });
        refused("Errors", lines.collect())
    })
}

/// AWS: every finding has a line of its own, behind a tab.
fn refused(what: &str, mut lines: Rendered) -> ServiceException {
    if lines.len() > LINES_SHOWN {
        let rest = lines.len() - LINES_SHOWN;
        lines.truncate(LINES_SHOWN);
        lines.push(format!("and {rest} more"));
    }
    let mut message = format!("{what} found during import:");
    for line in lines {
        message.push_str("\n\t");
        message.push_str(&line);
    }
    ServiceException::bad_request(message)
}

/// Makes an API what was imported. Ids in it are those of the document until each resource has its own.
fn fill(
    context: &Context<'_>,
    view: &mut View,
    path: &Path,
    mut record: Record,
    imported: Imported,
) -> Result<(), ServiceException> {
    let mut set = imported.api;
    let mut section = |kind: Kind| match set.shift_remove(kind.facts().collection) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let routes = section(Kind::Route);
    let integrations = section(Kind::Integration);
    let authorizers = section(Kind::Authorizer);
    record.set = set;
    for (name, lines) in [(INFO, imported.info), (WARNINGS, imported.warnings)] {
        record.made.shift_remove(name);
        if !lines.is_empty() {
            record.make(name, lines);
        }
    }
    view.put(path.clone(), record);
    let targets = add(context, view, path, Kind::Integration, integrations)?;
    let authorizers = add(context, view, path, Kind::Authorizer, authorizers)?;
    for (key, route) in routes {
        let mut route = object(route);
        rename(&mut route, "target", |target| {
            let id = target.strip_prefix("integrations/")?;
            Some(format!("integrations/{}", targets.get(id)?))
        });
        rename(&mut route, "authorizerId", |id| {
            authorizers.get(id).cloned()
        });
        route.insert("routeKey".to_owned(), key.into());
        let collection = path.collection_of(Kind::Route);
        let (path, record) = make(context, view, Kind::Route, &collection, route)?;
        view.put(path, record);
    }
    Ok(())
}

/// Adds resources to an API; gives the ids that they got, by those that they had.
fn add(
    context: &Context<'_>,
    view: &mut View,
    api: &Path,
    kind: Kind,
    resources: Map<String, Value>,
) -> Result<HashMap<String, String>, ServiceException> {
    let mut ids = HashMap::new();
    for (id, members) in resources {
        let collection = api.collection_of(kind);
        let (path, record) = make(context, view, kind, &collection, object(members))?;
        ids.insert(id, path.id.clone());
        view.put(path, record);
    }
    Ok(ids)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn rename(members: &mut Map<String, Value>, name: &str, to: impl Fn(&str) -> Option<String>) {
    if let Some(member) = members.get_mut(name)
        && let Some(renamed) = member.as_str().and_then(to)
    {
        *member = renamed.into();
    }
}

fn boolean(call: &Call, name: &str, absent: bool) -> Result<bool, ServiceException> {
    match call.query(name).next() {
        None => Ok(absent),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => {
            let message = format!("{name}: must be true or false");
            Err(ServiceException::bad_request(message))
        }
    }
}

/// `ExportApi`: the document of an API as it is, or as a stage runs it; and its media type.
pub(super) fn export(
    context: &Context<'_>,
    view: &View,
    call: &Call,
) -> Result<(String, &'static str), ServiceException> {
    let path = Kind::Api.path(call);
    let record = http_api(view, &path)?;
    let only = |name: &str, said: &str, known: &str| match said == known {
        true => Ok(()),
        false => {
            let message = format!("{name}: must be {known}");
            Err(ServiceException::bad_request(message))
        }
    };
    only("specification", call.id("specification"), "OAS30")?;
    let version = call.query("exportVersion").next();
    only(
        "exportVersion",
        version.unwrap_or(FORM_VERSION),
        FORM_VERSION,
    )?;
    let extensions = boolean(call, "includeExtensions", true)?;
    let output = call.query("outputType").next();
    let stage = call.query("stageName").next();
    let api = exported(view, &path, stage)?;
    let scheme = context.endpoint.scheme(Some(Protocol::Http));
    let url = format!(
        "{scheme}://{}/_apis/{}",
        context.endpoint.authority, path.id
    );
    let server = Server {
        url: &url,
        stage: stage.filter(|name| *name != "$default").unwrap_or_default(),
    };
    let how = Writing {
        server: Some(server),
        // AWS: an API without a version gets a date; that of its creation is always the same.
        version: match record.text("createdDate") {
            "" => FORM_VERSION,
            date => date,
        },
        extensions,
    };
    let document = openapi::write(&api, &how);
    match output {
        Some("JSON") => Ok((format!("{document:#}"), "application/json")),
        Some("YAML") => Ok((openapi::to_yaml(&document), "application/yaml")),
        Some(_) => Err(ServiceException::bad_request(
            "outputType: must be JSON or YAML",
        )),
        None => Err(ServiceException::bad_request("outputType: is missing")),
    }
}

/// An API in the form of a definition: as it is now, or as the deployment has it that a stage runs.
fn exported(
    view: &View,
    api: &Path,
    stage: Option<&str>,
) -> Result<Map<String, Value>, ServiceException> {
    let now = assemble::api(view, api)?.unwrap_or_default();
    let Some(name) = stage else {
        return Ok(object(now));
    };
    let stage = Path::new(api.collection_of(Kind::Stage), name);
    let stage = known(view, Kind::Stage, &stage)?;
    // What a stage of the file runs is what the file says.
    if view.file().leaves_free(api).is_err() {
        return Ok(object(now));
    }
    let deployment = stage.text("deploymentId");
    match view.get(&deploy::snapshot_path(api, deployment))? {
        Some(snapshot) => Ok(snapshot.set),
        None => {
            let message = format!("stageName: stage {name} has no deployment yet");
            Err(ServiceException::bad_request(message))
        }
    }
}
