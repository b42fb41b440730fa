//! Options that every scenario has, and how their values are written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use http::{HeaderName, HeaderValue};
use serde::{Serialize, Serializer};
use url::{Position, Url};

/// The command line cannot be carried out; the text names the cause and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse(pub String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// What every scenario needs to know. Serialized into the result, without header values.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Common {
    /// Where clients connect: ws://host:port/path or wss://…; for `http` http://… or https://…
    #[serde(serialize_with = "without_secrets")]
    pub url: Url,

    /// PEM file of the certificates to trust for wss and https [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Header of every handshake, or of every request of `http`; repeatable
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    #[serde(skip)]
    pub headers: Vec<(HeaderName, HeaderValue)>,

    /// Local addresses to connect from, in turn, such as 127.0.0.1-127.0.0.40; each has some 28 000 ports
    #[arg(long, value_name = "IP[-IP],…", value_delimiter = ',')]
    pub sources: Vec<Sources>,

    /// Processes that drive the load together: each has its own limit of open files
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: u32,

    /// Which of the workers this one is
    #[arg(long, hide = true, value_name = "K/N")]
    #[serde(skip)]
    pub worker: Option<Share>,

    /// Connections opened per second [default: as fast as they are accepted]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub connect_rate: Option<f64>,

    /// Connections being opened at the same time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub connect_concurrency: u32,

    /// Longest wait for a connection and its handshakes
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub connect_timeout: Duration,

    /// Longest wait for a reply, a receipt, an HTTP answer, or for room to send
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub reply_timeout: Duration,

    /// Process of the gateway whose CPU time and memory are measured, repeatable
    #[arg(long = "server-pid", value_name = "PID")]
    pub server_pids: Vec<u32>,

    /// Threads of this program [default: the CPUs it may use, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: Option<u32>,

    /// Which of the source addresses comes first.
    #[arg(skip)]
    #[serde(skip)]
    pub first_source: usize,

    /// Where the JSON result goes [default: standard output]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub json: Option<PathBuf>,

    /// Where a page with charts goes, readable without a network
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub html: Option<PathBuf>,

    /// No live view and no summary on standard error
    #[arg(long)]
    #[serde(skip)]
    pub quiet: bool,

    /// The goals that decide whether the run passes.
    #[command(flatten)]
    pub thresholds: Thresholds,
}

impl Common {
    /// Leaves only `share`. Source addresses are kept by all, each beginning at another one.
    pub fn divide(&mut self, share: Share) {
        self.connect_rate = self.connect_rate.map(|rate| share.rate(rate));
        self.first_source = share.number as usize;
    }

    /// The local addresses to connect from, in the order of their use.
    pub fn source_addresses(&self) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = self
            .sources
            .iter()
            .flat_map(|one| one.addresses())
            .collect();
        let first = self.first_source.checked_rem(all.len());
        all.rotate_left(first.unwrap_or_default());
        all
    }

    /// The URL as it may be shown.
    pub fn shown_url(&self) -> String {
        shown(&self.url)
    }
}

/// A local address, or all from one to another; at most 65 536.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    first: IpAddr,
    last: IpAddr,
}

impl Sources {
    /// Every address.
    pub fn addresses(&self) -> Vec<IpAddr> {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let bits = first.to_bits()..=last.to_bits();
                bits.map(|bits| Ipv4Addr::from_bits(bits).into()).collect()
            }
            (first, _) => vec![first],
        }
    }
}

impl FromStr for Sources {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MOST: u32 = 65_536;
        let address = |text: &str| text.parse::<IpAddr>().map_err(|error| error.to_string());
        let Some((first, last)) = text.split_once('-') else {
            let only = address(text)?;
            return Ok(Self {
                first: only,
                last: only,
            });
        };
        let (first, last) = (address(first)?, address(last)?);
        match (first, last) {
            (IpAddr::V4(a), IpAddr::V4(b)) if a <= b && b.to_bits() - a.to_bits() < MOST => {
                Ok(Self { first, last })
            }
            _ => Err(
                "not two IPv4 addresses, the lower one first, with at most 65 536 in all"
                    .to_owned(),
            ),
        }
    }
}

