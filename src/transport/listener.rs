//! Accepts sockets, never more than the process can hold, and tells TLS from plain text by the first byte.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use crate::base::clock::{Clock, within};
use crate::transport::acceptor::{Accepted, Acceptor};
use crate::transport::edge::Face;
use crate::transport::front::Front;
use crate::transport::http::{self, Socket};
use crate::transport::mutual::Client;
use crate::transport::plain::Life;
use crate::transport::tls::{Stream, Tls};
use crate::transport::unfinished::Unfinished;
use crate::transport::ws::handshake;

/// Longest time from accepting a socket to the end of its TLS handshake.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// TLS handshakes in progress on one listener, for each core; a further one ends the oldest.
const TLS_HANDSHAKES_PER_CORE: usize = 64;
/// Pause after the system refused to accept, for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// First byte of a TLS handshake record (RFC 8446 section 5.1).
pub(super) const TLS_HANDSHAKE: u8 = 0x16;

/// How many sockets may be open.
#[derive(Debug)]
pub struct Capacity {
    sockets: Arc<Semaphore>,
    per_address: Option<usize>,
    by_address: Arc<DashMap<IpAddr, usize>>,
    refused: AtomicUsize,
}

impl Capacity {
    /// Room for `sockets` in all, and for `per_address` from one source.
    pub fn new(sockets: usize, per_address: Option<usize>) -> Self {
        Self {
            sockets: Arc::new(Semaphore::new(sockets.min(Semaphore::MAX_PERMITS))),
            per_address,
            by_address: Arc::new(DashMap::new()),
            refused: AtomicUsize::new(0),
        }
    }

    /// Sockets that were closed at once because their source had too many.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    fn admit(&self, address: IpAddr, permit: OwnedSemaphorePermit) -> Option<Seat> {
        let limit = self.per_address.unwrap_or(usize::MAX);
        let address = address.to_canonical();
        if self.per_address.is_some() {
            let mut count = self.by_address.entry(address).or_default();
            if *count >= limit {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            *count += 1;
        }
        Some(Seat {
            _permit: permit,
            counted: self
                .per_address
                .map(|_| (address, Arc::clone(&self.by_address))),
        })
    }
}

/// TLS on one listener, and the places for handshakes in progress.
#[derive(Debug, Clone)]
struct Door {
    tls: Arc<Tls>,
    unfinished: Arc<Unfinished>,
}

impl Door {
    fn new(tls: Arc<Tls>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let unfinished = Unfinished::new(cores * TLS_HANDSHAKES_PER_CORE);
        Self { tls, unfinished }
    }
}

/// A socket's place; given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    _permit: OwnedSemaphorePermit,
    counted: Option<(IpAddr, Arc<DashMap<IpAddr, usize>>)>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some((address, by_address)) = &self.counted {
            by_address.remove_if_mut(address, |_, count| {
                *count = count.saturating_sub(1);
                *count == 0
            });
        }
    }
}

/// Accepts sockets of one listener until the gateway stops.
pub async fn run(
    front: Arc<Front>,
    face: Face,
    acceptor: Acceptor,
    tls: Option<Arc<Tls>>,
    capacity: Arc<Capacity>,
) {
    let (tasks, stop) = front.lifetime(face);
    let tls = tls.map(Door::new);
    let mut stopped = pin!(stop.wait());
    loop {
        // A permit first: at the bound, new clients wait in the system's queue and not in our memory.
        let permit = tokio::select! {
            permit = Arc::clone(&capacity.sockets).acquire_owned() => permit,
            () = &mut stopped => return,
        };
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            accepted = acceptor.accept() => accepted,
            () = &mut stopped => return,
        };
        match accepted {
            Ok(accepted) => {
                let peer = accepted.peer;
                let Some(seat) = capacity.admit(peer.ip(), permit) else {
                    debug!(%peer, "too many connections from one address");
                    continue;
                };
                let socket = serve(Arc::clone(&front), face, accepted, tls.clone(), seat);
                tasks.spawn("socket", see_through(Box::pin(socket)));
                let services = &front.services;
                if let Some(turn) = services.crowds.arrivals.step(services.clock.now()) {
                    turn.await;
                }
            }
            Err(error) => pause(&front, &error).await,
        }
    }
}

async fn pause(front: &Front, error: &io::Error) {
    let clock = &front.services.clock;
    let gone = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !gone {
        warn!(%error, "a socket could not be accepted");
        clock.sleep_until(clock.now().after(ACCEPT_PAUSE)).await;
    }
}

/// A socket from its first byte to its last. What HTTP needed is freed before it lives on as a WebSocket connection.
async fn see_through(served: BoxFuture<'static, Option<Life>>) {
    if let Some(life) = served.await {
        handshake::live(life).await;
    }
}

async fn serve(
    front: Arc<Front>,
    face: Face,
    accepted: Accepted,
    tls: Option<Door>,
    seat: Seat,
) -> Option<Life> {
    let Accepted {
        stream,
        peer,
        local,
    } = accepted;
    let opened = match tls {
        // Whoever speaks TLS all the same is told apart by what watches heads.
        None => Some(Opened::plain(stream)),
        Some(door) => Box::pin(opened(&front, face, stream, peer, door)).await,
    };
    let Opened {
        stream,
        secure,
        client,
    } = opened?;
    let socket = Socket {
        peer,
        local,
        secure,
        client,
        seat: Arc::new(seat),
    };
    Box::pin(http::serve(front, face, stream, socket)).await
}

/// What speaks on a socket.
struct Opened {
    stream: Stream,
    /// Whether over TLS.
    secure: bool,
    client: Option<Arc<Client>>,
}

impl Opened {
    fn plain(stream: TcpStream) -> Self {
        Self {
            stream: Stream::Plain(stream),
            secure: false,
            client: None,
        }
    }
}

/// What speaks on a socket; `None` when it did not come to that.
async fn opened(
    front: &Front,
    face: Face,
    stream: TcpStream,
    peer: SocketAddr,
    door: Door,
) -> Option<Opened> {
    let clock = front.services.clock.as_ref();
    let (_, stop) = front.lifetime(face);
    let opened = tokio::select! {
        opened = within(clock, TLS_TIMEOUT, open(stream, door, clock)) => opened,
        // Whoever has said nothing yet has nothing to lose.
        () = stop.wait() => return None,
    };
    match opened {
        Some(Ok(opened)) => return Some(opened),
        Some(Err(error)) => debug!(%peer, %error, "a socket could not be opened"),
        None => debug!(%peer, "a socket said nothing for too long"),
    }
    None
}

/// Waits for the first byte and speaks TLS if it asks for that.
async fn open(stream: TcpStream, door: Door, clock: &dyn Clock) -> io::Result<Opened> {
    let mut first = [0];
    let secure = stream.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE];
    match secure {
        false => Ok(Opened::plain(stream)),
        true => {
            let Door { tls, unfinished } = door;
            let (stream, client) = tls.accept(stream, &unfinished, clock).await?;
            Ok(Opened {
                stream,
                secure: true,
                client,
            })
        }
    }
}
