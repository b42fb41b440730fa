//! Too much of it: a client that does not read, and an account that calls too often.

use std::time::Duration;

use super::{call, exception, join, leave, setup};

#[tokio::test]
async fn a_client_that_does_not_read_makes_429_and_loses_nothing_that_got_200() {
    let rig = setup("{}").start().await;
    let (mut client, id) = join(&rig).await;
    let body = |number: usize| {
        let mut body = format!("{number}:").into_bytes();
        body.resize(64 * 1024, b'x');
        body
    };
    let mut accepted = Vec::new();
    let mut refused = 0;
    // What the system buffers on loopback is a few MiB at most.
    for number in 0..1000 {
        let pushed = call(&rig, "POST", &id, &body(number)).await;
        match pushed.status {
            200 => accepted.push(number),
            _ => {
                exception(&pushed, 429, "LimitExceededException");
                refused += 1;
            }
        }
        if refused == 5 {
            break;
        }
    }
    assert_eq!(refused, 5, "{} pushes of 64 KiB were taken", accepted.len());
    for number in &accepted {
        let mut got = Vec::new();
        while got.len() < 64 * 1024 {
            got.extend(client.frame().await.expect("a frame").payload);
        }
        assert_eq!(got, body(*number), "message {number}");
    }
    // There is room again, and nothing was left in between.
    assert_eq!(call(&rig, "POST", &id, b"still here").await.status, 200);
    assert_eq!(client.text().await, "still here");
    leave(&rig, client).await;
    rig.close().await;
}

#[tokio::test]
async fn the_account_has_one_bucket_for_handshakes_messages_and_calls() {
    let rig = setup("{}")
        .server("limits: { requestRate: 1, requestBurst: 3 }")
        .start()
        .await;
    let (mut client, id) = join(&rig).await;
    assert_eq!(call(&rig, "GET", &id, b"").await.status, 200);
    assert_eq!(call(&rig, "POST", &id, b"one").await.status, 200);
    for method in ["POST", "GET", "DELETE"] {
        let refused = call(&rig, method, &id, b"two").await;
        exception(&refused, 429, "LimitExceededException");
    }
    // A call without a good signature takes nothing out of the bucket.
    rig.advance(Duration::from_secs(1));
    let forged = super::signed(
        &crate::harness::signer::Signer {
            secret: "wrong",
            ..Default::default()
        },
        rig.address(),
        "GET",
        &super::path_of(&id),
        b"",
    )
    .await;
    assert_eq!(forged.status, 403);
    assert_eq!(call(&rig, "POST", &id, b"three").await.status, 200);
    assert_eq!(client.text().await, "one");
    assert_eq!(client.text().await, "three");
    leave(&rig, client).await;
    rig.close().await;
}