impl Serialize for Sources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.first == self.last {
            serializer.collect_str(&self.first)
        } else {
            serializer.collect_str(&format_args!("{}-{}", self.first, self.last))
        }
    }
}

/// One of several equal shares of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Which one, counted from zero.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (number < of).then_some(Self { number, of })
        });
        share.ok_or_else(|| "not of the form K/N".to_owned())
    }
}

impl Share {
    /// Its part of `count` things: the first shares get what cannot be divided evenly.
    pub fn count(self, count: u64) -> u64 {
        let of = u64::from(self.of.max(1));
        let extra = u64::from(u64::from(self.number) < count % of);
        count / of + extra
    }

    /// As [`Share::count`] for connections, of which each share must have one.
    ///
    /// # Errors
    ///
    /// There are fewer than shares.
    pub fn connections(self, count: u32) -> Result<u32, Misuse> {
        if count < self.of {
            let text = format!("{count} cannot be divided among {} workers", self.of);
            return Err(Misuse(text));
        }
        Ok(u32::try_from(self.count(count.into())).unwrap_or(count))
    }

    /// Its part of a rate.
    pub fn rate(self, rate: f64) -> f64 {
        rate / f64::from(self.of.max(1))
    }
}

/// What a run must reach to pass; losses fail it anyway.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct Thresholds {
    /// Failures that are tolerated
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_errors: u64,

    /// Fail if the median of the main latency is longer
    #[arg(long, value_name = "TIME", value_parser = duration)]
    #[serde(serialize_with = "optional_seconds")]
    pub max_p50: Option<Duration>,

    /// Fail if the 99th percentile of the main latency is longer
    #[arg(long, value_name = "TIME", value_parser = duration)]
    #[serde(serialize_with = "optional_seconds")]
    pub max_p99: Option<Duration>,

    /// Fail if fewer operations per second were done
    #[arg(long, value_name = "N", value_parser = positive)]
    pub min_rate: Option<f64>,

    /// Fail if the gateway used more CPU time per operation, in microseconds; needs --server-pid
    #[arg(long, value_name = "MICROSECONDS", value_parser = positive, requires = "server_pids")]
    pub max_cpu_us: Option<f64>,
}

/// How long a scenario sends.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Extent {
    /// Send for this long [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "messages")]
    #[serde(serialize_with = "optional_seconds")]
    pub duration: Option<Duration>,

    /// Send this many messages or requests, all connections together
    #[arg(long, visible_alias = "requests", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub messages: Option<u64>,
}

impl Extent {
    /// Leaves only `share`.
    pub fn divide(&mut self, share: Share) {
        self.messages = self.messages.map(|messages| share.count(messages));
    }

    /// How long, or `None` when the number of messages decides.
    pub fn time(&self) -> Option<Duration> {
        match self.messages {
            Some(_) => None,
            None => Some(self.duration.unwrap_or(Duration::from_secs(10))),
        }
    }
}

/// How fast a scenario sends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rate {
    /// The next one as soon as the one before is done.
    Max,
    /// So many per second, all connections together, whether or not the earlier ones are done.
    #[serde(untagged)]
    PerSecond(f64),
}

impl Rate {
    /// Events per second, or `None` for as fast as possible.
    pub fn per_second(self) -> Option<f64> {
        match self {
            Rate::Max => None,
            Rate::PerSecond(rate) => Some(rate),
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Rate::Max);
        }
        positive(text)
            .map(Rate::PerSecond)
            .map_err(|_| "not a number above zero, nor max".to_owned())
    }
}

/// A duration such as `250us`, `10s` or `5m`, above zero and at most a day.
///
/// # Errors
///
/// The text is no such duration.
pub fn duration(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(86_400);
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match duration {
        Duration::ZERO => Err("must be above zero".to_owned()),
        duration if duration > DAY => Err("must be at most a day".to_owned()),
        duration => Ok(duration),
    }
}

