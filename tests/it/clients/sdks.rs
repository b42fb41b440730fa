//! boto3 and the AWS SDK for JavaScript v3 on `@connections`: answers, and refusals as exceptions of their own types.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;
use tidegate::PushError;
use time::OffsetDateTime;
use tokio::net::TcpSocket;

use super::program::Running;
use super::{authority, script, secured, trusting};
use crate::harness::signer::{KEY_ID, SECRET};
use crate::harness::{Handshake, Rig, Setup, WsClient, chat, echo};
use crate::management::{READER, credentials, id_of, join, leave};

/// The largest message.
const MESSAGE_BYTES: usize = 128 * 1024;
/// What may do everything.
const WRITER: (&str, &str) = (KEY_ID, SECRET);

/// Which SDK calls.
#[derive(Debug, Clone, Copy)]
enum Sdk {
    Boto3,
    JavaScript,
}

/// How the SDK gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// A gateway and an SDK that is to call it.
struct Caller {
    sdk: Sdk,
    scheme: Scheme,
    rig: Rig,
    /// Where the development CA is.
    state: TempDir,
}

impl Caller {
    /// A gateway by the system's clock, as the SDKs sign by it; `stage` is the body of the stage.
    async fn new(sdk: Sdk, scheme: Scheme, stage: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut setup = Setup::new(format!("{}{}", credentials(), chat(stage)));
        if scheme == Scheme::Https {
            setup = secured(setup, state.path());
        }
        let rig = setup.function("backend", echo).start().await;
        Self {
            sdk,
            scheme,
            rig,
            state,
        }
    }

    /// Does these steps with this key at this stage.
    fn start(&self, stage: &str, key: (&str, &str), steps: &[String]) -> Running {
        let name = match self.sdk {
            Sdk::Boto3 => "push_boto3.py",
            Sdk::JavaScript => "push_sdk_v3.mjs",
        };
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let mut program = script(name);
        if self.scheme == Scheme::Https {
            program = trusting(program, self.state.path());
        }
        program
            .variable("AWS_ACCESS_KEY_ID", key.0)
            .variable("AWS_SECRET_ACCESS_KEY", key.1)
            .variable("AWS_REGION", "us-east-1")
            .variable("AWS_EC2_METADATA_DISABLED", "true")
            .argument(format!("{scheme}://{}/{stage}", authority(&self.rig)))
            .arguments(steps)
            .start()
    }
}

/// The next call's answer, which must be an exception of this type.
async fn thrown(calls: &mut Running, step: &str, exception: &str, status: u16) -> Value {
    let seen = calls.step(step).await;
    assert_eq!(seen["exception"], exception, "{seen}");
    assert_eq!(seen["status"], status, "{seen}");
    seen
}

/// The next call's answer, which must be a good one.
async fn answered(calls: &mut Running, step: &str, status: u16) -> Value {
    let seen = calls.step(step).await;
    assert_eq!(seen.get("exception"), None, "{seen}");
    assert_eq!(seen["status"], status, "{seen}");
    seen
}

/// POST, GET and DELETE, of one who is there and of one who is not.
async fn answers(sdk: Sdk, scheme: Scheme) {
    let caller = Caller::new(sdk, scheme, "{}").await;
    let rig = &caller.rig;
    let (gone, gone_id) = join(rig).await;
    leave(rig, gone).await;
    let mut client = rig.open().await;
    let event = rig.event_of("CONNECT").await;
    let id = id_of(&event);
    let steps = [
        format!("post={id},grüße, from afar"),
        format!("post-binary={id},{}", STANDARD.encode("base64 on the way")),
        format!("get={id}"),
        format!("post-size={id},{MESSAGE_BYTES}"),
        format!("post-size={id},{}", MESSAGE_BYTES + 1),
        format!("post={gone_id},late"),
        format!("get={gone_id}"),
        format!("delete={gone_id}"),
        format!("delete={id}"),
    ];
    let mut calls = caller.start("prod", WRITER, &steps);
    answered(&mut calls, "post", 200).await;
    assert_eq!(client.text().await, "grüße, from afar");
    answered(&mut calls, "post-binary", 200).await;
    assert_eq!(client.text().await, "base64 on the way");
    described(&answered(&mut calls, "get", 200).await, &event);
    answered(&mut calls, "post-size", 200).await;
    assert_eq!(whole(&mut client, MESSAGE_BYTES).await, MESSAGE_BYTES);
    thrown(&mut calls, "post-size", "PayloadTooLargeException", 413).await;
    for step in ["post", "get", "delete"] {
        thrown(&mut calls, step, "GoneException", 410).await;
    }
    let ended = client.closed().await;
    assert_eq!(ended, (1000, "Connection Closed Normally".to_owned()));
    answered(&mut calls, "delete", 204).await;
    calls.end().await;
    assert_eq!(rig.disconnect().await.0, 1000);
    caller.rig.close().await;
}

