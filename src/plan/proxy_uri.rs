//! Where an HTTP API sends a request on to: an integration URI, taken apart before the first request where it can be.

use std::borrow::Cow;
use std::fmt;

use http::HeaderValue;
use http::Uri;
use http::uri::{Authority, Scheme};

use crate::lang::scope::Scope;
use crate::lang::uri_template::{RenderError, UriTemplate};

/// A backend, without what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether TLS is spoken.
    pub secure: bool,
    /// Host and port.
    pub authority: Authority,
    /// The same as the value of `Host`.
    pub host: HeaderValue,
}

/// A backend's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'u> {
    /// The backend.
    pub origin: Cow<'u, Origin>,
    /// Path, percent-encoded and at least `/`, with the query behind it where the URI has one.
    pub target: Cow<'u, str>,
}

impl Origin {
    /// The origin that an absolute URL begins with, and where its path begins; `None` when it is none.
    fn parse(url: &str) -> Option<(Self, usize)> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme()?;
        let authority = uri.authority()?.clone();
        let path_at = scheme.as_str().len() + "://".len() + authority.as_str().len();
        let origin = Self {
            secure: *scheme == Scheme::HTTPS,
            host: HeaderValue::from_str(authority.as_str()).ok()?,
            authority,
        };
        Some((origin, path_at))
    }
}

impl Address<'static> {
    /// Takes an absolute URL apart; `None` when it is none.
    fn parse(url: String) -> Option<Self> {
        let (origin, path_at) = Origin::parse(&url)?;
        Some(Self {
            origin: Cow::Owned(origin),
            target: Cow::Owned(target(url, path_at)),
        })
    }
}

impl Address<'_> {
    /// The path alone.
    pub fn path(&self) -> &str {
        let path = self.query_at().and_then(|at| self.target.get(..at));
        path.unwrap_or(&self.target)
    }

    /// The query, where the URI has one.
    pub fn query(&self) -> Option<&str> {
        self.target.get(self.query_at()? + 1..)
    }

    /// Where the question mark is.
    fn query_at(&self) -> Option<usize> {
        memchr::memchr(b'?', self.target.as_bytes())
    }
}

/// What follows the origin, with the slash that may have been left out.
fn target(mut url: String, path_at: usize) -> String {
    url.drain(..path_at.min(url.len()));
    if !url.starts_with('/') {
        url.insert(0, '/');
    }
    url
}

/// `integrationUri` of `HTTP_PROXY` in an HTTP API.
#[derive(Debug, Clone)]
pub struct ProxyUri {
    template: UriTemplate,
    known: Known,
}

/// How much of the address no variable decides about.
#[derive(Debug, Clone)]
enum Known {
    All(Address<'static>),
    /// With where the path begins in what is rendered.
    Origin(Origin, usize),
    Nothing,
}

impl ProxyUri {
    /// A template of an `http` or `https` URL.
    pub fn new(template: UriTemplate) -> Self {
        let all = match template.variables().next() {
            None => Address::parse(template.to_string()).map(Known::All),
            Some(_) => None,
        };
        let origin = || {
            let (origin, path_at) = Origin::parse(template.fixed_origin()?)?;
            Some(Known::Origin(origin, path_at))
        };
        let known = all.or_else(origin).unwrap_or(Known::Nothing);
        Self { template, known }
    }

    /// The address for one request. `parameter` gives the value of a path variable and whether slashes in it stay slashes.
    ///
    /// # Errors
    /// As [`UriTemplate::render_with`].
    pub fn address<'v>(
        &self,
        scope: &dyn Scope,
        parameter: &dyn Fn(&str) -> Option<(&'v str, bool)>,
    ) -> Result<Address<'_>, RenderError> {
        let rendered = || self.template.render_with(scope, parameter);
        match &self.known {
            Known::All(address) => Ok(Address {
                origin: Cow::Borrowed(&address.origin),
                target: Cow::Borrowed(&address.target),
            }),
            Known::Origin(origin, path_at) => Ok(Address {
                origin: Cow::Borrowed(origin),
                target: Cow::Owned(target(rendered()?.into_owned(), *path_at)),
            }),
            Known::Nothing => {
                Address::parse(rendered()?.into_owned()).ok_or(RenderError::Authority)
            }
        }
    }
}

impl fmt::Display for ProxyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.template.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::scope::tests::Facts;

    #[test]
    fn addresses_are_the_same_however_much_is_known_before() {
        let check = |template: &str, known: &str, target: &str, query: Option<&str>| {
            let uri = ProxyUri::new(UriTemplate::parse(template).expect(template));
            let shown = match &uri.known {
                Known::All(_) => "all",
                Known::Origin(..) => "origin",
                Known::Nothing => "nothing",
            };
            assert_eq!(shown, known, "{template}");
            let scope = Facts::new(&[("stageVariables.h", "a.example")]);
            let values = |_: &str| Some(("x/y", true));
            let address = uri.address(&scope, &values).expect(template);
            assert_eq!(address.target, target, "{template}");
            assert_eq!(address.query(), query, "{template}");
            assert_eq!(address.origin.host, address.origin.authority.as_str());
        };
        check("http://a.example", "all", "/", None);
        check("https://a.example:1/b?c=d", "all", "/b?c=d", Some("c=d"));
        check("http://a.example?c", "all", "/?c", Some("c"));
        check("http://a.example/{p}", "origin", "/x/y", None);
        check(
            "http://[::1]:9/b/{p}?q=1",
            "origin",
            "/b/x/y?q=1",
            Some("q=1"),
        );
        check(
            "http://${stageVariables.h}/{p}?",
            "nothing",
            "/x/y?",
            Some(""),
        );
        check(
            "http://a.example?q={p}",
            "origin",
            "/?q=x%2Fy",
            Some("q=x%2Fy"),
        );
    }
}
