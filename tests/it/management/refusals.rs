//! Who may not, and how they are told.

use super::{READER, call, exception, join, leave, path_of, setup, signed};
use crate::harness::http_client::{request, send};
use crate::harness::signer::Signer;
use crate::harness::{Rig, gateway};

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                        Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String \
                        for this request should have been\n'POST\n/prod/%2540connections/";

async fn refused(rig: &Rig, signer: Signer, id: &str, name: &str) -> String {
    let answer = signed(&signer, rig.address(), "POST", &path_of(id), b"hello").await;
    exception(&answer, 403, name)
}

#[tokio::test]
async fn signatures_that_are_not_good() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;

    let unsigned = send(
        rig.address(),
        &request("POST", &path_of(&id), &[], b"hello"),
    )
    .await;
    let message = exception(&unsigned, 403, "MissingAuthenticationTokenException");
    assert_eq!(message, "Missing Authentication Token");

    let forger = Signer {
        secret: "another",
        ..Signer::default()
    };
    let message = refused(&rig, forger, &id, "InvalidSignatureException").await;
    assert!(message.starts_with(MISMATCH), "{message}");
    assert!(
        message.contains(
            "\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20260312T081530Z\n"
        ),
        "{message}"
    );

    let stranger = Signer {
        key_id: "AKIDNOBODY",
        ..Signer::default()
    };
    let message = refused(&rig, stranger, &id, "UnrecognizedClientException").await;
    assert_eq!(
        message,
        "The security token included in the request is invalid."
    );

    let elsewhere = Signer {
        region: "eu-west-1",
        ..Signer::default()
    };
    let message = refused(&rig, elsewhere, &id, "InvalidSignatureException").await;
    assert_eq!(
        message,
        "Credential should be scoped to a valid region, not 'eu-west-1'."
    );

    let other_service = Signer {
        service: "lambda",
        ..Signer::default()
    };
    let message = refused(&rig, other_service, &id, "InvalidSignatureException").await;
    assert_eq!(
        message,
        "Credential should be scoped to correct service: 'execute-api'."
    );

    let late = Signer {
        time: gateway::START - 301_000,
        ..Signer::default()
    };
    let message = refused(&rig, late, &id, "InvalidSignatureException").await;
    assert_eq!(
        message,
        "Signature expired: 20260312T081029Z is now earlier than 20260312T081030Z (20260312T081530Z - 5 min.)"
    );

    let early = Signer {
        time: gateway::START + 301_000,
        ..Signer::default()
    };
    let message = refused(&rig, early, &id, "InvalidSignatureException").await;
    assert_eq!(
        message,
        "Signature not yet current: 20260312T082031Z is still later than 20260312T082030Z (20260312T081530Z + 5 min.)"
    );

    let basic = [("Authorization", "Basic dXNlcjpwYXNz")];
    let odd = send(
        rig.address(),
        &request("POST", &path_of(&id), &basic, b"hello"),
    )
    .await;
    assert_eq!(odd.status, 403);
    assert!(odd.header("x-amzn-errortype").is_some());

    client.silent().await;
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn a_signature_covers_method_path_query_and_body() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let path = path_of(&id);
    let signature = Signer::default().sign("POST", &path, &[], b"hello");
    let headers = signature.headers.iter();
    let headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
    let cases: [(&str, String, &[u8]); 4] = [
        ("DELETE", path.clone(), b"hello"),
        ("POST", path_of("Zk3bXfH2DoECJ0w="), b"hello"),
        ("POST", format!("{path}?more=1"), b"hello"),
        ("POST", path.clone(), b"hello!"),
    ];
    for (method, target, body) in cases {
        let answer = send(rig.address(), &request(method, &target, &headers, body)).await;
        exception(&answer, 403, "InvalidSignatureException");
    }
    let answer = send(rig.address(), &request("POST", &path, &headers, b"hello")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(client.text().await, "hello");
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn policies_decide_by_method_and_stage() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let reader = Signer {
        key_id: READER.0,
        secret: READER.1,
        ..Signer::default()
    };
    let described = signed(&reader, rig.address(), "GET", &path_of(&id), b"").await;
    assert_eq!(described.status, 200);
    for method in ["POST", "DELETE"] {
        let answer = signed(&reader, rig.address(), method, &path_of(&id), b"").await;
        let message = exception(&answer, 403, "ForbiddenException");
        assert_eq!(
            message,
            format!(
                "User: arn:aws:iam::000000000000:user/reader is not authorized to perform: \
                 execute-api:ManageConnections on resource: \
                 arn:aws:execute-api:us-east-1:********0000:chat/prod/{method}/@connections/{id}"
            )
        );
    }
    // What may not be known may not be asked about: whether the connection exists does not show.
    let answer = signed(
        &reader,
        rig.address(),
        "POST",
        &path_of("Zk3bXfH2DoECJ0w="),
        b"",
    )
    .await;
    exception(&answer, 403, "ForbiddenException");
    client.silent().await;
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn a_path_without_a_stage_is_forbidden() {
    let rig = setup("{}").start().await;
    let (client, id) = join(&rig).await;
    let id = id.replace('=', "%3D");
    let paths = [
        format!("/@connections/{id}"),
        format!("/staging/@connections/{id}"),
        format!("/_apis/chat/staging/@connections/{id}"),
        format!("/_apis/shop/prod/@connections/{id}"),
        format!("/PROD/@connections/{id}"),
        "/".to_owned(),
    ];
    for path in paths {
        let answer = signed(&Signer::default(), rig.address(), "POST", &path, b"hello").await;
        assert_eq!(
            exception(&answer, 403, "ForbiddenException"),
            "Forbidden",
            "{path}"
        );
    }
    let here = call(&rig, "GET", &id.replace("%3D", "="), b"").await;
    assert_eq!(here.status, 200);
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn a_temporary_key_needs_its_token() {
    let rig = super::setup("{}").start().await;
    let (client, id) = join(&rig).await;
    let with_token = Signer {
        token: Some("session"),
        ..Signer::default()
    };
    let answer = signed(&with_token, rig.address(), "GET", &path_of(&id), b"").await;
    exception(&answer, 403, "UnrecognizedClientException");
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn a_signature_over_what_the_gateway_replaces_is_held_against_its_own_values() {
    let rig = setup("{}").start().await;
    let (client, id) = join(&rig).await;
    let target = path_of(&id);
    let refused = Some("InvalidSignatureException");
    for (name, value, expected) in [
        ("x-forwarded-proto", "http", None),
        ("x-forwarded-proto", "https", refused),
        ("x-forwarded-for", "192.0.2.1", refused),
        ("x-other", "1", None),
    ] {
        let covered = [(name, value)];
        let signature = Signer::default().sign("GET", &target, &covered, b"");
        let headers = signature.headers.iter().map(|(n, v)| (&**n, &**v));
        let headers: Vec<_> = headers.chain(covered).collect();
        let answer = send(rig.address(), &request("GET", &target, &headers, b"")).await;
        let error = answer.header("x-amzn-errortype");
        assert_eq!(error, expected, "{name}: {value}");
    }
    leave(&rig, client).await;
}
