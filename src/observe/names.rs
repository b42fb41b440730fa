//! The one table of metric names.
//!
//! Amazon's metrics (namespace `AWS/ApiGateway`) under names that Prometheus accepts: `tidegate_`, Amazon's name in lower
//! case, the unit, and `_total` where a number only grows. Milliseconds are seconds here, as Prometheus wants its units.
//!
//! | Amazon | here | APIs |
//! |---|---|---|
//! | `Count` | `tidegate_count_total` | HTTP |
//! | `4xx` | `tidegate_4xx_total` | HTTP |
//! | `5xx` | `tidegate_5xx_total` | HTTP |
//! | `Latency` | `tidegate_latency_seconds` | HTTP |
//! | `IntegrationLatency` | `tidegate_integration_latency_seconds` | HTTP, WebSocket |
//! | `DataProcessed` | `tidegate_data_processed_bytes_total` | HTTP |
//! | `ConnectCount` | `tidegate_connect_count_total` | WebSocket |
//! | `MessageCount` | `tidegate_message_count_total` | WebSocket |
//! | `IntegrationError` | `tidegate_integration_error_total` | WebSocket |
//! | `ClientError` | `tidegate_client_error_total` | WebSocket |
//! | `ExecutionError` | `tidegate_execution_error_total` | WebSocket |
//!
//! Ours, on both: `tidegate_throttled_total`, `tidegate_authorizer_cache_hits_total`, `tidegate_authorizer_latency_seconds`;
//! and, of no API, `tidegate_stray_requests_total`.
//!
//! Amazon's dimensions are labels: `ApiId` is `api_id`, `Stage` is `stage`, `Route` is `route`. An event is counted in one
//! series only, so Amazon's coarser dimensions are sums: `sum by (api_id) (…)`, `sum by (api_id, stage) (…)`. Where
//! `detailedMetricsEnabled` is on, the series carries the route's key; everything else of the stage is in the series without
//! `route`. Labels come from the definition alone, never from what a client sends.
//!
//! Source: developer guide, "Monitor HTTP APIs with CloudWatch metrics" and "Monitor WebSocket API execution with CloudWatch
//! metrics".

use std::time::Duration;

/// Label of Amazon's dimension `ApiId`.
pub const API_ID: &str = "api_id";
/// Label of Amazon's dimension `Stage`.
pub const STAGE: &str = "stage";
/// Label of Amazon's dimension `Route`.
pub const ROUTE: &str = "route";

/// A metric as it is exposed.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    /// The name in the exposition.
    pub name: &'static str,
    /// What it counts, in one line.
    pub help: &'static str,
    /// Which APIs have it.
    pub apis: Apis,
}

/// APIs of which protocol have a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apis {
    /// HTTP APIs.
    Http,
    /// WebSocket APIs.
    WebSocket,
    /// Both.
    Both,
}

