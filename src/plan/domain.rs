//! Custom domain names: host and path to API and stage.
//!
//! Source: developer guide, "Use API mappings to connect API stages to a custom domain name for HTTP APIs".

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::truststore::Truststore;

/// All custom domain names.
#[derive(Debug, Clone, Default)]
pub struct Domains {
    exact: HashMap<String, Domain>,
    /// By what follows `*.`.
    wildcard: HashMap<String, Domain>,
    /// How many of them want certificates of their clients.
    mutual: usize,
}

/// One domain name with its mappings.
#[derive(Debug, Clone, Default)]
pub struct Domain {
    /// The ARN of the certificate that clients are shown; `None` for the listener's own.
    pub certificate: Option<Arc<str>>,
    /// `ipAddressType: ipv4`: whether it is not for clients with IPv6.
    pub ipv4_only: bool,
    /// Whose certificates its clients need, with mutual TLS.
    pub truststore: Option<Arc<Truststore>>,
    /// The longest key first, so that the first that fits is the right one.
    mappings: Vec<ApiMapping>,
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

    /// The mapping with the longest key whose segments begin the path, and how many bytes of the path that takes.
    pub fn select(&self, path: &str) -> Option<(&ApiMapping, usize)> {
        self.mappings.iter().find_map(|mapping| {
            if mapping.key.is_empty() {
                return Some((mapping, 0));
            }
            let rest = path.strip_prefix('/')?.strip_prefix(&*mapping.key)?;
            let whole = rest.is_empty() || rest.starts_with('/');
            whole.then(|| (mapping, 1 + mapping.key.len()))
        })
    }
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
            let found = domain.select(path);
            let found = found.map(|(mapping, taken)| (&*mapping.key, taken));
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
