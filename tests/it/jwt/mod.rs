//! JWT authorizers: who is let in, what is told to whom, and what issuers can do about it.

mod expiry;
mod http;
mod issuers;
mod logs;
mod refusals;
mod storm;
mod websocket;

use crate::harness::gateway::Setup;
use crate::harness::issuer::Issuer;
use crate::harness::{Handshake, chat};

/// `chat` whose $connect takes tokens of `issuer` for `web` from `source`. `fields` are more fields of the authorizer, `route` of
/// the route, each with a comma in front.
pub(crate) fn guarded(issuer: &Issuer, source: &str, fields: &str, route: &str) -> String {
    let routes = chat("{}").replace(
        "$connect: { target: integrations/backend }",
        &format!(
            "$connect: {{ target: integrations/backend, authorizationType: JWT, authorizerId: login{route} }}"
        ),
    );
    format!(
        r#"{routes}    authorizers:
      login: {{ authorizerType: JWT, identitySource: ["{source}"], jwtConfiguration: {{ issuer: "{}", audience: [web, mobile] }}{fields} }}
"#,
        issuer.url()
    )
}

/// Where a page in a browser can put its token.
pub(crate) const SUBPROTOCOL: &str = "route.request.header.Sec-WebSocket-Protocol";

const HEADER: &str = "$request.header.Authorization";

/// A gateway whose clock the test owns, with tokens in `Authorization`.
fn setup(issuer: &Issuer) -> Setup {
    Setup::new(guarded(issuer, HEADER, "", "")).manual()
}

fn bearing(token: &str) -> Handshake {
    Handshake::new("/prod").header("Authorization", &format!("Bearer {token}"))
}
