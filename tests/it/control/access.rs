//! Who may call the control plane, and where it answers.

use serde_json::{Value, json};

use super::{call, exception, open, send_text, works};
use crate::harness::http_client::{request, send};
use crate::harness::signer::{KEY_ID, SECRET, Signer};
use crate::harness::{Response, Rig, Setup};

/// A key with a policy of its own.
const LIMITED: &str = "AKIDLIMITED";

const READER: &str = "AKIDREADER";

fn credentials() -> String {
    format!(
        r#"
credentials:
  - {{ accessKeyId: {KEY_ID}, secretAccessKey: "{SECRET}" }}
  - accessKeyId: {READER}
    secretAccessKey: "{SECRET}"
    userName: reader
    policy:
      Version: "2012-10-17"
      Statement: [{{ Effect: Allow, Action: "apigateway:GET", Resource: "arn:aws:apigateway:us-east-1::/vpclinks" }}]
"#
    )
}

fn signer() -> Signer {
    Signer {
        service: "apigateway",
        ..Signer::default()
    }
}

async fn signed(rig: &Rig, signer: &Signer, method: &str, path: &str, body: &str) -> Response {
    let signature = signer.sign(method, path, &[], body.as_bytes());
    let headers: Vec<_> = signature
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let request = request(method, path, &headers, body.as_bytes());
    send(rig.gateway.admin_address(), &request).await
}

#[tokio::test]
async fn calls_are_signed_for_the_service_and_allowed_by_policy() {
    let state = tempfile::tempdir().unwrap();
    let directory = format!("stateDirectory: '{}'", state.path().display());
    let setup = Setup::new(credentials()).manual().server(&directory);
    let rig = setup.start().await;
    let links = "/v2/vpclinks";
    let body = json!({ "name": "inner", "subnetIds": ["subnet-1"] }).to_string();

    let made = signed(&rig, &signer(), "POST", links, &body).await;
    assert_eq!(made.status, 201, "{made:?}");

    let unsigned = send_text(&rig, "GET", links, "", "").await;
    let message = exception(&unsigned, 403, "MissingAuthenticationTokenException");
    assert_eq!(message, "Missing Authentication Token");

    // Of the same length, so that nothing but the body's hash tells them apart.
    let signature = signer().sign("POST", links, &[], body.as_bytes());
    let headers = signature.headers.iter();
    let headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
    let forged = request(
        "POST",
        links,
        &headers,
        body.replace("inner", "outer").as_bytes(),
    );
    let forged = send(rig.gateway.admin_address(), &forged).await;
    exception(&forged, 403, "InvalidSignatureException");

    let reader = Signer {
        key_id: READER,
        ..signer()
    };
    let read = signed(&rig, &reader, "GET", links, "").await;
    assert_eq!(
        (read.status, read.json()["items"].as_array().map(Vec::len)),
        (200, Some(1))
    );
    let refused = signed(&rig, &reader, "POST", links, &body).await;
    let message = exception(&refused, 403, "AccessDeniedException");
    assert!(
        message.contains("user/reader is not authorized to perform: apigateway:POST"),
        "{message}"
    );
    rig.close().await;
}

#[tokio::test]
async fn strangers_are_refused_before_their_bodies_are_read() {
    let state = tempfile::tempdir().unwrap();
    let directory = format!("stateDirectory: '{}'", state.path().display());
    let setup = Setup::new(credentials()).manual().server(&directory);
    let rig = setup.start().await;
    let links = "/v2/vpclinks";
    // The body never comes.
    let announce = async |target: &str, headers: &[(String, String)]| {
        let headers = headers.iter();
        let mut headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
        headers.push(("Content-Length", "6000000"));
        let head = request("POST", target, &headers, b"");
        send(rig.gateway.admin_address(), &head).await
    };

    let unsigned = announce(links, &[]).await;
    let message = exception(&unsigned, 403, "MissingAuthenticationTokenException");
    assert_eq!(message, "Missing Authentication Token");

    let garbled = [("Authorization".to_owned(), "AWS4-HMAC-SHA256 x".to_owned())];
    let garbled = announce(links, &garbled).await;
    exception(&garbled, 403, "IncompleteSignatureException");

    let stranger = Signer {
        key_id: "AKIDNOBODY",
        ..signer()
    };
    let unknown = stranger.sign("POST", links, &[], b"{}");
    let unknown = announce(links, &unknown.headers).await;
    exception(&unknown, 403, "UnrecognizedClientException");

    let presigned = Signer {
        expires: Some(60),
        ..stranger
    };
    let presigned = presigned.sign("POST", links, &[], b"{}");
    let presigned = announce(&format!("{links}?{}", presigned.query), &[]).await;
    exception(&presigned, 403, "UnrecognizedClientException");
    rig.close().await;
}

