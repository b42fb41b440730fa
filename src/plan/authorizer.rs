//! Authorizers: who decides about a caller, and what they need to see.

use std::sync::Arc;

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
}

/// One entry of `identitySource`.
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
