//! Tokens on HTTP APIs: the vectors of the reference, and what each kind of integration gets to know.

use serde_json::{Value, json};

use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{self, request};
use crate::harness::issuer::{Issuer, Key, NOW};
use crate::harness::{Response, Rig, Setup, answers};

/// An HTTP API whose routes all want a token of `issuer`: `/two` and `/one` by the payload format of their function, `/scoped`
/// with a scope, `/proxied` to `backend`, and any method of `/any` with CORS.
fn shop(issuer: &Issuer, backend: &str, source: &str) -> String {
    let issuer = issuer.url();
    let login = "authorizationType: JWT, authorizerId: login";
    format!(
        r#"
apis:
  shop:
    protocolType: HTTP
    corsConfiguration: {{ allowOrigins: ["https://app.example.com"], allowMethods: [GET], allowHeaders: [authorization] }}
    routes:
      GET /two: {{ target: integrations/two, {login} }}
      GET /one: {{ target: integrations/one, {login} }}
      GET /scoped: {{ target: integrations/two, {login}, authorizationScopes: [a, z] }}
      GET /scoped-one: {{ target: integrations/one, {login}, authorizationScopes: [a, z] }}
      ANY /any: {{ target: integrations/two, {login} }}
      GET /proxied: {{ target: integrations/proxy, {login} }}
      GET /open: {{ target: integrations/two }}
    integrations:
      two: {{ integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" }}
      one: {{ integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "1.0" }}
      proxy:
        integrationType: HTTP_PROXY
        integrationMethod: GET
        integrationUri: "{backend}"
        requestParameters: {{ "overwrite:header.x-subject": $context.authorizer.claims.sub }}
    authorizers:
      login: {{ authorizerType: JWT, identitySource: ["{source}"], jwtConfiguration: {{ issuer: "{issuer}", audience: [web] }} }}
    stages: {{ $default: {{}} }}
"#
    )
}

async fn rig(issuer: &Issuer) -> Rig {
    Setup::new(shop(issuer, "http://127.0.0.1:1", super::HEADER))
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await
}

async fn get(rig: &Rig, path: &str, token: Option<&str>) -> Response {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let header = bearer.as_deref().map(|value| ("Authorization", value));
    let headers: Vec<_> = header.into_iter().collect();
    http_client::send(rig.address(), &request("GET", path, &headers, b"")).await
}

fn check(response: &Response, status: u16, message: &str, challenge: &str) {
    assert_eq!(response.status, status);
    assert_eq!(response.json(), json!({ "message": message }));
    assert_eq!(response.header("www-authenticate"), Some(challenge));
}

#[tokio::test]
async fn vector_13_no_token() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    for path in ["/two", "/one", "/scoped", "/proxied"] {
        check(&get(&rig, path, None).await, 401, "Unauthorized", "Bearer");
    }
    assert_eq!(get(&rig, "/open", None).await.status, 200);
    let event = rig.event("backend").await;
    assert_eq!(event["requestContext"]["authorizer"], Value::Null);
    assert_eq!(issuer.discoveries(), 0);
    rig.close().await;
}

#[tokio::test]
async fn vector_14_another_audience() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let token = issuer.token(json!({ "aud": "tv" }));
    let refused = get(&rig, "/two", Some(&token)).await;
    let description = "the token does not have a valid audience";
    let challenge =
        format!(r#"Bearer scope="" error="invalid_token" error_description="{description}""#);
    check(&refused, 401, "Unauthorized", &challenge);
    let refused = get(&rig, "/scoped", Some(&token)).await;
    let challenge = challenge.replace(r#"scope="""#, r#"scope="a z""#);
    check(&refused, 401, "Unauthorized", &challenge);
    rig.close().await;
}

#[tokio::test]
async fn vector_15_no_scope_of_the_route() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let challenge = r#"Bearer scope="a z" error="insufficient_scope" error_description="the token does not have a valid scope""#;
    for changes in [
        json!({}),
        json!({ "scope": "b" }),
        json!({ "scp": ["b"], "scope": "a" }),
    ] {
        let refused = get(&rig, "/scoped", Some(&issuer.token(changes))).await;
        check(&refused, 403, "Forbidden", challenge);
    }
    rig.close().await;
}

#[tokio::test]
async fn vectors_16_and_17_what_functions_get() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let token = issuer.token(json!({ "scope": "a b", "g": ["x", "y"], "n": 7, "none": [] }));
    let claims = json!({
        "iss": issuer.url(), "aud": "web", "sub": "u-1", "exp": (NOW + 600).to_string(),
        "scope": "a b", "g": "[x y]", "n": "7", "none": "[]",
    });
    for (path, scopes) in [("/two", Value::Null), ("/scoped", json!(["a", "b"]))] {
        // The first look at a token and every later one give the same.
        for _ in 0..2 {
            assert_eq!(get(&rig, path, Some(&token)).await.status, 200);
            let event = rig.event("backend").await;
            assert_eq!(event["version"], "2.0");
            let expected = json!({ "jwt": { "claims": claims, "scopes": scopes } });
            assert_eq!(event["requestContext"]["authorizer"], expected);
        }
    }
    for (path, scopes) in [("/one", Value::Null), ("/scoped-one", json!(["a", "b"]))] {
        assert_eq!(get(&rig, path, Some(&token)).await.status, 200);
        let event = rig.event("backend").await;
        assert_eq!(event["version"], "1.0");
        let expected = json!({ "claims": claims, "scopes": scopes });
        assert_eq!(event["requestContext"]["authorizer"], expected);
    }
    assert_eq!(issuer.fetches(), 1);
    rig.close().await;
}