#[tokio::test]
async fn it_answers_operators_only() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let path = "/v2/vpclinks";
    works(&rig, 200, "GET", path, Value::Null).await;
    let client = send(rig.address(), &request("GET", path, &[], b"")).await;
    assert_eq!(client.status, 403, "{client:?}");
    rig.close().await;
}

#[tokio::test]
async fn pages_in_browsers_cannot_use_an_open_control_plane() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let path = "/v2/vpclinks";
    for field in [
        "Origin: https://evil.example\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        let refused = send_text(&rig, "GET", path, field, "").await;
        exception(&refused, 403, "AccessDeniedException");
    }
    // A name that somebody made to mean this machine.
    let admin = rig.gateway.admin_address();
    let rebound = send(admin, &request("GET", path, &[], b"")).await;
    exception(&rebound, 403, "AccessDeniedException");
    rig.close().await;
}

#[tokio::test]
async fn what_it_does_not_have_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let check = async |method: &str, path: &str, status, name: &str| {
        exception(&call(&rig, method, path, Value::Null).await, status, name)
    };
    check("GET", "/v2/nothing", 404, "NotFoundException").await;
    check("GET", "/v2/vpclinks/", 404, "NotFoundException").await;
    check("PUT", "/v2/vpclinks", 405, "MethodNotAllowedException").await;
    let portals = check("GET", "/v2/portals", 400, "BadRequestException").await;
    assert!(portals.contains("portals"), "{portals}");
    let large = "x".repeat(6 * 1024 * 1024 + 1);
    let refused = send_text(&rig, "POST", "/v2/vpclinks", "", &large).await;
    exception(&refused, 413, "PayloadTooLargeException");
    rig.close().await;
}

#[tokio::test]
async fn a_definition_neither_changes_nor_shows_what_is_denied() {
    let state = tempfile::tempdir().unwrap();
    let directory = format!("stateDirectory: '{}'", state.path().display());
    let limited = format!(
        r#"  - accessKeyId: {LIMITED}
    secretAccessKey: "{SECRET}"
    userName: limited
    policy:
      Version: "2012-10-17"
      Statement:
        - {{ Effect: Allow, Action: "apigateway:*", Resource: "*" }}
        - {{ Effect: Deny, Action: ["apigateway:PATCH", "apigateway:DELETE"], Resource: "arn:aws:apigateway:us-east-1::/apis/prod" }}
        - {{ Effect: Deny, Action: "apigateway:POST", Resource: "arn:aws:apigateway:us-east-1::/apis/new" }}
        - {{ Effect: Deny, Action: "apigateway:GET", Resource: "arn:aws:apigateway:us-east-1::/domainnames/*" }}
"#
    );
    let setup = Setup::new(credentials() + &limited).manual();
    let rig = setup.server(&directory).start().await;
    let definition = "/v2/tidegate/definition";
    let limited = Signer {
        key_id: LIMITED,
        ..signer()
    };
    let put = async |signer: &Signer, query: &str, body: Value| {
        let path = format!("{definition}{query}");
        signed(&rig, signer, "PUT", &path, &body.to_string()).await
    };
    let api = |description: &str| json!({ "protocolType": "HTTP", "description": description });
    let refused = |answer: &Response, expected: &str| {
        let message = exception(answer, 403, "AccessDeniedException");
        let expected = format!("{expected} on resource: arn:aws:apigateway:us-east-1::/apis/");
        assert!(message.contains(&expected), "{message}");
        assert!(message.ends_with("with an explicit deny"), "{message}");
    };

    let first = json!({ "apis": { "prod": api("1"), "free": api("1") } });
    let made = put(&signer(), "", first).await;
    assert_eq!(made.status, 200, "{made:?}");
    let free = json!({ "apis": { "prod": api("1"), "free": api("2") } });
    let changed = put(&limited, "", free.clone()).await;
    assert_eq!(
        changed.status, 200,
        "what stays as it is needs no leave: {changed:?}"
    );
    let changing = json!({ "apis": { "prod": api("2") } });
    refused(
        &put(&limited, "", changing.clone()).await,
        "apigateway:PATCH",
    );
    refused(
        &put(&limited, "?dryRun=true", changing).await,
        "apigateway:PATCH",
    );
    let without = json!({ "apis": { "free": api("2") } });
    refused(
        &put(&limited, "?prune=true", without).await,
        "apigateway:DELETE",
    );
    let more = json!({ "apis": { "new": api("1") } });
    refused(&put(&limited, "", more).await, "apigateway:POST");

    let shown = signed(&rig, &limited, "GET", definition, "").await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let apis = &shown.json()["definition"]["apis"];
    let descriptions = ["prod", "free", "new"].map(|api| apis[api]["description"].clone());
    assert_eq!(descriptions, [json!("1"), json!("2"), Value::Null]);
    let domain = json!({ "domainNames": { "shop.example": {} } });
    assert_eq!(put(&signer(), "", domain).await.status, 200);
    let hidden = signed(&rig, &limited, "GET", definition, "").await;
    let message = exception(&hidden, 403, "AccessDeniedException");
    assert!(message.contains("/domainnames/shop.example"), "{message}");
    rig.close().await;
}

