//! What every Prometheus client library tells about a process, where the operating system says it.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::{Kind, Page};
use crate::base::clock::EpochMillis;
use crate::observe::names;

/// Writes the families of the process, which was started at `started`. What cannot be found out is left out.
pub fn expose(page: &mut Page, started: EpochMillis) {
    let (name, help) = names::BUILD_INFO;
    page.family(name, help, Kind::Gauge);
    page.sample(name, "", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let millis = started.0;
    let started = format!("{}.{:03}", millis / 1000, millis % 1000);
    page.number(names::START_TIME, Kind::Gauge, started);
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let spent = format!("{}.{:09}", spent.tv_sec, spent.tv_nsec);
    page.number(names::CPU_TIME, Kind::Counter, spent);
    if let Some(bytes) = resident() {
        page.number(names::RESIDENT_MEMORY, Kind::Gauge, bytes);
    }
    if let Some(open) = open_files() {
        page.number(names::OPEN_FILES, Kind::Gauge, open);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.number(names::FILES_MAX, Kind::Gauge, most);
    }
}

/// Source: proc_pid_status(5), `VmRSS`.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Source: proc_pid_fd(5). Since Linux 6.2 the folder's size is the number of its entries.
fn open_files() -> Option<u64> {
    let folder = "/proc/self/fd";
    match std::fs::metadata(folder).ok()?.len() {
        0 => {
            let open = std::fs::read_dir(folder).ok()?.count();
            // One of them is the folder itself.
            u64::try_from(open.saturating_sub(1)).ok()
        }
        open => Some(open),
    }
}
