//! Who may connect: Lambda authorizers and signatures. Decided once, at `$connect`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::gateway::START;
use crate::harness::signer::{KEY_ID, SECRET, Signer};
use crate::harness::{Handshake, Rig, Setup, answers, chat, echo};

/// `chat` with an authorizer at `$connect` that wants these identity sources.
fn guarded(stage: &str, sources: &str) -> String {
    let routes = chat(stage).replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, authorizationType: CUSTOM, authorizerId: tokens }",
    );
    format!(
        r#"{routes}    authorizers:
      tokens: {{ authorizerType: REQUEST, authorizerUri: "function:auth", identitySource: [{sources}] }}
"#
    )
}

async fn judged(output: Value) -> Rig {
    Setup::new(guarded("{}", ""))
        .function("backend", echo)
        .function("auth", answers(output))
        .start()
        .await
}

fn policy(statements: Value) -> Value {
    json!({
        "principalId": "user",
        "policyDocument": { "Version": "2012-10-17", "Statement": statements },
    })
}

fn statement(effect: &str, resource: &str) -> Value {
    json!({ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource })
}

const CONNECT: &str = "arn:aws:execute-api:us-east-1:000000000000:chat/prod/$connect";

#[tokio::test]
async fn a_policy_that_allows() {
    let check = async |output: Value| {
        let rig = judged(output).await;
        let mut client = rig.open().await;
        rig.event("auth").await;
        rig.event_of("CONNECT").await;
        assert_eq!(client.ask("hi").await, "hi");
        rig.event_of("MESSAGE").await;
        client.leave().await;
        rig.disconnect().await;
        // Neither a message nor the end asks again.
        assert_eq!(rig.calls("auth"), 1);
        rig.close().await;
    };
    check(policy(json!([statement("Allow", CONNECT)]))).await;
    check(policy(json!(statement("Allow", "*")))).await;
    let api = "arn:aws:execute-api:*:*:chat/*";
    check(policy(json!([statement("Allow", api)]))).await;
    let list =
        json!([{ "Action": ["execute-api:*"], "Effect": "Allow", "Resource": ["x", CONNECT] }]);
    check(policy(list)).await;
    check(policy(json!([
        statement("Deny", "other"),
        statement("Allow", "*")
    ])))
    .await;
}

#[tokio::test]
async fn a_policy_that_does_not_allow_is_403() {
    let check = async |output: Value| {
        let rig = judged(output.clone()).await;
        let response = rig.refused(&Handshake::new("/prod")).await;
        let told = (response.status, response.refusal());
        assert_eq!(told, (403, "Forbidden".into()), "{output}");
        rig.event("auth").await;
        assert_eq!(rig.calls("backend"), 0);
        rig.close().await;
    };
    check(policy(json!([statement("Deny", CONNECT)]))).await;
    check(policy(json!([
        statement("Allow", "*"),
        statement("Deny", "*")
    ])))
    .await;
    check(policy(json!([statement(
        "Allow",
        "arn:aws:execute-api:us-east-1:000000000000:chat/beta/*"
    )])))
    .await;
    check(policy(json!([statement(
        "Allow",
        "arn:aws:execute-api:us-east-1:000000000000:chat/prod/ask"
    )])))
    .await;
    let other =
        json!([{ "Action": "execute-api:ManageConnections", "Effect": "Allow", "Resource": "*" }]);
    check(policy(other)).await;
}

#[tokio::test]
async fn output_that_makes_no_sense_is_500() {
    let check = async |output: Value| {
        let rig = judged(output.clone()).await;
        let response = rig.refused(&Handshake::new("/prod")).await;
        let told = (response.status, response.refusal());
        assert_eq!(told, (500, "Internal server error".into()), "{output}");
        rig.event("auth").await;
        assert_eq!(rig.calls("backend"), 0);
        rig.close_after(&["AUTHORIZER_CONFIGURATION_ERROR"]).await;
    };
    let allow = || policy(json!([statement("Allow", "*")]));
    check(json!(null)).await;
    check(json!("yes")).await;
    check(json!(true)).await;
    check(json!([])).await;
    check(json!({})).await;
    check(json!({ "isAuthorized": true })).await;
    check(json!({ "principalId": "user" })).await;
    let mut anonymous = allow();
    anonymous["principalId"] = json!(null);
    check(anonymous).await;
    let mut nested = allow();
    nested["context"] = json!({ "a": { "b": 1 } });
    check(nested).await;
    let mut listed = allow();
    listed["context"] = json!({ "a": [1] });
    check(listed).await;
    check(policy(json!([statement("Perhaps", "*")]))).await;
    check(policy(json!("everything"))).await;
    let mut large = allow();
    large["context"] = json!({ "a": "x".repeat(8192) });
    check(large).await;
}