/// Amazon gives actions on routing rules names of their own; those of methods hold as for everything else.
#[tokio::test]
async fn routing_rules_are_allowed_and_denied_by_either_name() {
    let state = tempfile::tempdir().unwrap();
    let directory = format!("stateDirectory: '{}'", state.path().display());
    let limited = format!(
        r#"
  - accessKeyId: {LIMITED}
    secretAccessKey: "{SECRET}"
    policy:
      Version: "2012-10-17"
      Statement:
        - {{ Effect: Allow, Action: ["apigateway:*RoutingRule*"], Resource: "arn:aws:apigateway:us-east-1:000000000000:/domainnames/a.example/routingrules*" }}
        - {{ Effect: Allow, Action: ["apigateway:*"], Resource: "arn:aws:apigateway:us-east-1::/domainnames/b.example/*" }}
        - {{ Effect: Deny, Action: ["apigateway:CreateRoutingRule"], Resource: "arn:aws:apigateway:us-east-1:000000000000:/domainnames/b.example/*" }}
        - {{ Effect: Deny, Action: ["apigateway:PUT"], Resource: "arn:aws:apigateway:us-east-1::/domainnames/a.example/*" }}
"#
    );
    let setup = Setup::new(credentials() + &limited).manual();
    let rig = setup.server(&directory).start().await;
    let limited = Signer {
        key_id: LIMITED,
        ..signer()
    };
    let status = async |signer: &Signer, method: &str, path: &str, body: &str| {
        let path = format!("/v2/domainnames{path}");
        signed(&rig, signer, method, &path, body).await.status
    };
    for name in ["a.example", "b.example"] {
        let body = json!({ "domainName": name, "routingMode": "ROUTING_RULE_ONLY" });
        assert_eq!(status(&signer(), "POST", "", &body.to_string()).await, 201);
    }
    let none = json!({ "priority": 1, "conditions": [], "actions": [{ "invokeApi": { "apiId": "none", "stage": "a" } }] });
    let body = none.to_string();
    let (a, b) = ("/a.example/routingrules", "/b.example/routingrules");
    assert_eq!(status(&limited, "GET", a, "").await, 200);
    assert_eq!(status(&limited, "GET", b, "").await, 200);
    assert_eq!(status(&limited, "GET", "/a.example", "").await, 403);
    assert_eq!(status(&limited, "POST", a, &body).await, 400, "no such API");
    assert_eq!(status(&limited, "POST", b, &body).await, 403);
    let of = |rules: &str| format!("{rules}/abcdef");
    assert_eq!(status(&limited, "PUT", &of(a), &body).await, 403);
    assert_eq!(status(&limited, "PUT", &of(b), &body).await, 404);
    assert_eq!(status(&limited, "DELETE", &of(a), "").await, 404);
    assert_eq!(status(&limited, "GET", &of(a), "").await, 404);
    rig.close().await;
}
