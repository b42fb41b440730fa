//! What processes use, as Linux tells it in `/proc` (proc(5)).
//!
//! User-space memory is `RssAnon`: resident pages that belong to the process alone, without mapped files
//! and without what the kernel keeps for sockets.

use std::fs;
use std::io;
use std::time::Duration;

use serde::Serialize;

/// What one process used at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Sample {
    /// `VmRSS`: resident memory, in bytes.
    pub rss_bytes: u64,
    /// `RssAnon`: resident memory that is not a mapped file, in bytes.
    pub rss_anon_bytes: u64,
    /// `Pss` of `smaps_rollup`: resident memory with shared pages divided among their users, in bytes;
    /// absent when the kernel does not let us read it.
    pub pss_bytes: Option<u64>,
    /// Open file descriptors; absent when the kernel does not let us count them.
    pub open_files: Option<u64>,
    /// Threads.
    pub threads: u64,
    /// User and system time since the process began, in seconds. The kernel counts in hundredths.
    pub cpu_seconds: f64,
}

/// One process at the beginning and at the end of what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usage {
    /// Process id.
    pub pid: u32,
    /// At the beginning.
    pub before: Sample,
    /// At the end; absent when the process had ended by then.
    pub after: Option<Sample>,
    /// User and system time used in between, in seconds.
    pub cpu_seconds: f64,
}

/// Looks at process `pid`.
///
/// # Errors
///
/// There is no such process, or no `/proc`.
pub fn sample(pid: u32) -> io::Result<Sample> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    Ok(Sample {
        pss_bytes: kilobytes(&rollup, "Pss:"),
        ..glance(pid)?
    })
}

/// As [`sample`] without `pss_bytes`, which costs the process time: for looking every second.
///
/// # Errors
///
/// As [`sample`].
pub fn glance(pid: u32) -> io::Result<Sample> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(Sample {
        rss_bytes: kilobytes(&status, "VmRSS:").unwrap_or_default(),
        rss_anon_bytes: kilobytes(&status, "RssAnon:").unwrap_or_default(),
        pss_bytes: None,
        open_files: open_files(pid).ok(),
        threads: field(&status, "Threads:").unwrap_or_default(),
        cpu_seconds: cpu_time(&stat).unwrap_or_default().as_secs_f64(),
    })
}

/// Linux tells the number as the size of the folder since 6.2; before, the entries are counted.
fn open_files(pid: u32) -> io::Result<u64> {
    let folder = format!("/proc/{pid}/fd");
    match fs::metadata(&folder)?.len() {
        0 => Ok(fs::read_dir(&folder)?.count() as u64),
        size => Ok(size),
    }
}

/// Looks whether the processes `pids` can be measured.
///
/// # Errors
///
/// The text names the first that cannot.
pub fn check(pids: &[u32]) -> Result<(), String> {
    pids.iter().try_for_each(|pid| {
        let looked = sample(*pid).map(drop);
        looked.map_err(|error| format!("process {pid}: {error}"))
    })
}

impl Usage {
    /// What process `pid` used between two samples; `after` is absent when it had ended.
    pub fn between(pid: u32, before: Sample, after: Option<Sample>) -> Self {
        let used = after.map_or(0.0, |after| after.cpu_seconds - before.cpu_seconds);
        Self {
            pid,
            before,
            after,
            cpu_seconds: (used * 100.0).round() / 100.0,
        }
    }
}

/// The number after `name` in a `Name: value` listing.
fn field(listing: &str, name: &str) -> Option<u64> {
    let line = listing.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// As [`field`], for a value in kB; in bytes.
fn kilobytes(listing: &str, name: &str) -> Option<u64> {
    Some(field(listing, name)? * 1024)
}

/// `utime + stime` of `/proc/PID/stat`.
fn cpu_time(stat: &str) -> Option<Duration> {
    // The second field is the command in parentheses, which may itself hold spaces and parentheses.
    let (_, after_command) = stat.rsplit_once(')')?;
    let mut fields = after_command.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64(
        (user + system) as f64 / per_second as f64,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let listing = "Name:\tx\nVmRSS:\t   1234 kB\nThreads:\t7\nBroken:\n";
        let check = |name: &str, expected: Option<u64>| assert_eq!(field(listing, name), expected);
        check("VmRSS:", Some(1234));
        check("Threads:", Some(7));
        check("Broken:", None);
        check("Name:", None);
        check("Absent:", None);
        assert_eq!(kilobytes(listing, "VmRSS:"), Some(1_263_616));
    }

    #[test]
    fn cpu_time_is_read_behind_the_command() {
        let ticks = rustix::param::clock_ticks_per_second();
        let check = |stat: &str, expected: Option<u64>| {
            let expected = expected.map(|t| Duration::from_secs_f64(t as f64 / ticks as f64));
            assert_eq!(cpu_time(stat), expected, "{stat}");
        };
        check("1 (a) S 1 1 1 0 -1 4 1 2 3 4 250 50 0 0 20", Some(300));
        check("1 (a b) c) S 1 1 1 0 -1 4 1 2 3 4 1 2 0 0 20", Some(3));
        check("1 (a) S 1", None);
        check("", None);
    }

    #[test]
    fn this_process_can_be_measured() {
        check(&[std::process::id()]).unwrap();
        let now = sample(std::process::id()).unwrap();
        assert!(now.rss_anon_bytes > 0);
        assert!(now.rss_bytes >= now.rss_anon_bytes);
        assert!(now.threads >= 1);
        assert!(now.open_files >= Some(3));
        let later = Sample {
            cpu_seconds: now.cpu_seconds + 0.256,
            ..now
        };
        assert_eq!(Usage::between(1, now, Some(later)).cpu_seconds, 0.26);
        assert_eq!(Usage::between(1, now, None).cpu_seconds, 0.0);
    }

    #[test]
    fn an_absent_process_is_named() {
        let error = check(&[std::process::id(), u32::MAX]).unwrap_err();
        assert!(error.starts_with("process 4294967295: "), "{error}");
    }
}