#[tokio::test]
async fn an_authorizer_that_fails() {
    let check = async |error: &'static str, status: u16, message: &str, warnings: &[&str]| {
        let rig = Setup::new(guarded("{}", ""))
            .function("backend", echo)
            .function("auth", move |_| async move { Err(error.to_owned()) })
            .start()
            .await;
        let response = rig.refused(&Handshake::new("/prod")).await;
        let told = (response.status, response.refusal());
        assert_eq!(told, (status, message.into()), "{error}");
        rig.event("auth").await;
        assert_eq!(rig.calls("backend"), 0);
        rig.close_after(warnings).await;
    };
    check("Unauthorized", 401, "Unauthorized", &[]).await;
    let failure = ["AUTHORIZER_FAILURE"];
    for error in [
        "boom",
        "unauthorized",
        "Unauthorized.",
        "401 Unauthorized",
        "",
    ] {
        check(error, 500, "Internal server error", &failure).await;
    }
}

#[tokio::test]
async fn an_authorizer_that_is_late_is_500() {
    let rig = Setup::new(guarded("{}", ""))
        .manual()
        .function("backend", echo)
        .function("auth", |_| std::future::pending::<Result<Value, String>>())
        .start()
        .await;
    let handshake = Handshake::new("/prod");
    let waiting = rig.refused(&handshake);
    let passing = async {
        rig.event("auth").await;
        rig.advance(Duration::from_millis(9_999));
        rig.settle_tasks().await;
        assert_eq!(rig.gateway.services().tasks.live(), 2, "still waiting");
        rig.advance(Duration::from_millis(1));
    };
    let (response, ()) = tokio::join!(waiting, passing);
    let told = (response.status, response.refusal());
    assert_eq!(told, (500, "Internal server error".into()));
    assert_eq!(rig.calls("backend"), 0);
    rig.close_after(&["AUTHORIZER_FAILURE"]).await;
}

/// Target, a header, and whether that is enough to be let in.
type Case<'a> = (&'a str, Option<(&'a str, &'a str)>, bool);

#[tokio::test]
async fn without_an_identity_source_it_is_401() {
    let check = async |sources: &str, stage: &str, cases: &[Case<'_>]| {
        let rig = Setup::new(guarded(stage, sources))
            .function("backend", echo)
            .function("auth", answers(policy(json!([statement("Allow", "*")]))))
            .start()
            .await;
        for (target, header, enough) in cases {
            let mut handshake = Handshake::new(target);
            if let Some((name, value)) = header {
                handshake = handshake.header(name, value);
            }
            if *enough {
                let client = rig.connect(&handshake).await;
                rig.event("auth").await;
                rig.event_of("CONNECT").await;
                client.leave().await;
                rig.disconnect().await;
            } else {
                let response = rig.refused(&handshake).await;
                let told = (response.status, response.refusal());
                assert_eq!(told, (401, "Unauthorized".into()), "{target} {header:?}");
            }
        }
        rig.close().await;
    };
    let query = "route.request.querystring.token";
    let cases = [
        ("/prod", None, false),
        ("/prod?token=", None, false),
        ("/prod?token", None, false),
        ("/prod?Token=a", None, false),
        ("/prod?other=a", None, false),
        ("/prod?token=a", None, true),
    ];
    check(query, "{}", &cases).await;
    let header = "route.request.header.Authorization";
    let cases = [
        ("/prod", None, false),
        ("/prod", Some(("Authorization", "")), false),
        ("/prod?Authorization=a", None, false),
        ("/prod", Some(("Authorization", "a")), true),
    ];
    check(header, "{}", &cases).await;
    let both = format!("{query}, {header}");
    let cases = [
        ("/prod?token=a", None, false),
        ("/prod", Some(("Authorization", "a")), false),
        ("/prod?token=a", Some(("Authorization", "a")), true),
    ];
    check(&both, "{}", &cases).await;
    let empty = "{ stageVariables: { tier: \"\" } }";
    check("stageVariables.tier", empty, &[("/prod", None, false)]).await;
    let gold = "{ stageVariables: { tier: gold } }";
    check("stageVariables.tier", gold, &[("/prod", None, true)]).await;
    check("context.identity.sourceIp", "{}", &[("/prod", None, true)]).await;
    let agent = [
        ("/prod", None, false),
        ("/prod", Some(("User-Agent", "a")), true),
    ];
    check("context.identity.userAgent", "{}", &agent).await;
    check("", "{}", &[("/prod", None, true)]).await;
}

