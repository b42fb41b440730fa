//! TLS on a socket, without buffers between two messages.
//!
//! rustls' buffered connections keep 4 KiB to read into for as long as they live, and tokio-rustls reads through them; this uses
//! rustls' unbuffered interface instead. Bytes are read into a buffer that all connections of a thread share and decrypted
//! there; only what is incomplete, not yet taken, or not yet taken by the socket is kept.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::CertificateDer;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use rustls::{ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use crate::transport::tls_hello::FirstMessage;

/// Bytes that a thread reads, or encrypts, at a time.
const SCRATCH_BYTES: usize = 64 * 1024;
/// Bytes that are encrypted at a time: three records, which leave room in the scratch buffer for what surrounds them.
const WRITE_BYTES: usize = 48 * 1024;
/// Bytes that a handshake is read by.
const HANDSHAKE_READ_BYTES: usize = 4 * 1024;
/// Most bytes that may wait for the rest of a record or of a handshake message; what rustls' own buffer holds at most.
const INCOMPLETE_BYTES: usize = 0xffff;
/// A close_notify alert as a record, with room to spare.
const ALERT_BYTES: usize = 128;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// The server's side of a TLS connection whose handshake is done.
pub struct TlsStream<S> {
    io: S,
    session: UnbufferedServerConnection,
    /// Bytes from the peer that are no whole record yet.
    incoming: Vec<u8>,
    /// Decrypted bytes, of which so many were taken.
    plain: Vec<u8>,
    taken: usize,
    /// Encrypted bytes, of which so many have left.
    outgoing: Vec<u8>,
    left: usize,
    peer_closed: bool,
    closed: bool,
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Waits for a client's first message, and nothing else: what it asks for is still to be done.
    ///
    /// # Errors
    /// When the client hangs up, or says more than a first message can be.
    pub(super) async fn first_message(io: &mut S) -> io::Result<Vec<u8>> {
        let (mut bytes, mut message) = (Vec::new(), FirstMessage::default());
        while !message.is_whole(&bytes) {
            more(io, &mut bytes).await?;
        }
        Ok(bytes)
    }

    /// Goes through the handshake that `message` begins.
    ///
    /// # Errors
    /// When it fails. The client has been told then, if it still listens.
    pub(super) async fn accept(
        io: S,
        message: Vec<u8>,
        config: Arc<ServerConfig>,
    ) -> io::Result<Self> {
        let session = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        let mut stream = Self {
            io,
            session,
            incoming: Vec::new(),
            plain: Vec::new(),
            taken: 0,
            outgoing: Vec::new(),
            left: 0,
            peer_closed: false,
            closed: false,
        };
        let mut bytes = message;
        loop {
            let digested = stream.digest(&mut bytes, &mut ReadBuf::new(&mut []));
            if digested.is_ok() && stream.has_only_tickets() {
                bytes.drain(..digested?);
                break;
            }
            let out = std::mem::take(&mut stream.outgoing);
            let written = stream.io.write_all(&out).await;
            // Why a handshake failed says more than that nobody heard of it.
            bytes.drain(..digested?);
            written?;
            if !stream.session.is_handshaking() {
                break;
            }
            more(&mut stream.io, &mut bytes).await?;
        }
        bytes.shrink_to_fit();
        stream.incoming = bytes;
        Ok(stream)
    }

    /// Whether the handshake is done, and no more to be said of it than the tickets of TLS 1.3. Those leave with the first read,
    /// as they may fill the socket of a client that speaks before it reads.
    fn has_only_tickets(&self) -> bool {
        let version = self.session.protocol_version();
        !self.session.is_handshaking() && version == Some(ProtocolVersion::TLSv1_3)
    }

    /// The protocol that both sides agreed on, if they did.
    pub(super) fn alpn_protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// Whether something was decrypted that nobody has read.
    pub(super) fn has_plain(&self) -> bool {
        !self.plain.is_empty()
    }

    /// What the records go through.
    pub(super) fn get_ref(&self) -> &S {
        &self.io
    }

