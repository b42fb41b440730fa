//! Bodies: whole or on their way, and the only reader of whole ones, always to a limit.
//!
//! A peer decides how much it sends; the caller decides how much is kept.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use sync_wrapper::SyncWrapper;

/// Why a body broke off.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of a request or an answer: here as a whole, or still on its way.
pub struct Payload(Inner);

enum Inner {
    /// All of it.
    Whole(Bytes),
    /// Pieces that come from elsewhere.
    Stream {
        /// Polled through `&mut` only, which is all that sharing it could break.
        body: SyncWrapper<UnsyncBoxBody<Bytes, BoxError>>,
        /// Bytes that are still to come, where that is known.
        left: Option<u64>,
        /// Counts what comes.
        meter: Meter,
    },
}

/// Counts the bytes of a body as they pass; clones count the same body.
#[derive(Debug, Clone, Default)]
pub struct Meter(Option<Arc<AtomicU64>>);

impl Meter {
    /// A meter that stands at `bytes`.
    fn at(bytes: usize) -> Self {
        Self(Some(Arc::new(AtomicU64::new(bytes as u64))))
    }

    /// How many bytes have passed.
    pub fn bytes(&self) -> u64 {
        let passed = self.0.as_ref();
        passed.map_or(0, |passed| passed.load(Ordering::Relaxed))
    }

    fn add(&self, bytes: usize) {
        if let Some(passed) = &self.0 {
            passed.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

impl Payload {
    /// A body whose pieces are still to come.
    pub fn stream<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let left = body.size_hint().exact();
        let boxed = body.map_err(Into::into).boxed_unsync();
        Self(Inner::Stream {
            body: SyncWrapper::new(boxed),
            left,
            meter: Meter::default(),
        })
    }

    /// A body that hyper reads; one that is known to be empty is here already.
    pub fn incoming(body: Incoming) -> Self {
        match body.is_end_stream() {
            true => Self::default(),
            false => Self::stream(body),
        }
    }

    /// The same body with a meter of what passes; all of a whole body has passed.
    pub fn metered(mut self) -> (Self, Meter) {
        let counting = match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => Meter::default(),
            Inner::Whole(bytes) => Meter::at(bytes.len()),
            Inner::Stream { meter, .. } => {
                *meter = Meter::at(0);
                meter.clone()
            }
        };
        (self, counting)
    }

    /// All of it, unless it is still on its way.
    pub fn whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Inner::Whole(bytes) => Some(bytes),
            Inner::Stream { .. } => None,
        }
    }

    /// All of it, or itself while it is still on its way.
    ///
    /// # Errors
    /// The body, when it is not whole.
    pub fn into_whole(self) -> Result<Bytes, Self> {
        match self.0 {
            Inner::Whole(bytes) => Ok(bytes),
            Inner::Stream { .. } => Err(self),
        }
    }
}

impl Default for Payload {
    /// Nothing.
    fn default() -> Self {
        Self(Inner::Whole(Bytes::new()))
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Whole(bytes))
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<&'static str> for Payload {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from_static(text.as_bytes()))
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Whole(bytes) => write!(f, "Payload({} bytes)", bytes.len()),
            Inner::Stream { .. } => f.write_str("Payload(stream)"),
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Whole(bytes) => {
                let all = std::mem::take(bytes);
                Poll::Ready(Some(Ok(Frame::data(all))))
            }
            Inner::Stream { body, left, meter } => {
                let frame = ready!(Pin::new(body.get_mut()).poll_frame(context));
                if let Some(Ok(frame)) = &frame {
                    let length = frame.data_ref().map_or(0, Bytes::len);
                    meter.add(length);
                    if let Some(left) = left {
                        *left = left.saturating_sub(length as u64);
                    }
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(bytes) => bytes.is_empty(),
            // Of others only polling tells.
            Inner::Stream { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream { left, .. } => left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More bytes came than the limit allows.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The connection broke, or the framing was wrong, before the body had ended.
    #[error("the body ended early: {0}")]
    Broken(String),
}

/// A whole body, and the trailer fields behind it (RFC 9110, section 6.5).
#[derive(Debug)]
pub struct Collected {
    /// The bytes.
    pub bytes: Bytes,
    /// Trailer fields; empty when none were sent.
    pub trailers: HeaderMap,
}

/// Reads a body to its end, or until more than `limit` bytes have come.
///
/// # Errors
/// [`BodyError::TooLarge`] as soon as the limit is passed, what was read is dropped; [`BodyError::Broken`] when the body
/// does not end properly.
pub async fn collect<B>(body: B, limit: usize) -> Result<Collected, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > limit as u64 {
        // It says so itself: nothing has to be read.
        return Err(BodyError::TooLarge { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned().unwrap_or_default();
            let bytes = collected.to_bytes();
            Ok(Collected { bytes, trailers })
        }
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge { limit }),
        Err(error) => Err(BodyError::Broken(causes(error.as_ref()))),
    }
}

/// Reads a body like [`collect`]; what comes beyond `limit` is read and thrown away, up to `drained` bytes in all.
///
/// For peers that write everything before they read the answer: they would otherwise meet a reset instead of it.
///
/// # Errors
/// As [`collect`].
pub async fn collect_or_drain<B>(
    mut body: B,
    limit: usize,
    drained: usize,
) -> Result<Collected, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match collect(&mut body, limit).await {
        Err(BodyError::TooLarge { limit }) => {
            let mut rest = Limited::new(body, drained.saturating_sub(limit));
            while let Some(Ok(_)) = rest.frame().await {}
            Err(BodyError::TooLarge { limit })
        }
        read => read,
    }
}

/// An error and what caused it, in one line: for the log.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    async fn check(sent: &'static [u8], limit: usize, expected: Option<usize>) {
        let read = collect(Full::new(Bytes::from_static(sent)), limit).await;
        let length = match &read {
            Ok(collected) => Some(collected.bytes.len()),
            Err(BodyError::TooLarge { limit: reported }) => {
                assert_eq!(*reported, limit);
                None
            }
            Err(BodyError::Broken(reason)) => panic!("{reason}"),
        };
        assert_eq!(length, expected);
    }

    #[tokio::test]
    async fn a_meter_tells_what_has_passed() {
        let stream = Payload::stream(Full::new(Bytes::from_static(b"abc")));
        let (mut stream, meter) = stream.metered();
        assert_eq!(meter.bytes(), 0);
        stream.frame().await.unwrap().unwrap();
        assert_eq!(meter.bytes(), 3);
        let check = |whole: &'static str, expected: u64| {
            let (_, meter) = Payload::from(whole).metered();
            assert_eq!(meter.bytes(), expected);
        };
        check("", 0);
        check("abcd", 4);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_no_further() {
        check(b"", 0, Some(0)).await;
        check(b"abc", 3, Some(3)).await;
        check(b"abc", 2, None).await;
    }
}
