//! What so many sockets need, held against what a machine has. Pure: facts in, findings out.

use serde::Serialize;
use tidegate::gateway::{files_for, sockets_within};
use tidegate::transport::acceptor::BACKLOG;

use super::facts::Facts;
use super::finding::{Check, Finding, Unit, grouped, in_bytes};

/// User-space memory of an idle connection after a message (loadtest/RESULTS.md).
const USER_BYTES: u64 = 2_000;
/// What TLS 1.3 adds to it (loadtest/RESULTS.md).
const TLS_BYTES: u64 = 4_100;
/// Kernel memory of an idle socket: half of a pair's 9 to 10 KB (loadtest/RESULTS.md).
const KERNEL_BYTES: u64 = 5_000;
/// The program without connections, with room for its caches.
const PROGRAM_BYTES: u64 = 64 << 20;
/// One in so many sockets has a message at the same backend at a time.
const BACKEND_SHARE: u64 = 10;
/// Ports that outgoing connections can have: all above the privileged ones.
const PORTS: [u64; 2] = [1024, 65_535];
/// A send buffer below this makes long messages slow.
const LEAST_BUFFER: u64 = 64 << 10;
/// Handshakes of TCP that should fit, where SYN cookies do not take over.
const SYNS: u64 = 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Wish {
    /// Client sockets at the same time.
    pub(super) sockets: u64,
    /// Whether they are encrypted.
    pub(super) tls: bool,
}

impl Wish {
    fn user_bytes(self) -> u64 {
        let tls = if self.tls { TLS_BYTES } else { 0 };
        (USER_BYTES + tls) * self.sockets + PROGRAM_BYTES
    }

    fn bytes(self) -> u64 {
        self.user_bytes() + KERNEL_BYTES * self.sockets
    }
}

/// Everything that so many sockets need, in the order in which a machine usually runs out.
pub(super) fn judge(facts: &Facts, wish: Wish) -> Vec<Finding> {
    let mut findings = vec![open_files(facts, wish), system_files(facts, wish)];
    findings.push(memory(facts, wish));
    findings.extend(cgroup(facts, wish));
    findings.extend(committed(facts, wish));
    findings.extend([tcp_memory(facts, wish), buffers(facts, wish)]);
    findings.extend([listen_queue(facts, wish), syn_queue(facts, wish)]);
    findings.push(packet_queue(facts, wish));
    findings.extend(conntrack(facts, wish));
    findings.push(ports(facts, wish));
    findings
}

fn sysctl(name: &str, value: impl std::fmt::Display) -> String {
    format!("sysctl -w {name}={value}")
}

fn open_files(facts: &Facts, wish: Wish) -> Finding {
    let (hard, needs) = (facts.hard_files, files_for(wish.sockets));
    let why = format!(
        "`ulimit -Hn` ({} without asking, but the gateway asks); a socket is a file, and a part is kept back for backends",
        grouped(facts.soft_files)
    );
    Finding::new(Check::OpenFiles, Unit::Count, Some(hard), needs, why).or(|| {
        let mut change = Vec::new();
        if facts.nr_open.is_some_and(|most| most < needs) {
            change.push(sysctl("fs.nr_open", needs) + " first, as no limit can be above it");
        }
        change.push(format!(
            "systemd: LimitNOFILE={needs} in the unit's [Service]"
        ));
        change.push(format!("docker: --ulimit nofile={needs}:{needs}"));
        change.push(format!(
            "login shells: `* - nofile {needs}` in /etc/security/limits.conf"
        ));
        let each = sockets_within(hard);
        if let Some(processes) = wish.sockets.checked_next_multiple_of(each.max(1)) {
            let processes = processes / each.max(1);
            if each > 0 {
                let (processes, each) = (grouped(processes), grouped(each));
                change.push(format!(
                    "or {processes} gateway processes behind a balancer, {each} sockets each"
                ));
            }
        }
        change
    })
}

fn system_files(facts: &Facts, wish: Wish) -> Finding {
    let needs = files_for(wish.sockets);
    let free = facts.system_files.map(|stock| stock.free());
    let why = "left of fs.file-max, which all processes share";
    Finding::new(Check::SystemFiles, Unit::Count, free, needs, why).or(|| {
        let used = facts.system_files.map_or(0, |stock| stock.used);
        vec![sysctl("fs.file-max", used + needs)]
    })
}