    /// The certificate that the client proved to be its own, and what it sent with it, where it was asked for one.
    pub(super) fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.session.peer_certificates()
    }

    /// Decrypts what is whole in `bytes` and says how many of them are done with. What does not fit into `into` is kept in
    /// `plain`, what is to be answered in `outgoing`.
    fn digest(&mut self, bytes: &mut [u8], into: &mut ReadBuf<'_>) -> io::Result<usize> {
        let mut done = 0;
        loop {
            let rest = bytes.get_mut(done..).unwrap_or_default();
            let UnbufferedStatus { discard, state, .. } = self.session.process_tls_records(rest);
            done += discard;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(invalid)?;
                        let now = into.remaining().min(record.payload.len());
                        // Order: nothing goes past what is kept already.
                        let now = if self.plain.is_empty() { now } else { 0 };
                        let (now, later) = record.payload.split_at(now);
                        into.put_slice(now);
                        self.plain.extend_from_slice(later);
                        done += record.discard;
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.outgoing)?,
                // It is in `outgoing`, which leaves before anything else.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.peer_closed = true,
                Ok(_) => return Ok(done),
                Err(error) => {
                    let rest = bytes.get_mut(done..).unwrap_or_default();
                    self.encode_alert(rest);
                    return Err(invalid(error));
                }
            }
        }
    }

    /// What the peer is told when the session has failed; it comes first out of it.
    fn encode_alert(&mut self, rest: &mut [u8]) {
        let status = self.session.process_tls_records(rest);
        if let Ok(ConnectionState::EncodeTlsData(data)) = status.state {
            // The session is over either way.
            encode(data, &mut self.outgoing).ok();
        }
    }

    /// Reads once and decrypts; says how many bytes came.
    fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut raw = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.io).poll_read(context, &mut raw))?;
            let fresh = raw.filled_mut();
            let count = fresh.len();
            if self.incoming.is_empty() {
                let done = self.digest(fresh, into)?;
                let rest = fresh.get(done..).unwrap_or_default();
                self.incoming.extend_from_slice(rest);
            } else {
                let mut bytes = std::mem::take(&mut self.incoming);
                bytes.extend_from_slice(fresh);
                let done = self.digest(&mut bytes, into)?;
                if done < bytes.len() {
                    bytes.drain(..done);
                    self.incoming = bytes;
                }
            }
            if self.incoming.len() > INCOMPLETE_BYTES {
                return Poll::Ready(Err(too_long()));
            }
            Poll::Ready(Ok(count))
        })
    }

    /// Hands over what was decrypted before.
    fn take_plain(&mut self, into: &mut ReadBuf<'_>) {
        let rest = self.plain.get(self.taken..).unwrap_or_default();
        let now = rest.len().min(into.remaining());
        into.put_slice(rest.get(..now).unwrap_or_default());
        self.taken += now;
        if self.taken == self.plain.len() {
            (self.plain, self.taken) = (Vec::new(), 0);
        }
    }

    /// Ready when everything that was encrypted has left.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.left < self.outgoing.len() {
            let rest = self.outgoing.get(self.left..).unwrap_or_default();
            match ready!(Pin::new(&mut self.io).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.left += count,
            }
        }
        if !self.outgoing.is_empty() {
            (self.outgoing, self.left) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }

    /// Encrypts `piece` into `out`, or the alert that ends our side; says how many bytes that took.
    fn encrypt(&mut self, piece: Option<&[u8]>, out: &mut [u8]) -> io::Result<usize> {
        // Reading takes everything that is whole out of `incoming`, so that nothing but traffic is to be done now.
        let status = self.session.process_tls_records(&mut self.incoming);
        match status.state.map_err(invalid)? {
            ConnectionState::WriteTraffic(mut traffic) => match piece {
                Some(piece) => traffic.encrypt(piece, out),
                None => traffic.queue_close_notify(out),
            }
            .map_err(io::Error::other),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        loop {
            if !this.plain.is_empty() {
                this.take_plain(buffer);
            }
            if buffer.filled().len() > before || buffer.remaining() == 0 || this.peer_closed {
                return Poll::Ready(Ok(()));
            }
            let filled = this.poll_fill(context, buffer);
            // Reading may have made something to say, such as new keys. When it cannot be said, what came still counts: whoever
            // writes next will learn it.
            if !this.outgoing.is_empty()
                && let Poll::Ready(Err(_)) = this.poll_drain(context)
            {
                (this.outgoing, this.left) = (Vec::new(), 0);
            }
            if ready!(filled)? == 0 {
                // Without a word of farewell, anybody could have cut it off.
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(this.poll_drain(context))?;
        let piece = bytes.get(..WRITE_BYTES).unwrap_or(bytes);
        if piece.is_empty() {
            return Poll::Ready(Ok(0));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut length = this.encrypt(Some(piece), scratch)?;
            let mut rest = scratch.get(..length).unwrap_or_default();
            while length > 0 {
                match Pin::new(&mut this.io).poll_write(context, rest) {
                    Poll::Ready(Ok(0)) => {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                    Poll::Ready(Ok(count)) => {
                        rest = rest.get(count..).unwrap_or_default();
                        length = rest.len();
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        this.outgoing.extend_from_slice(rest);
                        break;
                    }
                }
            }
            Poll::Ready(Ok(piece.len()))
        })
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(context))?;
        Pin::new(&mut this.io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.closed {
            this.closed = true;
            let mut alert = [0; ALERT_BYTES];
            // A session that has failed has said so already.
            let length = this.encrypt(None, &mut alert).unwrap_or(0);
            let alert = alert.get(..length).unwrap_or_default();
            this.outgoing.extend_from_slice(alert);
        }
        ready!(this.poll_drain(context))?;
        Pin::new(&mut this.io).poll_shutdown(context)
    }
}

/// Waits for more bytes of a handshake.
async fn more(io: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> io::Result<()> {
    if bytes.len() > INCOMPLETE_BYTES {
        return Err(too_long());
    }
    bytes.reserve(HANDSHAKE_READ_BYTES);
    match io.read_buf(bytes).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Appends what rustls has to say.
fn encode<D>(mut data: EncodeTlsData<'_, D>, out: &mut Vec<u8>) -> io::Result<()> {
    let at = out.len();
    // It tells its size when there is no room.
    if let Err(EncodeError::InsufficientSize(size)) = data.encode(&mut []) {
        out.resize(at + size.required_size, 0);
        let room = out.get_mut(at..).unwrap_or_default();
        data.encode(room).map_err(io::Error::other)?;
    }
    Ok(())
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn too_long() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a message of the handshake is too long",
    )
}

#[cfg(test)]
mod tests;