#[tokio::test]
async fn vector_23_a_preflight_is_a_request() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let preflight = [
        ("Origin", "https://app.example.com"),
        ("Access-Control-Request-Method", "GET"),
    ];
    let send = async |path: &str| {
        let request = request("OPTIONS", path, &preflight, b"");
        http_client::send(rig.address(), &request).await
    };
    check(&send("/any").await, 401, "Unauthorized", "Bearer");
    // Where no route takes OPTIONS, the gateway answers, and needs no token for it.
    assert_eq!(send("/two").await.status, 204);
    rig.close().await;
}

#[tokio::test]
async fn claims_can_be_mapped() {
    let issuer = Issuer::start().await;
    let backend =
        FakeHttp::start(|_| Some(http::Response::new(bytes::Bytes::from_static(b"hi")))).await;
    let rig = Setup::new(shop(&issuer, &backend.url("/"), super::HEADER))
        .manual()
        .function("backend", answers(json!({})))
        .start()
        .await;
    let token = issuer.token(json!({}));
    let response = get(&rig, "/proxied", Some(&token)).await;
    assert_eq!((response.status, response.text()), (200, "hi"));
    assert_eq!(
        backend.request().await.header("x-subject").as_deref(),
        Some("u-1")
    );
    rig.close().await;
}

#[tokio::test]
async fn forged_tokens_reach_nobody() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let claims = issuer.claims(json!({}));
    let good = issuer.token(json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let unsigned = json!({ "alg": "none", "kid": "first" }).to_string();
    let unsigned = issuer.key.sign("", &unsigned, &claims.to_string());
    let forged = [
        Key::p256("first").token(&claims),
        Key::rsa("first").token(&claims),
        format!("{message}."),
        format!("{message}.{}", signature.split_at(40).0),
        unsigned,
        issuer.token(json!({ "exp": NOW })),
        issuer.token(json!({ "nbf": NOW + 60 })),
        issuer.token(json!({ "iss": "https://elsewhere" })),
    ];
    for token in forged {
        for path in ["/two", "/scoped", "/proxied", "/any"] {
            let refused = get(&rig, path, Some(&token)).await;
            assert_eq!(refused.status, 401, "{path} {token}");
        }
    }
    // Twice is once too often, in either order.
    let bearer = format!("Bearer {good}");
    for twice in [
        [("Authorization", &*bearer), ("Authorization", "x")],
        [("Authorization", "x"), ("authorization", &*bearer)],
    ] {
        let request = request("GET", "/two", &twice, b"");
        let refused = http_client::send(rig.address(), &request).await;
        assert_eq!(refused.status, 401);
    }
    rig.close().await;
}

#[tokio::test]
async fn a_token_may_be_in_the_query_of_a_request() {
    let issuer = Issuer::start().await;
    let definition = shop(&issuer, "http://127.0.0.1:1", "$request.querystring.token");
    let rig = Setup::new(definition)
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let token = issuer.token(json!({}));
    let path = format!("/two?token={token}");
    assert_eq!(get(&rig, &path, None).await.status, 200);
    rig.event("backend").await;
    let missing = get(&rig, "/two?Token=x", Some(&token)).await;
    check(&missing, 401, "Unauthorized", "Bearer");
    let twice = get(&rig, &format!("{path}&token=x"), None).await;
    assert_eq!(twice.status, 401);
    rig.close().await;
}

#[tokio::test]
async fn keys_change_under_requests_without_a_failed_one() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer).await;
    let mut key = issuer.key.clone();
    for round in 0..4 {
        let claims = issuer.claims(json!({ "jti": round }));
        let next = Key::p256(&format!("key-{round}"));
        let (old, new) = (key.token(&claims), next.token(&claims));
        // Requests with tokens of the old key are under way while the issuer changes over.
        let before = (0..20).map(|_| get(&rig, "/two", Some(&old)));
        let change = async { issuer.publish(&[&key, &next]) };
        let (before, ()) = futures_util::join!(futures_util::future::join_all(before), change);
        let after = (0..40).map(|index| {
            let token = if index % 2 == 0 { &old } else { &new };
            get(&rig, "/two", Some(token))
        });
        let after = futures_util::future::join_all(after).await;
        for response in before.iter().chain(&after) {
            assert_eq!(response.status, 200, "{response:?}");
        }
        key = next;
        rig.advance(std::time::Duration::from_secs(30));
    }
    assert!(issuer.fetches() <= 5, "{} fetches", issuer.fetches());
    rig.functions["backend"].rest().await;
    rig.close().await;
}
