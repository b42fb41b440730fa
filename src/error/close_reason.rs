//! Why the gateway ends a connection: WebSocket close code and text.

use connection_store::CloseRequest;

/// Ends a connection. Codes are those of RFC 6455 section 7.4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// `DELETE @connections`.
    Deleted,
    /// Nothing was said for too long, the connection is too old, or the gateway goes away.
    GoingAway,
    /// The token with which the client came has expired, and its authorizer does not let it stay.
    TokenExpired,
    /// The client broke the protocol.
    Protocol(&'static str),
    /// A binary frame where only text is taken.
    BinaryRefused,
    /// Text that is not UTF-8.
    NotUtf8,
    /// Too many frames, or too slow.
    PolicyViolation(&'static str),
    /// A frame of more bytes than allowed; the text is Amazon's.
    FrameTooLarge {
        /// Largest frame in payload bytes.
        limit: usize,
    },
    /// A message of more bytes than allowed.
    MessageTooLarge {
        /// Largest message in payload bytes.
        limit: usize,
    },
}

impl CloseReason {
    /// Close request for `DELETE @connections`.
    pub const DELETE: CloseRequest = CloseRequest {
        code: 1000,
        reason: "Connection Closed Normally",
    };
    /// Close request for idle and old connections, and for a gateway that stops.
    pub const AWAY: CloseRequest = CloseRequest {
        code: 1001,
        reason: "Going away",
    };
    /// Close request for connections whose token has ended. The code is of the range for applications.
    pub const EXPIRED: CloseRequest = CloseRequest {
        code: 4401,
        reason: "Token expired",
    };

    /// The close code.
    pub fn code(&self) -> u16 {
        match self {
            Self::Deleted => Self::DELETE.code,
            Self::GoingAway => Self::AWAY.code,
            Self::TokenExpired => Self::EXPIRED.code,
            Self::Protocol(_) => 1002,
            Self::BinaryRefused => 1003,
            Self::NotUtf8 => 1007,
            Self::PolicyViolation(_) => 1008,
            Self::FrameTooLarge { .. } | Self::MessageTooLarge { .. } => 1009,
        }
    }

    /// The text of the close frame, also `disconnectReason`.
    pub fn text(&self) -> String {
        match self {
            Self::Deleted => Self::DELETE.reason.to_owned(),
            Self::GoingAway => Self::AWAY.reason.to_owned(),
            Self::TokenExpired => Self::EXPIRED.reason.to_owned(),
            Self::Protocol(text) | Self::PolicyViolation(text) => (*text).to_owned(),
            Self::BinaryRefused => "Binary frames are not accepted".to_owned(),
            Self::NotUtf8 => "Text is not valid UTF-8".to_owned(),
            Self::FrameTooLarge { limit } => {
                format!("Max frame length of {limit} has been exceeded.")
            }
            Self::MessageTooLarge { limit } => {
                format!("Max message length of {limit} has been exceeded.")
            }
        }
    }
}
