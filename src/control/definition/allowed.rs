//! What a caller may be told and may change: nothing that is denied to it one by one.

use super::super::Context;
use super::super::kind::Kind;
use super::super::view::{Path, View};
use super::{DOMAIN_SECTIONS, SECTIONS, inner_section};
use crate::error::ServiceException;

/// The end of the collections of routing rules.
const RULES: &str = "/routingrules";

/// Nothing that changes is denied to the caller, nor what is told of it.
pub(super) fn check_changes(context: &Context<'_>, view: &View) -> Result<(), ServiceException> {
    for (path, after) in view.changes() {
        let own = format!("/{path}");
        let methods: &[&str] = match (view.is_new(path)?, after) {
            (true, None) => continue,
            (true, Some(_)) => {
                context
                    .caller
                    .may("POST", &format!("/{}", path.collection))?;
                &["POST"]
            }
            // Rules are put, where all else is patched.
            (false, Some(_)) if path.collection.ends_with(RULES) => &["GET", "PUT"],
            (false, Some(_)) => &["GET", "PATCH"],
            (false, None) => &["GET", "DELETE"],
        };
        for method in methods {
            context.caller.may(method, &own)?;
        }
    }
    Ok(())
}

/// Neither the resource nor anything below it that is shown is denied to the caller.
pub(super) fn check_readable(
    context: &Context<'_>,
    view: &View,
    kind: Kind,
    path: &Path,
) -> Result<(), ServiceException> {
    let below: &[(&str, Kind)] = match kind {
        Kind::Api => &SECTIONS,
        Kind::DomainName => &DOMAIN_SECTIONS,
        _ => &[],
    };
    context.caller.may("GET", &format!("/{path}"))?;
    for (_, kind) in below.iter().copied().chain(inner_section(kind)) {
        for (path, _) in view.list(&path.collection_of(kind))? {
            check_readable(context, view, kind, &path)?;
        }
    }
    Ok(())
}
