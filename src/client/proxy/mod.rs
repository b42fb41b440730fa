//! The client that passes requests on: bodies stream both ways, and kept-alive connections are driven where they are used.
//!
//! A connection has no task of its own. Whoever waits for an answer polls it, and so does whoever reads a body; so a request
//! costs no wake-up of another task. Connections are HTTP/1.1, as Amazon calls backends. There are no redirects, no proxies
//! from the environment, no cookies, no decompression.
//!
//! The framing is our own, over heads that httparse reads. Hyper's client has to be driven beside the request, and hands
//! request, answer and body over through channels, which costs more than the parsing; it lets interim answers come without
//! end, does not tell whether a dead connection had said anything, and goes on with a connection whose answer was framed
//! twice. Framing that can be read in two ways is refused here, or ends the connection.

mod answer;
mod chunked;
mod connect;
mod head;
mod link;
mod pool;
mod request;
mod upstream;

use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::Response;
use http::uri::Authority;

use crate::base::body::Payload;
use crate::base::clock::{Clock, Tick, within};
use crate::base::tasks::{Shutdown, Tasks};
use crate::client::http::{CallError, ClientError};

use answer::LinkBody;
use connect::Connector;
use head::Head;
use link::Link;
use pool::Pool;
pub use request::{RequestHead, Room, Target};
use upstream::Standing;
pub use upstream::Upstream;

/// Where a request goes; connections are shared between requests to equal destinations.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Whether TLS is spoken.
    pub secure: bool,
    /// Host and port of the backend.
    pub authority: Authority,
    /// The name that the certificate must have, in place of the host's.
    pub server_name: Option<Arc<str>>,
}

// `Authority` compares and hashes letter by letter without regard to case. Here two spellings are two destinations, which
// costs a connection and nothing else.
impl PartialEq for Destination {
    fn eq(&self, other: &Self) -> bool {
        self.secure == other.secure
            && self.authority.as_str() == other.authority.as_str()
            && self.server_name == other.server_name
    }
}

impl Eq for Destination {}

impl Hash for Destination {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.secure.hash(state);
        self.authority.as_str().hash(state);
        self.server_name.hash(state);
    }
}

/// See the module.
pub struct ProxyClient {
    connector: Connector,
    pool: Arc<Pool>,
    standing: Standing,
}

/// A connection that is ready for one request.
pub struct Ready {
    link: Box<Link>,
    pool: Arc<Pool>,
    destination: Destination,
}

/// An answer's head, and its body as far as it is.
pub type Answered = Response<Payload>;

impl fmt::Debug for ProxyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyClient").finish_non_exhaustive()
    }
}

impl ProxyClient {
    /// A client that trusts the certificates of the operating system (`SSL_CERT_FILE` replaces them). Idle connections are
    /// closed by a task of `tasks`, which ends with `stop`.
    ///
    /// # Errors
    /// [`ClientError`] when TLS or the resolver cannot be set up.
    pub fn new(clock: Arc<dyn Clock>, tasks: Tasks, stop: Shutdown) -> Result<Self, ClientError> {
        Ok(Self {
            connector: Connector::new()?,
            pool: Arc::new(Pool::new(clock, tasks, stop)),
            standing: Standing::default(),
        })
    }

    /// A connection to the destination that was kept alive.
    pub fn kept(&self, destination: &Destination) -> Option<Ready> {
        // Nobody waits for what an idle connection says.
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let mut link = self.pool.take(destination)?;
            if link.is_alive(&mut context) {
                return Some(self.ready(link, destination));
            }
        }
    }

    /// A new connection to the destination, within a deadline.
    ///
    /// # Errors
    /// When there is no way to the destination, or it takes too long.
    pub async fn connect(
        &self,
        destination: &Destination,
        deadline: Tick,
    ) -> Result<Ready, CallError> {
        let clock = &self.pool.clock;
        let left = deadline.since(clock.now());
        let connecting = self.connector.connect(destination, clock);
        let link = within(clock.as_ref(), left, connecting).await;
        let link = link.ok_or(CallError::TimedOut)??;
        Ok(self.ready(link, destination))
    }

    /// Sends one request whose body is here, within a deadline; once more on a new connection when a kept-alive one turns out to
    /// be dead and nothing is lost by it.
    ///
    /// # Errors
    /// As [`ProxyClient::connect`] and [`Ready::send`].
    pub async fn ask(
        &self,
        destination: &Destination,
        request: &RequestHead,
        body: Bytes,
        deadline: Tick,
    ) -> Result<Answered, CallError> {
        if let Some(mut ready) = self.kept(destination) {
            let head = request.copied(ready.room());
            match ready.send(head, body.clone().into(), deadline).await {
                Err(CallError::Unanswered(_)) if request.method().is_idempotent() => {}
                result => return result,
            }
        }
        // Boxed: a request that finds a connection should not carry what it takes to make one.
        let mut ready = Box::pin(self.connect(destination, deadline)).await?;
        let head = request.copied(ready.room());
        ready.send(head, body.into(), deadline).await
    }

    fn ready(&self, link: Box<Link>, destination: &Destination) -> Ready {
        Ready {
            link,
            pool: Arc::clone(&self.pool),
            destination: destination.clone(),
        }
    }
}

impl Ready {
    /// Our own address on this connection.
    pub fn local_ip(&self) -> IpAddr {
        self.link.local_ip()
    }

    /// Where it leads.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Whether it served other requests before, so that it may be dead without our knowing.
    pub fn is_reused(&self) -> bool {
        self.link.is_reused()
    }

    /// Room for the head of the request, which this connection keeps for the next.
    pub fn room(&mut self) -> Room {
        self.link.room()
    }

    /// Sends one request and waits for the head of its answer, within a deadline. What is here of the body by then comes with
    /// it; if that is all, the body is whole and the connection free again.
    ///
    /// # Errors
    /// [`CallError::TimedOut`], [`CallError::Unanswered`] when the connection ended before any byte of an answer, [`CallError::Broken`] when that is
    /// no HTTP, breaks off before any of it could go on, or when the body of the request does.
    pub fn send(
        mut self,
        request: RequestHead,
        body: Payload,
        deadline: Tick,
    ) -> impl Future<Output = Result<Answered, CallError>> {
        let mut reading = self.link.send(request, body);
        let mut sent = Some(self);
        poll_fn(move |context| {
            let Some(this) = &mut sent else {
                return Poll::Pending;
            };
            let head = ready!(this.link.poll_head_until(deadline, context, &mut reading))?;
            let Some(this) = sent.take() else {
                return Poll::Pending;
            };
            Poll::Ready(this.answered(head, context))
        })
    }

    fn answered(self, head: Head, context: &mut Context<'_>) -> Result<Answered, CallError> {
        let body = match head.body {
            Some(body) => {
                if head.lasting {
                    self.pool.take_back(self.destination, self.link);
                }
                Payload::from(body)
            }
            None => LinkBody::new(
                self.link,
                head.framing,
                head.lasting,
                self.pool,
                self.destination,
            )
            .now_or_later(context)?,
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        Ok(answer)
    }
}
