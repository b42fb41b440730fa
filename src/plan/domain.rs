//! Custom domain names: host, path and headers to API and stage.
//!
//! Source: developer guide, "Use API mappings to connect API stages to a custom domain name for HTTP APIs" and "Routing rules to
//! connect API stages to a custom domain name for REST APIs".

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;

use super::routing_rule::{RoutingRule, begins};
use super::truststore::Truststore;
use crate::lang::http_path::RoutePath;

/// All custom domain names.
#[derive(Debug, Clone, Default)]
pub struct Domains {
    exact: HashMap<String, Domain>,
    /// By what follows `*.`.
    wildcard: HashMap<String, Domain>,
    /// How many of them want certificates of their clients.
    mutual: usize,
}

/// One domain name with what chooses the stage of a request: of rules and mappings those that its `routingMode` asks for.
#[derive(Debug, Clone, Default)]
pub struct Domain {
    /// The ARN of the certificate that clients are shown; `None` for the listener's own.
    pub certificate: Option<Arc<str>>,
    /// `ipAddressType: ipv4`: whether it is not for clients with IPv6.
    pub ipv4_only: bool,
    /// Whose certificates its clients need, with mutual TLS.
    pub truststore: Option<Arc<Truststore>>,
    /// By priority.
    rules: Vec<RoutingRule>,
    /// The longest key first, so that the first that fits is the right one.
    mappings: Vec<ApiMapping>,
}

/// Where a request to a domain name goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'d> {
    /// The API.
    pub api: &'d str,
    /// Its stage.
    pub stage: &'d str,
    /// The part of the path by which the stage was chosen, without slashes around it; empty where the path did not matter.
    pub base_path: Arc<str>,
    /// How many bytes of the path the API does not see.
    pub taken: usize,
}

/// A part of a domain's paths, and the stage that is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiMapping {
    /// `apiMappingKey` without slashes around it; empty for everything else on the domain.
    pub key: Arc<str>,
    /// The API.
    pub api: Arc<str>,
    /// Its stage.
    pub stage: Arc<str>,
}

impl Domains {
    /// Domains by their names in lower case, of which `*.` may be the beginning.
    pub fn new(domains: impl IntoIterator<Item = (String, Domain)>) -> Self {
        let mut all = Self::default();
        for (name, domain) in domains {
            all.insert(&name, domain);
        }
        all
    }

    /// Puts a domain in, in place of one of the same name; names are in lower case.
    pub fn insert(&mut self, name: &str, domain: Domain) {
        let comes = domain.truststore.is_some();
        let before = match name.strip_prefix("*.") {
            Some(rest) => self.wildcard.insert(rest.to_owned(), domain),
            None => self.exact.insert(name.to_owned(), domain),
        };
        self.recount(before.as_ref(), comes);
    }

    /// Takes a domain out.
    pub fn remove(&mut self, name: &str) {
        let before = match name.strip_prefix("*.") {
            Some(rest) => self.wildcard.remove(rest),
            None => self.exact.remove(name),
        };
        self.recount(before.as_ref(), false);
    }

    fn recount(&mut self, before: Option<&Domain>, comes: bool) {
        let goes = before.is_some_and(|before| before.truststore.is_some());
        self.mutual = self.mutual + usize::from(comes) - usize::from(goes);
    }

    /// Whether any of them wants certificates of its clients.
    pub fn want_certificates(&self) -> bool {
        self.mutual > 0
    }

    /// The domain that a host (with or without a port) belongs to; a name of its own goes before a wildcard.
    pub fn find(&self, host: &str) -> Option<&Domain> {
        if self.exact.is_empty() && self.wildcard.is_empty() {
            return None;
        }
        let name = host.split(':').next().unwrap_or_default();
        let name = name.to_ascii_lowercase();
        self.exact.get(&name).or_else(|| {
            let (_, rest) = name.split_once('.')?;
            self.wildcard.get(rest)
        })
    }
}

impl Domain {
    /// A domain with these mappings.
    pub fn new(mut mappings: Vec<ApiMapping>) -> Self {
        mappings.sort_by(|a, b| b.key.len().cmp(&a.key.len()).then(a.key.cmp(&b.key)));
        Self {
            mappings,
            ..Self::default()
        }
    }

    /// Whether a client may come.
    pub fn is_open_to(&self, client: IpAddr) -> bool {
        !self.ipv4_only || client.to_canonical().is_ipv4()
    }

    /// The same domain with rules, which go before its mappings.
    #[must_use]
    pub fn with_rules(mut self, mut rules: Vec<RoutingRule>) -> Self {
        rules.sort_by_key(|rule| rule.priority);
        self.rules = rules;
        self
    }

