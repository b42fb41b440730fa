//! What the machine says of itself: limits of the process, and files below `/proc` and `/sys` (proc(5), ip-sysctl).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::process::{Resource, getrlimit};

/// Something that may run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stock {
    /// All there may be.
    pub(super) most: u64,
    /// What is taken by now.
    pub(super) used: u64,
}

impl Stock {
    /// What is left.
    pub(super) fn free(self) -> u64 {
        self.most.saturating_sub(self.used)
    }
}

/// What is known of the machine. `None` where it does not say; sizes in bytes unless they are pages.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    /// Files that a process may open when it asks for all it may have, as the gateway does; `u64::MAX` without a limit.
    pub(super) hard_files: u64,
    /// Files that it may open without asking.
    pub(super) soft_files: u64,
    /// The highest that the limit of a process can be set to (`fs.nr_open`).
    pub(super) nr_open: Option<u64>,
    /// Files of all processes (`fs.file-max`).
    pub(super) system_files: Option<Stock>,
    /// First and last port of outgoing connections.
    pub(super) ports: Option<[u64; 2]>,
    /// `net.core.somaxconn`.
    pub(super) somaxconn: Option<u64>,
    /// `net.ipv4.tcp_max_syn_backlog`.
    pub(super) syn_backlog: Option<u64>,
    /// `net.ipv4.tcp_syncookies`.
    pub(super) syn_cookies: Option<u64>,
    /// `net.core.netdev_max_backlog`: packets that may wait for one CPU. Not to be seen in a network namespace.
    pub(super) packet_backlog: Option<u64>,
    /// `net.ipv4.tcp_mem`: pages where the kernel is at ease, begins to save, and gives no more.
    pub(super) tcp_mem: Option<[u64; 3]>,
    /// Pages that the buffers of all TCP sockets hold now.
    pub(super) tcp_pages: u64,
    /// `net.ipv4.tcp_wmem`: least, first and largest send buffer of a socket.
    pub(super) send_buffer: Option<[u64; 3]>,
    /// `net.ipv4.tcp_rmem`, likewise.
    pub(super) receive_buffer: Option<[u64; 3]>,
    /// Memory that can be had without swapping.
    pub(super) memory: Option<u64>,
    /// The tightest memory limit among the control groups around the process, if there is one.
    pub(super) cgroup: Option<Stock>,
    /// Entries of the connection tracker, if it is loaded.
    pub(super) conntrack: Option<Stock>,
    /// What may be promised to processes, if the kernel promises no more than it has (`vm.overcommit_memory = 2`).
    pub(super) commit: Option<Stock>,
    /// Bytes of a page.
    pub(super) page: u64,
}

impl Facts {
    /// Reads `proc` and `sys` below `root`. What cannot be read is not known.
    pub(super) fn read(root: &Path) -> Self {
        let files = getrlimit(Resource::Nofile);
        let machine = Machine(root);
        let net = |name: &str| format!("proc/sys/net/ipv4/{name}");
        let file_nr = machine.numbers::<3>("proc/sys/fs/file-nr");
        Self {
            hard_files: files.maximum.unwrap_or(u64::MAX),
            soft_files: files.current.unwrap_or(u64::MAX),
            nr_open: machine.number("proc/sys/fs/nr_open"),
            system_files: file_nr.map(|[used, _, most]| Stock { most, used }),
            ports: machine.numbers(&net("ip_local_port_range")),
            somaxconn: machine.number("proc/sys/net/core/somaxconn"),
            syn_backlog: machine.number(net("tcp_max_syn_backlog")),
            syn_cookies: machine.number(net("tcp_syncookies")),
            packet_backlog: machine.number("proc/sys/net/core/netdev_max_backlog"),
            tcp_mem: machine.numbers(&net("tcp_mem")),
            tcp_pages: machine.tcp_pages().unwrap_or_default(),
            send_buffer: machine.numbers(&net("tcp_wmem")),
            receive_buffer: machine.numbers(&net("tcp_rmem")),
            memory: machine.meminfo("MemAvailable"),
            cgroup: machine.cgroup(),
            conntrack: machine.conntrack(),
            commit: machine.commit(),
            page: rustix::param::page_size() as u64,
        }
    }
}

