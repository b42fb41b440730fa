//! `paths`: what stands under one path.

use serde_json::Value;

use super::Reader;
use super::security::Requirement;
use crate::openapi::pointer::Pointer;
use crate::openapi::{ANY_METHOD, DEFAULT, METHODS};

impl<'d> Reader<'d> {
    /// Every operation becomes a route; `security` is for those that have none of their own.
    pub(super) fn paths(
        &mut self,
        at: &Pointer,
        paths: &'d Value,
        security: Option<&Requirement<'d>>,
    ) {
        self.places.note(&["routes"], at, &[]);
        let Some(members) = paths.as_object() else {
            self.findings.error(at, "must be a map");
            return;
        };
        for (path, item) in members {
            let at = at.child(path);
            if path.starts_with("x-") {
                self.extension(&at);
            } else if path.starts_with('/') || path == DEFAULT {
                self.path_item(&at, path, item, security);
            } else {
                self.findings.error(&at, "a path begins with `/`");
            }
        }
    }

    fn path_item(
        &mut self,
        at: &Pointer,
        path: &str,
        item: &'d Value,
        security: Option<&Requirement<'d>>,
    ) {
        let Some(mut item) = self.part(at, item) else {
            return;
        };
        if let Some((at, _)) = item.take("$ref") {
            let what = "path items cannot be shared; write it out";
            self.findings.error(&at, what);
        }
        // AWS: documents of AWS SAM have no slash there.
        let is_default = path.strip_prefix('/').unwrap_or(path) == DEFAULT;
        for (name, method) in METHODS {
            let Some((at, operation)) = item.take(name) else {
                continue;
            };
            if is_default && name != ANY_METHOD {
                let what = format!("under /{DEFAULT} there is nothing but {ANY_METHOD}");
                self.findings.error(&at, what);
                continue;
            }
            let key = match (is_default, path, self.base_path.as_str()) {
                (true, ..) => DEFAULT.to_owned(),
                (false, "/", base) if !base.is_empty() => format!("{method} {base}"),
                (false, path, base) => format!("{method} {base}{path}"),
            };
            self.operation(&at, operation, &key, security);
        }
        let described = ["summary", "description", "servers", "parameters"];
        item.unused(self, &described);
        self.rest(item);
    }
}
