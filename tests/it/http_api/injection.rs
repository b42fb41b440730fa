//! Values that try to become headers of their own, from every place that a client or an authorizer can put them: forty of them
//! times five places.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::ready;
use http::Response as Answer;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::shop;
use crate::harness::fake_http::{FakeHttp, Recorded};
use crate::harness::http_client::{request, send};
use crate::harness::issuer::Issuer;
use crate::harness::{Rig, Setup};

/// Characters that end a line, or do for a server that narrows or decodes them.
const ENDS: [&str; 20] = [
    "\r\n",
    "\n",
    "\r",
    "\n\r",
    "\r\n\r\n",
    "\r\n ",
    "\0",
    "\u{1}",
    "\u{8}",
    "\u{b}",
    "\u{c}",
    "\u{1b}",
    "\u{1f}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{10a}",
    "\u{560d}\u{560a}",
    "\u{ff0d}\u{ff0a}",
];

/// Forty values.
fn payloads() -> Vec<String> {
    let inner = ENDS.iter().map(|end| format!("a{end}X-Injected: yes"));
    let outer = ENDS.iter().map(|end| format!("{end}X-Injected: yes{end}b"));
    inner.chain(outer).collect()
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy)]
enum Place {
    Path,
    Query,
    Body,
    Claim,
    Authorizer,
}

struct Scene {
    rig: Rig,
    backend: FakeHttp,
    issuer: Issuer,
}

async fn scene() -> Scene {
    let issuer = Issuer::start().await;
    let backend = FakeHttp::start(|_| Some(Answer::new(Bytes::from_static(b"fine")))).await;
    let integration = |source: &str| {
        format!(
            "{{ integrationType: HTTP_PROXY, integrationMethod: GET, integrationUri: '{}', requestParameters: {{ 'append:header.x-value': {source}, 'overwrite:header.x-after': '1' }} }}",
            backend.url("/fixed")
        )
    };
    let lines = format!(
        r#"    authorizers:
      login: {{ authorizerType: JWT, identitySource: [$request.header.Authorization], jwtConfiguration: {{ issuer: "{}", audience: [web] }} }}
      auth: {{ authorizerType: REQUEST, authorizerUri: "function:auth", authorizerPayloadFormatVersion: "2.0", enableSimpleResponses: true }}
    routes:
      GET /path/{{x}}: {{ target: integrations/path }}
      GET /query: {{ target: integrations/query }}
      POST /body: {{ target: integrations/body }}
      GET /claim: {{ target: integrations/claim, authorizationType: JWT, authorizerId: login }}
      GET /authorizer: {{ target: integrations/authorizer, authorizationType: CUSTOM, authorizerId: auth }}
    integrations:
      path: {}
      query: {}
      body: {}
      claim: {}
      authorizer: {}
"#,
        issuer.url(),
        integration("$request.path.x"),
        integration("$request.querystring.q"),
        integration("$request.body.v"),
        integration("$context.authorizer.claims.v"),
        integration("$context.authorizer.v"),
    );
    // The authorizer hands on what the query string tells it.
    let judge = |event: Value| {
        let value = event["queryStringParameters"]["v"].clone();
        ready(Ok(
            json!({ "isAuthorized": true, "context": { "v": value } }),
        ))
    };
    let rig = Setup::new(shop(&lines))
        .manual()
        .function("auth", judge)
        .start()
        .await;
    Scene {
        rig,
        backend,
        issuer,
    }
}

impl Scene {
    async fn ask(&self, place: Place, value: &str) -> u16 {
        let encoded = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
        let bytes = match place {
            Place::Path => request("GET", &format!("/path/{encoded}"), &[], b""),
            Place::Query => request("GET", &format!("/query?q={encoded}"), &[], b""),
            Place::Body => {
                let body = json!({ "v": value }).to_string();
                request("POST", "/body", &[], body.as_bytes())
            }
            Place::Claim => {
                let bearer = format!("Bearer {}", self.issuer.token(json!({ "v": value })));
                request("GET", "/claim", &[("Authorization", &bearer)], b"")
            }
            Place::Authorizer => request("GET", &format!("/authorizer?v={encoded}"), &[], b""),
        };
        let status = send(self.rig.address(), &bytes).await.status;
        if matches!(place, Place::Authorizer) && self.rig.calls("auth") > 0 {
            self.rig.event("auth").await;
        }
        status
    }
}

fn names(request: &Recorded) -> BTreeSet<&str> {
    let names = request.headers.iter().map(|(name, _)| name.as_str());
    names.collect()
}

/// Whether a header can hold it (RFC 9110 section 5.5), and a path be without a second reading.
fn fits(place: Place, value: &str) -> bool {
    match place {
        Place::Path => !value.chars().any(char::is_control),
        _ => !value.bytes().any(|byte| byte < b' ' || byte == 0x7f),
    }
}

#[tokio::test]
async fn no_value_becomes_a_header_of_its_own() {
    let scene = scene().await;
    let mut passed = 0;
    let places = [
        Place::Path,
        Place::Query,
        Place::Body,
        Place::Claim,
        Place::Authorizer,
    ];
    for place in places {
        assert_eq!(scene.ask(place, "a").await, 200, "{place:?}");
        let usual = scene.backend.request().await;
        assert_eq!(usual.header("x-value").as_deref(), Some("a"));
        for payload in payloads() {
            let status = scene.ask(place, &payload).await;
            if !fits(place, &payload) {
                assert_eq!(status, 400, "{place:?} {payload:?}");
                continue;
            }
            assert_eq!(status, 200, "{place:?} {payload:?}");
            let seen = scene.backend.request().await;
            assert_eq!(names(&seen), names(&usual), "{place:?} {payload:?}");
            assert_eq!(seen.headers.len(), usual.headers.len());
            let value = seen.header("x-value").unwrap();
            assert_eq!(value.trim(), payload.trim(), "{place:?}");
            passed += 1;
        }
    }
    // Four fifths of what is not a control character: nothing was tried if none passed.
    assert!(passed >= 40, "{passed}");
    assert_eq!(payloads().len() * places.len(), 200);
    assert_eq!(scene.backend.calls(), passed + places.len());
    scene.rig.close_keeping(&[]).await;
}
