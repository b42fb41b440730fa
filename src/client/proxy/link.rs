//! One connection to a backend, driven by whoever uses it.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::Method;
use hyper::body::Body as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::head::{self, Framing, Head, Malformed};
use super::request::{RequestHead, Room};
use crate::base::alarm::Alarm;
use crate::base::body::{BoxError, Payload};
use crate::base::clock::Tick;
use crate::client::http::CallError;

/// Longest head of an answer, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// Interim answers (1xx) to one request that are passed over.
const INTERIM_ANSWERS: usize = 5;
/// What is read at once at first, and at most, in bytes.
const READ_BYTES: [usize; 2] = [8 * 1024, 64 * 1024];
/// Pieces up to this size are copied to where the rest of a write is, and answers out of where they were read, in bytes.
const COPIED_BYTES: usize = 4 * 1024;

/// Bytes to and from a backend.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Wire for T {}

/// A connection on which nothing is under way, or one request.
pub(super) struct Link {
    wire: Box<dyn Wire>,
    local_ip: IpAddr,
    reused: bool,
    /// What was read and belongs to nobody yet.
    input: BytesMut,
    /// What is read at once, in bytes.
    appetite: usize,
    output: Output,
    /// The body of the request, as far as it has not been sent.
    upload: Option<Upload>,
    /// Whether the backend has stopped reading.
    deaf: bool,
    /// Rings when an answer is late.
    alarm: Alarm,
}

/// A body on its way to the backend.
struct Upload {
    body: Payload,
    /// Bytes that are still announced; `None` when it goes in chunks.
    left: Option<u64>,
}

/// Why a request was not sent to its end.
enum UploadError {
    /// Its body broke off, or is not as long as it should be.
    Body(BoxError),
    /// The backend does not take any more.
    Wire,
}

impl Link {
    pub(super) fn new(wire: Box<dyn Wire>, local_ip: IpAddr, alarm: Alarm) -> Box<Self> {
        Box::new(Self {
            wire,
            local_ip,
            reused: false,
            input: BytesMut::new(),
            appetite: READ_BYTES[0],
            output: Output::default(),
            upload: None,
            deaf: false,
            alarm,
        })
    }

    pub(super) fn local_ip(&self) -> IpAddr {
        self.local_ip
    }

    pub(super) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether the backend has left the connection open, and silent, since it was used last.
    pub(super) fn is_alive(&mut self, context: &mut Context<'_>) -> bool {
        self.poll_read(context).is_pending()
    }

    /// Room for the head of a request, to be written there.
    pub(super) fn room(&mut self) -> Room {
        Room::again(std::mem::take(&mut self.output.copied))
    }

    /// Takes a request up; [`Link::poll_head_until`] sends it.
    pub(super) fn send(&mut self, request: RequestHead, body: Payload) -> Reading {
        let length = body.size_hint().exact();
        let (asked, lines) = request.end(length);
        self.output.copied = lines;
        match body.whole() {
            Some(whole) => self.output.push(whole.clone()),
            None => self.upload = Some(Upload { body, left: length }),
        }
        Reading::new(asked)
    }

    /// As [`Link::poll_head`], until that moment.
    ///
    /// # Errors
    /// [`CallError::TimedOut`] beside those.
    pub(super) fn poll_head_until(
        &mut self,
        moment: Tick,
        context: &mut Context<'_>,
        reading: &mut Reading,
    ) -> Poll<Result<Head, CallError>> {
        let head = self.poll_head(context, reading);
        if head.is_pending() {
            ready!(self.alarm.poll(moment, context));
            return Poll::Ready(Err(CallError::TimedOut));
        }
        head
    }

