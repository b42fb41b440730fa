//! What came of looking at one thing, and how it is written.

use serde::Serialize;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Check {
    OpenFiles,
    SystemFiles,
    Memory,
    CgroupMemory,
    CommittedMemory,
    TcpMemory,
    SocketBuffers,
    ListenQueue,
    SynQueue,
    PacketQueue,
    Conntrack,
    Ports,
}

impl Check {
    /// Its name for people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::OpenFiles => "open files",
            Self::SystemFiles => "files of the system",
            Self::Memory => "memory",
            Self::CgroupMemory => "cgroup memory",
            Self::CommittedMemory => "committed memory",
            Self::TcpMemory => "TCP memory",
            Self::SocketBuffers => "socket buffers",
            Self::ListenQueue => "listen queue",
            Self::SynQueue => "SYN queue",
            Self::PacketQueue => "packet queue",
            Self::Conntrack => "conntrack",
            Self::Ports => "outgoing ports",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    /// There is enough.
    Fine,
    /// There is not; `change` says what to do.
    Change,
    /// The machine does not say.
    Unknown,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Unit {
    Count,
    Bytes,
    Pages,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    pub(super) check: Check,
    pub(super) state: State,
    /// What there is, or what of it is free; nothing if it is not known.
    pub(super) has: Option<u64>,
    /// What the sockets need of it.
    pub(super) needs: u64,
    pub(super) unit: Unit,
    /// What the number means.
    pub(super) why: String,
    /// What to do, one way a line.
    pub(super) change: Vec<String>,
}

impl Finding {
    /// A finding that there is enough, or not.
    pub(super) fn new(
        check: Check,
        unit: Unit,
        has: Option<u64>,
        needs: u64,
        why: impl Into<String>,
    ) -> Self {
        let state = match has {
            None => State::Unknown,
            Some(has) if has < needs => State::Change,
            Some(_) => State::Fine,
        };
        Self {
            check,
            state,
            has,
            needs,
            unit,
            why: why.into(),
            change: Vec::new(),
        }
    }

    /// Adds what to do, if there is not enough.
    pub(super) fn or(mut self, change: impl FnOnce() -> Vec<String>) -> Self {
        if self.state == State::Change {
            self.change = change();
        }
        self
    }

    /// The numbers and what they mean.
    pub(super) fn text(&self) -> String {
        let shown = |number: u64| match self.unit {
            _ if number == u64::MAX => "no limit".to_owned(),
            Unit::Bytes => in_bytes(number),
            Unit::Count => grouped(number),
            Unit::Pages => format!("{} pages", grouped(number)),
        };
        let has = self.has.map_or("not known".to_owned(), shown);
        format!("{has}, needs {}: {}", shown(self.needs), self.why)
    }
}

/// With a blank between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// In the largest unit that leaves something in front of the point.
pub(super) fn in_bytes(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..0x10_0000 => (1 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    let tenths = u128::from(bytes) * 10 / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}
