//! `tidegate serve`: starts, tells the addresses, watches for signals and changed files, drains.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tidegate::Gateway;
use tidegate::definition::{self, Loaded};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use super::{aws_credentials, load, print, refuse, refuse_definition};

/// Several changes of files within this time are one.
const SETTLE: Duration = Duration::from_millis(100);

/// Files for which the system makes room before the first client comes: half a megabyte of its memory.
const FILES_AHEAD: u64 = 65_536;

/// Runs a gateway until it is told to stop.
pub(super) fn serve(file: &Path, watch: bool) -> ExitCode {
    raise_file_limit();
    make_room_for_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(run(file, watch));
            // What is still running has had its time.
            runtime.shutdown_background();
            code
        }
        Err(problem) => refuse(&format!("the runtime does not start: {problem}")),
    }
}

/// Sockets are files; the soft limit is often far below what the system allows.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(problem) = setrlimit(Resource::Nofile, limit) {
        warn!(%problem, "the limit of open files could not be raised");
    }
}

/// Lets the system's table of our open files grow while there is one thread. When a process of several threads needs a larger
/// one, whoever opens the file waits until no core can be looking at the old one, which is 5 to 15 ms at every doubling.
fn make_room_for_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let last = limit
        .current
        .unwrap_or(FILES_AHEAD)
        .min(FILES_AHEAD)
        .saturating_sub(1);
    let grown = File::open("/dev/null").and_then(|file| {
        Ok(rustix::io::fcntl_dupfd_cloexec(
            file,
            i32::try_from(last).unwrap_or(i32::MAX),
        )?)
    });
    if let Err(problem) = grown {
        debug!(%problem, "the table of open files stays as it is");
    }
}

async fn run(file: &Path, watch: bool) -> ExitCode {
    let loaded = match load(file) {
        Ok(loaded) => loaded,
        Err(problems) => return refuse_definition(&problems),
    };
    let mut files = loaded.files.clone();
    let mut builder = Gateway::builder().loaded(loaded);
    if let Some(credentials) = aws_credentials() {
        builder = builder.aws_credentials(credentials);
    }
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(problem) => return refuse(&format!("signals cannot be received: {problem}")),
    };
    let gateway = match builder.start().await {
        Ok(gateway) => gateway,
        Err(tidegate::StartError::Definition(problems)) => return refuse_definition(&problems),
        Err(problem) => return refuse(&problem.to_string()),
    };
    let mut changes = watch.then(|| Changes::new(&files)).flatten();
    print(&gateway.banner());
    loop {
        tokio::select! {
            event = signals.next() => match event {
                Event::Stop => break,
                Event::Reload => {}
            },
            () = changed(&mut changes) => {}
        }
        if let Some(now) = reload(&gateway, file) {
            files = now;
            if let Some(changes) = &mut changes {
                changes.watch(&files);
            }
        }
    }
    tokio::select! {
        () = gateway.shutdown() => ExitCode::SUCCESS,
        () = signals.stop() => refuse("stopped at once by a second signal"),
    }
}

/// Reads the definition again; what cannot be used leaves the running one in force.
fn reload(gateway: &Gateway, file: &Path) -> Option<Vec<PathBuf>> {
    let replaced = load(file).and_then(|loaded: Loaded| {
        gateway.reload(&loaded)?;
        Ok(loaded.files)
    });
    match replaced {
        Ok(files) => {
            print(&gateway.banner());
            Some(files)
        }
        Err(problems) => {
            error!(
                "the definition is refused, the old one goes on:\n{}",
                definition::render(&problems)
            );
            None
        }
    }
}

enum Event {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Event {
        tokio::select! {
            _ = self.terminate.recv() => Event::Stop,
            _ = self.interrupt.recv() => Event::Stop,
            _ = self.hangup.recv() => Event::Reload,
        }
    }

    async fn stop(&mut self) {
        while let Event::Reload = self.next().await {}
    }
}

/// Changes of the definition's files. Directories are watched, because editors replace files.
struct Changes {
    watcher: RecommendedWatcher,
    noticed: mpsc::Receiver<()>,
    files: std::sync::Arc<std::sync::Mutex<Vec<PathBuf>>>,
}

impl Changes {
    fn new(files: &[PathBuf]) -> Option<Self> {
        let (notice, noticed) = mpsc::channel(1);
        let known = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let ours = std::sync::Arc::clone(&known);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let concerns_us = |event: notify::Event| {
                let files = ours
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                changes(event.kind) && event.paths.iter().any(|path| files.contains(path))
            };
            if event.is_ok_and(concerns_us) {
                // A full channel means that a notice waits already.
                notice.try_send(()).ok();
            }
        });
        match watcher {
            Ok(watcher) => {
                let mut changes = Self {
                    watcher,
                    noticed,
                    files: known,
                };
                changes.watch(files);
                Some(changes)
            }
            Err(problem) => {
                warn!(%problem, "files cannot be watched; send SIGHUP after a change");
                None
            }
        }
    }

    fn watch(&mut self, files: &[PathBuf]) {
        let absolute = files
            .iter()
            .filter_map(|file| std::path::absolute(file).ok());
        let absolute: Vec<_> = absolute.collect();
        for directory in absolute.iter().filter_map(|file| file.parent()) {
            if let Err(problem) = self.watcher.watch(directory, RecursiveMode::NonRecursive) {
                warn!(directory = %directory.display(), %problem, "a directory cannot be watched");
            }
        }
        let mut known = self
            .files
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *known = absolute;
    }
}

/// Whether a file is another one after the event. Reading it is an event too, and we are who reads it.
fn changes(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

/// Completes after files have changed and then been left alone for a moment.
async fn changed(changes: &mut Option<Changes>) {
    let Some(changes) = changes else {
        return std::future::pending().await;
    };
    if changes.noticed.recv().await.is_none() {
        return std::future::pending().await;
    }
    let clock = tidegate::base::clock::SystemClock::new();
    while let Some(Some(())) =
        tidegate::base::clock::within(&clock, SETTLE, changes.noticed.recv()).await
    {}
    info!("a file of the definition has changed");
}
