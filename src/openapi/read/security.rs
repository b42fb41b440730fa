//! Security schemes and requirements: authorizers, and who must pass them.
//!
//! Whatever cannot be enforced is an error: to leave it out would open a route.

use serde_json::{Map, Value};

use super::Reader;
use crate::openapi::members;
use crate::openapi::pointer::Pointer;
use crate::openapi::{AUTH_TYPE, AUTHORIZER};

/// The end of a discovery URL, behind the issuer.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// What a scheme of the document stands for.
#[derive(Debug, Clone)]
pub(super) enum Scheme {
    /// The authorizer of this id; it takes this `authorizationType`.
    Authorizer(String, &'static str),
    /// Signed requests.
    Iam,
    /// Nothing that HTTP APIs can enforce; or it is wrong, which has been noted then.
    Other,
}

/// One security requirement: nobody, or who passes a scheme with these scopes.
#[derive(Debug, Clone)]
pub(super) struct Requirement<'d> {
    /// Where it stands.
    pub(super) at: Pointer,
    /// The scheme's name, where it stands, and the scopes; `None` lets everyone in.
    pub(super) scheme: Option<(&'d str, Pointer, &'d Value)>,
}

impl<'d> Reader<'d> {
    pub(super) fn schemes(&mut self, at: &Pointer, schemes: &'d Value) {
        let Some(members) = schemes.as_object() else {
            self.findings.error(at, "must be a map");
            return;
        };
        let (others, own): (Vec<_>, Vec<_>) = members
            .iter()
            .partition(|(_, scheme)| scheme.get("$ref").is_some());
        for (name, scheme) in own {
            let scheme = self.scheme(&at.child(name), scheme, name);
            self.schemes.insert(name, scheme);
        }
        // Other names for schemes.
        for (name, scheme) in others {
            let resolved = self.resolve(&at.child(name), scheme);
            let known = resolved.and_then(|(place, _)| {
                let name = place.name_in(&["components", "securitySchemes"])?;
                self.schemes.get(name).cloned()
            });
            self.schemes.insert(name, known.unwrap_or(Scheme::Other));
        }
    }

    fn scheme(&mut self, at: &Pointer, scheme: &'d Value, name: &'d str) -> Scheme {
        let Some(mut part) = self.part(at, scheme) else {
            return Scheme::Other;
        };
        let kind = part.take("type").and_then(|(_, kind)| kind.as_str());
        if kind.is_none() {
            self.missing(&at.child("type"));
        }
        let kind = kind.unwrap_or_default();
        let auth_type = part.take(AUTH_TYPE).and_then(|(_, kind)| kind.as_str());
        let discovery = part.take("openIdConnectUrl");
        let discovery = discovery.and_then(|(_, url)| url.as_str());
        let found = match part.take(AUTHORIZER) {
            Some((at, authorizer)) => self.authorized(&at, authorizer, name, kind, discovery),
            None if auth_type.is_some_and(|kind| kind.eq_ignore_ascii_case("awsSigv4")) => {
                Scheme::Iam
            }
            None => {
                self.findings.unused(at);
                Scheme::Other
            }
        };
        // They describe the scheme to clients, and say nothing to the gateway.
        for member in ["name", "in", "flows", "scheme", "bearerFormat"] {
            drop(part.take(member));
        }
        part.unused(self, &["description"]);
        self.rest(part);
        found
    }

    fn authorized(
        &mut self,
        at: &Pointer,
        authorizer: &'d Value,
        name: &'d str,
        kind: &str,
        discovery: Option<&str>,
    ) -> Scheme {
        let Some(mut set) = self.authorizer(at, authorizer) else {
            return Scheme::Other;
        };
        let authorizer_type = set.get("authorizerType").and_then(Value::as_str);
        let (schemes, authorization): (&[&str], _) = match authorizer_type {
            Some("JWT") => (&["oauth2", "openIdConnect"], "JWT"),
            Some("REQUEST") => (&["apiKey"], "CUSTOM"),
            _ => (&[], "CUSTOM"),
        };
        // What is no type of authorizer at all is told with all else that the tables say.
        if !schemes.is_empty() && !schemes.contains(&kind) {
            let kind: String = kind.chars().take(64).collect();
            let what = format!(
                "stands on a security scheme of type `{kind}`, not on {}",
                schemes.join(" or ")
            );
            self.findings.error(at, what);
        }
        if let Some(issuer) = discovery.and_then(|url| url.strip_suffix(DISCOVERY))
            && authorization == "JWT"
        {
            let configuration = set.entry("jwtConfiguration");
            let configuration = configuration.or_insert_with(|| Map::new().into());
            if let Some(configuration) = configuration.as_object_mut() {
                let issuer = || issuer.into();
                configuration.entry("issuer").or_insert_with(issuer);
            }
        }
        let id = self.ids.of(name, &self.authorizers);
        set.insert("name".to_owned(), name.into());
        let path = ["authorizers", &id];
        self.places.note(&path, at, members::AUTHORIZER);
        self.authorizers.insert(id.clone(), set.into());
        Scheme::Authorizer(id, authorization)
    }

    /// The one requirement of a `security` list; `None` when there is more than HTTP APIs can have, which has been noted then.
    pub(super) fn requirement(
        &mut self,
        at: &Pointer,
        security: &'d Value,
    ) -> Option<Requirement<'d>> {
        let everyone = |at: &Pointer| Requirement {
            at: at.clone(),
            scheme: None,
        };
        // More than one is too many already.
        let items: Vec<_> = self.items(at, security).take(2).collect();
        let (at, members) = match items.as_slice() {
            [] => return Some(everyone(at)),
            [(at, Value::Object(members))] => (at.clone(), members),
            [(at, _)] => {
                self.findings.error(at, "must be a map");
                return None;
            }
            _ => {
                let what = "operations of HTTP APIs have no more than one security requirement";
                self.findings.error(at, what);
                return None;
            }
        };
        let mut schemes = members.iter();
        match (schemes.next(), schemes.next()) {
            (None, _) => Some(everyone(&at)),
            (Some((name, scopes)), None) => {
                let place = at.child(name);
                let scheme = Some((name.as_str(), place, scopes));
                Some(Requirement { at, scheme })
            }
            _ => {
                let what = "operations of HTTP APIs have no more than one authorizer";
                self.findings.error(&at, what);
                None
            }
        }
    }

    /// Writes a requirement into a route.
    pub(super) fn require(
        &mut self,
        requirement: &Requirement<'d>,
        route: &mut Map<String, Value>,
    ) {
        let Some((name, at, scopes)) = &requirement.scheme else {
            return;
        };
        let authorization = match self.schemes.get(name) {
            Some(Scheme::Authorizer(id, authorization)) => {
                route.insert("authorizerId".to_owned(), id.as_str().into());
                *authorization
            }
            Some(Scheme::Iam) => "AWS_IAM",
            Some(Scheme::Other) => {
                let what = format!("this security scheme has no `{AUTHORIZER}`");
                return self.findings.error(at, what);
            }
            None => {
                let what = "there is no such security scheme under components";
                return self.findings.error(at, what);
            }
        };
        route.insert("authorizationType".to_owned(), authorization.into());
        match scopes {
            Value::Array(scopes) if scopes.is_empty() => {}
            Value::Array(_) => {
                self.whole(at, scopes);
                route.insert("authorizationScopes".to_owned(), (*scopes).clone());
            }
            _ => self.findings.error(at, "must be a list of scopes"),
        }
    }
}
