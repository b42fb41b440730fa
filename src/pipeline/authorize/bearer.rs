//! `JWT`: the token, the issuer's keys, the verdict, and what each refusal looks like.

use std::sync::Arc;

use http::HeaderValue;

use crate::authorizer::Identified;
use crate::authorizer::jwt::{self, GoodToken};
use crate::client::issuer::IssuerError;
use crate::error::{GatewayError, ResponseType};
use crate::exchange::{Authorized, Event, Exchange};
use crate::lang::jwt::{JwtError, challenge};
use crate::pipeline::Services;
use crate::plan::authorizer::{JwtAuthorizer, OnTokenExpiry};

/// Why a request with or without a token is refused.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{}", challenge::MISSING_ERROR)]
    Missing,
    #[error("invalid_token: {}", .0.description())]
    Issuer(#[from] IssuerError),
    #[error("invalid_token: {0}")]
    Token(#[from] JwtError),
    #[error("insufficient_scope: {}", challenge::INSUFFICIENT_SCOPE)]
    Scope,
}

/// Lets in whoever brings a good token with one of `scopes`, if there are any.
///
/// # Errors
/// 401 without a good token, 403 without a scope that is wanted.
pub(super) async fn authorize(
    services: &Services,
    exchange: &mut Exchange,
    authorizer: &JwtAuthorizer,
    scopes: &[String],
) -> Result<Identified, GatewayError> {
    match verdict(services, exchange, authorizer, scopes).await {
        Ok(token) => Ok(identified(exchange, authorizer, scopes, &token)),
        Err(refusal) => {
            exchange.context.authorizer.error = Some(refusal.to_string());
            Err(refuse(&refusal, scopes))
        }
    }
}

async fn verdict(
    services: &Services,
    exchange: &Exchange,
    authorizer: &JwtAuthorizer,
    scopes: &[String],
) -> Result<Arc<GoodToken>, Refusal> {
    let token = jwt::token(&exchange.request, &authorizer.source).ok_or(Refusal::Missing)?;
    let keys = services.issuers.keys(&authorizer.issuer).await?;
    let now = exchange.context.time;
    let rules = &authorizer.rules;
    let mut verdict = services.tokens.verify(&token, &keys, rules, now);
    if verdict.as_ref().is_err_and(|error| error.depends_on_keys())
        && let Some(newer) = services.issuers.newer(&authorizer.issuer, &keys).await
    {
        verdict = services.tokens.verify(&token, &newer, rules, now);
    }
    let good = verdict?;
    match good.suffices_for(scopes) {
        true => Ok(good),
        false => Err(Refusal::Scope),
    }
}

fn identified(
    exchange: &Exchange,
    authorizer: &JwtAuthorizer,
    scopes: &[String],
    token: &GoodToken,
) -> Identified {
    if matches!(exchange.event, Event::Http) {
        return Identified {
            authorized: Some(Authorized::Jwt(token.facts(scopes))),
            ..Identified::default()
        };
    }
    Identified {
        authorizer: Some(Arc::new(token.for_connection(scopes))),
        expires: match authorizer.on_token_expiry {
            OnTokenExpiry::Keep => None,
            OnTokenExpiry::Close => Some(token.ends()),
        },
        ..Identified::default()
    }
}

fn refuse(refusal: &Refusal, scopes: &[String]) -> GatewayError {
    let (kind, challenge) = match refusal {
        Refusal::Missing => (ResponseType::Unauthorized, challenge::MISSING.to_owned()),
        Refusal::Issuer(error) => (
            ResponseType::Unauthorized,
            challenge::invalid_token(scopes, error.description()),
        ),
        Refusal::Token(error) => (
            ResponseType::Unauthorized,
            challenge::invalid_token(scopes, error),
        ),
        Refusal::Scope => (
            ResponseType::AccessDenied,
            challenge::insufficient_scope(scopes),
        ),
    };
    let error = GatewayError::new(kind).because(refusal);
    match HeaderValue::try_from(challenge) {
        Ok(challenge) => error.challenging(challenge),
        // Scopes in a definition are visible ASCII, so this cannot happen.
        Err(_) => error,
    }
}