    /// Sends what is left of the request and reads the head of the answer.
    ///
    /// # Errors
    /// [`CallError::Unanswered`] when the connection ends before any byte of an answer, [`CallError::Broken`] when it ends
    /// or makes no sense later, or when the body of the request cannot be sent.
    fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        reading: &mut Reading,
    ) -> Poll<Result<Head, CallError>> {
        match self.poll_upload(context) {
            Poll::Ready(Err(UploadError::Body(error))) => {
                let reason = format!("the request's body broke off: {error}");
                return Poll::Ready(Err(CallError::Broken(reason)));
            }
            // It may have answered before it stopped reading.
            Poll::Ready(Err(UploadError::Wire)) => self.deafen(),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        loop {
            match reading.head(&mut self.input) {
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
                Err(Malformed(reason)) => {
                    return Poll::Ready(Err(CallError::Broken(reason.to_owned())));
                }
            }
            let reason = match ready!(self.poll_read(context)) {
                Ok(0) => "the connection ended".to_owned(),
                Ok(_) => {
                    reading.heard = true;
                    continue;
                }
                Err(error) => error.to_string(),
            };
            return Poll::Ready(Err(match reading.heard {
                true => CallError::Broken(reason),
                false => CallError::Unanswered(reason),
            }));
        }
    }

    /// Sends on what is left of the request; an answer may come meanwhile.
    pub(super) fn send_on(&mut self, context: &mut Context<'_>) {
        if let Poll::Ready(Err(_)) = self.poll_upload(context) {
            self.deafen();
        }
    }

    fn poll_upload(&mut self, context: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        loop {
            ready!(self.output.poll_write(&mut self.wire, context))
                .map_err(|_| UploadError::Wire)?;
            let Some(upload) = &mut self.upload else {
                return Poll::Ready(Ok(()));
            };
            match ready!(Pin::new(&mut upload.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Trailers end here.
                    if let Ok(piece) = frame.into_data() {
                        upload.add(piece, &mut self.output)?;
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(UploadError::Body(error))),
                None => {
                    upload.end(&mut self.output)?;
                    self.upload = None;
                }
            }
        }
    }

    fn deafen(&mut self) {
        self.deaf = true;
        self.upload = None;
        self.output = Output::default();
    }

    /// What was read and belongs to nobody yet.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Reads more; 0 at the end of the connection.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() - self.input.len() < self.appetite / 4 {
            self.input.reserve(self.appetite);
        }
        let count = ready!(pin!(self.wire.read_buf(&mut self.input)).poll(context))?;
        if self.input.len() == self.input.capacity() {
            self.appetite = (self.appetite * 2).min(READ_BYTES[1]);
        }
        Poll::Ready(Ok(count))
    }

    /// Makes the connection ready for another request; `false` when it must not be used for one.
    pub(super) fn renew(&mut self) -> bool {
        if self.deaf || self.upload.is_some() || !self.output.is_empty() || !self.input.is_empty() {
            return false;
        }
        // What a large body has needed is not kept for small ones.
        if self.appetite > READ_BYTES[0] {
            self.appetite = READ_BYTES[0];
            self.input = BytesMut::new();
        }
        self.output.shrink();
        self.reused = true;
        true
    }
}

impl Upload {
    fn add(&mut self, piece: Bytes, output: &mut Output) -> Result<(), UploadError> {
        let Some(left) = &mut self.left else {
            output.push_chunk(piece);
            return Ok(());
        };
        let longer = || UploadError::Body("it is longer than announced".into());
        *left = left.checked_sub(piece.len() as u64).ok_or_else(longer)?;
        output.push(piece);
        Ok(())
    }

    fn end(&self, output: &mut Output) -> Result<(), UploadError> {
        match self.left {
            None => {
                output.copied.extend_from_slice(b"0\r\n\r\n");
                Ok(())
            }
            Some(0) => Ok(()),
            Some(_) => Err(UploadError::Body("it is shorter than announced".into())),
        }
    }
}

/// Bytes on their way to the backend.
#[derive(Default)]
struct Output {
    copied: Vec<u8>,
    /// How much of that has been written.
    written: usize,
    /// A piece behind it that is too large to be copied.
    piece: Bytes,
    /// What follows that.
    tail: &'static [u8],
    /// Whether TLS may still hold some of what was written.
    unflushed: bool,
}