macro_rules! vocabulary {
    ($(#[$what:meta])* $table:ident; $($(#[$doc:meta])* $variant:ident, $name:literal, $apis:ident, $help:literal;)*) => {
        $(#[$what])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $table {
            $($(#[$doc])* $variant,)*
        }

        impl $table {
            /// All of them, in the order of the exposition.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// How it is exposed.
            pub fn name(self) -> Name {
                match self {
                    $(Self::$variant => Name { name: $name, help: $help, apis: Apis::$apis },)*
                }
            }
        }
    };
}

vocabulary! {
    /// Numbers that only grow.
    Counter;
    /// `Count`.
    Count, "tidegate_count_total", Http, "Requests (Count).";
    /// `4xx`.
    Status4xx, "tidegate_4xx_total", Http, "Answers with a status of the class 4xx, whoever made them (4xx).";
    /// `5xx`.
    Status5xx, "tidegate_5xx_total", Http, "Answers with a status of the class 5xx, whoever made them (5xx).";
    /// `DataProcessed`.
    DataProcessed, "tidegate_data_processed_bytes_total", Http, "Bytes of the bodies of requests and answers (DataProcessed).";
    /// `ConnectCount`.
    ConnectCount, "tidegate_connect_count_total", WebSocket, "Handshakes that were sent to the integration of $connect (ConnectCount).";
    /// `MessageCount`.
    MessageCount, "tidegate_message_count_total", WebSocket, "Messages from clients, and messages queued for clients (MessageCount).";
    /// `IntegrationError`.
    IntegrationError, "tidegate_integration_error_total", WebSocket, "Answers of integrations with a status of 4xx or 5xx (IntegrationError).";
    /// `ClientError`.
    ClientError, "tidegate_client_error_total", WebSocket, "Events that the gateway itself refused with a status of 4xx (ClientError).";
    /// `ExecutionError`.
    ExecutionError, "tidegate_execution_error_total", WebSocket, "Events that failed in the gateway or while it called an integration (ExecutionError).";
    /// Verdicts of Lambda authorizers for which no function was called. Ours.
    AuthorizerCacheHits, "tidegate_authorizer_cache_hits_total", Both, "Verdicts of Lambda authorizers that were there already, or that another request was asking for.";
    /// What a throttle or a quota refused. Amazon counts it among `4xx` and `ClientError`; so do we, and here besides.
    Throttled, "tidegate_throttled_total", Both, "Requests, messages, handshakes and pushes that a throttle or a quota refused with 429.";
}

vocabulary! {
    /// Durations, each exposed as a histogram in seconds with the bounds of [`BUCKETS`].
    Timer;
    /// `Latency`.
    Latency, "tidegate_latency_seconds", Http, "Time from the arrival of a request to the end of its answer (Latency).";
    /// `IntegrationLatency`. Of an answer that streams it ends with the head.
    IntegrationLatency, "tidegate_integration_latency_seconds", Both, "Time from calling an integration to its answer (IntegrationLatency).";
    /// Calls of Lambda authorizers. Ours.
    AuthorizerLatency, "tidegate_authorizer_latency_seconds", Both, "Time from calling a Lambda authorizer to its answer.";
}

/// Upper bounds of the buckets of every [`Timer`], as they are exposed, in seconds.
pub const BUCKETS: [(&str, Duration); 15] = [
    ("0.0005", Duration::from_micros(500)),
    ("0.001", Duration::from_millis(1)),
    ("0.0025", Duration::from_micros(2500)),
    ("0.005", Duration::from_millis(5)),
    ("0.01", Duration::from_millis(10)),
    ("0.025", Duration::from_millis(25)),
    ("0.05", Duration::from_millis(50)),
    ("0.1", Duration::from_millis(100)),
    ("0.25", Duration::from_millis(250)),
    ("0.5", Duration::from_millis(500)),
    ("1", Duration::from_secs(1)),
    ("2.5", Duration::from_millis(2500)),
    ("5", Duration::from_secs(5)),
    ("10", Duration::from_secs(10)),
    ("30", Duration::from_secs(30)),
];

/// Requests that no exchange tells of. Ours; Amazon counts them nowhere.
pub const STRAY_REQUESTS: (&str, &str) = (
    "tidegate_stray_requests_total",
    "Requests that were answered before they met a stage, by the reason.",
);
/// Label of [`STRAY_REQUESTS`].
pub const REASON: &str = "reason";

/// Why a request met no stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// Its head is too large, or can be read in more than one way (400, 431).
    Head,
    /// It names no host, several, or on the administration listener a stranger's (400, 421).
    Host,
    /// Its URL is too long for a WebSocket API (414).
    Url,
    /// There is nothing at its host and path (403).
    Api,
    /// The HTTP API at its host has no such stage (404).
    Stage,
    /// It shows no certificate that its domain name trusts (403).
    Certificate,
    /// It came to a WebSocket API and is no handshake (400, 426).
    Handshake,
    /// The gateway is stopping, or has too many handshakes to do (503).
    Busy,
}

impl Stray {
    /// Every reason, in the order of the exposition.
    pub const ALL: &'static [Self] = &[
        Self::Head,
        Self::Host,
        Self::Url,
        Self::Api,
        Self::Stage,
        Self::Certificate,
        Self::Handshake,
        Self::Busy,
    ];

    /// The value of [`REASON`].
    pub fn label(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Host => "host",
            Self::Url => "url",
            Self::Api => "api",
            Self::Stage => "stage",
            Self::Certificate => "certificate",
            Self::Handshake => "handshake",
            Self::Busy => "busy",
        }
    }
}

/// Open WebSocket connections of a stage.
pub const OPEN_CONNECTIONS: (&str, &str) = (
    "tidegate_open_connections",
    "WebSocket connections that are open now.",
);
/// What is running.
pub const BUILD_INFO: (&str, &str) = ("tidegate_build_info", "Always 1; the version is a label.");
/// Access-log lines that wait for their destination.
pub const ACCESS_LOG_LINES_WAITING: (&str, &str) = (
    "tidegate_access_log_lines_waiting",
    "Access log lines that wait to be written.",
);
/// Access-log lines that did not reach their destination.
pub const ACCESS_LOG_LINES_LOST: (&str, &str) = (
    "tidegate_access_log_lines_lost_total",
    "Access log lines that could not be written.",
);
/// When the gateway was started; this and the names below are those that every Prometheus client library gives a process.
pub const START_TIME: (&str, &str) = (
    "process_start_time_seconds",
    "Start of the gateway, in seconds since 1970.",
);
/// Processor time.
pub const CPU_TIME: (&str, &str) = (
    "process_cpu_seconds_total",
    "Processor time spent, in seconds.",
);
/// Resident memory.
pub const RESIDENT_MEMORY: (&str, &str) = (
    "process_resident_memory_bytes",
    "Resident memory, in bytes.",
);
/// Open files and sockets.
pub const OPEN_FILES: (&str, &str) = ("process_open_fds", "Open files and sockets.");
/// The limit of open files and sockets.
pub const FILES_MAX: (&str, &str) = ("process_max_fds", "How many files and sockets may be open.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_prometheus_wants() {
        let check = |name: &str, total: bool| {
            let letters =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            assert!(name.bytes().all(letters), "{name}");
            assert!(name.starts_with("tidegate_"), "{name}");
            assert_eq!(name.ends_with("_total"), total, "{name}");
        };
        for counter in Counter::ALL {
            check(counter.name().name, true);
        }
        for timer in Timer::ALL {
            check(timer.name().name, false);
            assert!(timer.name().name.ends_with("_seconds"));
        }
    }

    #[test]
    fn buckets_are_in_order_and_say_what_they_are() {
        assert!(BUCKETS.windows(2).all(|pair| pair[0].1 < pair[1].1));
        for (text, bound) in BUCKETS {
            assert_eq!(text.parse::<f64>().unwrap(), bound.as_secs_f64(), "{text}");
        }
    }
}