#[tokio::test]
async fn the_authorizer_is_asked_before_required_parameters() {
    let definition = guarded("{}", "").replace(
        "authorizerId: tokens",
        "authorizerId: tokens, requestParameters: { route.request.querystring.room: { required: true } }",
    );
    let rig = Setup::new(definition)
        .function("backend", echo)
        .function("auth", answers(policy(json!([statement("Deny", "*")]))))
        .start()
        .await;
    assert_eq!(rig.refused(&Handshake::new("/prod")).await.status, 403);
    rig.event("auth").await;
    rig.close().await;
}

#[tokio::test]
async fn the_authorizer_is_not_asked_by_who_is_throttled() {
    let stage =
        "{ routeSettings: { $connect: { throttlingRateLimit: 1, throttlingBurstLimit: 1 } } }";
    let rig = Setup::new(guarded(stage, ""))
        .manual()
        .function("backend", echo)
        .function("auth", answers(policy(json!([statement("Deny", "*")]))))
        .start()
        .await;
    for (status, calls) in [(403, 1), (429, 1), (429, 1)] {
        let response = rig.refused(&Handshake::new("/prod")).await;
        assert_eq!((response.status, rig.calls("auth")), (status, calls));
    }
    rig.event("auth").await;
    rig.close().await;
}

async fn signing() -> Rig {
    let definition = chat("{}").replace(
        "$connect: { target: integrations/backend }",
        "$connect: { target: integrations/backend, authorizationType: AWS_IAM }",
    );
    let credentials = format!(
        r#"
credentials:
  - {{ accessKeyId: {KEY_ID}, secretAccessKey: {SECRET}, userName: backend }}
  - {{ accessKeyId: AKIDTEMPORARY, secretAccessKey: {SECRET}, sessionToken: the/token+== }}
  - accessKeyId: AKIDPUSHER
    secretAccessKey: {SECRET}
    policy: {{ Version: "2012-10-17", Statement: [{{ Effect: Allow, Action: "execute-api:ManageConnections", Resource: "*" }}] }}
  - accessKeyId: AKIDCONNECTOR
    secretAccessKey: {SECRET}
    policy: {{ Version: "2012-10-17", Statement: [{{ Effect: Allow, Action: "execute-api:Invoke", Resource: "{CONNECT}" }}] }}
  - accessKeyId: AKIDDENIED
    secretAccessKey: {SECRET}
    policy: {{ Version: "2012-10-17", Statement: [{{ Effect: Allow, Action: "*", Resource: "*" }}, {{ Effect: Deny, Action: "execute-api:Invoke", Resource: "{CONNECT}" }}] }}
"#
    );
    Setup::new(format!("{credentials}\n{definition}"))
        .manual()
        .function("backend", echo)
        .start()
        .await
}

/// A handshake for `target`, signed for it.
fn signed(signer: &Signer, target: &str) -> Handshake {
    let signature = signer.sign("GET", target, &[], b"");
    let target = match (signature.query.is_empty(), target.contains('?')) {
        (true, _) => target.to_owned(),
        (false, true) => format!("{target}&{}", signature.query),
        (false, false) => format!("{target}?{}", signature.query),
    };
    let mut handshake = Handshake::new(&target);
    for (name, value) in &signature.headers {
        handshake = handshake.header(name, value);
    }
    handshake
}