/// A finite number above zero, at most a thousand million.
///
/// # Errors
///
/// The text is no such number.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 1e9 => Ok(number),
        _ => Err("not a number above zero".to_owned()),
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("not of the form NAME: VALUE")?;
    let name = HeaderName::from_str(name.trim()).map_err(|error| error.to_string())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|error| error.to_string())?;
    Ok((name, value))
}

/// Writes a duration as seconds.
///
/// # Errors
///
/// The serializer's.
pub fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// A URL as it may be shown: without user, password and query, which may hold a token.
fn shown(url: &Url) -> String {
    let end = url.query().map_or("", |_| "?…");
    let middle = &url[Position::BeforeHost..Position::AfterPath];
    format!("{}://{middle}{end}", url.scheme())
}

/// Writes a URL as it may be shown.
///
/// # Errors
///
/// The serializer's.
pub fn without_secrets<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(url))
}

/// Writes a duration, if there is one, as seconds.
///
/// # Errors
///
/// The serializer's.
pub fn optional_seconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(|d| d.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_or_max() {
        let check = |text: &str, rate: Option<Rate>| assert_eq!(text.parse().ok(), rate, "{text}");
        check("max", Some(Rate::Max));
        check("1000", Some(Rate::PerSecond(1000.0)));
        check("0.5", Some(Rate::PerSecond(0.5)));
        for text in ["0", "-1", "NaN", "inf", "1e10", "", "fast"] {
            check(text, None);
        }
        let json = |rate: Rate| serde_json::to_string(&rate).unwrap();
        assert_eq!(
            (json(Rate::Max), json(Rate::PerSecond(2.0))),
            (r#""max""#.into(), "2.0".into())
        );
    }

    #[test]
    fn durations_have_a_unit() {
        let check = |text: &str, micros: Option<u64>| {
            let expected = micros.map(Duration::from_micros);
            assert_eq!(duration(text).ok(), expected, "{text}");
        };
        check("250us", Some(250));
        check("10s", Some(10_000_000));
        check("1day", Some(86_400_000_000));
        for text in ["0s", "2days", "10", "soon", ""] {
            check(text, None);
        }
    }

    #[test]
    fn sources_are_addresses_or_ranges() {
        let check = |text: &str, count: usize| {
            let sources: Sources = text.parse().unwrap();
            assert_eq!(sources.addresses().len(), count, "{text}");
            assert_eq!(serde_json::to_value(sources).unwrap(), text);
        };
        check("127.0.0.1", 1);
        check("::1", 1);
        check("127.0.0.250-127.0.1.5", 12);
        for text in [
            "here",
            "127.0.0.2-127.0.0.1",
            "::1-::2",
            "1.0.0.0-2.0.0.0",
            "127.0.0.1-",
        ] {
            assert!(text.parse::<Sources>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_make_the_whole() {
        let check = |count: u64, of: u32, shares: &[u64]| {
            let all: Vec<u64> = (0..of)
                .map(|number| Share { number, of }.count(count))
                .collect();
            assert_eq!(all, shares, "{count} among {of}");
        };
        check(10, 1, &[10]);
        check(10, 3, &[4, 3, 3]);
        check(2, 3, &[1, 1, 0]);
        let share = Share { number: 1, of: 4 };
        assert_eq!(share.rate(10.0), 2.5);
        assert_eq!(share.connections(6).ok(), Some(2));
        assert!(share.connections(3).is_err());
        assert_eq!("1/4".parse(), Ok(share));
        for text in ["", "1", "4/4", "a/b", "-1/4"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn shown_urls_hold_no_secret() {
        let check = |url: &str, expected: &str| {
            assert_eq!(shown(&Url::parse(url).unwrap()), expected);
        };
        check("ws://h:1/dev", "ws://h:1/dev");
        check("wss://user:secret@h/dev?token=secret#x", "wss://h/dev?…");
        check("ws://[::1]:80/", "ws://[::1]/");
    }

    #[test]
    fn headers_have_a_name_and_a_value() {
        let check = |text: &str, valid: bool| assert_eq!(header(text).is_ok(), valid, "{text}");
        check("Authorization: Bearer x", true);
        check("x-empty:", true);
        check("no colon", false);
        check("bad name: x", false);
        check("x: line\nbreak", false);
    }
}
