//! Authorizers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use url::Url;

use super::{Bench, Target, function};
use crate::definition::child;
use crate::lang::context_names::{self, Protocol, Reach};
use crate::lang::jwt::JwtRules;
use crate::lang::syntax::is_parameter_name;
use crate::model::v2::{self, AuthorizerType, ProtocolType};
use crate::plan::authorizer::{
    Authorizer, AuthorizerFormat, IdentitySource, JwtAuthorizer, OnTokenExpiry, ResultCaching,
    TokenSource,
};

const FORMAT: &str = "authorizerPayloadFormatVersion";
const SIMPLE: &str = "enableSimpleResponses";
const TTL: &str = "authorizerResultTtlInSeconds";

/// An authorizer of either kind.
#[derive(Clone)]
pub(super) enum Compiled {
    /// A Lambda function.
    Lambda(Arc<Authorizer>),
    /// An issuer of tokens.
    Jwt(Arc<JwtAuthorizer>),
}

/// The names of identity sources of WebSocket APIs, and what follows `$` in those of HTTP APIs.
const SOURCES: [(&str, &str); 4] = [
    ("route.request.header.", "request.header."),
    ("route.request.querystring.", "request.querystring."),
    ("stageVariables.", "stageVariables."),
    ("context.", "context."),
];

/// All authorizers of an API but those that are wrong, with the reasons noted. `path` is that of the API.
pub(super) fn all(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    path: &str,
    stage: Option<Target<'_>>,
) -> BTreeMap<String, Compiled> {
    let mut compiled = BTreeMap::new();
    for (id, authorizer) in &api.authorizers {
        let path = child(&child(path, "authorizers"), id);
        let protocol = api.protocol_type;
        compiled.extend(
            compile(bench, id, authorizer, protocol, &path, stage)
                .map(|authorizer| (id.clone(), authorizer)),
        );
    }
    compiled
}

