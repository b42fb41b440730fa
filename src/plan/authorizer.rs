//! Authorizers: who decides about a caller, and what they need to see.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use http::HeaderName;

use crate::lang::jwt::JwtRules;
use crate::plan::integration::FunctionTarget;

/// A Lambda `REQUEST` authorizer.
#[derive(Debug)]
pub struct Authorizer {
    /// `authorizerId`: the key in the definition file.
    pub id: Arc<str>,
    /// The function that decides.
    pub function: FunctionTarget,
    /// What must be present and non-empty, or the caller is refused unheard.
    pub identity_sources: Vec<IdentitySource>,
    /// What the function is sent, and how it answers.
    pub format: AuthorizerFormat,
    /// How long its verdicts are kept; `None` when each request is asked about.
    pub caching: Option<ResultCaching>,
}

/// `authorizerPayloadFormatVersion`, with what only one version has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthorizerFormat {
    /// The events of WebSocket APIs, answered by a policy.
    #[default]
    WebSocket,
    /// `1.0` of HTTP APIs, answered by a policy.
    V1,
    /// `2.0` of HTTP APIs.
    V2 {
        /// `enableSimpleResponses`: the answer is yes or no instead of a policy.
        simple: bool,
    },
}

/// One entry of `identitySource`: on WebSocket APIs as written here, on HTTP APIs `$request.header.NAME` and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// `route.request.header.NAME`.
    Header(String),
    /// `route.request.querystring.NAME`.
    QueryString(String),
    /// `stageVariables.NAME`.
    StageVariable(String),
    /// `context.NAME`.
    Context(String),
}

/// A `JWT` authorizer: tokens of one issuer.
#[derive(Debug)]
pub struct JwtAuthorizer {
    /// `authorizerId`: the key in the definition file.
    pub id: Arc<str>,
    /// `jwtConfiguration.issuer`, whose keys are fetched.
    pub issuer: Arc<str>,
    /// What its tokens must be.
    pub rules: JwtRules,
    /// Where a request has its token.
    pub source: TokenSource,
    /// What the end of the token means for a connection.
    pub on_token_expiry: OnTokenExpiry,
}

/// The one entry of `identitySource` of a JWT authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// `$request.header.NAME`.
    Header(HeaderName),
    /// `$request.querystring.NAME`.
    QueryString(String),
    /// `route.request.header.Sec-WebSocket-Protocol`: behind the subprotocol `bearer`, because a page in a browser can set no
    /// other header of a handshake.
    Subprotocol,
}

/// `tidegate.onTokenExpiry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnTokenExpiry {
    /// The connection stays: what Amazon does with every kind of authorizer.
    #[default]
    Keep,
    /// It is closed with 4401.
    Close,
}

/// `authorizerResultTtlInSeconds` of an authorizer of an HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultCaching {
    /// How long a verdict counts.
    pub ttl: Duration,
    /// Whose verdicts they are: another one for each API, stage and authorizer, and for each form of an authorizer, so that
    /// one that is defined anew finds none of before.
    pub scope: [u8; SHA256_OUTPUT_LEN],
}

impl ResultCaching {
    /// Verdicts of this authorizer on a stage.
    pub fn new(
        ttl: Duration,
        (api, stage): (&str, &str),
        id: &str,
        function: &FunctionTarget,
        sources: &[IdentitySource],
        format: AuthorizerFormat,
    ) -> Self {
        // Texts are quoted in this form, so that no two of all these come to the same.
        let all = format!("{:?}", (api, stage, id, function, sources, format));
        let mut scope = [0; SHA256_OUTPUT_LEN];
        scope.copy_from_slice(digest(&SHA256, all.as_bytes()).as_ref());
        Self { ttl, scope }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_an_authorizer_makes_its_own_scope() {
        let hosted = |name: &str| FunctionTarget::Hosted(name.into());
        let header = |name: &str| IdentitySource::Header(name.to_owned());
        let (ttl, f, a) = (Duration::from_secs(1), hosted("f"), [header("a")]);
        let v1 = AuthorizerFormat::V1;
        let scopes = [
            ResultCaching::new(ttl, ("api", "stage"), "id", &f, &a, v1),
            ResultCaching::new(ttl, ("ap", "istage"), "id", &f, &a, v1),
            ResultCaching::new(ttl, ("api", "stag"), "eid", &f, &a, v1),
            ResultCaching::new(ttl, ("api", "other"), "id", &f, &a, v1),
            ResultCaching::new(ttl, ("api", "stage"), "other", &f, &a, v1),
            ResultCaching::new(ttl, ("api", "stage"), "id", &hosted("g"), &a, v1),
            ResultCaching::new(ttl, ("api", "stage"), "id", &f, &[header("b")], v1),
            ResultCaching::new(ttl, ("api", "stage"), "id", &f, &[], v1),
            ResultCaching::new(ttl, ("api", "stage"), "id\", \"", &f, &a, v1),
            ResultCaching::new(
                ttl,
                ("api", "stage"),
                "id",
                &f,
                &[IdentitySource::QueryString("a".to_owned())],
                v1,
            ),
            ResultCaching::new(
                ttl,
                ("api", "stage"),
                "id",
                &f,
                &a,
                AuthorizerFormat::V2 { simple: true },
            ),
        ];
        for (place, scope) in scopes.iter().enumerate() {
            assert!(!scopes[..place].contains(scope), "{place}");
        }
    }
}
