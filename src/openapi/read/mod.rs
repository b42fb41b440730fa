//! From a document to an API in the form of a definition.

mod components;
mod ids;
mod operation;
mod part;
mod paths;
mod references;
mod security;
mod servers;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::security::Scheme;
use super::findings::{Findings, Rendered};
use super::places::Places;
use super::pointer::Pointer;
use super::{CORS, FORM, FORM_VERSION, OURS, TAG_VALUE};
use crate::definition::read_document;
use ids::Ids;
use part::{Part, text_of};

/// What the text is called in messages.
const NAME: &str = "body";

/// What becomes of the path of the first server's URL, the base path. Paths under `$default` have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BasePath {
    /// Nothing.
    #[default]
    Ignore,
    /// It stands before every path.
    Prepend,
    /// Its first segment stands for the stage and falls away, the rest stands before every path.
    Split,
}

impl BasePath {
    /// The word that callers say, e.g. `prepend`; `None` for every other.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "ignore" => Some(Self::Ignore),
            "prepend" => Some(Self::Prepend),
            "split" => Some(Self::Split),
            _ => None,
        }
    }
}

/// How a document is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What becomes of the base path.
    pub base_path: BasePath,
    /// In place of `${AWS::Region}`, e.g. `eu-central-1`.
    pub region: &'a str,
    /// In place of `${AWS::AccountId}`: twelve digits.
    pub account_id: &'a str,
}

/// An API that was read from a document.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The API in the form that a definition has under `apis.ID`, without stages: `protocolType`, `name`, `routes` by key,
    /// `integrations` and `authorizers` by ids that are made of the document's own names, and so on. Its members are not checked yet.
    pub api: Map<String, Value>,
    /// What the document has that HTTP APIs do not use: one line for each kind of it.
    pub info: Rendered,
    /// What was left out, and where the document is not quite OpenAPI: one line each.
    pub warnings: Rendered,
    places: Places,
}

impl Imported {
    /// Where in the document that stands which a diagnostic speaks of. `path` is the diagnostic's path without what leads to the API,
    /// e.g. `integrations.shop.integrationUri`.
    pub fn locate(&self, path: &str) -> Pointer {
        self.places.locate(path)
    }
}

/// Reads a document in JSON or YAML, with `${AWS::Region}`, `${AWS::AccountId}` and `${AWS::Partition}` in it filled in.
///
/// # Errors
/// Everything that is wrong, one line each, with its JSON pointer; for a text that is neither JSON nor YAML with line and column.
pub fn read(text: &str, how: &Reading<'_>) -> Result<Imported, Rendered> {
    let text = filled_in(text, how);
    let document = read_document(&text, NAME).map_err(|problems| {
        let lines = problems.iter().map(ToString::to_string);
        lines.collect::<Rendered>()
    })?;
    let mut reader = Reader {
        document: &document,
        base_path: String::new(),
        findings: Findings::default(),
        places: Places::default(),
        api: Map::new(),
        routes: Map::new(),
        integrations: Map::new(),
        authorizers: Map::new(),
        shared: BTreeMap::new(),
        schemes: BTreeMap::new(),
        operation_ids: BTreeMap::new(),
        ids: Ids::default(),
    };
    if reader.check_version() {
        reader.check_references();
        reader.root(how.base_path);
    }
    reader.finish()
}

/// AWS: importing substitutes these in the text; all else of the form `${...}` stays, such as stage variables.
fn filled_in(text: &str, how: &Reading<'_>) -> String {
    text.replace("${AWS::Region}", how.region)
        .replace("${AWS::AccountId}", how.account_id)
        .replace("${AWS::Partition}", "aws")
}

/// A document that is being read.
struct Reader<'d> {
    document: &'d Value,
    /// What stands before every path.
    base_path: String,
    findings: Findings,
    places: Places,
    api: Map<String, Value>,
    routes: Map<String, Value>,
    integrations: Map<String, Value>,
    authorizers: Map<String, Value>,
    /// Ids of integrations by the name that the document shares them under; `None` for those that HTTP APIs cannot have.
    shared: BTreeMap<&'d str, Option<String>>,
    schemes: BTreeMap<&'d str, Scheme>,
    operation_ids: BTreeMap<&'d str, usize>,
    ids: Ids,
}

