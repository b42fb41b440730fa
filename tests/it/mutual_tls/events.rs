//! Where the facts of a client's certificate are told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::gateway_with;
use super::people::{Line, authority, client, config};
use crate::harness::eventually;

#[tokio::test]
async fn certificates_are_told_to_functions_authorizers_and_logs() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let log = state.path().join("access.log");
    let format = "$context.identity.clientCert.subjectDN|$context.identity.clientCert.issuerDN|$context.identity.clientCert.serialNumber|$context.identity.clientCert.validity.notBefore|$context.identity.clientCert.validity.notAfter|$context.requestId";
    let stage = format!(
        "{{ accessLogSettings: {{ destinationArn: 'file:{}', format: '{format}' }} }}",
        log.display()
    );
    let setup = gateway_with(state.path(), &own.pem(), &other.pem(), &stage);
    let rig = setup.manual().start().await;
    let mine = client(&own);
    let config = Arc::new(config(state.path(), Some(&mine)));
    let pem = mine.chain.replace("\r\n", "\n");
    let expected = json!({
        "clientCertPem": pem.trim_end(),
        "subjectDN": "O=Shop,CN=client-7",
        "issuerDN": "O=Shop,CN=own",
        "serialNumber": "1f:02:9c",
        "validity": { "notBefore": "Jan  1 00:00:00 2020 GMT", "notAfter": "Jan  1 00:00:00 2049 GMT" },
    });
    let mut secure = Line::open(rig.address(), "shop.test", &config)
        .await
        .unwrap();
    let mut open = Line::open(rig.address(), "plain.test", &config)
        .await
        .unwrap();
    let two = |event: &Value| event["requestContext"].get("authentication").cloned();
    let one = |event: &Value| {
        event["requestContext"]["identity"]
            .get("clientCert")
            .cloned()
    };
    let authentication = json!({ "clientCert": expected });

    assert_eq!(secure.ask("shop.test", "/v2").await.unwrap().status, 200);
    assert_eq!(
        two(&rig.event("backend").await),
        Some(authentication.clone())
    );
    assert_eq!(secure.ask("shop.test", "/v1").await.unwrap().status, 200);
    assert_eq!(one(&rig.event("backend").await), Some(expected.clone()));
    assert_eq!(
        secure.ask("shop.test", "/guarded2").await.unwrap().status,
        200
    );
    assert_eq!(two(&rig.event("guard").await), Some(authentication.clone()));
    assert_eq!(two(&rig.event("backend").await), Some(authentication));
    assert_eq!(
        secure.ask("shop.test", "/guarded1").await.unwrap().status,
        200
    );
    assert_eq!(one(&rig.event("guard").await), Some(expected));
    rig.event("backend").await;

    // Where no certificate is wanted nothing is told, not even on a connection that has shown one.
    for line in [&mut open, &mut secure] {
        assert_eq!(line.ask("plain.test", "/v2").await.unwrap().status, 200);
        assert_eq!(two(&rig.event("backend").await), None);
        assert_eq!(line.ask("plain.test", "/v1").await.unwrap().status, 200);
        assert_eq!(one(&rig.event("backend").await), None);
    }
    let lines = || std::fs::read_to_string(&log).unwrap_or_default();
    eventually("the log to be written", || {
        // Between two writes passes time.
        rig.advance(Duration::from_millis(5));
        lines().lines().count() == 8
    })
    .await;
    let facts = "O=Shop,CN=client-7|O=Shop,CN=own|1f:02:9c|Jan  1 00:00:00 2020 GMT|Jan  1 00:00:00 2049 GMT|";
    let written = lines();
    for (at, line) in written.lines().enumerate() {
        let begins = if at < 4 { facts } else { "-|-|-|-|-|" };
        assert!(line.starts_with(begins), "{line}");
    }
    drop((secure, open));
    rig.close().await;
}