fn memory(facts: &Facts, wish: Wish) -> Finding {
    let why = "available; idle sockets hold so much in the program and in the kernel";
    Finding::new(Check::Memory, Unit::Bytes, facts.memory, wish.bytes(), why).or(|| {
        let room = facts.memory.unwrap_or(0).saturating_sub(PROGRAM_BYTES);
        let each = wish.bytes().saturating_sub(PROGRAM_BYTES) / wish.sockets.max(1);
        let fitting = grouped(room / each.max(1));
        vec![format!(
            "a machine with more memory, or `server.limits.connections` of at most {fitting}"
        )]
    })
}

fn cgroup(facts: &Facts, wish: Wish) -> Option<Finding> {
    let stock = facts.cgroup?;
    let why = "left of the memory limit around this process, which counts the kernel's part, too";
    let finding = Finding::new(
        Check::CgroupMemory,
        Unit::Bytes,
        Some(stock.free()),
        wish.bytes(),
        why,
    );
    Some(finding.or(|| {
        let mebibytes = (stock.used + wish.bytes()).div_ceil(1 << 20);
        vec![
            format!("systemd: MemoryMax={mebibytes}M in the unit's [Service]"),
            format!("docker: --memory {mebibytes}m"),
            format!("Kubernetes: resources.limits.memory: {mebibytes}Mi"),
        ]
    }))
}

fn committed(facts: &Facts, wish: Wish) -> Option<Finding> {
    let stock = facts.commit?;
    let why = "left to promise, as vm.overcommit_memory is 2";
    let finding = Finding::new(
        Check::CommittedMemory,
        Unit::Bytes,
        Some(stock.free()),
        wish.user_bytes(),
        why,
    );
    Some(finding.or(|| {
        let bytes = stock.used + wish.user_bytes();
        vec![
            sysctl("vm.overcommit_kbytes", bytes.div_ceil(1024)),
            sysctl("vm.overcommit_memory", 0) + ", which promises more than there is",
        ]
    }))
}

fn tcp_memory(facts: &Facts, wish: Wish) -> Finding {
    let needs = facts.tcp_pages + wish.sockets;
    let pressure = facts.tcp_mem.map(|[_, pressure, _]| pressure);
    let why = "second number of net.ipv4.tcp_mem, above which the kernel saves; a message to every socket at once takes a page each";
    Finding::new(Check::TcpMemory, Unit::Pages, pressure, needs, why).or(|| {
        let most = facts.tcp_mem.map_or(0, |[_, _, most]| most);
        let numbers = format!("'{} {needs} {}'", needs / 4 * 3, (needs / 2 * 3).max(most));
        vec![sysctl("net.ipv4.tcp_mem", numbers)]
    })
}

/// Clients that stop reading are what fills buffers: theirs in the kernel, up to the largest send buffer.
fn buffers(facts: &Facts, wish: Wish) -> Finding {
    let all = facts
        .tcp_mem
        .map_or(u64::MAX, |[_, _, most]| most.saturating_mul(facts.page));
    let largest = facts.send_buffer.map_or(0, |[_, _, largest]| largest);
    let needs = largest.saturating_mul(wish.sockets).min(all);
    let spare = facts.memory.map(|bytes| bytes.saturating_sub(wish.bytes()));
    let has = spare.filter(|_| facts.send_buffer.is_some());
    let received = facts.receive_buffer.map_or(0, |[_, first, _]| first);
    let why = format!(
        "memory beside the sockets; clients that stop reading hold up to {} each in the kernel (net.ipv4.tcp_wmem), all together no more than net.ipv4.tcp_mem allows; a client's first {} wait in net.ipv4.tcp_rmem",
        in_bytes(largest),
        in_bytes(received),
    );
    Finding::new(Check::SocketBuffers, Unit::Bytes, has, needs, why).or(|| {
        let spare = spare.unwrap_or(0);
        let (each, pages) = (
            spare / wish.sockets.max(1) / 4096 * 4096,
            spare / facts.page.max(1),
        );
        let mut change = Vec::new();
        if each >= LEAST_BUFFER {
            let [least, first, _] = facts.send_buffer.unwrap_or_default();
            let numbers = format!("'{least} {} {each}'", first.min(each));
            change.push(sysctl("net.ipv4.tcp_wmem", numbers));
        }
        if pages > wish.sockets {
            let numbers = format!("'{} {} {pages}'", pages / 2, pages / 4 * 3);
            change.push(format!(
                "{}{}",
                if change.is_empty() { "" } else { "or " },
                sysctl("net.ipv4.tcp_mem", numbers)
            ));
        }
        if change.is_empty() {
            change.push("more memory, or fewer sockets".to_owned());
        }
        change
    })
}

