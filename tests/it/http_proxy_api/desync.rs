//! Ten thousand requests to backends that frame their answers every wrong way there is: nobody gets a byte of another's answer.

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::client::End;
use super::{Client, Rig, Setup, everything};
use crate::harness::http_client::request;

const CLIENTS: usize = 8;
/// Of each client, every second of them to a backend that behaves.
const REQUESTS: usize = 1_250;
/// What nobody asked for.
const POISON: &str = "HTTP/1.1 200 OK\r\nX-Path: poison\r\nContent-Length: 6\r\n\r\nPOISON";

/// A way to answer a request for a path.
struct Way {
    what: &'static str,
    method: &'static str,
    /// The answer.
    says: fn(&str) -> String,
    /// Whether the backend closes then.
    closes: bool,
}

const fn way(what: &'static str, says: fn(&str) -> String) -> Way {
    Way {
        what,
        method: "GET",
        says,
        closes: false,
    }
}

fn proper(path: &str) -> String {
    answer(path, &format!("Content-Length: {}", path.len()), path)
}

fn answer(path: &str, framing: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nX-Path: {path}\r\n{framing}\r\n\r\n{body}")
}

fn chunked(path: &str) -> String {
    format!("{:x}\r\n{path}\r\n0\r\n\r\n", path.len())
}

static WAYS: [Way; 24] = [
    way("one answer more", |path| proper(path) + POISON),
    way("half an answer more", |path| proper(path) + &POISON[..20]),
    way("some bytes more", |path| proper(path) + "\r\n\r\nPOISON"),
    way("the same answer twice", |path| proper(path).repeat(2)),
    way("both framings", |path| {
        answer(
            path,
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            &chunked(path),
        ) + POISON
    }),
    way("both framings, the other way round", |path| {
        answer(
            path,
            "Transfer-Encoding: chunked\r\nContent-Length: 3",
            &chunked(path),
        ) + POISON
    }),
    way("two lengths", |path| {
        answer(path, "Content-Length: 3\r\nContent-Length: 4", path) + POISON
    }),
    way("too short a length", |path| {
        answer(path, "Content-Length: 3", path) + POISON
    }),
    Way {
        closes: true,
        ..way("too long a length", |path| {
            answer(path, "Content-Length: 999", path)
        })
    },
    way("a length that is none", |path| {
        answer(path, "Content-Length: 1e1", path) + POISON
    }),
    way("more behind the last chunk", |path| {
        answer(path, "Transfer-Encoding: chunked", &chunked(path)) + POISON
    }),
    way("a chunk of bad size", |path| {
        answer(path, "Transfer-Encoding: chunked", "zz\r\n") + POISON
    }),
    way("another coding on top", |path| {
        answer(path, "Transfer-Encoding: chunked, gzip", &chunked(path)) + POISON
    }),
    way("a coding in HTTP/1.0", |path| {
        answer(path, "Transfer-Encoding: chunked", &chunked(path)).replace("/1.1", "/1.0") + POISON
    }),
    way("HTTP/1.0 that stays", |path| {
        proper(path).replace("/1.1", "/1.0") + POISON
    }),
    Way {
        closes: true,
        ..way("no length", |path| answer(path, "X: y", path))
    },
    way("a farewell that is none", |path| {
        proper(path).replace("X-Path", "Connection: close\r\nX-Path") + POISON
    }),
    way("204 with a body", |path| {
        proper(path).replace("200 OK", "204 None") + POISON
    }),
    way("304 with a body", |path| {
        proper(path).replace("200 OK", "304 Same") + POISON
    }),
    way("101 unasked", |_| {
        "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n".to_owned() + POISON
    }),
    way("a flood of interim answers", |path| {
        "HTTP/1.1 102 Wait\r\n\r\n".repeat(50) + &proper(path) + POISON
    }),
    Way {
        closes: true,
        ..way("half a head", |path| {
            format!("HTTP/1.1 200 OK\r\nX-Path: {path}\r\nConte")
        })
    },
    Way {
        method: "HEAD",
        ..way("a body of HEAD", |path| proper(path) + POISON)
    },
    Way {
        method: "POST",
        ..way("an answer before the request was read", |path| {
            proper(path) + POISON
        })
    },
];

/// Answers by the number in a path's first segment; a number beyond the ways is answered properly.
async fn serve(mut stream: TcpStream) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            let end = buffer.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None if matches!(stream.read_buf(&mut buffer).await, Ok(1..)) => {}
                None => return,
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end);
        // Whatever else comes of a body is taken for the next request, as a careless server would.
        let Some(path) = head.split(' ').nth(1).filter(|path| path.starts_with('/')) else {
            return;
        };
        let number = path
            .split('/')
            .nth(1)
            .and_then(|number| number.parse().ok());
        let way = number.and_then(|number: usize| WAYS.get(number));
        let says = way.map_or(proper as fn(&str) -> String, |way| way.says);
        stream.write_all(says(path).as_bytes()).await.ok();
        if way.is_some_and(|way| way.closes) {
            stream.shutdown().await.ok();
            return;
        }
    }
}

/// What a client got: whether the connection can be used on.
async fn ask(client: &mut Client, way: Option<&Way>, path: &str) -> bool {
    let (what, method) = way.map_or(("proper", "GET"), |way| (way.what, way.method));
    let body: &[u8] = if method == "POST" { &[b'x'; 3000] } else { b"" };
    client.send(request(method, path, &[], body)).await;
    let head = client.head().await;
    let of = head.all("x-path");
    assert!(of.is_empty() || of == [path], "{what}: {of:?} for {path}");
    let bodiless = method == "HEAD" || matches!(head.status, 204 | 304);
    let end = match bodiless {
        true => End::Proper(Vec::new()),
        false => client.body(&head).await,
    };
    let (whole, got) = match end {
        End::Proper(got) => (true, got),
        End::Broken(got) => (false, got),
    };
    let got = String::from_utf8(got).unwrap();
    if head.status == 200 {
        assert!(path.starts_with(&got), "{what}: {got:?} for {path}");
    } else {
        assert!(!got.contains("POISON"), "{what}: {got:?}");
    }
    if way.is_none() {
        assert_eq!((head.status, whole, &*got), (200, true, path));
    }
    whole && !head.all("connection").contains(&"close")
}

async fn visit(rig: &Rig, number: usize) {
    let mut client = Client::connect(rig).await;
    for turn in 0..REQUESTS {
        let at = (turn / 2 + number * 3) % WAYS.len();
        let way = WAYS.get(at).filter(|_| turn % 2 == 0);
        let at = way.map_or(WAYS.len(), |_| at);
        let path = format!("/{at}/{number}/{turn}");
        if !ask(&mut client, way, &path).await {
            client = Client::connect(rig).await;
        }
    }
}

#[tokio::test]
async fn no_byte_of_anothers_answer_in_ten_thousand() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let backend = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(serve(stream));
        }
    });
    let rig = Setup::new(everything(&url))
        .server("limits: { requestRate: off }")
        .start()
        .await;
    assert_eq!(CLIENTS * REQUESTS, 10_000);
    join_all((0..CLIENTS).map(|number| visit(&rig, number))).await;
    rig.close_keeping(&["an exchange failed"]).await;
    backend.abort();
}
