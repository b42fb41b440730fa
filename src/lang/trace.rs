//! Trace headers: Amazon's `X-Amzn-Trace-Id` and W3C's `traceparent` with `tracestate`, as two spellings of one trace.
//!
//! What a client sends goes on: its `X-Amzn-Trace-Id` letter by letter, its trace id and `tracestate` with a new parent id,
//! that of the gateway's own step. Where it sent only one of the two, the other is made of the same trace id; where it sent
//! none, or what cannot be read, a trace begins here. Nothing is dropped for being sampled or not: a client that says so is
//! believed, and a trace that begins here asks to be recorded, because most tracing libraries record nothing of a trace
//! whose parent does not ask for it.
//!
//! Sources: AWS X-Ray Developer Guide, "Tracing header"; W3C Recommendation "Trace Context", level 1 (and of level 2 the flag
//! that says that the trace id is random).

use std::borrow::Cow;

use super::syntax::bytes_of_hex;

/// Random bytes that a trace is made of.
pub type Random = [u8; 20];

/// Members that a `tracestate` may have (Trace Context, section 3.3.1.1).
const STATE_MEMBERS: usize = 32;
/// Characters of a member's value (section 3.3.1.3.2).
const STATE_VALUE: usize = 256;
/// Characters of a member's key without a tenant, of the tenant, and of the system behind it (section 3.3.1.3.1).
const STATE_KEYS: [usize; 3] = [256, 241, 14];
const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Room for any header that is written here, in bytes.
const TEXT_BYTES: usize = 80;
/// The caller may have recorded the trace.
const SAMPLED: u8 = 0b01;
/// The trace id is random (level 2, section 3.2.2.5.2).
const RANDOM: u8 = 0b10;

/// The trace headers that a client sent; `None` for one that is not there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Carried<'a> {
    /// `X-Amzn-Trace-Id`.
    pub amzn: Option<&'a str>,
    /// `traceparent`; several of them are as good as none.
    pub traceparent: Option<&'a str>,
    /// `tracestate`; several of them joined with commas.
    pub tracestate: Option<&'a str>,
}

/// The trace that an event belongs to, as the gateway hands it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 16],
    /// The gateway's own step in it.
    step: [u8; 8],
    flags: u8,
    origin: Origin,
    tracestate: Option<Box<str>>,
}

/// Where a trace came from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// It begins here.
    Here,
    /// The client sent this as `X-Amzn-Trace-Id`.
    Amzn(Box<str>),
    /// The client sent a `traceparent` and no `X-Amzn-Trace-Id`.
    TraceParent,
}

impl Trace {
    /// A trace that begins here.
    ///
    /// Its id begins with the time, as X-Ray wants it.
    pub fn begin(epoch_seconds: i64, random: Random) -> Self {
        let mut id = [0; 16];
        let mut step = [0; 8];
        // Ids have 32 bits of time; in 2106 it begins anew.
        id[..4].copy_from_slice(&(epoch_seconds as u32).to_be_bytes());
        id[4..].copy_from_slice(&random[..12]);
        step.copy_from_slice(&random[12..]);
        // An id may not be zero.
        step[7] |= u8::from(step == [0; 8]);
        id[15] |= u8::from(id == [0; 16]);
        Self {
            id,
            step,
            flags: SAMPLED,
            origin: Origin::Here,
            tracestate: None,
        }
    }

    /// The trace that a client's headers speak of, or a new one.
    pub fn resume(carried: &Carried<'_>, epoch_seconds: i64, random: Random) -> Self {
        let mut trace = Self::begin(epoch_seconds, random);
        if let Some(parent) = carried.traceparent.and_then(Parent::parse) {
            trace.id = parent.id;
            trace.flags = parent.flags;
            trace.origin = Origin::TraceParent;
            // AWS says nothing of it; W3C: a state without a parent means nothing.
            let state = carried.tracestate.filter(|state| is_state(state));
            trace.tracestate = state.map(Into::into);
        } else if let Some(root) = carried.amzn.and_then(Root::parse) {
            trace.id = root.id;
            trace.flags = root.flags;
        }
        if let Some(amzn) = carried.amzn {
            trace.origin = Origin::Amzn(amzn.into());
        }
        trace
    }

