//! OpenAPI documents inside of templates, or beside them: what they say of an API joins what the template says.
//!
//! Source: SAM specification, `DefinitionBody` and `DefinitionUri` of `AWS::Serverless::HttpApi`; CloudFormation, `Body` of
//! `AWS::ApiGatewayV2::Api`.

use crate::definition::tree::{Entry, Node, Value};
use crate::definition::{Place, document_value};
use crate::openapi::{self, BasePath, Reading};

use super::draft::map_at;
use super::intrinsics::{entries, scalar, with};
use super::{Resource, Template};

/// Members of a document that name functions.
const URIS: [&str; 2] = ["uri", "authorizerUri"];
/// What texts begin with that name a document in a bucket.
const BUCKET: &str = "s3://";

impl Template<'_, '_> {
    /// A document that stands in the template, as the property `member`.
    pub(super) fn document(&mut self, resource: &Resource, member: &str, body: &Node) {
        let whole = self.with_functions(body);
        let text = document_value(whole).to_string();
        self.take_over(resource, member, body, &text);
    }

    /// A document in a file of its own, by its path from the template.
    pub(super) fn document_file(&mut self, resource: &Resource, member: &str, uri: &Node) {
        let at = format!("{}.{member}", resource.logical);
        let path = scalar(uri).filter(|path| !path.starts_with(BUCKET));
        let Some(path) = path.map(str::to_owned) else {
            let what = "is in a bucket, and is not taken over";
            let remedy = "name a file beside the template";
            return self.warn(&uri.place.clone(), &at, what, remedy);
        };
        match (self.files)(&path) {
            Ok(text) => self.take_over(resource, member, uri, &text),
            Err(problem) => {
                let what = format!("`{path}` cannot be read: {problem}");
                self.refuse(uri, &at, &what, "name a file beside the template");
            }
        }
    }

    /// An event whose route the API's document has: SAM makes nothing more of it, unless it says who may call.
    pub(super) fn documented_route(&mut self, place: &Place, path: &str, properties: &Node) {
        if let Some(auth) = properties.get("Auth").cloned() {
            // To go on without would open the route.
            let path = format!("{path}.Auth");
            let remedy = "write `security` at the document's operation";
            self.refuse(
                &auth,
                &path,
                "is said of a route that a document has",
                remedy,
            );
        }
        if properties.get("RouteSettings").is_some() {
            let path = format!("{path}.RouteSettings");
            let remedy = "write it in the `RouteSettings` of the API";
            self.warn(place, &path, "is not taken over", remedy);
        }
    }

    fn take_over(&mut self, resource: &Resource, member: &str, at: &Node, text: &str) {
        let how = Reading {
            base_path: BasePath::default(),
            region: &self.region,
            account_id: &self.account_id,
        };
        let path = format!("{}.{member}", resource.logical);
        let read = match openapi::read(text, &how) {
            Ok(read) => read,
            Err(lines) => {
                for line in lines {
                    self.refuse(at, &path, &line, "correct the document");
                }
                return;
            }
        };
        let left_out = read.warnings.iter().map(|line| (line, "write it here"));
        let unused = read.info.iter().map(|line| (line, "nothing"));
        for (line, remedy) in left_out.chain(unused) {
            self.warn(&at.place.clone(), &path, line, remedy);
        }
        let said = Node::of(&read.api.into(), &at.place);
        let Some(api) = self.draft.api(&resource.logical) else {
            return;
        };
        let open = api.take_over(entries(&said));
        // SAM: the default authorizer is that of the document's routes, too.
        let nothing = map_at(at, Vec::new());
        for key in open {
            let members = self.event_authorization(&resource.logical, at, &nothing);
            if let Some(api) = self.draft.api(&resource.logical) {
                api.resource("routes", &key, at).extend(members);
            }
        }
    }

    /// The same with functions by their names, and without references.
    fn with_functions(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Scalar(_) => return self.plain(node),
            Value::Sequence(items) => {
                let items = items.iter().map(|item| self.with_functions(item));
                Value::Sequence(items.collect())
            }
            Value::Mapping(all) => {
                let members = all.iter().map(|entry| {
                    let names = URIS.contains(&entry.key.as_str());
                    let value = match names && scalar(&entry.value).is_some() {
                        true => self.uri(&entry.value),
                        false => self.with_functions(&entry.value),
                    };
                    Entry {
                        value,
                        ..entry.clone()
                    }
                });
                Value::Mapping(members.collect())
            }
        };
        with(node, value)
    }
}
