//! What tells two definitions apart, resource by resource and member by member.

use serde::Serialize;
use serde_json::{Map, Value};

use super::is_section;
use crate::definition::child;

/// What becomes of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    /// There is none yet.
    Add,
    /// It stays, with other members.
    Change,
    /// It goes.
    Remove,
    /// A stage is brought to what its API is.
    Deploy,
}

/// One resource that differs.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Change {
    pub(super) action: Action,
    /// Its path in the definition, e.g. `apis.chat.routes.$connect`.
    pub(super) resource: String,
    /// Its members that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) members: Vec<Member>,
}

/// One member that differs; `None` where it is not there.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Member {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Value>,
}

/// Adds what differs between two forms of a resource and of everything inside of it; `None` where there is none.
pub(super) fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    changes: &mut Vec<Change>,
) {
    let action = match (before, after) {
        (None, None) => return,
        (None, Some(_)) => Action::Add,
        (Some(_), None) => Action::Remove,
        (Some(_), Some(_)) => Action::Change,
    };
    let members = members(before, after);
    if action != Action::Change || !members.is_empty() {
        changes.push(Change {
            action,
            resource: path.to_owned(),
            members,
        });
    }
    for section in keys(before, after).filter(|name| is_section(name)) {
        let inside = |whole: Option<&Value>| whole.and_then(|whole| whole.get(section)).cloned();
        let (before, after) = (inside(before), inside(after));
        for key in keys(before.as_ref(), after.as_ref()) {
            let of =
                |whole: &Option<Value>| whole.as_ref().and_then(|whole| whole.get(key)).cloned();
            let path = child(&child(path, section), key);
            compare(&path, of(&before).as_ref(), of(&after).as_ref(), changes);
        }
    }
}

/// The members of a resource that differ, sections apart.
pub(super) fn members(before: Option<&Value>, after: Option<&Value>) -> Vec<Member> {
    let names = keys(before, after).filter(|name| !is_section(name));
    let of = |whole: Option<&Value>, name: &str| whole.and_then(|whole| whole.get(name)).cloned();
    names
        .map(|name| Member {
            name: name.to_owned(),
            before: of(before, name),
            after: of(after, name),
        })
        .filter(|member| member.before != member.after)
        .collect()
}

/// The keys of two maps, each once; those of the second first.
fn keys<'v>(before: Option<&'v Value>, after: Option<&'v Value>) -> impl Iterator<Item = &'v str> {
    fn map(value: Option<&Value>) -> Option<&Map<String, Value>> {
        value.and_then(Value::as_object)
    }
    let own = map(after).into_iter().flat_map(Map::keys);
    let others = map(before).into_iter().flat_map(Map::keys);
    let others = others.filter(move |key| map(after).is_none_or(|map| !map.contains_key(*key)));
    own.chain(others).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_resource_that_differs_is_told_with_its_members() {
        let before = json!({ "name": "a", "routes": {
            "x": { "target": "integrations/a" }, "gone": { "routeResponses": { "$default": {} } } } });
        let after = json!({ "name": "b", "version": "1", "routes": {
            "x": { "target": "integrations/b" }, "GET /": {} }, "stages": {} });
        let mut changes = Vec::new();
        compare("apis.s", Some(&before), Some(&after), &mut changes);
        let told = serde_json::to_value(changes).unwrap();
        let expected = json!([
            { "action": "change", "resource": "apis.s", "members": [
                { "name": "name", "before": "a", "after": "b" }, { "name": "version", "after": "1" } ] },
            { "action": "change", "resource": "apis.s.routes.x", "members": [
                { "name": "target", "before": "integrations/a", "after": "integrations/b" } ] },
            { "action": "add", "resource": "apis.s.routes.\"GET /\"" },
            { "action": "remove", "resource": "apis.s.routes.gone" },
            { "action": "remove", "resource": "apis.s.routes.gone.routeResponses.$default" },
        ]);
        assert_eq!(told, expected);
    }

    #[test]
    fn the_order_of_members_is_no_difference() {
        let mut changes = Vec::new();
        let (before, after) = (json!({ "a": 1, "b": [1] }), json!({ "b": [1], "a": 1 }));
        compare("x", Some(&before), Some(&after), &mut changes);
        assert_eq!(changes, []);
    }
}
