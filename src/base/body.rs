//! The only reader of whole bodies, always to a limit.
//!
//! A peer decides how much it sends; the caller decides how much is kept.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;

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
    async fn a_body_is_read_up_to_its_limit_and_no_further() {
        check(b"", 0, Some(0)).await;
        check(b"abc", 3, Some(3)).await;
        check(b"abc", 2, None).await;
    }
}
