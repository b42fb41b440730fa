//! The same for clients that speak HTTP/2: one connection, many requests, the backend still HTTP/1.1.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{Lines, Rig, Setup, everything};
use crate::harness::soon;
use crate::http2::connect;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A body whose pieces the test sends.
fn upload() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, pieces) = mpsc::channel(1);
    let pieces = futures_util::stream::unfold(pieces, |mut pieces| async {
        let piece = pieces.recv().await?;
        Some((Ok(Frame::data(piece)), pieces))
    });
    (sender, StreamBody::new(pieces).boxed_unsync())
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Scene {
    rig: Rig,
    lines: Lines,
    client: SendRequest<Body>,
    _directory: TempDir,
}

async fn scene() -> Scene {
    let lines = Lines::open().await;
    let directory = tempfile::tempdir().unwrap();
    let state = format!("stateDirectory: \"{}\"", directory.path().display());
    let rig = Setup::new(everything(&lines.url("")))
        .server("tls: development")
        .server(&state)
        .start()
        .await;
    let client = connect(&rig, directory.path()).await;
    Scene {
        rig,
        lines,
        client,
        _directory: directory,
    }
}

fn get(path: &str) -> Request<Body> {
    let request = Request::get(format!("https://localhost{path}"));
    request.body(Empty::new().boxed_unsync()).unwrap()
}

impl Scene {
    async fn ask(&mut self, request: Request<Body>) -> Response<Incoming> {
        let answer = soon("an answer", self.client.send_request(request)).await;
        answer.expect("the connection is open")
    }
}

#[tokio::test]
async fn requests_and_answers_pass() {
    let mut scene = scene().await;
    let request = Request::post("https://localhost/a?b=c")
        .header("x-a", "1")
        .header("te", "trailers");
    let request = request.body(Full::from("hello").boxed_unsync()).unwrap();
    let asked = scene.client.send_request(request);
    let mut line = scene.lines.accept().await;
    let head = line.head().await;
    assert_eq!(head.first_line(), "POST /a?b=c HTTP/1.1");
    assert_eq!(head.all("x-a"), ["1"]);
    assert_eq!(head.all("host"), [scene.lines.address.to_string()]);
    assert!(head.all("te").is_empty());
    assert!(
        head.all("forwarded")[0].ends_with("host=localhost;proto=https"),
        "{head:?}"
    );
    match head.all("content-length")[..] {
        ["5"] => assert_eq!(line.take(5).await, b"hello"),
        _ => assert_eq!(
            line.take_until(b"0\r\n\r\n").await,
            b"5\r\nhello\r\n0\r\n\r\n"
        ),
    }
    line.say(
        "HTTP/1.1 201 Created\r\nConnection: keep-alive\r\nX-B: 2\r\nContent-Length: 2\r\n\r\nhi",
    )
    .await;
    let answer = soon("an answer", asked).await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["x-b"], "2");
    assert!(!answer.headers().contains_key("connection"));
    assert_eq!(answer.collect().await.unwrap().to_bytes(), "hi");
    drop(scene.client);
    drop(line);
    scene.rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn an_answer_streams_and_a_break_is_seen() {
    let mut scene = scene().await;
    let asked = scene.client.send_request(get("/"));
    let mut line = scene.lines.asked().await;
    line.say(CHUNKED).await;
    let mut answer = soon("an answer", asked).await.unwrap().into_body();
    line.say("3\r\none\r\n").await;
    let piece = soon("a piece", answer.frame()).await.unwrap().unwrap();
    assert_eq!(piece.into_data().unwrap(), "one");
    drop(line);
    let end = soon("the end", answer.frame()).await;
    assert!(end.unwrap().is_err(), "the answer seems whole");
    // Other requests of the connection are not concerned.
    let asked = scene.client.send_request(get("/"));
    let mut line = scene.lines.asked().await;
    line.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(soon("an answer", asked).await.unwrap().status(), 200);
    drop(scene.client);
    drop(line);
    scene.rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_reset_ends_the_call() {
    let mut scene = scene().await;
    let asked = scene.client.send_request(get("/"));
    let mut line = scene.lines.asked().await;
    line.say(CHUNKED).await;
    let answer = soon("an answer", asked).await.unwrap();
    drop(answer);
    assert_eq!(line.ended().await, b"");
    drop(scene.client);
    scene.rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn an_upload_streams_and_is_cut_at_the_limit() {
    let mut scene = scene().await;
    let (sender, body) = upload();
    let request = Request::post("https://localhost/").body(body).unwrap();
    let asked = scene.client.send_request(request);
    sender.send(Bytes::from_static(b"one")).await.unwrap();
    let mut line = scene.lines.accept().await;
    let head = line.head().await;
    assert_eq!(head.all("transfer-encoding"), ["chunked"]);
    assert_eq!(line.take_until(b"one\r\n").await, b"3\r\none\r\n");
    let sending = async {
        let piece = Bytes::from(vec![b'x'; 65_536]);
        // It fails once the answer is there.
        for _ in 0..161 {
            if sender.send(piece.clone()).await.is_err() {
                break;
            }
        }
    };
    let (answer, (), got) = tokio::join!(soon("an answer", asked), sending, line.ended());
    assert_eq!(answer.unwrap().status(), 413);
    assert!(
        !got.ends_with(b"0\r\n\r\n"),
        "the backend takes it for whole"
    );
    drop((scene.client, sender));
    scene.rig.close_keeping(&[]).await;
}

#[tokio::test]
async fn a_length_beyond_the_limit_is_refused() {
    let mut scene = scene().await;
    let request = Request::post("https://localhost/").header("content-length", "10485761");
    let (_sender, body) = upload();
    let answer = scene.ask(request.body(body).unwrap()).await;
    assert_eq!(answer.status(), 413);
    assert!(scene.lines.is_quiet().await, "the backend was called");
    drop(scene.client);
    drop(answer);
    scene.rig.close_keeping(&[]).await;
}
