//! The short way for HTTP/1.1: requests that are whole at hand and plainly framed, which are nearly all, are read, answered and
//! awaited here, without buffers of the connection's own.
//!
//! Whatever else comes is hyper's, and the connection with it: see [`serve`].

mod answer;
mod joining;
mod line;
mod request;
mod sending;

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, header};

use crate::base::clock::Tick;
use crate::transport::arrival::Asked;
use crate::transport::edge::{self, Answer, Answering, Face};
use crate::transport::front::Front;
use crate::transport::http::{KEEP_ALIVE, Socket};
use crate::transport::tls::Stream;
use crate::transport::watched::HEAD_TIMEOUT;
use joining::Joining;
use line::Line;
use request::Unread;
use sending::Sending;

pub(super) use joining::{Handover, Life};

/// What becomes of a connection.
pub(super) enum Outcome {
    /// Nothing: it is over.
    Ended,
    /// A handshake made it a WebSocket connection, which the same task sees through.
    Life(Life),
    /// Hyper serves it from now on.
    Hyper(Box<Rest>),
}

/// A connection that is hyper's from now on.
pub(super) struct Rest {
    /// The socket.
    pub(super) stream: Stream,
    /// What was read from it.
    pub(super) read: Bytes,
    /// When the head that is coming must be there.
    pub(super) late: Tick,
}

/// Serves requests until the connection ends, or until something comes that is hyper's to read.
///
/// Hyper then sees the connection as if it had served it from the start: nothing of what it is given was answered.
///
/// No `async fn`, which would keep room for the arguments twice.
pub(super) fn serve(
    front: &Arc<Front>,
    face: Face,
    stream: Stream,
    socket: &Socket,
) -> impl Future<Output = Outcome> {
    let clock = &front.services.clock;
    let mut line = Line::new(stream, Arc::clone(clock));
    let mut late = clock.now().after(HEAD_TIMEOUT);
    async move {
        let (_, stop) = front.lifetime(face);
        let mut stopped = pin!(stop.wait());
        tokio::select! {
            biased;
            came = line.first(late) => if !came { return Outcome::Ended },
            () = &mut stopped => return Outcome::Ended,
        }
        // Whoever waits for a turn has not even been read from, which is most of what it costs to wait.
        if let Some(turn) = front.services.crowds.beginnings.step(clock.now()) {
            turn.await;
        }
        loop {
            if line.is_idle() {
                tokio::select! {
                    biased;
                    came = line.more(late) => if !came { return Outcome::Ended },
                    () = &mut stopped => return Outcome::Ended,
                }
            }
            let mut answering = match begin(&mut line, front, face, socket) {
                Ok(Begun::Request(answering)) => answering,
                Ok(Begun::Handshake(joining)) => {
                    return Box::pin(joining.settle(line, clock.as_ref())).await;
                }
                Err(Unread::Short(bytes)) if line.body(bytes, clock.as_ref()).await => continue,
                Err(Unread::Short(_) | Unread::Other) => {
                    let late = clock.now().after(HEAD_TIMEOUT);
                    return Outcome::Hyper(Box::new(line.rest(late)));
                }
            };
            let Some(answer) = line.answer(&mut answering.answer).await else {
                return Outcome::Ended;
            };
            let last = closes(&answer) || stop.begun();
            let mut sending = Sending::new(answer, answering.for_head, last, clock.wall());
            if line.send(&mut sending).await.is_err() {
                return Outcome::Ended;
            }
            if last {
                line.shut().await;
                return Outcome::Ended;
            }
            late = clock.now().after(KEEP_ALIVE);
        }
    }
}

/// What a request began.
enum Begun {
    Request(Begin),
    /// No other request can follow it, whatever becomes of it.
    Handshake(Box<Joining>),
}

/// An answer on its way.
struct Begin {
    answer: Answering,
    for_head: bool,
}

/// Begins to answer the request that is there.
fn begin(
    line: &mut Line,
    front: &Arc<Front>,
    face: Face,
    socket: &Socket,
) -> Result<Begun, Unread> {
    let plain = line.take()?;
    let for_head = plain.request.method() == Method::HEAD;
    let (handover, handed) = match plain.upgrade {
        // What operators open has to end before their listener does, so it is no part of it.
        true => Some(Handover::new(face == Face::Clients)).unzip(),
        false => (None, None),
    };
    let asked = Asked {
        request: plain.request,
        head: plain.head,
        handover,
    };
    let answer = edge::answer(front, face, socket, asked);
    Ok(match handed {
        Some(handed) => Begun::Handshake(Box::new(Joining::new(answer, handed))),
        None => Begun::Request(Begin { answer, for_head }),
    })
}

fn closes(answer: &Answer) -> bool {
    let values = answer.headers().get_all(header::CONNECTION);
    values
        .iter()
        .any(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use futures_util::future::poll_immediate;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::task::yield_now;

    use crate::Gateway;
    use crate::transport::http;

    fn size_of_future<A, B, C, D, F>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_is_small() {
        // Of larger pieces glibc's allocator makes more ado, and every handshake has one for a while.
        let bytes = size_of_future(http::serve);
        assert!(bytes <= 1024, "{bytes} bytes");
    }

    /// Bytes that the system has received for the socket between both addresses and nobody has read.
    fn unread(local: SocketAddr, peer: SocketAddr) -> u64 {
        let end = |address: SocketAddr| format!("0100007F:{:04X}", address.port());
        let (local, peer) = (end(local), end(peer));
        let sockets = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let mut rows = sockets
            .lines()
            .map(|row| row.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row.get(1..3) == Some(&[&*local, &*peer]));
        let queues = row.and_then(|row| row.get(4)?.split_once(':'));
        queues.map_or(0, |(_, received)| {
            u64::from_str_radix(received, 16).unwrap()
        })
    }

    /// In one thread with the gateway, which does all it can do at each yield.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn in_a_crowd_nobody_is_read_from_before_its_turn() {
        const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let nothing = "server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0 }\napis: {}\n";
        let started = Gateway::builder().definition(nothing).start().await;
        let gateway = started.unwrap_or_else(|error| panic!("{error}"));
        let beginnings = &gateway.services().crowds.beginnings;
        let mut crowd = Vec::new();
        while !beginnings.is_crowded() {
            if let Some(mut turn) = beginnings.step(gateway.services().clock.now()) {
                assert_eq!(poll_immediate(&mut turn).await, None, "it is its turn");
                crowd.push(turn);
            }
        }
        let mut client = TcpStream::connect(gateway.address()).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        for _ in 0..100 {
            yield_now().await;
        }
        let waiting = unread(gateway.address(), client.local_addr().unwrap());
        assert_eq!(waiting, REQUEST.len() as u64);
        drop(crowd);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
}
