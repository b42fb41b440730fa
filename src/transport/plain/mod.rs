//! The short way for HTTP/1.1: requests that are whole at hand and plainly framed, which are nearly all, are read, answered and
//! awaited here, without buffers of the connection's own.
//!
//! Whatever else comes is hyper's, and the connection with it: see [`serve`].

mod answer;
mod line;
mod request;
mod sending;

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use tokio::sync::oneshot;

use crate::base::clock::Tick;
use crate::transport::arrival::Asked;
use crate::transport::edge::{self, Answer, Answering, Face};
use crate::transport::front::Front;
use crate::transport::http::{KEEP_ALIVE, Socket};
use crate::transport::tls::Stream;
use crate::transport::watched::HEAD_TIMEOUT;
use line::Line;
use request::Unread;
use sending::Sending;

/// The way on which a handshake's socket, and what the client sent behind it, come to the connection.
pub(super) type Handover = oneshot::Receiver<(Stream, Vec<u8>)>;

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
) -> impl Future<Output = Option<Rest>> {
    let clock = &front.services.clock;
    let mut line = Line::new(stream, Arc::clone(clock));
    let mut late = clock.now().after(HEAD_TIMEOUT);
    async move {
        let (_, stop) = front.lifetime(face);
        let mut stopped = pin!(stop.wait());
        loop {
            if line.is_idle() {
                tokio::select! {
                    biased;
                    came = line.more(late) => if !came { return None },
                    () = &mut stopped => return None,
                }
            }
            let mut begun = match begin(&mut line, front, face, socket) {
                Ok(begun) => begun,
                Err(Unread::Short) if line.body(clock.as_ref()).await => continue,
                Err(Unread::Short | Unread::Other) => {
                    return Some(line.rest(clock.now().after(HEAD_TIMEOUT)));
                }
            };
            let answer = line.answer(&mut begun.answering).await?;
            let switching = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
            let last = closes(&answer) || (stop.begun() && !switching);
            let mut sending = Sending::new(answer, begun.for_head, last, clock.wall());
            line.send(&mut sending).await.ok()?;
            match begun.connection {
                Some(connection) if switching => {
                    // Nobody takes it when the gateway ends the connection at once.
                    connection.send(line.into_parts()).ok();
                    return None;
                }
                _ if last => {
                    line.shut().await;
                    return None;
                }
                _ => late = clock.now().after(KEEP_ALIVE),
            }
        }
    }
}

/// A request that is being answered.
struct Begun {
    answering: Answering,
    for_head: bool,
    /// Where the socket goes should the answer be to switch protocols.
    connection: Option<oneshot::Sender<(Stream, Vec<u8>)>>,
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
    let (connection, handover) = match plain.upgrade {
        true => Some(oneshot::channel()).unzip(),
        false => (None, None),
    };
    let asked = Asked {
        request: plain.request,
        head: plain.head,
        handover,
    };
    Ok(Begun {
        answering: edge::answer(front, face, socket, asked),
        for_head,
        connection,
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
}