/// The directory that `proc` and `sys` are in.
struct Machine<'a>(&'a Path);

impl Machine<'_> {
    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        std::fs::read_to_string(self.0.join(path)).ok()
    }

    fn number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.text(path)?.trim().parse().ok()
    }

    fn numbers<const N: usize>(&self, path: &str) -> Option<[u64; N]> {
        let text = self.text(path)?;
        let numbers: Result<Vec<_>, _> = text.split_whitespace().map(u64::from_str).collect();
        numbers.ok()?.try_into().ok()
    }

    /// A line of `/proc/meminfo`, which is in KiB.
    fn meminfo(&self, name: &str) -> Option<u64> {
        let text = self.text("proc/meminfo")?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kibibytes.checked_mul(1024)
    }

    fn tcp_pages(&self) -> Option<u64> {
        let text = self.text("proc/net/sockstat")?;
        let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
        let mut words = line.split_whitespace().skip_while(|word| *word != "mem");
        words.nth(1)?.parse().ok()
    }

    fn conntrack(&self) -> Option<Stock> {
        let of = |name: &str| self.number(format!("proc/sys/net/netfilter/nf_conntrack_{name}"));
        Some(Stock {
            most: of("max")?,
            used: of("count")?,
        })
    }

    fn commit(&self) -> Option<Stock> {
        const STRICT: u64 = 2;
        if self.number("proc/sys/vm/overcommit_memory")? != STRICT {
            return None;
        }
        Some(Stock {
            most: self.meminfo("CommitLimit")?,
            used: self.meminfo("Committed_AS")?,
        })
    }

    /// The group of the process and those around it; the one with the least left counts.
    fn cgroup(&self) -> Option<Stock> {
        let groups = self.text("proc/self/cgroup")?;
        let stocks = groups.lines().flat_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next(), parts.next());
            let version = match controllers {
                Some("") => Some(&V2),
                Some(names) if names.split(',').any(|name| name == "memory") => Some(&V1),
                _ => None,
            };
            version
                .zip(path)
                .into_iter()
                .flat_map(|(version, path)| self.groups(version, path))
        });
        stocks.min_by_key(|stock| stock.free())
    }

    fn groups<'b>(&'b self, version: &'b Version, path: &'b str) -> impl Iterator<Item = Stock> {
        // In a container the path may be that of the world outside; its own group is then the root.
        let path = Path::new(path.trim_start_matches('/'));
        path.ancestors()
            .filter_map(|path| self.group(version, &Path::new(version.root).join(path)))
    }

    fn group(&self, version: &Version, directory: &Path) -> Option<Stock> {
        let file = |name: &str| -> PathBuf { directory.join(name) };
        let most = self.number(file(version.most))?;
        // The first version says "no limit" with the highest number of pages there is.
        if most >= i64::MAX as u64 / 4096 * 4096 {
            return None;
        }
        let used = self.number(file(version.used))?;
        // Cached files go when memory is needed.
        let cached = self.text(file("memory.stat")).and_then(|text| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(version.cached))?;
            line.trim().parse().ok()
        });
        Some(Stock {
            most,
            used: used.saturating_sub(cached.unwrap_or(0)),
        })
    }
}

/// Where a version of control groups keeps what.
struct Version {
    root: &'static str,
    most: &'static str,
    used: &'static str,
    cached: &'static str,
}

const V1: Version = Version {
    root: "sys/fs/cgroup/memory",
    most: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cached: "total_inactive_file ",
};
const V2: Version = Version {
    root: "sys/fs/cgroup",
    most: "memory.max",
    used: "memory.current",
    cached: "inactive_file ",
};
