//! A definition put in force: the differences between it and what there is, made as the changes of one call.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::file::FILED;
use super::super::kind::{Identity, Kind};
use super::super::record::{Record, timestamp};
use super::super::resources::{check_room, known, made_at, unused};
use super::super::view::{Path, View};
use super::super::wire::{Call, refused};
use super::super::{Context, deploy, rules, ways};
use super::allowed::check_changes;
use super::changes::{Action, Change, compare, members};
use super::form::{
    DEPLOYING, LINKS, add_name, add_names, as_api, as_domain, as_link, check_sections, keyed_like,
    section,
};
use super::read::{api, domain, link, names};
use super::{DOMAIN_SECTIONS, SECTIONS, inner_section, is_section, object};
use crate::definition::{check_api_id, check_link_id, child, concise};
use crate::error::ServiceException;

/// Sections of a definition that callers can put in force.
const APPLIED: [&str; 3] = ["apis", "domainNames", LINKS];

/// `PutDefinition`: makes the APIs, domain names and VPC links of the body what the body says. Others stay, but with `prune=true`.
///
/// Gives what it changes and what stays.
///
/// # Errors
/// Something of it cannot be; then nothing is changed.
pub(in super::super) fn apply(
    context: &Context<'_>,
    view: &mut View,
    call: &Call,
) -> Result<Value, ServiceException> {
    call.check_query(&["dryRun", "prune"])?;
    if let Some(other) = call
        .body
        .keys()
        .find(|name| !APPLIED.contains(&name.as_str()))
    {
        let message = format!(
            "{other}: unknown member; known here: {}",
            APPLIED.join(", ")
        );
        return Err(ServiceException::bad_request(message));
    }
    let wanted = concise(&Value::Object(call.body.clone()));
    let apis = section(&wanted, "apis", "")?;
    let domains = section(&wanted, "domainNames", "")?;
    let domains: Map<String, Value> = domains
        .into_iter()
        .map(|(name, domain)| (name.to_ascii_lowercase(), domain))
        .collect();
    let links = section(&wanted, LINKS, "")?;
    let prune = flag(call, "prune")?;
    let mut work = Work {
        context,
        view,
        changes: Vec::new(),
        gone: Vec::new(),
    };
    let mut kept = Vec::new();
    // What leads to a stage goes before the stage does, and comes after it.
    work.remove_ways(&domains)?;
    let gone = work.others(Kind::DomainName, &domains)?;
    work.leave_or_remove(Kind::DomainName, "domainNames", gone, prune, &mut kept)?;
    for (id, wanted) in &links {
        work.put_link(id, wanted)?;
    }
    for (id, wanted) in &apis {
        work.put_api(id, wanted)?;
    }
    let gone = work.others(Kind::Api, &apis)?;
    work.leave_or_remove(Kind::Api, "apis", gone, prune, &mut kept)?;
    let gone = work.others(Kind::VpcLink, &links)?;
    work.leave_or_remove(Kind::VpcLink, LINKS, gone, prune, &mut kept)?;
    for (name, wanted) in &domains {
        work.put_domain(name, wanted)?;
    }
    let Work { changes, gone, .. } = work;
    for (kind, path) in &gone {
        ways::check_unmapped(view, *kind, path)?;
    }
    check_changes(context, view)?;
    Ok(json!({ "changes": changes, "kept": kept }))
}

/// Whether a call only asks what it would change.
pub(in super::super) fn flag(call: &Call, name: &str) -> Result<bool, ServiceException> {
    match call.query(name).next() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            let message = format!("{name}: must be true or false");
            Err(ServiceException::bad_request(message))
        }
    }
}

struct Work<'a> {
    context: &'a Context<'a>,
    view: &'a mut View,
    changes: Vec<Change>,
    /// APIs and stages that were removed: nothing may lead there in the end.
    gone: Vec<(Kind, Path)>,
}

