//! The file that keeps what was used of quotas over a restart.
//!
//! A journal: lines are appended, each says what one key of a plan has used so far, and the last one of a key counts. So a
//! line that is written twice, or lost, or torn by a power cut does no harm to the others. Each line begins with a checksum
//! of the rest. When the journal has grown, it is written anew and put in place of the old one at once.
//!
//! What was used in the last second before a crash may be lost, never more: lines are written once a second, and synced.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio::io::AsyncWriteExt as _;
use tracing::{error, info, warn};

use crate::base::clock::{Clock, EpochMillis};
use crate::base::tasks::Shutdown;
use crate::limit::quota::{Kind, Turn, Used};
use crate::limit::usage::{Record, UsageCounters};

/// How often what was used is written.
const PERIOD: Duration = Duration::from_secs(1);
/// A journal of less is not written anew, in bytes.
const SMALL: u64 = 1024 * 1024;
/// A journal is written anew when it is so many times as large as it has to be.
const GROWTH: u64 = 4;
/// Longest line that can have been written, in bytes: two ids and what goes with them.
const LINE_BYTES: u64 = 1024;
/// Hexadecimal digits of a checksum.
const CHECKSUM: usize = 16;

const FILE: &str = "usage.journal";
const NEXT_FILE: &str = "usage.journal.new";
const LOCK_FILE: &str = "usage.lock";
/// The first line; another number will be another format.
const TITLE: &str = "tidegate usage 1";
const TITLE_OF_ANY: &str = "tidegate usage ";

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Why usage cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file cannot be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: io::Error,
    },
    /// Another process writes it.
    #[error("{}: another gateway keeps its usage in this directory", .0.display())]
    Locked(PathBuf),
    /// A later version wrote it.
    #[error("{}: written by another version of tidegate", .0.display())]
    Version(PathBuf),
}

/// The open journal of one state directory; nobody else can open it meanwhile.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    file: tokio::fs::File,
    /// Size of the file, and what it was when it was last written anew, in bytes.
    length: u64,
    least: u64,
    /// Whether the last line may be torn, so that nothing can be appended.
    torn: bool,
    /// Held as long as the journal.
    _lock: File,
}

/// What a line says besides its checksum.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    plan: String,
    key: String,
    period: String,
    since: String,
    requests: u64,
}

impl Journal {
    /// Opens the journal of a directory, which is made if it is not there, and fills `counters` with what it says.
    ///
    /// Lines that cannot be read are left out, with one warning.
    ///
    /// # Errors
    /// When files cannot be read or written, or another process has them.
    pub fn open(
        directory: &Path,
        counters: &UsageCounters,
        now: EpochMillis,
    ) -> Result<Self, JournalError> {
        fs::create_dir_all(directory).map_err(|problem| failed(directory, problem))?;
        let lock = lock(&directory.join(LOCK_FILE))?;
        let path = directory.join(FILE);
        let bad = read(&path, counters)?;
        if bad > 0 {
            warn!(path = %path.display(), lines = bad, "part of the usage journal cannot be read, and does not count");
        }
        counters.sweep(now);
        let records = counters.all();
        let text = whole(&records);
        let file = replace(directory, text.as_bytes()).map_err(|problem| failed(&path, problem))?;
        counters.keep(&records);
        Ok(Self {
            directory: directory.to_owned(),
            file: tokio::fs::File::from_std(file),
            length: text.len() as u64,
            least: text.len() as u64,
            torn: false,
            _lock: lock,
        })
    }

    /// Writes what was used since the last time.
    async fn write(&mut self, counters: &UsageCounters, now: EpochMillis) -> io::Result<()> {
        if self.torn || self.length > SMALL.max(self.least.saturating_mul(GROWTH)) {
            return self.write_anew(counters, now).await;
        }
        let records = counters.changed();
        if records.is_empty() {
            return Ok(());
        }
        let text: String = records.iter().filter_map(line_of).collect();
        self.torn = true;
        self.file.write_all(text.as_bytes()).await?;
        self.file.flush().await?;
        self.file.sync_data().await?;
        self.torn = false;
        self.length = self.length.saturating_add(text.len() as u64);
        counters.keep(&records);
        Ok(())
    }