async fn welcome(rig: &Rig, handshake: &Handshake) {
    let client = rig.connect(handshake).await;
    rig.event_of("CONNECT").await;
    client.leave().await;
    rig.disconnect().await;
}

#[tokio::test]
async fn a_signature_in_headers_or_in_the_query_lets_in() {
    let rig = signing().await;
    for expires in [None, Some(60)] {
        let good = || Signer {
            expires,
            ..Signer::default()
        };
        let check = async |signer: Signer, target: &str| {
            welcome(&rig, &signed(&signer, target)).await;
        };
        check(good(), "/prod").await;
        check(good(), "/prod/").await;
        check(good(), "/prod?room=blue&b=%20c").await;
        let temporary = Signer {
            key_id: "AKIDTEMPORARY",
            token: Some("the/token+=="),
            ..good()
        };
        check(temporary, "/prod").await;
        check(
            Signer {
                key_id: "AKIDCONNECTOR",
                ..good()
            },
            "/prod",
        )
        .await;
        check(
            Signer {
                time: START - 299_000,
                expires: expires.map(|_| 900),
                ..good()
            },
            "/prod",
        )
        .await;
    }
    rig.close().await;
}

#[tokio::test]
async fn other_signatures_are_403() {
    let rig = signing().await;
    for expires in [None, Some(60)] {
        let good = || Signer {
            expires,
            ..Signer::default()
        };
        let check = async |signer: Signer| {
            let response = rig.refused(&signed(&signer, "/prod")).await;
            let told = (response.status, response.refusal());
            assert_eq!(told, (403, "Forbidden".into()), "{signer:?}");
        };
        check(Signer {
            secret: "another",
            ..good()
        })
        .await;
        check(Signer {
            key_id: "AKIDNOBODY",
            ..good()
        })
        .await;
        check(Signer {
            region: "eu-west-1",
            ..good()
        })
        .await;
        check(Signer {
            service: "lambda",
            ..good()
        })
        .await;
        check(Signer {
            time: START - 301_000,
            ..good()
        })
        .await;
        check(Signer {
            time: START + 301_000,
            ..good()
        })
        .await;
        check(Signer {
            key_id: "AKIDTEMPORARY",
            ..good()
        })
        .await;
        check(Signer {
            key_id: "AKIDTEMPORARY",
            token: Some("another"),
            ..good()
        })
        .await;
        check(Signer {
            key_id: "AKIDPUSHER",
            ..good()
        })
        .await;
        check(Signer {
            key_id: "AKIDDENIED",
            ..good()
        })
        .await;
    }
    assert_eq!(rig.calls("backend"), 0);
    rig.close().await;
}

#[tokio::test]
async fn no_signature_is_403() {
    let rig = signing().await;
    let response = rig.refused(&Handshake::new("/prod")).await;
    let told = (response.status, response.refusal());
    assert_eq!(told, (403, "Missing Authentication Token".into()));
    let bearer = Handshake::new("/prod").header("Authorization", "Bearer abc");
    assert_eq!(rig.refused(&bearer).await.status, 403);
    assert_eq!(rig.calls("backend"), 0);
    rig.close().await;
}

#[tokio::test]
async fn a_signature_is_good_for_what_was_signed_only() {
    let rig = signing().await;
    let signer = Signer::default();
    let forged = |signed_for: &str, used_for: &str, host: &str| {
        let mut handshake = Handshake::new(used_for).with("Host", host);
        for (name, value) in signer.sign("GET", signed_for, &[], b"").headers {
            handshake = handshake.header(&name, &value);
        }
        handshake
    };
    welcome(&rig, &forged("/prod", "/prod", "gateway.test")).await;
    let calls = rig.calls("backend");
    for handshake in [
        forged("/beta", "/prod", "gateway.test"),
        forged("/prod", "/prod?admin=1", "gateway.test"),
        forged("/prod?admin=0", "/prod?admin=1", "gateway.test"),
        forged("/prod", "/prod", "other.test"),
    ] {
        let response = rig.refused(&handshake).await;
        assert_eq!(response.status, 403, "{handshake:?}");
    }
    assert_eq!(rig.calls("backend"), calls);
    rig.close().await;
}