impl Work<'_> {
    /// What calls have made of a kind and the definition does not have.
    fn others(
        &self,
        kind: Kind,
        wanted: &Map<String, Value>,
    ) -> Result<Vec<Path>, ServiceException> {
        let all = self.view.list(kind.facts().collection)?.into_iter();
        let others = all.map(|(path, _)| path).filter(|path| {
            !wanted.contains_key(&path.id) && self.view.file().leaves_free(path).is_ok()
        });
        Ok(others.collect())
    }

    fn leave_or_remove(
        &mut self,
        kind: Kind,
        section: &str,
        others: Vec<Path>,
        prune: bool,
        kept: &mut Vec<String>,
    ) -> Result<(), ServiceException> {
        for path in others {
            let name = child(section, &path.id);
            if !prune {
                kept.push(name);
                continue;
            }
            let whole = match kind {
                Kind::Api => api(self.view, &path)?,
                Kind::VpcLink => link(self.view, &path)?,
                _ => domain(self.view, &path)?,
            };
            compare(&name, whole.as_ref(), None, &mut self.changes);
            self.remove(kind, &path)?;
        }
        Ok(())
    }

    fn remove(&mut self, kind: Kind, path: &Path) -> Result<(), ServiceException> {
        let record = known(self.view, kind, path)?;
        match kind {
            // What leads there may yet come to lead elsewhere.
            Kind::Api | Kind::Stage => {
                rules::check_unmanaged(kind, &record)?;
                self.gone.push((kind, path.clone()));
            }
            _ => rules::before_delete(self.view, kind, path, &record)?,
        }
        self.view.remove(path)
    }

    fn put_api(&mut self, id: &str, wanted: &Value) -> Result<(), ServiceException> {
        let path = Path::new(Kind::Api.facts().collection, id);
        self.view.file().leaves_free(&path)?;
        check_api_id(id).map_err(|problems| refused(&problems, &[]))?;
        let place = child("apis", id);
        let mut wanted = wanted.clone();
        check_sections(&wanted, &place)?;
        add_names(id, &mut wanted);
        let before = api(self.view, &path)?;
        let before = before.map(|before| as_api(id, &before));
        let known = match &before {
            Some(before) => names(self.view, &path, before)?,
            None => names(self.view, &path, &Value::Null)?,
        };
        let ids = known.ids(&wanted);
        if let Some((section, id)) = ids.clash() {
            let message = format!(
                "{}: two keys stand for {id}; keep one",
                child(&place, section)
            );
            return Err(ServiceException::bad_request(message));
        }
        let shown = ids.reversed().or(known);
        ids.rename(&mut wanted);
        let wanted = as_api(id, &wanted);
        self.tell(&place, before.as_ref(), &wanted, |api| shown.rename(api));
        let lagging = deploy::lagging(self.view, &path)?;
        self.put(Kind::Api, &path, before.as_ref(), &wanted)?;
        self.sections(&path, before.as_ref(), &wanted)?;
        self.deploy(&path, &place, &lagging)
    }

    /// Notes what differs, in the names that people see.
    fn tell(
        &mut self,
        place: &str,
        before: Option<&Value>,
        wanted: &Value,
        rename: impl Fn(&mut Value),
    ) {
        let mut before = before.cloned();
        let mut wanted = wanted.clone();
        before.iter_mut().for_each(&rename);
        rename(&mut wanted);
        compare(place, before.as_ref(), Some(&wanted), &mut self.changes);
    }

    /// Everything inside of an API. What routes refer to comes before them and goes after them.
    fn sections(
        &mut self,
        path: &Path,
        before: Option<&Value>,
        wanted: &Value,
    ) -> Result<(), ServiceException> {
        self.remove_unwanted(path, Kind::Route, &object(wanted.get("routes")))?;
        for (name, kind) in SECTIONS {
            let before = before.and_then(|before| before.get(name));
            self.put_section(path, kind, before, &object(wanted.get(name)))?;
        }
        for (name, kind) in SECTIONS {
            self.remove_unwanted(path, kind, &object(wanted.get(name)))?;
        }
        Ok(())
    }

    fn remove_unwanted(
        &mut self,
        parent: &Path,
        kind: Kind,
        wanted: &Map<String, Value>,
    ) -> Result<(), ServiceException> {
        for (key, path) in self.existing(parent, kind)? {
            if !wanted.contains_key(&key) {
                self.remove(kind, &path)?;
            }
        }
        Ok(())
    }

    /// The resources of a kind, by what a definition has them under.
    fn existing(
        &self,
        parent: &Path,
        kind: Kind,
    ) -> Result<BTreeMap<String, Path>, ServiceException> {
        let all = self.view.list(&parent.collection_of(kind))?.into_iter();
        let keyed = all.map(|(path, record)| match kind.facts().key {
            Some(member) => (record.key(member), path),
            None => (path.id.clone(), path),
        });
        Ok(keyed.collect())
    }

    fn put_section(
        &mut self,
        parent: &Path,
        kind: Kind,
        before: Option<&Value>,
        wanted: &Map<String, Value>,
    ) -> Result<(), ServiceException> {
        let existing = self.existing(parent, kind)?;
        for (key, wanted) in wanted {
            let before = before.and_then(|before| before.get(key));
            let path = match existing.get(key) {
                Some(path) => path.clone(),
                None => self.unused(parent, kind, key)?,
            };
            let mut keyed = wanted.clone();
            if let (Some(member), Some(members)) = (kind.facts().key, keyed.as_object_mut()) {
                members.insert(member.to_owned(), kind.key_value(key));
            }
            self.put(
                kind,
                &path,
                before.map(|before| keyed_like(kind, key, before)).as_ref(),
                &keyed,
            )?;
            if let Some((section, inner)) = inner_section(kind) {
                let before = before.and_then(|before| before.get(section));
                let wanted = object(wanted.get(section));
                self.remove_unwanted(&path, inner, &wanted)?;
                self.put_section(&path, inner, before, &wanted)?;
            }
        }
        Ok(())
    }

    fn unused(&self, parent: &Path, kind: Kind, key: &str) -> Result<Path, ServiceException> {
        let collection = parent.collection_of(kind);
        check_room(self.view, kind, &collection)?;
        match (kind.facts().identity, kind.facts().key) {
            (Identity::Made(length), Some(_)) => unused(self.view, &collection, length),
            _ => Ok(Path::new(collection, key)),
        }
    }

    /// Makes one resource what is wanted, but for what is inside of it.
    fn put(
        &mut self,
        kind: Kind,
        path: &Path,
        before: Option<&Value>,
        wanted: &Value,
    ) -> Result<(), ServiceException> {
        let mut set = object(Some(wanted));
        set.retain(|name, _| !is_section(name));
        if let Some(schema) = set.get_mut("schema").filter(|schema| !schema.is_string()) {
            *schema = schema.to_string().into();
        }
        let record = match self.view.get(path)? {
            Some(_) if before.is_some() && members(before, Some(wanted)).is_empty() => {
                return Ok(());
            }
            Some(old) => self.changed(kind, path, &old, set)?,
            None => self.made(kind, path, set)?,
        };
        self.view.put(path.clone(), record);
        Ok(())
    }

    fn changed(
        &self,
        kind: Kind,
        path: &Path,
        old: &Record,
        mut set: Map<String, Value>,
    ) -> Result<Record, ServiceException> {
        let is = |name: &str| (old.set.get(name), set.get(name));
        if let (Some(before), after) = is("protocolType")
            && Some(before) != after
        {
            return Err(ServiceException::bad_request(format!(
                "{}: cannot be changed; delete the API, or choose another key",
                child(&child("apis", &path.id), "protocolType")
            )));
        }
        for name in DEPLOYING {
            if let Some(value) = old.set.get(name) {
                set.insert(name.to_owned(), value.clone());
            }
        }
        let mut record = Record { set, ..old.clone() };
        rules::before_update(self.view, kind, path, old, &record)?;
        if kind == Kind::Stage {
            record.make("lastUpdatedDate", timestamp(self.context.now));
        }
        Ok(record)
    }

    fn made(
        &self,
        kind: Kind,
        path: &Path,
        mut set: Map<String, Value>,
    ) -> Result<Record, ServiceException> {
        // What is inside of another had its room looked after with its id.
        if FILED.contains(&kind) {
            check_room(self.view, kind, &path.collection)?;
        }
        if kind == Kind::Stage {
            set.insert("autoDeploy".to_owned(), true.into());
        }
        let mut record = made_at(self.context, kind, path, set);
        record.named = true;
        rules::before_create(self.view, kind, path, &record)?;
        Ok(record)
    }

    /// Loading is deploying: every stage runs what the API is then. What could not run is refused here, because a stage that deploys by
    /// itself would only note it.
    fn deploy(
        &mut self,
        path: &Path,
        place: &str,
        lagging: &[String],
    ) -> Result<(), ServiceException> {
        let touched = self.view.changes_of(path).next().is_some();
        if touched {
            // What follows would find the same, but name it for whoever changes one resource.
            let checked = deploy::check_draft(self.context, self.view, path)?;
            checked.map_err(|problems| refused(&problems, &[]))?;
        }
        let mut applied = deploy::Applied::default();
        for (stage, _) in self.view.list(&path.collection_of(Kind::Stage))? {
            if !touched && !lagging.contains(&stage.id) {
                continue;
            }
            if lagging.contains(&stage.id) {
                self.changes.push(Change {
                    action: Action::Deploy,
                    resource: child(&child(place, "stages"), &stage.id),
                    members: Vec::new(),
                });
            }
            let checked =
                deploy::point_to_draft(self.context, self.view, path, &stage, &mut applied)?;
            checked.map_err(|problems| refused(&problems, &[]))?;
        }
        applied.finish(self.view, path)
    }

    /// Takes mappings and rules away that the definition does not have any more, or that lead elsewhere.
    fn remove_ways(&mut self, domains: &Map<String, Value>) -> Result<(), ServiceException> {
        for (name, wanted) in domains {
            let path = Path::new(Kind::DomainName.facts().collection, name);
            self.view.file().leaves_free(&path)?;
            let place = child("domainNames", name);
            let Some(before) = domain(self.view, &path)? else {
                continue;
            };
            let mut after = before.clone();
            for (name, kind) in DOMAIN_SECTIONS {
                let wanted = section(wanted, name, &place)?;
                if let Some(Value::Object(inside)) = after.get_mut(name) {
                    inside.retain(|key, _| wanted.contains_key(key));
                }
                self.remove_unwanted(&path, kind, &wanted)?;
            }
            compare(&place, Some(&before), Some(&after), &mut self.changes);
        }
        Ok(())
    }

    fn put_domain(&mut self, name: &str, wanted: &Value) -> Result<(), ServiceException> {
        let path = Path::new(Kind::DomainName.facts().collection, name);
        let place = child("domainNames", name);
        let before = domain(self.view, &path)?;
        let before = before.map(|before| as_domain(name, &before));
        let wanted = as_domain(name, wanted);
        compare(&place, before.as_ref(), Some(&wanted), &mut self.changes);
        self.put(Kind::DomainName, &path, before.as_ref(), &wanted)?;
        for (name, kind) in DOMAIN_SECTIONS {
            let inside = section(&wanted, name, &place)?;
            let before = before.as_ref().and_then(|before| before.get(name));
            self.put_section(&path, kind, before, &inside)?;
        }
        Ok(())
    }

    fn put_link(&mut self, id: &str, wanted: &Value) -> Result<(), ServiceException> {
        let path = Path::new(Kind::VpcLink.facts().collection, id);
        self.view.file().leaves_free(&path)?;
        check_link_id(id).map_err(|problems| refused(&problems, &[]))?;
        let before = link(self.view, &path)?;
        let before = before.map(|before| as_link(id, &before));
        let wanted = as_link(id, wanted);
        let place = child(LINKS, id);
        compare(&place, before.as_ref(), Some(&wanted), &mut self.changes);
        let named = |mut link: Value| {
            add_name(id, &mut link);
            link
        };
        let before = before.map(named);
        self.put(Kind::VpcLink, &path, before.as_ref(), &named(wanted))
    }
}