    async fn write_anew(&mut self, counters: &UsageCounters, now: EpochMillis) -> io::Result<()> {
        counters.sweep(now);
        let records = counters.all();
        let text = whole(&records);
        let length = text.len() as u64;
        let directory = self.directory.clone();
        let writing = tokio::task::spawn_blocking(move || replace(&directory, text.as_bytes()));
        self.file = tokio::fs::File::from_std(writing.await.map_err(io::Error::other)??);
        self.length = length;
        self.least = length;
        self.torn = false;
        counters.keep(&records);
        Ok(())
    }
}

/// Writes what `counters` count into the journal once a second, and a last time when `stop` says so.
pub async fn keep(
    counters: Arc<UsageCounters>,
    mut journal: Journal,
    clock: Arc<dyn Clock>,
    stop: Shutdown,
) {
    let mut failing = false;
    loop {
        let ending = tokio::select! {
            () = clock.sleep_until(clock.now().after(PERIOD)) => false,
            () = stop.wait() => true,
        };
        let path = journal.directory.join(FILE);
        let written = journal.write(&counters, clock.wall()).await;
        match &written {
            Ok(()) if failing => info!(path = %path.display(), "usage is written again"),
            // Said once, and again when nothing more can be done about it.
            Err(problem) if !failing || ending => {
                error!(path = %path.display(), %problem, "usage cannot be written and would be lost by a restart");
            }
            Ok(()) | Err(_) => {}
        }
        failing = written.is_err();
        if ending {
            return;
        }
    }
}

fn failed(path: &Path, problem: io::Error) -> JournalError {
    let path = path.to_owned();
    JournalError::File { path, problem }
}

fn lock(path: &Path) -> Result<File, JournalError> {
    let file = File::create(path).map_err(|problem| failed(path, problem))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked(path.to_owned())),
        Err(TryLockError::Error(problem)) => Err(failed(path, problem)),
    }
}

/// Restores what the file says; gives the number of lines that say nothing.
fn read(path: &Path, counters: &UsageCounters) -> Result<usize, JournalError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(problem) => return Err(failed(path, problem)),
    };
    let mut reader = BufReader::new(file);
    let mut bad = 0;
    let mut titled = false;
    while let Some(line) = next_line(&mut reader).map_err(|problem| failed(path, problem))? {
        let line = std::str::from_utf8(&line).unwrap_or_default();
        if !titled {
            titled = true;
            if line == TITLE {
                continue;
            }
            if line.starts_with(TITLE_OF_ANY) {
                return Err(JournalError::Version(path.to_owned()));
            }
        }
        match record_of(line) {
            Some(record) => counters.restore(record),
            None => bad += 1,
        }
    }
    Ok(bad)
}

/// The next line without its end; of one that is too long only the beginning. A last line without an end is torn, and so is
/// what it says.
fn next_line(reader: &mut BufReader<File>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader
        .by_ref()
        .take(LINE_BYTES)
        .read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_none() {
        reader.skip_until(b'\n')?;
        line.clear();
    }
    Ok(Some(line))
}

/// A whole journal.
fn whole(records: &[Record]) -> String {
    let lines: String = records.iter().filter_map(line_of).collect();
    format!("{TITLE}\n{lines}")
}

fn line_of(record: &Record) -> Option<String> {
    let Used { turn, requests } = record.used;
    let line = Line {
        plan: record.plan.to_string(),
        key: record.key.to_string(),
        period: turn.kind.word().to_owned(),
        since: turn.date()?.format(DATE).ok()?,
        requests,
    };
    let text = serde_json::to_string(&line).ok()?;
    Some(format!("{} {text}\n", checksum(&text)))
}

fn record_of(line: &str) -> Option<Record> {
    let (sum, text) = line.split_once(' ')?;
    if sum != checksum(text) {
        return None;
    }
    let line: Line = serde_json::from_str(text).ok()?;
    let turn = Turn::of(
        Kind::of(&line.period)?,
        Date::parse(&line.since, DATE).ok()?,
    )?;
    let requests = line.requests;
    Some(Record::new(&line.plan, &line.key, Used { turn, requests }))
}

fn checksum(text: &str) -> String {
    let mut sum = const_hex::encode(digest::digest(&digest::SHA256, text.as_bytes()));
    sum.truncate(CHECKSUM);
    sum
}

/// Puts a new journal in place of the old one, so that there is always a whole one, and gives it open for more.
fn replace(directory: &Path, content: &[u8]) -> io::Result<File> {
    use std::io::Write as _;
    let path = directory.join(NEXT_FILE);
    let mut file = File::create(&path)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&path, directory.join(FILE))?;
    // The name too is to outlast a power cut.
    File::open(directory)?.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests;
