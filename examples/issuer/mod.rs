//! A small OpenID Connect issuer for the examples, in the place of Cognito, Keycloak or whoever knows your users.
//!
//! It is an HTTP API with three routes, on a gateway of its own and in the same process. The gateway of the example knows
//! nothing of it but its URL, from which it gets the key that verifies tokens. For demonstrations only: the users are
//! written into the program, their password is no secret, and the key lives as long as the process.

use std::convert::Infallible;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use tidegate::Gateway;
use tidegate::definition::{Machine, load_text, render};

/// The password of every user.
pub(crate) const PASSWORD: &str = "tide";

/// Ports are chosen by the system: nobody but the example needs to know them.
const DEFINITION: &str = r#"
server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0 }
apis:
  issuer:
    protocolType: HTTP
    routes:
      GET /.well-known/openid-configuration: { target: integrations/issuer }
      GET /keys: { target: integrations/issuer }
      POST /token: { target: integrations/issuer }
    integrations:
      issuer: { integrationType: AWS_PROXY, integrationUri: "function:issuer", payloadFormatVersion: "2.0" }
    stages: { $default: {} }
"#;
const KEY_ID: &str = "demo";
/// The audience of refresh tokens, which makes them good for the issuer and for nobody else.
const REFRESH: &str = "refresh";
/// Shortest, usual and longest life of an access token, in seconds.
const LIFETIME: [u64; 3] = [2, 60, 3600];
/// Life of a refresh token, in seconds.
const REFRESH_LIFETIME: u64 = 24 * 60 * 60;

/// Somebody who may log in.
#[derive(Debug)]
pub(crate) struct User {
    pub name: &'static str,
    /// Scopes of the user's tokens, separated by spaces.
    pub scope: &'static str,
}

/// The running issuer.
pub(crate) struct Issuer {
    gateway: Gateway,
    desk: Arc<Desk>,
}

/// What answers the three routes.
struct Desk {
    url: OnceLock<String>,
    audience: &'static str,
    users: &'static [User],
    key: EncodingKey,
    public_key: Vec<u8>,
}

impl Issuer {
    /// Starts an issuer of tokens for `audience`, on a port of its own.
    pub(crate) async fn start(
        audience: &'static str,
        users: &'static [User],
    ) -> Result<Self, Box<dyn Error>> {
        let pair = Ed25519KeyPair::generate()?;
        let desk = Arc::new(Desk {
            url: OnceLock::new(),
            audience,
            users,
            key: EncodingKey::from_ed_der(pair.to_pkcs8()?.as_ref()),
            public_key: pair.public_key().as_ref().to_vec(),
        });
        // A machine without an environment: what is set for the example's own gateway is not meant for this one.
        let definition = load_text(DEFINITION, Path::new("."), &Machine::default());
        let definition = definition.map_err(|problems| render(&problems))?;
        let clerk = Arc::clone(&desk);
        let answer = move |event| std::future::ready(Ok::<_, Infallible>(clerk.answer(&event)));
        let gateway = Gateway::builder()
            .loaded(definition)
            .function("issuer", answer)
            .start()
            .await?;
        // Set once, here.
        let url = format!("http://{}", gateway.address());
        desk.url.set(url).ok();
        Ok(Self { gateway, desk })
    }

    /// What stands in `iss`, and below which the keys are found.
    pub(crate) fn url(&self) -> &str {
        self.desk.url()
    }

    /// An access token, without asking for a password. `now` and `lifetime` are in seconds.
    #[allow(
        dead_code,
        reason = "one of the examples has tokens only from its route"
    )]
    pub(crate) fn token(&self, user: &User, audience: &str, now: u64, lifetime: u64) -> String {
        self.desk.sign(user, audience, now, lifetime)
    }

    pub(crate) async fn shutdown(self) {
        self.gateway.shutdown().await;
    }
}

impl Desk {
    fn url(&self) -> &str {
        self.url.get().map_or("", |url| url)
    }

    fn answer(&self, event: &Value) -> Value {
        match event["routeKey"].as_str().unwrap_or_default() {
            "GET /.well-known/openid-configuration" => self.configuration(),
            "GET /keys" => self.keys(),
            _ => self.grant(event).unwrap_or_else(|error| {
                json!({ "statusCode": 400, "headers": { "content-type": "application/json" },
                    "body": json!({ "error": error }).to_string() })
            }),
        }
    }

    /// OpenID Connect Discovery 1.0 section 3.
    fn configuration(&self) -> Value {
        let url = self.url();
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/keys"),
            "token_endpoint": format!("{url}/token"),
            "grant_types_supported": ["password", "refresh_token"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        })
    }

    /// RFC 8037 section 2.
    fn keys(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(&self.public_key);
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": KEY_ID, "x": x }] })
    }

    /// RFC 6749 sections 4.3 and 6. A real page would send its users to the issuer's own form instead (section 4.1): a password
    /// is for the issuer alone.
    fn grant(&self, event: &Value) -> Result<Value, &'static str> {
        let form = form(event);
        let field = |name: &str| {
            let found = form.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let user = match field("grant_type") {
            "password" if field("password") == PASSWORD => self.user(field("username")),
            "password" => None,
            "refresh_token" => self
                .subject(field("refresh_token"))
                .and_then(|name| self.user(&name)),
            _ => return Err("unsupported_grant_type"),
        };
        let user = user.ok_or("invalid_grant")?;
        let now = event["requestContext"]["timeEpoch"].as_u64().unwrap_or(0) / 1000;
        let [shortest, usual, longest] = LIFETIME;
        let lifetime = field("lifetime").parse().unwrap_or(usual);
        let lifetime = lifetime.clamp(shortest, longest);
        Ok(json!({
            "access_token": self.sign(user, self.audience, now, lifetime),
            "token_type": "Bearer",
            "expires_in": lifetime,
            "refresh_token": self.sign(user, REFRESH, now, REFRESH_LIFETIME),
            "scope": user.scope,
        }))
    }

    fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    fn sign(&self, user: &User, audience: &str, now: u64, lifetime: u64) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(KEY_ID.to_owned());
        let claims = json!({
            "iss": self.url(), "sub": user.name, "aud": audience, "scope": user.scope,
            "iat": now, "exp": now + lifetime,
        });
        jsonwebtoken::encode(&header, &claims, &self.key).expect("the key is one for EdDSA")
    }

    /// Whose refresh token it is, if it is a good one.
    fn subject(&self, token: &str) -> Option<String> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[REFRESH]);
        let key = DecodingKey::from_ed_der(&self.public_key);
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).ok()?;
        claims.claims["sub"].as_str().map(str::to_owned)
    }
}

/// The fields of a form, which an event has in base64 because it is not JSON.
fn form(event: &Value) -> Vec<(String, String)> {
    let body = event["body"].as_str().unwrap_or_default();
    let bytes = match event["isBase64Encoded"] == true {
        true => STANDARD.decode(body).unwrap_or_default(),
        false => body.as_bytes().to_vec(),
    };
    url::form_urlencoded::parse(&bytes).into_owned().collect()
}