fn compile(
    bench: &mut Bench<'_>,
    id: &str,
    authorizer: &v2::Authorizer,
    protocol: ProtocolType,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<Compiled> {
    check_unused(bench, authorizer, path);
    match authorizer.authorizer_type {
        AuthorizerType::Request => lambda(bench, id, authorizer, protocol, path, stage)
            .map(|lambda| Compiled::Lambda(lambda.into())),
        AuthorizerType::Jwt => {
            jwt(bench, id, authorizer, protocol, path).map(|jwt| Compiled::Jwt(jwt.into()))
        }
    }
}

/// Settings that say nothing to an authorizer of this type.
fn check_unused(bench: &mut Bench<'_>, authorizer: &v2::Authorizer, path: &str) {
    let of_lambda = ["authorizerUri", FORMAT, TTL, SIMPLE];
    let of_jwt = [
        "jwtConfiguration",
        "tidegate.onTokenExpiry",
        "tidegate.clockSkew",
    ];
    let (unused, remedy) = match authorizer.authorizer_type {
        AuthorizerType::Request => (of_jwt.as_slice(), "leave it out: only JWT uses it"),
        AuthorizerType::Jwt => (of_lambda.as_slice(), "leave it out: only REQUEST uses it"),
    };
    if bench.scribe.is_wrong(&child(path, "authorizerType")) {
        return;
    }
    for key in unused {
        let path = key
            .split('.')
            .fold(path.to_owned(), |path, key| child(&path, key));
        if bench.scribe.has(&path) && !bench.scribe.is_wrong(&path) {
            let what = "has no meaning for this type of authorizer";
            bench.scribe.problem(&path, what, remedy);
        }
    }
}

fn lambda(
    bench: &mut Bench<'_>,
    id: &str,
    authorizer: &v2::Authorizer,
    protocol: ProtocolType,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<Authorizer> {
    let uri_path = child(path, "authorizerUri");
    let function = match &authorizer.authorizer_uri {
        Some(uri) => function::target(bench, uri, &uri_path, stage),
        None => {
            // What is there and wrong, or of another type, has been noted.
            let known = [&uri_path, &child(path, "authorizerType")];
            if !known.iter().any(|path| bench.scribe.is_wrong(path)) {
                let remedy = "add `authorizerUri`: `function:NAME` or a Lambda ARN";
                missing(bench, &uri_path, remedy);
            }
            None
        }
    };
    let mut identity_sources = Vec::new();
    for (index, text) in authorizer.identity_source.iter().enumerate() {
        let path = bench.scribe.item(&child(path, "identitySource"), index);
        identity_sources.extend(identity_source(bench, text, protocol, &path, stage));
    }
    let format = match protocol {
        ProtocolType::WebSocket => Some(AuthorizerFormat::WebSocket),
        ProtocolType::Http => format(bench, authorizer, path),
    };
    let ttl = ttl(bench, authorizer, path);
    let (function, format) = (function?, format?);
    let caching = ttl.zip(stage).map(|(ttl, stage)| {
        let stage = (stage.api, stage.name);
        ResultCaching::new(ttl, stage, id, &function, &identity_sources, format)
    });
    Some(Authorizer {
        id: id.into(),
        function,
        identity_sources,
        format,
        caching,
    })
}

/// How the function of an HTTP API is asked, and how it answers.
fn format(
    bench: &mut Bench<'_>,
    authorizer: &v2::Authorizer,
    path: &str,
) -> Option<AuthorizerFormat> {
    let simple = authorizer.enable_simple_responses == Some(true);
    match authorizer.authorizer_payload_format_version.as_deref() {
        Some("2.0") => Some(AuthorizerFormat::V2 { simple }),
        Some(_) => {
            if simple {
                let what = "payload format 1.0 has policies only";
                let remedy = format!("write `{FORMAT}: 2.0`, or leave this out");
                bench.scribe.problem(&child(path, SIMPLE), what, remedy);
            }
            Some(AuthorizerFormat::V1)
        }
        // AWS: there is no default.
        None => {
            if !bench.scribe.is_wrong(&child(path, "authorizerType")) {
                let remedy = format!("add `{FORMAT}: 2.0`, or `1.0`");
                missing(bench, &child(path, FORMAT), &remedy);
            }
            None
        }
    }
}

/// How long results are kept, where they are.
///
/// AWS: not at all when nothing is written. Nothing but identity sources tells results apart.
fn ttl(bench: &mut Bench<'_>, authorizer: &v2::Authorizer, path: &str) -> Option<Duration> {
    let seconds = authorizer.authorizer_result_ttl_in_seconds?;
    if seconds == 0 {
        return None;
    }
    let sources = child(path, "identitySource");
    if authorizer.identity_source.is_empty() && !bench.scribe.is_wrong(&sources) {
        let what = "without an identity source, all requests would have one result";
        let remedy = "add `identitySource`, e.g. `[$request.header.Authorization]`, or write 0";
        bench.scribe.problem(&child(path, TTL), what, remedy);
    }
    Some(Duration::from_secs(seconds.into()))
}

fn missing(bench: &mut Bench<'_>, path: &str, remedy: &str) {
    // What is there and wrong has been noted already.
    if !bench.scribe.has(path) && !bench.scribe.is_wrong(path) {
        bench.scribe.problem(path, "is missing", remedy);
    }
}

fn identity_source(
    bench: &mut Bench<'_>,
    text: &str,
    protocol: ProtocolType,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<IdentitySource> {
    let of_kind = |(websocket, http): (&'static str, &'static str)| match protocol {
        ProtocolType::WebSocket => (websocket, text.strip_prefix(websocket)),
        ProtocolType::Http => (
            websocket,
            text.strip_prefix('$')
                .and_then(|text| text.strip_prefix(http)),
        ),
    };
    let found = SOURCES
        .map(of_kind)
        .into_iter()
        .find_map(|(root, name)| Some((root, name?)))
        .filter(|(_, name)| is_parameter_name(name));
    let Some((root, name)) = found else {
        let shown = bench.scribe.shown(path, text);
        let remedy = match protocol {
            ProtocolType::WebSocket => {
                "write `route.request.header.NAME`, `route.request.querystring.NAME`, `stageVariables.NAME` or `context.NAME`"
            }
            ProtocolType::Http => {
                "write `$request.header.NAME`, `$request.querystring.NAME`, `$stageVariables.NAME` or `$context.NAME`"
            }
        };
        let what = format!("{shown} is not an identity source");
        bench.scribe.problem(path, what, remedy);
        return None;
    };
    match root {
        "route.request.header." => Some(IdentitySource::Header(name.to_owned())),
        "route.request.querystring." => Some(IdentitySource::QueryString(name.to_owned())),
        "stageVariables." => {
            if let Some(stage) = stage
                && !stage.stage.stage_variables.contains_key(name)
            {
                function::missing_variable(bench, name, path, stage);
            }
            Some(IdentitySource::StageVariable(name.to_owned()))
        }
        _ => context(bench, name, protocol, path),
    }
}

fn context(
    bench: &mut Bench<'_>,
    name: &str,
    protocol: ProtocolType,
    path: &str,
) -> Option<IdentitySource> {
    let protocol = match protocol {
        ProtocolType::WebSocket => Protocol::WebSocket,
        ProtocolType::Http => Protocol::Http,
    };
    match context_names::check(name, protocol, Reach::Everywhere) {
        Ok(()) => Some(IdentitySource::Context(name.to_owned())),
        Err(refused) => {
            bench.scribe.problem(path, refused.problem, refused.remedy);
            None
        }
    }
}

fn jwt(
    bench: &mut Bench<'_>,
    id: &str,
    authorizer: &v2::Authorizer,
    protocol: ProtocolType,
    path: &str,
) -> Option<JwtAuthorizer> {
    let source = token_source(bench, authorizer, protocol, path);
    let configuration_path = child(path, "jwtConfiguration");
    let Some(configuration) = &authorizer.jwt_configuration else {
        let remedy = "add `jwtConfiguration: { issuer: URL, audience: [NAME] }`";
        missing(bench, &configuration_path, remedy);
        return None;
    };
    let issuer = issuer(
        bench,
        &configuration.issuer,
        &child(&configuration_path, "issuer"),
    );
    let extension = &authorizer.tidegate;
    Some(JwtAuthorizer {
        id: id.into(),
        issuer: configuration.issuer.as_str().into(),
        source: source?,
        rules: JwtRules::new(
            issuer?.to_owned(),
            configuration.audience.clone(),
            extension.clock_skew,
        ),
        on_token_expiry: match extension.on_token_expiry {
            v2::OnTokenExpiry::Keep => OnTokenExpiry::Keep,
            v2::OnTokenExpiry::Close => OnTokenExpiry::Close,
        },
    })
}

/// The tables have checked that it looks like a URL.
fn issuer<'a>(bench: &mut Bench<'_>, text: &'a str, path: &str) -> Option<&'a str> {
    let url = Url::parse(text).ok();
    let good = |url: &Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    if url.as_ref().is_some_and(good) {
        return Some(text);
    }
    let what = format!(
        "{} is not the URL of an issuer",
        bench.scribe.shown(path, text)
    );
    let remedy = "write an http or https URL without a user, such as `https://id.example.com/pool`";
    bench.scribe.problem(path, what, remedy);
    None
}

/// The one place where the token is. Both kinds of API write it as HTTP APIs do; WebSocket APIs may write it in their own way,
/// and take it from the subprotocols that a client offers.
fn token_source(
    bench: &mut Bench<'_>,
    authorizer: &v2::Authorizer,
    protocol: ProtocolType,
    path: &str,
) -> Option<TokenSource> {
    const REMEDY: &str = "write one: `$request.header.NAME` or `$request.querystring.NAME`, e.g. `$request.header.Authorization`";
    let path = child(path, "identitySource");
    let [text] = authorizer.identity_source.as_slice() else {
        let what = match authorizer.identity_source.is_empty() {
            true => "is missing",
            false => "a JWT authorizer takes its token from one place",
        };
        if !bench.scribe.is_wrong(&path) {
            bench.scribe.problem(&path, what, REMEDY);
        }
        return None;
    };
    let item = bench.scribe.item(&path, 0);
    let is_websocket = protocol == ProtocolType::WebSocket;
    let request = text.strip_prefix("$request.").or_else(|| {
        let own = text.strip_prefix("route.request.");
        own.filter(|_| is_websocket)
    });
    let (place, name) = request
        .and_then(|request| request.split_once('.'))
        .filter(|(_, name)| is_parameter_name(name))
        .unwrap_or_default();
    let source = match place {
        "header" => HeaderName::try_from(name).ok().map(|name| match name {
            SEC_WEBSOCKET_PROTOCOL if is_websocket => TokenSource::Subprotocol,
            name => TokenSource::Header(name),
        }),
        "querystring" => Some(TokenSource::QueryString(name.to_owned())),
        _ => None,
    };
    if source.is_none() {
        let what = format!(
            "{} is not a place for a token",
            bench.scribe.shown(&item, text)
        );
        bench.scribe.problem(&item, what, REMEDY);
    }
    source
}
