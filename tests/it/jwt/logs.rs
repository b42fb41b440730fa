//! What access logs know of tokens: whose they were, or why they were refused; never the token itself.

use serde_json::{Value, json};

use super::{HEADER, bearing, guarded};
use crate::harness::issuer::{Issuer, NOW};
use crate::harness::{Handshake, Setup, answers};

#[tokio::test]
async fn a_line_says_whose_token_it_was_or_why_it_was_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("access.log");
    let names = [
        "requestId",
        "status",
        "authorizer.error",
        "authorizer.claims.sub",
        "authorizer.principalId",
    ];
    let fields = names.map(|name| format!(r#""{name}":"$context.{name}""#));
    let format = format!("{{{}}}", fields.join(","));
    let settings =
        json!({ "destinationArn": format!("file:{}", file.display()), "format": format });
    let issuer = Issuer::start().await;
    let definition = guarded(&issuer, HEADER, "", ", authorizationScopes: [a]").replace(
        "prod: {}",
        &format!("prod: {{ accessLogSettings: {settings} }}"),
    );
    let rig = Setup::new(definition)
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let client = rig
        .connect(&bearing(&issuer.token(json!({ "scope": "a" }))))
        .await;
    rig.event_of("CONNECT").await;
    client.leave().await;
    rig.disconnect().await;
    let expired = issuer.token(json!({ "exp": NOW }));
    for handshake in [
        Handshake::new("/prod"),
        bearing(&expired),
        bearing(&issuer.token(json!({}))),
    ] {
        rig.refused(&handshake).await;
    }
    rig.close().await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&expired));
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |name: &str| {
        let values = lines.iter().map(|line| line[name].as_str().unwrap());
        values.collect::<Vec<_>>()
    };
    assert_eq!(of("status"), ["101", "200", "401", "401", "403"]);
    assert_eq!(
        of("authorizer.error"),
        [
            "-",
            "-",
            "missing: token not provided",
            "invalid_token: the token has expired",
            "insufficient_scope: the token does not have a valid scope",
        ]
    );
    assert_eq!(of("authorizer.claims.sub"), ["u-1", "u-1", "-", "-", "-"]);
    assert_eq!(of("authorizer.principalId"), ["u-1", "u-1", "-", "-", "-"]);
}
