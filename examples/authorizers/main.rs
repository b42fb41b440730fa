//! Every kind of authorizer in one definition, with lines to try. See README.md beside this file.

#[path = "../issuer/mod.rs"]
mod issuer;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::{Value, json};
use tidegate::Gateway;
use tidegate::base::clock::{Clock as _, SystemClock};

use issuer::{Issuer, User};

const DEFINITION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/authorizers/tidegate.yaml"
);
/// What is printed comes from here, so that it is tried, read and tested in one form.
const README: &str = include_str!("README.md");
const AUDIENCE: &str = "harbour";
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
const READER: User = User {
    name: "ada",
    scope: "reports/read",
};
const VISITOR: User = User {
    name: "grace",
    scope: "",
};
/// As in the definition.
const HARBOUR: (&str, &str) = ("AKIDHARBOUR", "the-harbour-keeps-this-to-itself");

/// The integration of every route: tells its callers what is known of them.
async fn who(event: Value) -> Result<Value, Infallible> {
    let context = &event["requestContext"];
    let body = json!({ "authorizer": context["authorizer"], "identity": context["identity"] });
    Ok(
        json!({ "statusCode": 200, "headers": { "content-type": "application/json" }, "body": body.to_string() }),
    )
}

/// An authorizer with payload format 2.0 and simple responses. What it says in `context` reaches the integration.
async fn simple(event: Value) -> Result<Value, Infallible> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let asked = ASKED.fetch_add(1, Ordering::Relaxed) + 1;
    let known = event["identitySource"][0] == "let-me-in";
    Ok(json!({ "isAuthorized": known, "context": { "asked": asked } }))
}

/// An authorizer with payload format 1.0, for the HTTP API and for a WebSocket API.
async fn policy(event: Value) -> Result<Value, &'static str> {
    let token = &event["queryStringParameters"]["token"];
    let resource = match token.as_str() {
        Some("master") => "*",
        Some("reader") => "arn:aws:execute-api:*:*:http/prod/GET/*",
        // Word by word: this is how a function asks for a 401.
        _ => return Err("Unauthorized"),
    };
    Ok(json!({
        "principalId": token,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource }],
        },
        "context": { "token": token },
    }))
}

/// The address of a WebSocket API, signed and good for an hour from `now` on.
fn signed(address: SocketAddr, path: &str, now: Duration) -> Result<String, Box<dyn Error>> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(HOUR));
    let (id, secret) = HARBOUR;
    let identity = Credentials::new(id, secret, None, None, "example").into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("execute-api")
        .time(UNIX_EPOCH + now)
        .settings(settings)
        .build()?
        .into();
    let host = address.to_string();
    let url = format!("http://{address}{path}");
    let headers = std::iter::once(("host", host.as_str()));
    let request = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(request, &parameters)?.into_parts();
    let mut url = url::Url::parse(&format!("ws://{address}{path}"))?;
    for (name, value) in instructions.params() {
        url.query_pairs_mut().append_pair(name, value);
    }
    Ok(url.into())
}

/// What the lines use.
fn variables(
    address: SocketAddr,
    issuer: &Issuer,
    now: Duration,
) -> Result<[(&'static str, String); 12], Box<dyn Error>> {
    let seconds = now.as_secs();
    let text = str::to_owned;
    Ok([
        ("HTTP", format!("http://{address}/_apis/http/prod")),
        ("WS", format!("ws://{address}/_apis")),
        ("TOKEN", issuer.token(&READER, AUDIENCE, seconds, HOUR)),
        (
            "TOKEN_WITHOUT_SCOPE",
            issuer.token(&VISITOR, AUDIENCE, seconds, HOUR),
        ),
        (
            "TOKEN_FOR_OTHERS",
            issuer.token(&READER, "others", seconds, HOUR),
        ),
        (
            "TOKEN_OF_YESTERDAY",
            issuer.token(&READER, AUDIENCE, seconds - DAY, HOUR),
        ),
        ("HARBOUR_SECRET", text(HARBOUR.1)),
        ("STRANGER_SECRET", text("strangers-have-keys-of-their-own")),
        ("SIGNED", signed(address, "/_apis/ws-iam/prod", now)?),
        ("KEY", text("a-key-that-acme-was-given")),
        ("TRIAL_KEY", text("a-key-that-tries-it-first")),
        ("KEY_OUT_OF_USE", text("a-key-nobody-uses-anymore")),
    ])
}

/// The lines of README, under their headings.
fn lines() -> String {
    let parts = README.split("\n## ").skip(1);
    let texts = parts.filter_map(|part| {
        let (heading, rest) = part.split_once('\n')?;
        let (_, block) = rest.split_once("```sh\n")?;
        let (block, _) = block.split_once("```")?;
        Some(format!("\n# {heading}\n{block}"))
    });
    texts.collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let issuer = Issuer::start(AUDIENCE, &[READER, VISITOR]).await?;
    let gateway = Gateway::builder()
        .definition_file(DEFINITION)
        .variable("ISSUER", issuer.url())
        .function("who", who)
        .function("simple", simple)
        .function("policy", policy)
        .start()
        .await?;
    let now = Duration::from_millis(SystemClock::new().wall().0);
    println!("Paste this into another terminal:\n");
    for (name, value) in variables(gateway.address(), &issuer, now)? {
        println!("export {name}='{value}'");
    }
    println!("\nThen try these lines; behind each is the status it answers.");
    println!("{}\nCtrl-C ends it.", lines());
    tokio::signal::ctrl_c().await?;
    gateway.shutdown().await;
    issuer.shutdown().await;
    Ok(())
}