fn listen_queue(facts: &Facts, wish: Wish) -> Finding {
    let needs = wish.sockets.min(u64::from(BACKLOG));
    let why = "net.core.somaxconn; clients that come back at once wait here to be accepted";
    Finding::new(Check::ListenQueue, Unit::Count, facts.somaxconn, needs, why)
        .or(|| vec![sysctl("net.core.somaxconn", BACKLOG)])
}

fn syn_queue(facts: &Facts, wish: Wish) -> Finding {
    let cookies = facts.syn_cookies.is_some_and(|cookies| cookies > 0);
    let needs = if cookies { 0 } else { wish.sockets.min(SYNS) };
    let beyond = if cookies {
        "; beyond it, SYN cookies take over"
    } else {
        ""
    };
    let why =
        format!("net.ipv4.tcp_max_syn_backlog, clients in the middle of TCP's handshake{beyond}");
    Finding::new(Check::SynQueue, Unit::Count, facts.syn_backlog, needs, why).or(|| {
        vec![
            sysctl("net.ipv4.tcp_max_syn_backlog", SYNS),
            sysctl("net.ipv4.tcp_syncookies", 1),
        ]
    })
}

/// The system's timers are so coarse that sockets opened within seconds are probed in the same instant.
fn packet_queue(facts: &Facts, wish: Wish) -> Finding {
    let has = facts.packet_backlog;
    let why = "net.core.netdev_max_backlog, packets that wait for a CPU on loopback, between containers and with RPS; keep-alive probes of sockets opened together come at once, and a socket that loses three ends";
    Finding::new(Check::PacketQueue, Unit::Count, has, wish.sockets, why)
        .or(|| vec![sysctl("net.core.netdev_max_backlog", wish.sockets)])
}

fn conntrack(facts: &Facts, wish: Wish) -> Option<Finding> {
    let stock = facts.conntrack?;
    let needs = wish.sockets + wish.sockets.div_ceil(BACKEND_SHARE);
    let why = "entries left in the connection tracker; packets of further connections are dropped";
    let finding = Finding::new(
        Check::Conntrack,
        Unit::Count,
        Some(stock.free()),
        needs,
        why,
    );
    Some(finding.or(|| {
        let all = stock.used + needs;
        vec![
            sysctl("net.netfilter.nf_conntrack_max", all),
            sysctl("net.netfilter.nf_conntrack_buckets", all.div_ceil(4)),
            "or a `notrack` rule for the gateway's port".to_owned(),
        ]
    }))
}

fn ports(facts: &Facts, wish: Wish) -> Finding {
    let count = |[first, last]: [u64; 2]| (last + 1).saturating_sub(first);
    let in_flight = wish.sockets.div_ceil(BACKEND_SHARE);
    let needs = in_flight.min(count(PORTS));
    let mut why = "net.ipv4.ip_local_port_range; connections to one address of a backend, with a message of one socket in ten under way".to_owned();
    if in_flight > needs {
        why += "; that is more than one address can have: give backends several";
    }
    Finding::new(
        Check::Ports,
        Unit::Count,
        facts.ports.map(count),
        needs,
        why,
    )
    .or(|| {
        let [first, last] = PORTS;
        vec![
            sysctl("net.ipv4.ip_local_port_range", format!("'{first} {last}'"))
                + "; keep listeners' ports out with net.ipv4.ip_local_reserved_ports",
        ]
    })
}
