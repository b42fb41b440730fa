//! Tokens offered as a subprotocol: what clients that insist on one of their own make of the answer. In a browser this is the
//! only way to bring a token outside of the URL.

use std::time::Duration;

use serde_json::json;

use super::{authority, script};
use crate::harness::issuer::{Issuer, NOW};
use crate::harness::{Setup, echo};
use crate::jwt::{SUBPROTOCOL, guarded};

/// Opens sockets with and without protocols of an application, and sees each end with its token.
async fn brings_its_token(client: &str) {
    let issuer = Issuer::start().await;
    let fields = ", tidegate: { onTokenExpiry: close }";
    let rig = Setup::new(guarded(&issuer, SUBPROTOCOL, fields, ""))
        .manual()
        .function("backend", echo)
        .start()
        .await;
    let mut ends = NOW;
    for (offered, chosen) in [
        (["bearer", "TOKEN"].as_slice(), "bearer"),
        (&["tide.v1", "bearer", "TOKEN"], "tide.v1"),
        (&["bearer", "TOKEN", "tide.v1"], "tide.v1"),
    ] {
        ends += 60;
        let token = issuer.token(json!({ "exp": ends }));
        let mut program = script(client).argument(format!("ws://{}/prod", authority(&rig)));
        for name in offered {
            let name = name.replace("TOKEN", &token);
            program = program.argument(format!("--subprotocol={name}"));
        }
        let mut running = program.argument("closed").start();
        assert_eq!(running.step("open").await["subprotocol"], chosen);
        rig.event_of("CONNECT").await;
        rig.advance(Duration::from_secs(60));
        let end = running.step("closed").await;
        assert_eq!(end["code"], 4401, "{end}");
        assert_eq!(end["reason"], "Token expired");
        running.end().await;
        assert_eq!(rig.disconnect().await.0, 4401);
    }
    rig.close().await;
}

#[tokio::test]
async fn in_chromium() {
    brings_its_token("socket_browser.mjs").await;
}

#[tokio::test]
async fn with_ws() {
    brings_its_token("ws_client.mjs").await;
}

#[tokio::test]
async fn with_websockets() {
    brings_its_token("websockets_client.py").await;
}
