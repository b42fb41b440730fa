//! A handshake on its way from a socket's task to a WebSocket connection, which the same task then sees through.

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::StatusCode;
use tokio::sync::oneshot;

use super::Outcome;
use super::line::Line;
use super::sending::Sending;
use crate::base::clock::Clock;
use crate::transport::edge::{Answer, Answering};
use crate::transport::tls::Stream;

/// The life of a connection: its beginning, which gives the rest.
pub(in crate::transport) type Life = BoxFuture<'static, Option<BoxFuture<'static, ()>>>;

/// A socket, and what its client sent behind the handshake.
type Bare = (Stream, Vec<u8>);

/// What a handshake needs that hyper did not read.
pub(in crate::transport) struct Handover {
    /// Brings the socket when the client has its answer.
    pub(in crate::transport) socket: oneshot::Receiver<Bare>,
    /// Takes the connection's life, should the task of its socket be the one that sees it through.
    pub(in crate::transport) life: Option<oneshot::Sender<Life>>,
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover").finish_non_exhaustive()
    }
}

/// The other side of a [`Handover`].
pub(super) struct Handed {
    socket: oneshot::Sender<Bare>,
    life: Option<oneshot::Receiver<Life>>,
}

impl Handover {
    /// Both sides; with a place for the connection's life only if it is `wanted`.
    pub(super) fn new(wanted: bool) -> (Self, Handed) {
        let (to_connection, socket) = oneshot::channel();
        let (life, from_connection) = match wanted {
            true => Some(oneshot::channel()).unzip(),
            false => (None, None),
        };
        let handed = Handed {
            socket: to_connection,
            life: from_connection,
        };
        (Self { socket, life }, handed)
    }
}

/// A handshake that is being answered.
pub(super) struct Joining {
    answering: Answering,
    handed: Handed,
    life: Option<Life>,
}

impl Joining {
    pub(super) fn new(answering: Answering, handed: Handed) -> Self {
        Self {
            answering,
            handed,
            life: None,
        }
    }

    /// Sees the client answered, and hands its socket over if that is what it asked for.
    pub(super) async fn settle(mut self: Box<Self>, mut line: Line, clock: &dyn Clock) -> Outcome {
        let answer = poll_fn(|context| self.poll_answer(&mut line, context)).await;
        if let Some(answer) = answer {
            let switching = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
            let mut sending = Sending::new(answer, false, !switching, clock.wall());
            match line.send(&mut sending).await {
                // Nobody takes it when the gateway ends the connection at once.
                Ok(()) if switching => drop(self.handed.socket.send(line.into_parts())),
                Ok(()) => line.shut().await,
                Err(_) => {}
            }
        }
        // A client that is gone does not stop what has begun.
        match self.life {
            Some(life) => Outcome::Life(life),
            None => Outcome::Ended,
        }
    }

    /// The answer; `None` when its client is gone.
    fn poll_answer(&mut self, line: &mut Line, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        if let Poll::Ready(Ok(answer)) = Pin::new(&mut self.answering).poll(context) {
            self.take_life();
            return Poll::Ready(Some(answer));
        }
        self.take_life();
        if let Some(life) = &mut self.life {
            if life.as_mut().poll(context).is_ready() {
                self.life = None;
            }
            if let Poll::Ready(Ok(answer)) = Pin::new(&mut self.answering).poll(context) {
                return Poll::Ready(Some(answer));
            }
        }
        line.poll_gone(context).map(|()| None)
    }

    fn take_life(&mut self) {
        let coming = self.handed.life.as_mut();
        if let Some(life) = coming.and_then(|coming| coming.try_recv().ok()) {
            self.life = Some(life);
            self.handed.life = None;
        }
    }
}
