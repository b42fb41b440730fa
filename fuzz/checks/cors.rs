//! What must hold for every CORS configuration and every request: only an origin that is allowed ever gets a yes.
//!
//! An input is UTF-8 text: origin, method and answer header in its first three lines, then a setting a line, as `origin=`,
//! `method=`, `header=`, `expose=`, `age=` or `credentials`.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderName, HeaderValue, ORIGIN,
};

use super::lang::cors::{CorsConfiguration, CorsPolicy};

/// What became of an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The configuration is refused.
    Refused,
    /// The request is no request.
    NoRequest,
    /// The origin may not read the answer.
    Closed,
    /// It may.
    Open,
}

/// Panics when a property does not hold.
pub(crate) fn check(data: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (origin, method, other) = (next(), next(), next());
    let configuration = read(lines.take(200));
    let policy = match CorsPolicy::new(&configuration) {
        Ok(policy) => policy,
        Err(problems) => {
            assert!(!problems.is_empty());
            return Outcome::Refused;
        }
    };
    let (Ok(sent), Ok(method)) = (HeaderValue::try_from(origin), HeaderValue::try_from(method))
    else {
        return Outcome::NoRequest;
    };
    let mut request = HeaderMap::new();
    request.insert(ORIGIN, sent.clone());
    request.insert(ACCESS_CONTROL_REQUEST_METHOD, method);
    let preflight = policy.preflight(&request);
    let mut answer = HeaderMap::new();
    // What a backend says of CORS, or of anything else.
    answer.insert(
        ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("https://backend"),
    );
    answer.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    let name = HeaderName::try_from(other).ok();
    let name = name.filter(|name| !name.as_str().starts_with("access-control-"));
    if let Some(name) = &name {
        answer.insert(name, HeaderValue::from_static("kept"));
    }
    policy.dress(Some(&sent), &mut answer);
    assert!(name.is_none_or(|name| answer.get_all(name).iter().any(|value| value == "kept")));
    let allowed = is_allowed(&configuration, origin);
    for headers in [&answer, &preflight] {
        yes_only_to(&configuration, headers, &sent, allowed);
    }
    assert_eq!(answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), allowed);
    // Without an origin nobody asks.
    let mut unasked = answer.clone();
    policy.dress(None, &mut unasked);
    assert!(!unasked.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    match allowed {
        true => Outcome::Open,
        false => Outcome::Closed,
    }
}

fn read<'t>(lines: impl Iterator<Item = &'t str>) -> CorsConfiguration {
    let mut configuration = CorsConfiguration::default();
    for line in lines {
        let (setting, value) = line.split_once('=').unwrap_or((line, ""));
        let value = value.to_owned();
        match setting {
            "origin" => configuration.allow_origins.push(value),
            "method" => configuration.allow_methods.push(value),
            "header" => configuration.allow_headers.push(value),
            "expose" => configuration.expose_headers.push(value),
            "age" => configuration.max_age = value.parse().ok(),
            "credentials" => configuration.allow_credentials = true,
            _ => {}
        }
    }
    configuration
}

/// By the words of the developer guide: exactly, or by scheme, or all.
fn is_allowed(configuration: &CorsConfiguration, origin: &str) -> bool {
    configuration
        .allow_origins
        .iter()
        .any(|known| match &**known {
            "*" => true,
            "https://*" => origin.len() > 8 && origin.starts_with("https://"),
            "http://*" => origin.len() > 7 && origin.starts_with("http://"),
            known => known.eq_ignore_ascii_case(origin) && origin == origin.to_ascii_lowercase(),
        })
}

fn yes_only_to(
    configuration: &CorsConfiguration,
    headers: &HeaderMap,
    origin: &HeaderValue,
    allowed: bool,
) {
    let credentials = headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS);
    match headers.get(ACCESS_CONTROL_ALLOW_ORIGIN) {
        Some(yes) if yes == "*" => assert!(allowed && !credentials),
        Some(yes) => assert!(allowed && yes == origin),
        None => {
            let mut names = headers.keys().map(HeaderName::as_str);
            assert!(names.all(|name| !name.starts_with("access-control-")));
        }
    }
    assert!(!credentials || configuration.allow_credentials);
}
