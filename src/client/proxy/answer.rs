//! The body of an answer, with the connection that it comes over.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};

use super::Destination;
use super::head::{Framing, Malformed};
use super::link::Link;
use super::pool::Pool;
use crate::base::body::{BoxError, Payload};
use crate::client::http::CallError;

/// Most of a body that is gathered before it goes on, in bytes.
const GATHERED_BYTES: usize = 64 * 1024;
/// Bodies up to this size are copied out of the connection's buffer, which can then be used again.
const COPIED_BYTES: usize = 4 * 1024;

/// See the module.
pub(super) struct LinkBody {
    /// Gone once the body has ended.
    link: Option<Box<Link>>,
    framing: Framing,
    /// Whether the connection may be used again.
    lasting: bool,
    pool: Arc<Pool>,
    destination: Option<Destination>,
}

impl LinkBody {
    pub(super) fn new(
        link: Box<Link>,
        framing: Framing,
        lasting: bool,
        pool: Arc<Pool>,
        destination: Destination,
    ) -> Self {
        Self {
            link: Some(link),
            framing,
            lasting,
            pool,
            destination: Some(destination),
        }
    }

    /// The body as a whole where all of it is here already, which frees the connection; or else as a stream.
    ///
    /// # Errors
    /// [`CallError::Broken`] when it is known already that the rest will not come.
    pub(super) fn now_or_later(mut self, context: &mut Context<'_>) -> Result<Payload, CallError> {
        let mut here = Gathered::default();
        while here.length() < GATHERED_BYTES {
            match self.poll_piece(context) {
                Poll::Ready(Some(Ok(piece))) => here.add(piece),
                Poll::Ready(Some(Err(error))) => return Err(CallError::Broken(error.to_string())),
                Poll::Ready(None) => return Ok(Payload::from(here.all())),
                Poll::Pending => break,
            }
        }
        Ok(Payload::stream(Begun {
            here: here.all(),
            rest: self,
        }))
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        let Some(link) = &mut self.link else {
            return Poll::Ready(None);
        };
        link.send_on(context);
        loop {
            match take(&mut self.framing, link.input()) {
                Ok(Taken::Piece(piece)) => {
                    if self.framing == Framing::Length(0) {
                        self.release();
                    }
                    return Poll::Ready(Some(Ok(piece)));
                }
                Ok(Taken::End) => {
                    self.release();
                    return Poll::Ready(None);
                }
                Ok(Taken::Nothing) => {}
                Err(Malformed(reason)) => return self.fail(reason.into()),
            }
            match ready!(link.poll_read(context)) {
                Ok(0) if self.framing == Framing::UntilClose => {
                    self.link = None;
                    return Poll::Ready(None);
                }
                Ok(0) => return self.fail("the connection ended within the body".into()),
                Ok(_) => {}
                Err(error) => return self.fail(error.into()),
            }
        }
    }

    fn fail(&mut self, error: BoxError) -> Poll<Option<Result<Bytes, BoxError>>> {
        self.link = None;
        Poll::Ready(Some(Err(error)))
    }

    /// Gives the connection back, if another request can be sent over it.
    fn release(&mut self) {
        if let (Some(link), Some(destination)) = (self.link.take(), self.destination.take())
            && self.lasting
        {
            self.pool.take_back(destination, link);
        }
    }
}

/// What there is of a body.
enum Taken {
    Piece(Bytes),
    /// More has to be read.
    Nothing,
    End,
}

fn take(framing: &mut Framing, input: &mut BytesMut) -> Result<Taken, Malformed> {
    match framing {
        Framing::Length(0) => Ok(Taken::End),
        _ if input.is_empty() => Ok(Taken::Nothing),
        Framing::UntilClose => Ok(Taken::Piece(input.split().freeze())),
        Framing::Chunked(chunked) => Ok(match chunked.next(input)? {
            Some(piece) => Taken::Piece(piece),
            None if chunked.is_done() => Taken::End,
            None => Taken::Nothing,
        }),
        Framing::Length(left) => {
            let here = usize::try_from(*left)
                .unwrap_or(usize::MAX)
                .min(input.len());
            let last = here as u64 == *left;
            *left -= here as u64;
            Ok(Taken::Piece(match last && here <= COPIED_BYTES {
                true => {
                    let piece = Bytes::copy_from_slice(input.get(..here).unwrap_or_default());
                    input.advance(here);
                    piece
                }
                false => input.split_to(here).freeze(),
            }))
        }
    }
}

impl Body for LinkBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let piece = ready!(self.poll_piece(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.link.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.framing {
            Framing::Length(left) => SizeHint::with_exact(left),
            Framing::Chunked(_) | Framing::UntilClose => SizeHint::default(),
        }
    }
}

/// Pieces that were there at once.
#[derive(Default)]
struct Gathered {
    /// The only one so far.
    first: Bytes,
    /// All, once there are several.
    all: BytesMut,
}

impl Gathered {
    fn length(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn add(&mut self, piece: Bytes) {
        if self.length() == 0 {
            self.first = piece;
            return;
        }
        self.all.extend_from_slice(&std::mem::take(&mut self.first));
        self.all.extend_from_slice(&piece);
    }

    fn all(self) -> Bytes {
        match self.all.is_empty() {
            true => self.first,
            false => self.all.freeze(),
        }
    }
}

/// A body of which some has come already.
struct Begun {
    here: Bytes,
    rest: LinkBody,
}

impl Body for Begun {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.here.is_empty() {
            let here = std::mem::take(&mut self.here);
            return Poll::Ready(Some(Ok(Frame::data(here))));
        }
        Pin::new(&mut self.rest).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.here.len() as u64;
        match self.rest.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(rest.saturating_add(here)),
            None => SizeHint::default(),
        }
    }
}