impl Output {
    fn is_empty(&self) -> bool {
        self.written == self.copied.len() && self.piece.is_empty() && self.tail.is_empty()
    }

    /// Adds a piece of a body to an output without such a piece.
    fn push(&mut self, piece: Bytes) {
        match piece.len() {
            0..=COPIED_BYTES => self.copied.extend_from_slice(&piece),
            _ => self.piece = piece,
        }
    }

    fn push_chunk(&mut self, piece: Bytes) {
        if piece.is_empty() {
            // It would be the last one.
            return;
        }
        let size = format!("{:x}\r\n", piece.len());
        self.copied.extend_from_slice(size.as_bytes());
        self.push(piece);
        match self.piece.is_empty() {
            true => self.copied.extend_from_slice(b"\r\n"),
            false => self.tail = b"\r\n",
        }
    }

    /// Writes all of it.
    fn poll_write(
        &mut self,
        wire: &mut Box<dyn Wire>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_empty() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        while !self.is_empty() {
            let copied = self.copied.get(self.written..).unwrap_or_default();
            let count = if self.piece.is_empty() && self.tail.is_empty() {
                ready!(Pin::new(&mut *wire).poll_write(context, copied))?
            } else {
                let parts = [copied, &self.piece, self.tail].map(IoSlice::new);
                ready!(Pin::new(&mut *wire).poll_write_vectored(context, &parts))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.advance(count);
        }
        self.copied.clear();
        self.written = 0;
        // What is empty may still own all of a large body.
        self.piece = Bytes::new();
        ready!(Pin::new(&mut *wire).poll_flush(context))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut count: usize) {
        let here = count.min(self.copied.len() - self.written);
        self.written += here;
        count -= here;
        let here = count.min(self.piece.len());
        self.piece.advance(here);
        count -= here;
        self.tail = self.tail.get(count..).unwrap_or_default();
    }

    fn shrink(&mut self) {
        if self.copied.capacity() > 2 * COPIED_BYTES {
            self.copied = Vec::new();
        }
    }
}

/// How the reading of a head goes.
pub(super) struct Reading {
    /// Method of the request.
    asked: Method,
    /// Whether any byte has come.
    heard: bool,
    /// How far the end of the head has been searched for.
    searched: usize,
    interim: usize,
}

impl Reading {
    fn new(asked: Method) -> Self {
        Self {
            asked,
            heard: false,
            searched: 0,
            interim: 0,
        }
    }

    /// Takes the final head out of `input`; `None` when it is not there yet.
    fn head(&mut self, input: &mut BytesMut) -> Result<Option<Head>, Malformed> {
        loop {
            let Some(end) = head::end(input, self.searched) else {
                self.searched = input.len();
                return match input.len() {
                    0..HEAD_BYTES => Ok(None),
                    _ => Err(Malformed("the head is too large")),
                };
            };
            self.searched = 0;
            let head = self.take(end, input)?;
            if !head.status.is_informational() {
                return Ok(Some(head));
            }
            self.interim += 1;
            if head.status == http::StatusCode::SWITCHING_PROTOCOLS {
                return Err(Malformed("it switches to another protocol unasked"));
            }
            if self.interim > INTERIM_ANSWERS {
                return Err(Malformed("too many interim answers"));
            }
        }
    }

    /// Takes a head of that length out of `input`, and the body behind it if it is small and all that is there.
    fn take(&self, end: usize, input: &mut BytesMut) -> Result<Head, Malformed> {
        let all = match input.len() {
            length @ 0..=COPIED_BYTES => length,
            _ => end,
        };
        // A copy, so that the buffer can be used again while headers and body go on.
        let copy = Bytes::copy_from_slice(input.get(..all).unwrap_or_default());
        let mut head = head::read(&copy.slice(..end), &self.asked)?;
        let mut taken = end;
        if head.framing == Framing::Length((all - end) as u64) {
            head.body = Some(copy.slice(end..));
            taken = all;
        }
        input.advance(taken);
        Ok(head)
    }
}
