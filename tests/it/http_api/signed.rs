//! `AWS_IAM` on routes: signatures in headers and in the query, policies, session tokens, and what events say of the caller.

use serde_json::{Value, json};

use super::{ask, shop};
use crate::harness::gateway::START;
use crate::harness::http_client::{request, send};
use crate::harness::signer::{KEY_ID, SECRET, Signer};
use crate::harness::{Response, Rig, Setup, answers};

fn setup(policy: &str) -> Setup {
    let lines = r#"    routes:
      "ANY /orders/{proxy+}": { target: integrations/f, authorizationType: AWS_IAM }
      "GET /": { target: integrations/f, authorizationType: AWS_IAM }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend", payloadFormatVersion: "2.0" } }
"#;
    let text = format!(
        r#"credentials:
  - {{ accessKeyId: {KEY_ID}, secretAccessKey: {SECRET}, userName: caller, policy: {policy} }}
  - {{ accessKeyId: ASIATEMPORARY, secretAccessKey: other, sessionToken: the-token }}
{}"#,
        shop(lines)
    );
    Setup::new(text)
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
}

const ALL: &str = r#"{ Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "execute-api:Invoke", Resource: "*" }] }"#;

fn signer() -> Signer {
    Signer::default()
}

/// Signs and sends a request.
async fn signed(rig: &Rig, signer: &Signer, method: &str, target: &str, body: &[u8]) -> Response {
    let signature = signer.sign(method, target, &[], body);
    let target = match signature.query.is_empty() {
        true => target.to_owned(),
        false => format!("{target}?{}", signature.query),
    };
    let headers: Vec<_> = signature
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    send(rig.address(), &request(method, &target, &headers, body)).await
}

fn forbidden(answer: &Response) {
    let expected = json!({ "message": "Forbidden" });
    assert_eq!((answer.status, answer.json()), (403, expected));
}

async fn event(rig: &Rig) -> Value {
    rig.event("backend").await
}

#[tokio::test]
async fn whoever_signs_is_told_to_the_function() {
    let rig = setup(ALL).start().await;
    let answer = signed(&rig, &signer(), "POST", "/orders/7", b"{}").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let event = event(&rig).await;
    let iam = &event["requestContext"]["authorizer"]["iam"];
    assert_eq!(iam["accessKey"], KEY_ID);
    let arn = iam["userArn"].as_str().unwrap();
    assert!(arn.ends_with(":user/caller"), "{arn}");
    rig.close().await;
}

#[tokio::test]
async fn a_signature_may_stand_in_the_query() {
    let rig = setup(ALL).start().await;
    let presigner = Signer {
        expires: Some(60),
        ..signer()
    };
    let answer = signed(&rig, &presigner, "GET", "/", b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    event(&rig).await;
    rig.advance(std::time::Duration::from_secs(61));
    forbidden(&signed(&rig, &presigner, "GET", "/", b"").await);
    rig.close().await;
}

#[tokio::test]
async fn what_is_wrong_is_forbidden_without_a_reason() {
    let rig = setup(ALL).start().await;
    forbidden(&ask(&rig, "GET", "/", &[]).await);
    for wrong in [
        Signer {
            secret: "not the secret",
            ..signer()
        },
        Signer {
            key_id: "AKIANOBODY",
            ..signer()
        },
        Signer {
            region: "eu-central-1",
            ..signer()
        },
        Signer {
            service: "s3",
            ..signer()
        },
        Signer {
            time: START - 301_000,
            ..signer()
        },
        Signer {
            time: START + 301_000,
            ..signer()
        },
        Signer {
            key_id: "ASIATEMPORARY",
            secret: "other",
            ..signer()
        },
        Signer {
            key_id: "ASIATEMPORARY",
            secret: "other",
            token: Some("another-token"),
            ..signer()
        },
    ] {
        forbidden(&signed(&rig, &wrong, "GET", "/", b"").await);
    }
    // The body that was signed is not the one that came.
    let signature = signer().sign("POST", "/orders/7", &[], b"one");
    let headers: Vec<_> = signature
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let other = request("POST", "/orders/7", &headers, b"two");
    forbidden(&send(rig.address(), &other).await);
    rig.close().await;
}

#[tokio::test]
async fn session_tokens_belong_to_their_key() {
    let rig = setup(ALL).start().await;
    let temporary = Signer {
        key_id: "ASIATEMPORARY",
        secret: "other",
        token: Some("the-token"),
        ..signer()
    };
    let answer = signed(&rig, &temporary, "GET", "/", b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    event(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn policies_speak_of_method_and_path() {
    let policy = r#"{ Version: "2012-10-17", Statement: [
      { Effect: Allow, Action: "execute-api:Invoke", Resource: "arn:aws:execute-api:*:*:shop/$default/GET/*", Condition: { IpAddress: { "aws:SourceIp": "127.0.0.0/8" }, DateLessThan: { "aws:CurrentTime": "2026-03-13T00:00:00Z" } } },
      { Effect: Deny, Action: "execute-api:*", Resource: "arn:aws:execute-api:*:*:shop/$default/*/orders/secret*" }] }"#;
    let policy = policy.replace('\n', " ");
    let rig = setup(&policy).start().await;
    let answer = signed(&rig, &signer(), "GET", "/orders/7", b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    event(&rig).await;
    forbidden(&signed(&rig, &signer(), "POST", "/orders/7", b"").await);
    for path in [
        "/orders/secret",
        "/orders/secret/9",
        "/orders//secret",
        "/orders/%73ecret",
        "/orders/x%2F%73ecret/..",
    ] {
        let answer = signed(&rig, &signer(), "GET", path, b"").await;
        assert!([400, 403].contains(&answer.status), "{path}: {answer:?}");
    }
    rig.advance(std::time::Duration::from_secs(24 * 3600));
    let later = Signer {
        time: START + 24 * 3_600_000,
        ..signer()
    };
    forbidden(&signed(&rig, &later, "GET", "/orders/7", b"").await);
    rig.close().await;
}
