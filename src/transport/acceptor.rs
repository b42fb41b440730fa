//! The socket that clients connect to, and those that come out of it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpSocket, TcpStream};

const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;
/// Longest time that written bytes may stay unacknowledged before the peer counts as gone. It covers every probe: the system
/// takes it for their limit, too, and with a shorter one the first probe that gets lost would end a connection. Many do get lost
/// where many connections were opened at once, since the system sends their probes at once.
const UNACKNOWLEDGED: Duration = Duration::from_secs(90);

/// Clients that may wait on one listener to be accepted; what the system allows (`net.core.somaxconn`) may be less. Beyond it
/// a client's SYN is dropped and comes again after a second. Linux' own default since 5.4.
pub const BACKLOG: u32 = 4096;

/// A listening socket.
#[derive(Debug)]
pub struct Acceptor {
    socket: AsyncFd<TcpListener>,
    address: SocketAddr,
}

/// A client's socket.
#[derive(Debug)]
pub struct Accepted {
    /// The socket.
    pub stream: TcpStream,
    /// The client's address.
    pub peer: SocketAddr,
    /// The address that it came to.
    pub local: SocketAddr,
}

impl Acceptor {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the address is in use, not of this machine, or not allowed.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // After a restart the address is free at once.
        socket.set_reuseaddr(true)?;
        // On Linux accepted sockets have the settings of the one they came in by, which saves six system calls for each.
        tune(&SockRef::from(&socket))?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?.into_std()?;
        Ok(Self {
            address: socket.local_addr()?,
            socket: watch(socket)?,
        })
    }

    /// Where it listens: with the port that the system chose, if it was to choose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a client.
    ///
    /// The runtime has an `accept` of its own, whose sockets are taken for readable before anything is known of them (since tokio
    /// 1.54): that is a read in vain for each of them, and a wait for bytes without reading them would end at once.
    ///
    /// # Errors
    /// As `accept(2)`.
    pub async fn accept(&self) -> io::Result<Accepted> {
        let accepted = self.socket.async_io(Interest::READABLE, accept).await;
        let (stream, peer) = accepted?;
        let stream = TcpStream::from_std(stream)?;
        // Elsewhere these fail when the client is gone already.
        let gone = |_| io::ErrorKind::ConnectionAborted;
        #[cfg(not(target_os = "linux"))]
        tune(&SockRef::from(&stream)).map_err(gone)?;
        let local = match self.address.ip().is_unspecified() {
            true => stream.local_addr().map_err(gone)?,
            false => self.address,
        };
        Ok(Accepted {
            stream,
            peer,
            local,
        })
    }
}

#[expect(
    deprecated,
    reason = "the successor is `unsafe`, as what it is given must keep one descriptor: a listener does"
)]
fn watch(listener: TcpListener) -> io::Result<AsyncFd<TcpListener>> {
    AsyncFd::with_interest(listener, Interest::READABLE)
}

/// In one system call, where there is such a one.
#[cfg(target_os = "linux")]
fn accept(listener: &TcpListener) -> io::Result<(std::net::TcpStream, SocketAddr)> {
    use rustix::net::{SocketFlags, acceptfrom_with};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, peer) = acceptfrom_with(listener, flags)?;
    let peer = peer.ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((socket.into(), peer.try_into()?))
}

#[cfg(not(target_os = "linux"))]
fn accept(listener: &TcpListener) -> io::Result<(std::net::TcpStream, SocketAddr)> {
    let (socket, peer) = listener.accept()?;
    socket.set_nonblocking(true)?;
    Ok((socket, peer))
}

/// Small messages leave at once, and a peer that is gone is noticed.
fn tune(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::yield_now;

    use super::*;
    use crate::base::clock::{SystemClock, within};
    use crate::transport::tls::Stream;

    fn bind(address: impl Into<SocketAddr>) -> Acceptor {
        Acceptor::bind(address.into()).unwrap()
    }

    #[tokio::test]
    async fn what_is_accepted_is_set_up_and_may_lose_a_probe() {
        let acceptor = bind(([127, 0, 0, 1], 0));
        let connected = TcpStream::connect(acceptor.address());
        let (accepted, client) = tokio::join!(acceptor.accept(), connected);
        let (accepted, client) = (accepted.unwrap(), client.unwrap());
        let socket = SockRef::from(&accepted.stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED));
        assert!(UNACKNOWLEDGED >= KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_PROBES);
        assert_eq!(accepted.peer, client.local_addr().unwrap());
    }

    #[cfg(target_os = "linux")] // where all of 127.0.0.0/8 is there
    #[tokio::test]
    async fn the_address_a_client_came_to_is_known_where_we_listen_on_all() {
        let acceptor = bind(([0, 0, 0, 0], 0));
        let target = SocketAddr::from(([127, 0, 0, 7], acceptor.address().port()));
        let (accepted, _client) = tokio::join!(acceptor.accept(), TcpStream::connect(target));
        assert_eq!(accepted.unwrap().local, target);
    }

    #[tokio::test]
    async fn a_socket_counts_as_readable_when_something_came() {
        let acceptor = bind(([127, 0, 0, 1], 0));
        let connected = TcpStream::connect(acceptor.address());
        let (accepted, client) = tokio::join!(acceptor.accept(), connected);
        let (mut stream, mut client) = (accepted.unwrap().stream, client.unwrap());
        assert!(stream.readable().now_or_never().is_none());
        client.write_all(b"hello").await.unwrap();
        let mut read = [0; 5];
        stream.readable().await.unwrap();
        stream.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hello");
    }

    #[tokio::test]
    async fn the_end_of_a_client_is_known_before_it_is_read() {
        let acceptor = bind(([127, 0, 0, 1], 0));
        let clock = SystemClock::new();
        for (last_words, abruptly) in [("", false), ("bye", false), ("bye", true)] {
            let connected = TcpStream::connect(acceptor.address());
            let (accepted, client) = tokio::join!(acceptor.accept(), connected);
            let (stream, mut client) = (accepted.unwrap().stream, client.unwrap());
            client.write_all(b"hello").await.unwrap();
            stream.readable().await.unwrap();
            let stream = Stream::Plain(stream);
            assert!(!stream.has_ended(), "there is only something to read");
            client.write_all(last_words.as_bytes()).await.unwrap();
            if abruptly {
                client.set_zero_linger().unwrap();
            }
            drop(client);
            let ended = async {
                while !stream.has_ended() {
                    yield_now().await;
                }
            };
            let known = within(&clock, Duration::from_secs(20), ended).await;
            assert!(known.is_some(), "{last_words} {abruptly}");
        }
    }

    #[tokio::test]
    async fn a_crowd_may_wait_to_be_accepted() {
        const CROWD: usize = 300; // more than the 128 of std and tokio
        let acceptor = bind(([127, 0, 0, 1], 0));
        let clock = SystemClock::new();
        let mut crowd = Vec::new();
        for number in 0..CROWD {
            let connected = TcpStream::connect(acceptor.address());
            let connected = within(&clock, Duration::from_secs(20), connected).await;
            crowd.push(
                connected
                    .unwrap_or_else(|| panic!("client {number} waits"))
                    .unwrap(),
            );
        }
        assert_eq!(crowd.len(), CROWD);
    }
}
