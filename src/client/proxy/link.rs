//! One connection to a backend, driven by whoever uses it.

use std::future::{Future as _, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Destination;
use super::pool::Pool;
use crate::base::body::{BoxError, Payload, causes};
use crate::client::http::CallError;

/// Most header fields of an answer.
const HEADER_FIELDS: usize = 200;
/// Longest head of an answer, and the size up to which pieces of a body are read at once, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Bytes to and from a backend.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Wire for T {}

/// A connection on which nothing is under way, or one request.
pub(super) struct Link {
    sender: SendRequest<Payload>,
    connection: Connection<TokioIo<Box<dyn Wire>>, Payload>,
    local_ip: IpAddr,
    reused: bool,
    /// Whether the connection has ended; it must not be polled again.
    ended: bool,
}

impl Link {
    /// Begins to speak HTTP.
    pub(super) async fn new(wire: Box<dyn Wire>, local_ip: IpAddr) -> Result<Box<Self>, CallError> {
        let mut builder = Builder::new();
        builder
            .max_buf_size(BUFFER_BYTES)
            .max_headers(HEADER_FIELDS);
        let (sender, connection) = builder
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| CallError::Broken(causes(&error)))?;
        Ok(Box::new(Self {
            sender,
            connection,
            local_ip,
            reused: false,
            ended: false,
        }))
    }

    pub(super) fn local_ip(&self) -> IpAddr {
        self.local_ip
    }

    pub(super) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether the backend has left the connection open, and silent, since it was used last.
    pub(super) async fn is_alive(&mut self) -> bool {
        poll_fn(|context| {
            self.drive(context);
            Poll::Ready(!self.ended && self.sender.is_ready())
        })
        .await
    }

    /// Sends a request and waits for the head of the answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Payload>,
    ) -> Result<Response<Incoming>, CallError> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let (connection, ended) = (&mut self.connection, &mut self.ended);
        let result = poll_fn(|context| {
            if !*ended {
                // How it ended is told by the answer, which fails with it.
                *ended = Pin::new(&mut *connection).poll(context).is_ready();
            }
            answer.as_mut().poll(context)
        });
        result
            .await
            .map_err(|error| CallError::Broken(causes(error.error())))
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        if !self.ended {
            self.ended = Pin::new(&mut self.connection).poll(context).is_ready();
        }
    }

    /// Whether the next request can be sent; an answer must have been read to its end.
    fn is_free(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context);
        !self.ended && self.sender.is_ready()
    }
}

/// The body of an answer, with the connection that it comes over.
pub(super) struct LinkBody {
    body: Incoming,
    /// Gone once the body has ended.
    link: Option<Box<Link>>,
    pool: Arc<Pool>,
    destination: Option<Destination>,
}

impl LinkBody {
    pub(super) fn new(
        body: Incoming,
        link: Box<Link>,
        pool: Arc<Pool>,
        destination: Destination,
    ) -> Self {
        Self {
            body,
            link: Some(link),
            pool,
            destination: Some(destination),
        }
    }

    /// The body as a whole where all of it is here already, which frees the connection; or else as a stream.
    pub(super) async fn now_or_later(mut self) -> Payload {
        let mut here = BytesMut::new();
        let mut first = Bytes::new();
        let ended = poll_fn(|context| {
            while here.len() < BUFFER_BYTES {
                if self.body.is_end_stream() {
                    self.release(context);
                    return Poll::Ready(Some(Ok(())));
                }
                match Pin::new(&mut self).poll_frame(context) {
                    Poll::Ready(Some(Ok(frame))) => {
                        let Ok(data) = frame.into_data() else {
                            continue;
                        };
                        if first.is_empty() && here.is_empty() {
                            first = data;
                        } else {
                            if here.is_empty() {
                                here.extend_from_slice(&first);
                            }
                            here.extend_from_slice(&data);
                        }
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(None) => return Poll::Ready(Some(Ok(()))),
                    Poll::Pending => return Poll::Ready(None),
                }
            }
            Poll::Ready(None)
        });
        let ended = ended.await;
        let here = match here.is_empty() {
            true => first,
            false => here.freeze(),
        };
        match ended {
            Some(Ok(())) => Payload::from(here),
            Some(Err(error)) => Payload::stream(Begun {
                here: Some(here),
                rest: Rest::Failed(Some(error)),
            }),
            None => Payload::stream(Begun {
                here: Some(here),
                rest: Rest::Coming(self),
            }),
        }
    }

    /// Gives the connection back, if another request can be sent over it.
    fn release(&mut self, context: &mut Context<'_>) {
        let (Some(mut link), Some(destination)) = (self.link.take(), self.destination.take())
        else {
            return;
        };
        if link.is_free(context) {
            link.reused = true;
            self.pool.put(destination, link);
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
        // The first poll tells the connection that the body is wanted, the second takes what that has read.
        let mut frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending()
            && let Some(link) = &mut self.link
        {
            link.drive(context);
            frame = Pin::new(&mut self.body).poll_frame(context);
        }
        match ready!(frame) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(error)) => {
                self.link = None;
                Poll::Ready(Some(Err(error.into())))
            }
            None => {
                self.release(context);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body of which some has come already.
struct Begun {
    here: Option<Bytes>,
    rest: Rest,
}

enum Rest {
    Coming(LinkBody),
    Failed(Option<BoxError>),
}

impl Body for Begun {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(here) = self.here.take()
            && !here.is_empty()
        {
            return Poll::Ready(Some(Ok(Frame::data(here))));
        }
        match &mut self.rest {
            Rest::Coming(body) => Pin::new(body).poll_frame(context),
            Rest::Failed(error) => Poll::Ready(error.take().map(Err)),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.here.as_ref().map_or(0, Bytes::len) as u64;
        match &self.rest {
            Rest::Coming(body) => match body.size_hint().exact() {
                Some(rest) => SizeHint::with_exact(rest.saturating_add(here)),
                None => SizeHint::default(),
            },
            Rest::Failed(_) => SizeHint::default(),
        }
    }
}
