//! Cross-origin resource sharing by configuration: what an HTTP API says to browsers, whatever its integrations say.
//!
//! Whether a preflight is answered here at all is the pipeline's decision: a route with an authorizer refuses it first.
//!
//! Sources: API Gateway Developer Guide, "Configure CORS for HTTP APIs in API Gateway"; Fetch Standard, "CORS protocol".

mod check;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

pub use check::{CorsConfiguration, CorsField, CorsProblem, LIST_ENTRIES};

/// A checked configuration, its headers made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsPolicy {
    origins: Origins,
    methods: Vec<String>,
    allow_methods: Option<HeaderValue>,
    allow_headers: Option<HeaderValue>,
    expose_headers: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
    credentials: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origins {
    /// `*`: the answer is the same for every origin.
    Any,
    /// In lower case, as browsers send them.
    These {
        exact: Vec<String>,
        schemes: Vec<&'static str>,
    },
}

impl CorsPolicy {
    /// Checks a configuration.
    ///
    /// # Errors
    /// Everything that is wrong: `ANY` and other names that are no methods, `*` together with credentials, wildcards in
    /// other places, text that is no origin or no name, a time outside -1 to 86400.
    pub fn new(configuration: &CorsConfiguration) -> Result<Self, Vec<CorsProblem>> {
        check::check(configuration)
    }

    /// The value of `access-control-allow-origin` for an origin, `None` when it is not allowed: `*` when all are, else the
    /// origin itself.
    pub fn answer(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match &self.origins {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::These { exact, schemes } => {
                let text = origin.to_str().ok()?;
                let of_scheme = |scheme: &&str| {
                    text.strip_prefix(*scheme)
                        .is_some_and(|rest| !rest.is_empty())
                };
                let allowed =
                    exact.iter().any(|known| known == text) || schemes.iter().any(of_scheme);
                allowed.then(|| origin.clone())
            }
        }
    }

    /// Puts the headers of an ordinary answer over those of the integration or the gateway; `origin` is the request's.
    ///
    /// AWS: whatever the integration says about CORS is dropped when the API has a configuration.
    pub fn dress(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        drop_cors(headers);
        self.vary(headers);
        let Some(allowed) = origin.and_then(|origin| self.answer(origin)) else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        self.allow_credentials(headers);
        insert(
            headers,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            self.expose_headers.as_ref(),
        );
    }

    /// The headers of the answer to a preflight, which has status 204 and no body. Without an allowed origin or with a
    /// method that is not allowed it has nothing that a browser would take for a yes.
    pub fn preflight(&self, request: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.vary(&mut headers);
        let allowed = request.get(ORIGIN).and_then(|origin| self.answer(origin));
        let Some(allowed) = allowed.filter(|_| self.allows_method_of(request)) else {
            return headers;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        self.allow_credentials(&mut headers);
        insert(
            &mut headers,
            ACCESS_CONTROL_ALLOW_METHODS,
            self.allow_methods.as_ref(),
        );
        insert(
            &mut headers,
            ACCESS_CONTROL_ALLOW_HEADERS,
            self.allow_headers.as_ref(),
        );
        insert(&mut headers, ACCESS_CONTROL_MAX_AGE, self.max_age.as_ref());
        headers
    }

    /// Where no methods are listed the browser decides: without `access-control-allow-methods` it sends simple ones only.
    fn allows_method_of(&self, request: &HeaderMap) -> bool {
        let wanted = request.get(ACCESS_CONTROL_REQUEST_METHOD);
        let listed = |wanted: &HeaderValue| {
            let mut methods = self.methods.iter();
            methods.any(|known| known == "*" || known.as_bytes() == wanted.as_bytes())
        };
        self.methods.is_empty() || wanted.is_some_and(listed)
    }

    fn allow_credentials(&self, headers: &mut HeaderMap) {
        if self.credentials {
            headers.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }

    /// Tells caches that the answer depends on the origin, when it does.
    fn vary(&self, headers: &mut HeaderMap) {
        let known = |value: &HeaderValue| {
            let text = value.to_str().unwrap_or_default();
            text.split(',')
                .map(str::trim)
                .any(|name| name == "*" || name.eq_ignore_ascii_case("origin"))
        };
        if self.origins != Origins::Any && !headers.get_all(VARY).iter().any(known) {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// Whether a request is a preflight: `OPTIONS` with both an origin and the method that is to follow.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn drop_cors(headers: &mut HeaderMap) {
    let is_cors = |name: &&HeaderName| name.as_str().starts_with("access-control-");
    let names: Vec<_> = headers.keys().filter(is_cors).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value.clone());
    }
}

#[cfg(test)]
mod tests;
