//! `servers`: the base path, and whether the API answers under its own domain names only.

use serde_json::Value;

use super::part::{Part, text_of};
use super::{BasePath, Reader};
use crate::openapi::ENDPOINT;
use crate::openapi::pointer::Pointer;

/// Longest URL of a server, its variables filled in, in bytes.
const URL_BYTES: usize = 2048;
/// Longest base path, in bytes: the key of every route begins with it.
const BASE_PATH_BYTES: usize = 1024;

impl<'d> Reader<'d> {
    pub(super) fn servers(&mut self, at: &Pointer, servers: &'d Value, how: BasePath) {
        for (index, (at, server)) in self.items(at, servers).enumerate() {
            let Some(mut server) = self.part(&at, server) else {
                continue;
            };
            if let Some((at, endpoint)) = server.take(ENDPOINT) {
                self.endpoint(&at, endpoint);
            }
            match index {
                0 => self.base_path(&mut server, how),
                _ => self.findings.unused(&at.child("url")),
            }
            drop((server.take("url"), server.take("variables")));
            server.unused(self, &["description"]);
            self.rest(server);
        }
    }

    fn endpoint(&mut self, at: &Pointer, endpoint: &'d Value) {
        let Some(mut endpoint) = self.part(at, endpoint) else {
            return;
        };
        if let Some((at, closed)) = endpoint.take("disableExecuteApiEndpoint") {
            self.copy(&at, "disableExecuteApiEndpoint", closed);
        }
        if let Some((at, kind)) = endpoint.take("ipAddressType") {
            self.copy(&at, "ipAddressType", kind);
        }
        self.nothing_else(endpoint);
    }

    fn base_path(&mut self, server: &mut Part<'d>, how: BasePath) {
        let Some((at, url)) = server.take("url") else {
            self.missing(&server.at.child("url"));
            return;
        };
        let Some(url) = url.as_str() else {
            self.findings.error(&at, "must be a text");
            return;
        };
        let variables = server.take("variables").map(|(_, variables)| variables);
        let url = match with_defaults(url, variables) {
            Ok(url) => url,
            Err(problem) => return self.findings.error(&at, problem),
        };
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => &url,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let skipped = match how {
            BasePath::Ignore => return,
            BasePath::Prepend => 0,
            BasePath::Split => 1,
        };
        for segment in segments.skip(skipped) {
            self.base_path.push('/');
            self.base_path.push_str(segment);
        }
        if self.base_path.len() > BASE_PATH_BYTES {
            self.base_path.clear();
            let what = format!("the base path is longer than {BASE_PATH_BYTES} bytes");
            self.findings.error(&at, what);
        }
    }
}

/// A URL with the defaults of its variables in place of `{name}`.
fn with_defaults(url: &str, variables: Option<&Value>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = url;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err("`{` begins a variable, which has no end".to_owned());
        };
        let variable = variables.and_then(|variables| variables.get(name)?.get("default"));
        let Some(default) = variable.and_then(text_of) else {
            let name: String = name.chars().take(128).collect();
            return Err(format!("there is no variable `{name}` with a default"));
        };
        append(&mut filled, before)?;
        append(&mut filled, &default)?;
        rest = after;
    }
    append(&mut filled, rest)?;
    Ok(filled)
}

/// Appends to a URL what it has room for.
fn append(url: &mut String, more: &str) -> Result<(), String> {
    if url.len() + more.len() > URL_BYTES {
        return Err(format!("the URL is longer than {URL_BYTES} bytes"));
    }
    url.push_str(more);
    Ok(())
}