    /// `X-Amzn-Trace-Id`.
    pub fn amzn(&self) -> Cow<'_, str> {
        match &self.origin {
            Origin::Amzn(sent) => Cow::Borrowed(sent),
            // AWS: a root and nothing else, where the client sent nothing.
            Origin::Here => Cow::Owned(self.amzn_root()),
            Origin::TraceParent => {
                let mut text = self.amzn_root();
                text.push_str(";Parent=");
                push_hex(&self.step, &mut text);
                text.push_str(";Sampled=");
                text.push(if self.flags & SAMPLED == 0 { '0' } else { '1' });
                Cow::Owned(text)
            }
        }
    }

    fn amzn_root(&self) -> String {
        let mut text = String::with_capacity(TEXT_BYTES);
        text.push_str("Root=");
        self.push_root(&mut text);
        text
    }

    /// `traceparent`.
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(TEXT_BYTES);
        text.push_str("00-");
        push_hex(&self.id, &mut text);
        text.push('-');
        push_hex(&self.step, &mut text);
        text.push('-');
        push_hex(&[self.flags], &mut text);
        text
    }

    /// `tracestate`, where the client sent one that can be read.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// The trace id as X-Ray writes it: `1-{8 hex digits}-{24 hex digits}`.
    pub fn root(&self) -> String {
        let mut text = String::with_capacity(TEXT_BYTES);
        self.push_root(&mut text);
        text
    }

    fn push_root(&self, text: &mut String) {
        let (time, rest) = self.id.split_at(4);
        text.push_str("1-");
        push_hex(time, text);
        text.push('-');
        push_hex(rest, text);
    }
}

/// What a `traceparent` says, but for the parent itself, which is not ours to know.
struct Parent {
    id: [u8; 16],
    flags: u8,
}

impl Parent {
    /// Reads a `traceparent` (section 3.2.2). Of a version that is not known yet, the beginning is read as version 00.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '-');
        let [version] = bytes_of_hex(parts.next()?)?;
        let id: [u8; 16] = bytes_of_hex(parts.next()?)?;
        let step: [u8; 8] = bytes_of_hex(parts.next()?)?;
        let rest = parts.next()?;
        let (flags, more) = match rest.split_once('-') {
            Some((flags, _)) => (flags, true),
            None => (rest, false),
        };
        let [flags] = bytes_of_hex(flags)?;
        let known = version == 0 && !more || (1..0xff).contains(&version);
        let whole = id != [0; 16] && step != [0; 8];
        (known && whole).then_some(Self {
            id,
            flags: flags & (SAMPLED | RANDOM),
        })
    }
}

/// What an `X-Amzn-Trace-Id` says of the trace.
struct Root {
    id: [u8; 16],
    flags: u8,
}

impl Root {
    /// Reads `Root=1-{8}-{24}` and `Sampled=` among the fields that semicolons part; load balancers put `Self=` in front.
    fn parse(text: &str) -> Option<Self> {
        let mut id = None;
        let mut flags = SAMPLED;
        for field in text.split(';') {
            match field.trim().split_once('=') {
                Some(("Root", root)) => id = id.or(Some(Self::id(root)?)),
                Some(("Sampled", "0")) => flags = 0,
                _ => {}
            }
        }
        let id = id.filter(|id| *id != [0; 16])?;
        Some(Self { id, flags })
    }

    fn id(root: &str) -> Option<[u8; 16]> {
        let (time, rest) = root.strip_prefix("1-")?.split_once('-')?;
        let time: [u8; 4] = bytes_of_hex(&time.to_ascii_lowercase())?;
        let rest: [u8; 12] = bytes_of_hex(&rest.to_ascii_lowercase())?;
        let mut id = [0; 16];
        id[..4].copy_from_slice(&time);
        id[4..].copy_from_slice(&rest);
        Some(id)
    }
}

/// Whether a `tracestate` can be read (section 3.3.1). One that cannot does not go on.
fn is_state(text: &str) -> bool {
    // Members may be empty.
    let members = text
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']));
    let members: Vec<_> = members.filter(|member| !member.is_empty()).collect();
    let readable = |member: &&str| {
        let Some((key, value)) = member.split_once('=') else {
            return false;
        };
        is_state_key(key) && is_state_value(value)
    };
    !members.is_empty() && members.len() <= STATE_MEMBERS && members.iter().all(readable)
}

fn is_state_key(key: &str) -> bool {
    let part = |text: &str, longest: usize, digit_first: bool| {
        let first = text.bytes().next();
        let begins = first.is_some_and(|byte| {
            byte.is_ascii_lowercase() || (digit_first && byte.is_ascii_digit())
        });
        let goes_on = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte)
        };
        begins && text.len() <= longest && text.bytes().all(goes_on)
    };
    let [simple, tenant, system] = STATE_KEYS;
    match key.split_once('@') {
        Some((of, by)) => part(of, tenant, true) && part(by, system, false),
        // Level 2 lets a simple key begin with a digit too; what goes on is not ours to judge.
        None => part(key, simple, true),
    }
}

fn is_state_value(value: &str) -> bool {
    let printable = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    !value.is_empty() && value.len() <= STATE_VALUE && value.bytes().all(printable)
}

/// Adds up to 16 bytes as lower-case hex digits. Every request does this a few times, so the formatter is left out of it.
fn push_hex(bytes: &[u8], text: &mut String) {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = HEX_DIGITS[usize::from(byte >> 4)];
        pair[1] = HEX_DIGITS[usize::from(byte & 0xf)];
    }
    let digits = digits.get(..2 * bytes.len()).unwrap_or(&digits);
    text.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

#[cfg(test)]
mod tests;
