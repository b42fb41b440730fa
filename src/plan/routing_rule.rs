//! Routing rules of custom domain names: which requests they take, by headers and base path.
//!
//! Source: developer guide, "Routing rules to connect API stages to a custom domain name for REST APIs"; here they lead to HTTP
//! and WebSocket APIs.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};

/// One rule. It takes a request when all of its conditions hold; without any it takes every request.
#[derive(Debug, Clone)]
pub struct RoutingRule {
    /// When its turn is: the lowest first. No two rules of a domain name have the same.
    pub priority: u32,
    /// Of each list one must hold.
    pub headers: Vec<Vec<HeaderMatch>>,
    /// One of these begins the path; `None` where any path will do. The longest first.
    pub base_paths: Option<Vec<Arc<str>>>,
    /// The API.
    pub api: Arc<str>,
    /// Its stage.
    pub stage: Arc<str>,
    /// Whether the API sees the path without the base path.
    pub strips: bool,
}

/// A header, and what one of its values is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    /// The name.
    pub name: HeaderName,
    /// The value; of `host` in lower case and without a port.
    pub value: Glob,
}

/// A `valueGlob`: text with `*` at its ends, compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Glob {
    /// `*`
    Any,
    /// `text`
    Exactly(Box<str>),
    /// `text*`
    Begins(Box<str>),
    /// `*text`
    Ends(Box<str>),
    /// `*text*`
    Contains(Box<str>),
}

impl RoutingRule {
    /// The base path with which the rule takes a request, empty when it asks for none; `None` when it does not take it. `host` is what
    /// the client asked for, maybe with a port.
    pub fn takes(&self, path: &str, host: &str, headers: &HeaderMap) -> Option<Arc<str>> {
        let base_path = match &self.base_paths {
            None => Arc::default(),
            Some(all) => Arc::clone(all.iter().find(|base| begins(path, base).is_some())?),
        };
        let holds = |any: &Vec<HeaderMatch>| any.iter().any(|one| one.holds(host, headers));
        self.headers.iter().all(holds).then_some(base_path)
    }
}

impl HeaderMatch {
    // AWS: values are compared as they were sent, those of each field of a name by themselves.
    fn holds(&self, host: &str, headers: &HeaderMap) -> bool {
        if self.name == header::HOST {
            // HTTP/2 has it elsewhere, and as a name it has no case.
            let name = host.split(':').next().unwrap_or_default();
            return self.value.matches(name.to_ascii_lowercase().as_bytes());
        }
        let mut values = headers.get_all(&self.name).iter();
        values.any(|value| self.value.matches(value.as_bytes()))
    }
}

impl Glob {
    /// Reads a glob; `None` for an empty one and for one with a `*` that is not at an end.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let (ends, rest) = match text.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (begins, inner) = match rest.strip_suffix('*') {
            Some(inner) => (true, inner),
            None => (false, rest),
        };
        if inner.is_empty() || inner.contains('*') {
            return None;
        }
        Some(match (ends, begins) {
            (false, false) => Self::Exactly(inner.into()),
            (false, true) => Self::Begins(inner.into()),
            (true, false) => Self::Ends(inner.into()),
            (true, true) => Self::Contains(inner.into()),
        })
    }

    /// Whether a value is like it.
    pub fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(text) => value == text.as_bytes(),
            Self::Begins(text) => value.starts_with(text.as_bytes()),
            Self::Ends(text) => value.ends_with(text.as_bytes()),
            // It has no more than 40 characters, and a value no more than a head has room for.
            Self::Contains(text) => {
                let mut parts = value.windows(text.len());
                parts.any(|part| part == text.as_bytes())
            }
        }
    }
}

/// How many bytes of a path a key takes whose segments begin it, with the slash in front of them.
pub(super) fn begins(path: &str, key: &str) -> Option<usize> {
    let rest = path.strip_prefix('/')?.strip_prefix(key)?;
    let whole = rest.is_empty() || rest.starts_with('/');
    whole.then(|| 1 + key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_have_stars_at_their_ends() {
        let check = |glob: &str, expected: Option<&[&str]>| {
            let values = ["account", "alpha", "backup", "beta", "users", "A", ""];
            let taken = Glob::parse(glob).map(|glob| {
                let taken = values.iter().filter(|value| glob.matches(value.as_bytes()));
                taken.copied().collect::<Vec<_>>()
            });
            assert_eq!(taken.as_deref(), expected, "{glob}");
        };
        check("a*", Some(&["account", "alpha"]));
        check("*a", Some(&["alpha", "beta"]));
        check("*a*", Some(&["account", "alpha", "backup", "beta"]));
        check(
            "*",
            Some(&["account", "alpha", "backup", "beta", "users", "A", ""]),
        );
        check("beta", Some(&["beta"]));
        check("Beta", Some(&[]));
        check("b?ta", Some(&[]));
        for wrong in ["", "**", "a*b", "*a*b*", "a**", "***"] {
            check(wrong, None);
        }
    }

    fn rule(headers: &[&[(&'static str, &str)]], base_paths: Option<&[&str]>) -> RoutingRule {
        let one = |(name, glob): &(&'static str, &str)| HeaderMatch {
            name: HeaderName::from_static(name),
            value: Glob::parse(glob).unwrap(),
        };
        RoutingRule {
            priority: 1,
            headers: headers
                .iter()
                .map(|any| any.iter().map(one).collect())
                .collect(),
            base_paths: base_paths.map(|all| all.iter().map(|base| (*base).into()).collect()),
            api: "a".into(),
            stage: "s".into(),
            strips: false,
        }
    }

    #[test]
    fn all_conditions_hold_and_one_of_each_is_enough() {
        let mut headers = HeaderMap::new();
        for value in ["application/json", "text/xml"] {
            headers.append("accept", value.parse().unwrap());
        }
        headers.append("x-version", "beta".parse().unwrap());
        let check = |rule: RoutingRule, path: &str, expected: Option<&str>| {
            let taken = rule.takes(path, "Admin.example:81", &headers);
            assert_eq!(taken.as_deref(), expected, "{rule:?} {path}");
        };
        check(rule(&[], None), "/x", Some(""));
        check(rule(&[&[("accept", "*json")]], None), "/x", Some(""));
        check(rule(&[&[("accept", "*json,*")]], None), "/x", None);
        check(rule(&[&[("x-other", "*")]], None), "/x", None);
        check(rule(&[&[("host", "admin.example")]], None), "/x", Some(""));
        check(rule(&[&[("host", "*.exampl")]], None), "/x", None);
        let either: &[(&str, &str)] = &[("x-other", "*"), ("x-version", "b*")];
        check(rule(&[either], None), "/x", Some(""));
        let both: &[&[(&str, &str)]] = &[&[("x-version", "b*")], &[("x-version", "*a")]];
        check(rule(both, None), "/x", Some(""));
        let both: &[&[(&str, &str)]] = &[&[("x-version", "b*")], &[("x-version", "*b")]];
        check(rule(both, None), "/x", None);
        let paths: &[&str] = &["a/b", "a", "c"];
        check(rule(&[], Some(paths)), "/a/b/c", Some("a/b"));
        check(rule(&[], Some(paths)), "/a/bc", Some("a"));
        check(rule(&[], Some(paths)), "/c", Some("c"));
        check(rule(&[], Some(paths)), "/C", None);
        check(rule(&[], Some(paths)), "/cd", None);
        check(rule(&[&[("x-version", "c*")]], Some(paths)), "/c", None);
    }
}
