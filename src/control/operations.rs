//! The one table of operations: name, method, path, status, and what is done.

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::error::ServiceException;

use super::kind::Kind;
use super::view::View;
use super::wire::Call;
use super::{Context, resources, tags};

/// The first segment of every path.
const VERSION: &str = "/v2/";
const PORTALS: &str = "portals and their products are not among what this gateway has";

/// One operation of the service.
pub(super) struct Operation {
    /// Amazon's name for it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests hold the table against Amazon's")
    )]
    pub(super) name: &'static str,
    /// Its method.
    pub(super) method: Method,
    /// Its path; `{name}` is one segment, and `{name+}` all that is left.
    pub(super) uri: &'static str,
    /// The status of success.
    pub(super) status: u16,
    action: Action,
}

enum Action {
    Create(Kind),
    List(Kind),
    Get(Kind),
    Update(Kind),
    Delete(Kind),
    Tag,
    Untag,
    Tags,
}

const fn operation(
    name: &'static str,
    method: Method,
    uri: &'static str,
    status: u16,
    action: Action,
) -> Operation {
    Operation {
        name,
        method,
        uri,
        status,
        action,
    }
}

use Action::{Create, Delete, Get, List, Tag, Tags, Untag, Update};

/// Every operation.
#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    operation("CreateVpcLink", Method::POST, "/v2/vpclinks", 201, Create(Kind::VpcLink)),
    operation("GetVpcLinks", Method::GET, "/v2/vpclinks", 200, List(Kind::VpcLink)),
    operation("GetVpcLink", Method::GET, "/v2/vpclinks/{vpcLinkId}", 200, Get(Kind::VpcLink)),
    operation("UpdateVpcLink", Method::PATCH, "/v2/vpclinks/{vpcLinkId}", 200, Update(Kind::VpcLink)),
    operation("DeleteVpcLink", Method::DELETE, "/v2/vpclinks/{vpcLinkId}", 202, Delete(Kind::VpcLink)),
    operation("TagResource", Method::POST, "/v2/tags/{resource-arn+}", 201, Tag),
    operation("UntagResource", Method::DELETE, "/v2/tags/{resource-arn+}", 204, Untag),
    operation("GetTags", Method::GET, "/v2/tags/{resource-arn+}", 200, Tags),
];

impl Operation {
    /// Runs it; gives the body of the answer.
    pub(super) fn run(
        &self,
        context: &Context<'_>,
        view: &mut View,
        call: &Call,
    ) -> Result<Option<Value>, ServiceException> {
        match self.action {
            Action::Create(kind) => resources::create(context, view, kind, call).map(Some),
            Action::List(kind) => resources::list(view, kind, call).map(Some),
            Action::Get(kind) => resources::get(view, kind, call).map(Some),
            Action::Update(kind) => resources::update(view, kind, call).map(Some),
            Action::Delete(kind) => {
                resources::delete(view, kind, call)?;
                Ok((self.status == 202).then(|| Value::Object(serde_json::Map::new())))
            }
            Action::Tag => tags::tag(context, view, call).map(Some),
            Action::Untag => tags::untag(context, view, call).map(|()| None),
            Action::Tags => tags::list(context, view, call).map(Some),
        }
    }
}

/// An operation, and what stands in its path.
pub(super) struct Found {
    /// The operation.
    pub(super) operation: &'static Operation,
    /// Names and decoded values of the path's variables.
    pub(super) ids: Vec<(&'static str, String)>,
}

/// Whether a path is one that this service answers at.
pub fn serves(path: &str) -> bool {
    path.starts_with(VERSION)
}

/// The operation that a request asks for.
///
/// # Errors
/// There is none.
pub(super) fn find(method: &Method, path: &str) -> Result<Found, ServiceException> {
    let mut known = false;
    for operation in OPERATIONS {
        let Some(ids) = fits(operation.uri, path) else {
            continue;
        };
        if operation.method == *method {
            return Ok(Found { operation, ids });
        }
        known = true;
    }
    if known {
        return Err(ServiceException::method_not_allowed());
    }
    let first = path.strip_prefix(VERSION).unwrap_or_default();
    if first.starts_with("portal") {
        return Err(ServiceException::bad_request(PORTALS));
    }
    Err(ServiceException::not_found("Not Found", "Operation"))
}

fn fits(uri: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut ids = Vec::new();
    let mut rest = path;
    for part in uri.split('/').skip(1) {
        rest = rest.strip_prefix('/')?;
        let variable = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        if let Some(name) = variable.and_then(|name| name.strip_suffix('+')) {
            ids.push((name, decoded(rest)?));
            return Some(ids);
        }
        let end = rest.find('/').unwrap_or(rest.len());
        let (segment, after) = rest.split_at(end);
        match variable {
            Some(name) => ids.push((name, decoded(segment)?)),
            None if segment == part => {}
            None => return None,
        }
        rest = after;
    }
    rest.is_empty().then_some(ids)
}

fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_templates() {
        let check = |uri, path, expected: Option<&[(&str, &str)]>| {
            let found = fits(uri, path);
            let found = found.as_ref().map(|ids| {
                let pairs = ids.iter().map(|(name, id)| (*name, id.as_str()));
                pairs.collect::<Vec<_>>()
            });
            assert_eq!(found.as_deref(), expected, "{uri} {path}");
        };
        check("/v2/a", "/v2/a", Some(&[]));
        check("/v2/a", "/v2/a/", None);
        check("/v2/a/{x}", "/v2/a/b", Some(&[("x", "b")]));
        check("/v2/a/{x}", "/v2/a/%24default", Some(&[("x", "$default")]));
        check("/v2/a/{x}", "/v2/a/", None);
        check("/v2/a/{x}", "/v2/a/%ff", None);
        check("/v2/a/{x}/c", "/v2/a/b/c", Some(&[("x", "b")]));
        check("/v2/t/{x+}", "/v2/t/a:b::/c/d", Some(&[("x", "a:b::/c/d")]));
        check("/v2/t/{x+}", "/v2/t/a%3Ab%2Fc", Some(&[("x", "a:b/c")]));
    }

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        for operation in OPERATIONS {
            let path = operation.uri.replace(['{', '}', '+'], "");
            let found = find(&operation.method, &path).ok();
            let found = found.map(|found| found.operation.name);
            assert_eq!(found, Some(operation.name));
        }
    }
}
