//! Where an HTTP API sends a request on to: an integration URI, taken apart before the first request where it can be.

use std::borrow::Cow;
use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::lang::scope::Scope;
use crate::lang::uri_template::{RenderError, UriTemplate};

/// A backend's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether TLS is spoken.
    pub secure: bool,
    /// Host and port.
    pub authority: Authority,
    /// Path, percent-encoded; at least `/`.
    pub path: String,
    /// Query, where the URI has one.
    pub query: Option<String>,
}

impl Address {
    /// Takes an absolute URL apart; `None` when it is none.
    pub fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let path = match uri.path() {
            "" => "/",
            path => path,
        };
        Some(Self {
            secure: uri.scheme() == Some(&Scheme::HTTPS),
            authority: uri.authority()?.clone(),
            path: path.to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }
}

/// `integrationUri` of `HTTP_PROXY` in an HTTP API.
#[derive(Debug, Clone)]
pub struct ProxyUri {
    template: UriTemplate,
    /// The address, when no variable decides about it.
    fixed: Option<Address>,
}

impl ProxyUri {
    /// A template of an `http` or `https` URL.
    pub fn new(template: UriTemplate) -> Self {
        let fixed = match template.variables().next() {
            None => Address::parse(&template.to_string()),
            Some(_) => None,
        };
        Self { template, fixed }
    }

    /// The address for one request. `parameter` gives the value of a path variable and whether slashes in it stay slashes.
    ///
    /// # Errors
    /// As [`UriTemplate::render_with`].
    pub fn address<'v>(
        &self,
        scope: &dyn Scope,
        parameter: &dyn Fn(&str) -> Option<(&'v str, bool)>,
    ) -> Result<Cow<'_, Address>, RenderError> {
        if let Some(fixed) = &self.fixed {
            return Ok(Cow::Borrowed(fixed));
        }
        let url = self.template.render_with(scope, parameter)?;
        let address = Address::parse(&url).ok_or(RenderError::Authority)?;
        Ok(Cow::Owned(address))
    }
}

impl fmt::Display for ProxyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.template.fmt(f)
    }
}