impl<'d> Reader<'d> {
    fn finish(mut self) -> Result<Imported, Rendered> {
        let (info, warnings) = self.findings.finish()?;
        self.api.insert("routes".to_owned(), self.routes.into());
        let integrations = self.integrations.into();
        self.api.insert("integrations".to_owned(), integrations);
        let authorizers = self.authorizers.into();
        self.api.insert("authorizers".to_owned(), authorizers);
        Ok(Imported {
            api: self.api,
            info,
            warnings,
            places: self.places,
        })
    }

    fn check_version(&mut self) -> bool {
        let root = Pointer::root();
        let Some(members) = self.document.as_object() else {
            let what = "an OpenAPI document is a map";
            self.findings.error(&root, what);
            return false;
        };
        const ONLY: &str = "only OpenAPI 3.0 can be imported; write `openapi: 3.0.1`";
        let version = members.get("openapi").and_then(text_of);
        let known = version.as_deref().is_some_and(|version| {
            version == "3.0" || version.strip_prefix("3.0.").is_some_and(is_number)
        });
        if !known {
            let member = ["openapi", "swagger"];
            let member = member.into_iter().find(|name| members.contains_key(*name));
            let at = member.map_or(root.clone(), |name| root.child(name));
            self.findings.error(&at, ONLY);
        }
        known
    }

    fn root(&mut self, base_path: BasePath) {
        let Some(mut root) = self.part(&Pointer::root(), self.document) else {
            return;
        };
        drop(root.take("openapi"));
        let form = root.take(FORM);
        if let Some((at, form)) = form
            && text_of(form).as_deref() != Some(FORM_VERSION)
        {
            let what = format!("the one version that there is is {FORM_VERSION}");
            self.findings.error(&at, what);
        }
        self.api.insert("protocolType".to_owned(), "HTTP".into());
        let info = root.take("info");
        self.info(info);
        if let Some((at, tags)) = root.take("tags") {
            self.tags(&at, tags);
        }
        if let Some((at, cors)) = root.take(CORS) {
            self.copy(&at, "corsConfiguration", cors);
        }
        if let Some((at, ours)) = root.take(OURS) {
            self.ours(&at, ours);
        }
        if let Some((at, servers)) = root.take("servers") {
            self.servers(&at, servers, base_path);
        }
        if let Some((at, components)) = root.take("components") {
            self.components(&at, components);
        }
        let security = root.take("security");
        let security = security.and_then(|(at, value)| self.requirement(&at, value));
        match root.take("paths") {
            Some((at, paths)) => self.paths(&at, paths, security.as_ref()),
            None => self.missing(&Pointer::root().child("paths")),
        }
        root.unused(self, &["externalDocs"]);
        self.rest(root);
    }

    fn missing(&mut self, at: &Pointer) {
        self.findings.parse_issue(at, "missing");
    }

