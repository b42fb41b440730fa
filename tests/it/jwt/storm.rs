//! Fifty thousand tokens in a minute, each naming a key of its own that nobody has.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::http_client::{connect, request};
use crate::harness::issuer::{Issuer, encode};
use crate::harness::{Rig, Setup, answers, soon};

const TOKENS: usize = 50_000;
const SECONDS: usize = 60;
const CLIENTS: usize = 4;
const REFUSED: &[u8] = b"HTTP/1.1 401 ";

fn guarded(issuer: &Issuer) -> String {
    format!(
        r#"
apis:
  shop:
    protocolType: HTTP
    routes: {{ GET /: {{ target: integrations/f, authorizationType: JWT, authorizerId: login }} }}
    integrations: {{ f: {{ integrationType: AWS_PROXY, integrationUri: "function:f", payloadFormatVersion: "2.0" }} }}
    authorizers:
      login: {{ authorizerType: JWT, identitySource: [$request.header.Authorization], jwtConfiguration: {{ issuer: "{}", audience: [web] }} }}
    stages: {{ $default: {{}} }}
"#,
        issuer.url()
    )
}

fn bearing(token: &str) -> Vec<u8> {
    let value = format!("Bearer {token}");
    request("GET", "/", &[("Authorization", &value)], b"")
}

/// Asks with these tokens at once, and counts the refusals.
async fn refusals(stream: &mut TcpStream, tokens: &[String]) -> usize {
    let all: Vec<u8> = tokens.iter().flat_map(|token| bearing(token)).collect();
    let (mut reader, mut writer) = stream.split();
    let writing = async { writer.write_all(&all).await.unwrap() };
    let reading = async {
        let mut text = Vec::new();
        let mut answered = 0;
        let mut looked_at = 0;
        while answered < tokens.len() {
            assert!(reader.read_buf(&mut text).await.unwrap() > 0, "it hung up");
            let bodies = text[looked_at..].windows(2).filter(|two| two == b"\"}");
            answered += bodies.count();
            looked_at = text.len() - 1;
        }
        let starts = text.windows(REFUSED.len());
        starts.filter(|start| *start == REFUSED).count()
    };
    let (count, ()) = soon("the answers", async { tokio::join!(reading, writing) }).await;
    count
}

async fn is_served(rig: &Rig, token: &str) -> bool {
    let answer = crate::harness::http_client::send(rig.address(), &bearing(token)).await;
    answer.status == 200
}

#[tokio::test]
async fn fifty_thousand_unknown_keys_are_at_most_three_fetches() {
    let issuer = Issuer::start().await;
    let rig = Setup::new(guarded(&issuer))
        .server("limits: { requestRate: off }")
        .manual()
        .function("f", answers(json!({ "statusCode": 200 })))
        .start()
        .await;
    let good = issuer.token(json!({}));
    assert!(is_served(&rig, &good).await);
    let claims = encode(issuer.claims(json!({})).to_string());
    let forged = |number: usize| {
        let header = json!({ "alg": "ES256", "kid": format!("key-{number}") });
        format!(
            "{}.{claims}.{}",
            encode(header.to_string()),
            encode([7; 64])
        )
    };
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(connect(rig.address()).await);
    }
    let mut asked = 0;
    let mut refused = 0;
    for second in 1..=SECONDS {
        // As many as fall into this second.
        let until = TOKENS * second / SECONDS;
        let tokens: Vec<_> = (asked..until).map(forged).collect();
        let share = tokens.len().div_ceil(CLIENTS);
        let asking = clients.iter_mut().zip(tokens.chunks(share));
        let counts = join_all(asking.map(|(client, tokens)| refusals(client, tokens))).await;
        refused += counts.iter().sum::<usize>();
        asked = until;
        rig.advance(Duration::from_secs(1));
    }
    assert_eq!((asked, refused), (TOKENS, TOKENS));
    // One of them for the good token in the beginning.
    assert!(issuer.fetches() <= 3, "{} fetches", issuer.fetches());
    assert!(is_served(&rig, &good).await);
    drop(clients);
    assert_eq!(rig.functions["f"].rest().await.len(), 2);
    rig.close().await;
}