    /// Where a request goes: to the stage of the first rule that takes it, or else to that of the longest mapping key whose segments
    /// begin its path.
    ///
    /// A path that a backend may read in another way (`//admin`, `/%61dmin`) goes nowhere when that would lead elsewhere: what
    /// stands behind another rule or mapping may protect what this one does not.
    pub fn select(&self, path: &str, host: &str, headers: &HeaderMap) -> Option<Choice<'_>> {
        let choice = self.first(path, host, headers)?;
        let only = self.rules.len() + self.mappings.len() == 1;
        match only || !is_ambiguous(path) || self.is_one_way(&choice, path, host, headers) {
            true => Some(choice),
            false => None,
        }
    }

    fn first(&self, path: &str, host: &str, headers: &HeaderMap) -> Option<Choice<'_>> {
        self.by_rule(path, host, headers)
            .or_else(|| self.by_key(path))
    }

    fn by_rule(&self, path: &str, host: &str, headers: &HeaderMap) -> Option<Choice<'_>> {
        self.rules.iter().find_map(|rule| {
            let base_path = rule.takes(path, host, headers)?;
            let taken = match rule.strips {
                true => begins(path, &base_path).unwrap_or_default(),
                false => 0,
            };
            Some(Choice {
                api: &rule.api,
                stage: &rule.stage,
                base_path,
                taken,
            })
        })
    }

    fn by_key(&self, path: &str) -> Option<Choice<'_>> {
        self.mappings.iter().find_map(|mapping| {
            let taken = match mapping.key.is_empty() {
                true => 0,
                false => begins(path, &mapping.key)?,
            };
            Some(Choice {
                api: &mapping.api,
                stage: &mapping.stage,
                base_path: Arc::clone(&mapping.key),
                taken,
            })
        })
    }

    /// Whether every other reading of a path goes where the path goes as it was sent. One that no API takes goes there, to be refused.
    fn is_one_way(&self, choice: &Choice<'_>, path: &str, host: &str, headers: &HeaderMap) -> bool {
        let Ok(path) = RoutePath::parse(path) else {
            return true;
        };
        let alike = |reading: &str| {
            let other = self.first(reading, host, headers);
            other.is_some_and(|other| choice.is_like(&other))
        };
        let others = path.other_readings();
        alike(path.decoded()) && others.iter().all(|other| alike(other.decoded()))
    }
}

impl Choice<'_> {
    /// Whether another choice is the same API, by the same part of the path.
    fn is_like(&self, other: &Choice<'_>) -> bool {
        (self.api, self.stage) == (other.api, other.stage) && self.taken == other.taken
    }
}

/// Whether there may be more than one reading of a path.
fn is_ambiguous(path: &str) -> bool {
    path.contains('%') || path.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(keys: &[&str]) -> Domain {
        let mapping = |key: &&str| ApiMapping {
            key: (*key).into(),
            api: "a".into(),
            stage: "s".into(),
        };
        Domain::new(keys.iter().map(mapping).collect())
    }

    #[test]
    fn the_longest_key_of_whole_segments_wins() {
        let check = |keys: &[&str], path: &str, expected: Option<(&str, usize)>| {
            let domain = domain(keys);
            let found = domain.select(path, "a.example", &HeaderMap::new());
            let found = found.as_ref().map(|found| (&*found.base_path, found.taken));
            assert_eq!(found, expected, "{keys:?} {path}");
        };
        let keys = ["a", "a/b"];
        check(&keys, "/a/b/c", Some(("a/b", 4)));
        check(&keys, "/a/b", Some(("a/b", 4)));
        check(&keys, "/a/bc", Some(("a", 2)));
        check(&keys, "/a", Some(("a", 2)));
        check(&keys, "/ab", None);
        check(&keys, "/A", None);
        check(&keys, "/", None);
        check(&["", "v2"], "/x", Some(("", 0)));
        check(&["", "v2"], "/v2/", Some(("v2", 3)));
        check(&["", "v2"], "/", Some(("", 0)));
    }

    #[test]
    fn a_domain_may_be_for_ipv4_alone() {
        let check = |ipv4_only, client: &str, expected| {
            let mut domain = domain(&[""]);
            domain.ipv4_only = ipv4_only;
            let client = client.parse().unwrap();
            assert_eq!(domain.is_open_to(client), expected, "{ipv4_only} {client}");
        };
        for client in ["192.0.2.1", "::ffff:192.0.2.1"] {
            check(true, client, true);
            check(false, client, true);
        }
        check(true, "2001:db8::1", false);
        check(false, "2001:db8::1", true);
    }

    #[test]
    fn a_name_goes_before_a_wildcard() {
        let domains = Domains::new([
            ("*.example.com".to_owned(), domain(&["wild"])),
            ("ws.example.com".to_owned(), domain(&["own"])),
        ]);
        let check = |host: &str, expected: Option<&str>| {
            let found = domains
                .find(host)
                .and_then(|domain| domain.mappings.first());
            assert_eq!(found.map(|mapping| &*mapping.key), expected, "{host}");
        };
        check("ws.example.com", Some("own"));
        check("WS.example.com:8080", Some("own"));
        check("x.example.com", Some("wild"));
        check("x.y.example.com", None);
        check("example.com", None);
    }
}