    fn info(&mut self, info: Option<(Pointer, &'d Value)>) {
        let at = Pointer::root().child("info");
        let found = info.and_then(|(at, info)| self.part(&at, info));
        let Some(mut info) = found else {
            let what = "is missing; write `info: { title: NAME, version: \"1\" }`";
            self.findings.error(&at, what);
            return;
        };
        match info.take("title").map(|(at, title)| (at, text_of(title))) {
            Some((at, Some(title))) => self.copy(&at, "name", &Value::from(title)),
            Some((at, None)) => self.findings.error(&at, "must be a text"),
            None => {
                let what = "is missing; it is the name of the API";
                self.findings.error(&at.child("title"), what);
            }
        }
        match info
            .take("version")
            .map(|(at, version)| (at, text_of(version)))
        {
            Some((at, Some(version))) => self.copy(&at, "version", &Value::from(version)),
            Some((at, None)) => self.findings.error(&at, "must be a text"),
            None => self.missing(&at.child("version")),
        }
        if let Some((at, description)) = info.take("description") {
            self.copy(&at, "description", description);
        }
        info.unused(self, &["termsOfService", "contact", "license"]);
        self.rest(info);
    }

    /// Tags of the document are tags of the API.
    fn tags(&mut self, at: &Pointer, tags: &'d Value) {
        let mut taken = Map::new();
        for (at, tag) in self.items(at, tags) {
            let Some(mut tag) = self.part(&at, tag) else {
                continue;
            };
            let name = tag.take("name").map(|(at, name)| (at, text_of(name)));
            let value = tag.take(TAG_VALUE);
            let value = value.map_or(Some(String::new()), |(_, value)| text_of(value));
            match (name, value) {
                (Some((_, Some(name))), Some(value)) => {
                    self.places
                        .note(&["tags", &name], &at.child(TAG_VALUE), &[]);
                    if taken.insert(name, value.into()).is_some() {
                        self.findings.parse_issue(&at.child("name"), "repeated");
                    }
                }
                (_, None) => self.findings.error(&at.child(TAG_VALUE), "must be a text"),
                (Some((at, None)), _) => self.findings.error(&at, "must be a text"),
                (None, _) => self.missing(&at.child("name")),
            }
            tag.unused(self, &["description", "externalDocs"]);
            self.rest(tag);
        }
        if !taken.is_empty() {
            self.copy(at, "tags", &taken.into());
        }
    }

    /// What Amazon's APIs do not have.
    fn ours(&mut self, at: &Pointer, ours: &'d Value) {
        let Some(mut ours) = self.part(at, ours) else {
            return;
        };
        if let Some((at, expression)) = ours.take("apiKeySelectionExpression") {
            self.copy(&at, "apiKeySelectionExpression", expression);
        }
        self.nothing_else(ours);
    }

    /// Copies a member of the API.
    fn copy(&mut self, at: &Pointer, name: &str, value: &Value) {
        self.whole(at, value);
        self.places.note(&[name], at, &[]);
        self.api.insert(name.to_owned(), value.clone());
    }

    fn part(&mut self, at: &Pointer, value: &'d Value) -> Option<Part<'d>> {
        match value {
            Value::Object(members) => Some(Part::new(at, members)),
            _ => {
                self.findings.error(at, "must be a map");
                None
            }
        }
    }

    /// The items of a list with their places, which are made one by one.
    fn items(
        &mut self,
        at: &Pointer,
        value: &'d Value,
    ) -> impl Iterator<Item = (Pointer, &'d Value)> + use<'d> {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            _ => {
                self.findings.error(at, "must be a list");
                &[]
            }
        };
        let at = at.clone();
        let items = items.iter().enumerate();
        items.map(move |(index, item)| (at.child(index.to_string()), item))
    }

    /// Says what there is to say of members that nobody took.
    fn rest(&mut self, part: Part<'d>) {
        for (at, _) in part.left() {
            match at.last() {
                name if name.starts_with("x-") => self.extension(&at),
                _ => self.findings.parse_issue(&at, "unexpected"),
            }
        }
    }

    /// Refuses members that nobody took: those of an extension mean something to somebody.
    fn nothing_else(&mut self, part: Part<'d>) {
        for (at, _) in part.left() {
            self.findings.error(&at, "is not known here");
        }
    }

    /// An extension that means nothing where it stands.
    fn extension(&mut self, at: &Pointer) {
        let name = at.last();
        if OF_REST.contains(&name) {
            let what = "only REST APIs have it; it is ignored";
            self.findings.warning(at, what);
        } else if name.starts_with(super::AMAZON) || name == OURS {
            let what = "is not among the extensions that HTTP APIs have here";
            self.findings.error(at, what);
        } else {
            self.findings.unused(at);
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Extensions that only REST APIs have and that let nobody in by being left out. `x-amazon-apigateway-policy` is not among them.
const OF_REST: [&str; 9] = [
    "x-amazon-apigateway-api-key-source",
    "x-amazon-apigateway-binary-media-types",
    "x-amazon-apigateway-documentation",
    "x-amazon-apigateway-gateway-responses",
    "x-amazon-apigateway-minimum-compression-size",
    "x-amazon-apigateway-request-validator",
    "x-amazon-apigateway-request-validators",
    "x-amazon-apigateway-security-policy",
    "x-amazon-apigateway-endpoint-access-mode",
];