/// What GET says about the connection that this event is from.
fn described(seen: &Value, event: &Value) {
    assert_eq!(seen["Identity"]["SourceIp"], "127.0.0.1", "{seen}");
    let connected = event["requestContext"]["connectedAt"].as_i64();
    let connected = OffsetDateTime::from_unix_timestamp(connected.unwrap() / 1000).unwrap();
    let date = connected.date().to_string();
    let told = seen["ConnectedAt"].as_str().expect("a moment");
    // Each SDK writes the time of day in its own way.
    assert!(told.starts_with(&date), "{seen}");
    assert!(seen["LastActiveAt"].is_string(), "{seen}");
}

/// Reads the fragments of a message of so many bytes; gives how many came.
async fn whole(client: &mut WsClient, bytes: usize) -> usize {
    let mut got = 0;
    while got < bytes {
        let frame = client.frame().await.expect("a frame");
        got += frame.payload.len();
        assert_eq!(frame.last, got >= bytes);
    }
    got
}

/// A policy that does not allow, a stage that is not there, a key that is wrong.
async fn refusals(sdk: Sdk, scheme: Scheme) {
    let caller = Caller::new(sdk, scheme, "{}").await;
    let (mut client, id) = join(&caller.rig).await;
    let steps = [
        format!("get={id}"),
        format!("post={id},no"),
        format!("delete={id}"),
    ];
    let mut calls = caller.start("prod", READER, &steps);
    answered(&mut calls, "get", 200).await;
    for step in ["post", "delete"] {
        let seen = thrown(&mut calls, step, "ForbiddenException", 403).await;
        let message = seen["message"].as_str().unwrap();
        assert!(message.contains("is not authorized to perform"), "{seen}");
    }
    calls.end().await;

    let mut calls = caller.start("staging", WRITER, &steps);
    for step in ["get", "post", "delete"] {
        thrown(&mut calls, step, "ForbiddenException", 403).await;
    }
    calls.end().await;

    let mut calls = caller.start("prod", (KEY_ID, "wrong"), &steps);
    for step in ["get", "post", "delete"] {
        let seen = calls.step(step).await;
        assert_eq!(seen["status"], 403, "{seen}");
        assert_eq!(seen["code"], "InvalidSignatureException", "{seen}");
    }
    calls.end().await;
    client.silent().await;
    leave(&caller.rig, client).await;
    caller.rig.close().await;
}

/// A client that does not read: its queue fills, and nothing that was answered with 200 is lost.
async fn a_full_queue(sdk: Sdk, scheme: Scheme) {
    let stage = "{ tidegate: { limits: { queueMessages: 1 } } }";
    let caller = Caller::new(sdk, scheme, stage).await;
    let rig = &caller.rig;
    let socket = TcpSocket::new_v4().unwrap();
    // What the system takes in for a client is not in its queue; let that be little.
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let stream = socket.connect(rig.address()).await.unwrap();
    let client = WsClient::upgrade(stream, &Handshake::new("/prod")).await;
    let mut client = client.unwrap_or_else(|response| panic!("{response:?}"));
    let id = id_of(&rig.event_of("CONNECT").await);

    let taken = filled(rig, &id).await;
    let no_room = [format!("post={id},no room")];
    let mut calls = caller.start("prod", WRITER, &no_room);
    thrown(&mut calls, "post", "LimitExceededException", 429).await;
    calls.end().await;
    for _ in 0..taken {
        assert_eq!(whole(&mut client, MESSAGE_BYTES).await, MESSAGE_BYTES);
    }
    let mut calls = caller.start("prod", WRITER, &[format!("post={id},room again")]);
    answered(&mut calls, "post", 200).await;
    calls.end().await;
    assert_eq!(client.text().await, "room again");
    leave(rig, client).await;
    caller.rig.close().await;
}

/// Pushes to one who does not read until there is no room, neither in the queue nor in the system; gives how often.
async fn filled(rig: &Rig, id: &str) -> usize {
    const MORE_THAN_ANY_SYSTEM_BUFFERS: usize = 2000;
    let message = Bytes::from(vec![b'x'; MESSAGE_BYTES]);
    let mut taken = 0;
    let mut refused = 0;
    while refused < 5 {
        let pushed = rig.gateway.push("chat", "prod", id, message.clone()).await;
        match pushed {
            Ok(()) => (taken, refused) = (taken + 1, 0),
            Err(problem) => {
                assert_eq!(problem, PushError::Full);
                refused += 1;
                // What can still be written is written now.
                rig.settle_tasks().await;
            }
        }
        assert!(taken < MORE_THAN_ANY_SYSTEM_BUFFERS);
    }
    taken
}

macro_rules! each {
    ($($module:ident: $sdk:ident over $scheme:ident),+ $(,)?) => {
        $(mod $module {
            use super::{Scheme, Sdk};

            #[tokio::test]
            async fn answers() {
                super::answers(Sdk::$sdk, Scheme::$scheme).await;
            }

            #[tokio::test]
            async fn refusals() {
                super::refusals(Sdk::$sdk, Scheme::$scheme).await;
            }

            #[tokio::test]
            async fn a_full_queue() {
                super::a_full_queue(Sdk::$sdk, Scheme::$scheme).await;
            }
        })+
    };
}

each!(
    boto3: Boto3 over Http,
    boto3_over_tls: Boto3 over Https,
    javascript: JavaScript over Http,
    javascript_over_tls: JavaScript over Https,
);
