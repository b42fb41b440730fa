//! One process of a function: started in a process group of its own, watched, and ended with its whole group.
//!
//! Invariant: whatever way a process ends, every member of its group is killed and the process is reaped. A process that the
//! gateway leaves behind because it is itself killed with SIGKILL meets a closed runtime API, at which the official clients exit.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use rand::RngCore as _;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use time::macros::format_description;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::sync::watch;
use tracing::{debug, warn};

use super::Host;
use super::desk::Desk;
use super::error::FunctionError;
use super::log;
use super::runtime_api::RuntimeApi;
use super::settings::FunctionSettings;
use super::tally::Entry;
use crate::base::clock::{EpochMillis, within};
use crate::base::tasks::Shutdown;

/// How long output is still read after a process has ended; something that left the group may hold the pipes open.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// A running process; dropping it ends it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) desk: Arc<Desk>,
    stop: Shutdown,
    end: watch::Receiver<Option<End>>,
}

/// How a process ended.
#[derive(Debug, Clone)]
pub(super) struct End(Option<ExitStatus>);

impl Process {
    /// Starts a process of a function. `entry` is held until it has ended and its group is gone.
    ///
    /// # Errors
    /// [`FunctionError::Unavailable`] when there is no such program or directory, or the system has no room.
    pub(super) async fn start(
        host: &Arc<Host>,
        settings: &FunctionSettings,
        entry: Entry,
    ) -> Result<Self, FunctionError> {
        let refuse = |what: &str, error: &dyn std::fmt::Display| {
            let (name, command) = (&settings.name, settings.command.join(" "));
            FunctionError::unavailable(format!("{what} of {name} (`{command}`): {error}"))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|error| refuse("cannot open the runtime API", &error))?;
        let address = listener
            .local_addr()
            .map_err(|error| refuse("cannot open the runtime API", &error))?;
        // Before the start, so that no exit goes unnoticed.
        let exits = signal(SignalKind::child())
            .map_err(|error| refuse("cannot watch the process", &error))?;
        let child = command(host, settings, &address.to_string())
            .and_then(|mut command| command.spawn())
            .map_err(|error| refuse("cannot start the process", &error))?;
        let group = Group::of(&child)
            .ok_or_else(|| refuse("cannot start the process", &"it ended at once"))?;
        Ok(Self::watch(
            host,
            settings,
            entry,
            listener,
            (child, group, exits),
        ))
    }

    fn watch(
        host: &Arc<Host>,
        settings: &FunctionSettings,
        entry: Entry,
        listener: TcpListener,
        (mut child, group, exits): (Child, Group, SignalStream),
    ) -> Self {
        let desk = Arc::new(Desk::new());
        let stop = Shutdown::new();
        let (end, ended) = watch::channel(None);
        let function: Arc<str> = settings.name.as_str().into();
        let served = Shutdown::new();
        let api = RuntimeApi {
            desk: desk.clone(),
            clock: host.clock.clone(),
            function_arn: HeaderValue::try_from(host.settings.arn(&settings.name))
                .unwrap_or(HeaderValue::from_static("")),
            timeout: settings.timeout,
        };
        host.tasks.spawn(
            "function listener",
            Arc::new(api).serve(listener, host.tasks.clone(), served.clone()),
        );
        let output = relay_output(&mut child, &function, &desk);
        let (host_, desk_, stop_) = (host.clone(), desk.clone(), stop.clone());
        host.tasks.spawn("function process", async move {
            let output = host_.tasks.spawn("function output", output);
            let status = supervise(child, group, exits, &[&stop_, &host_.stop]).await;
            debug!(
                function = &*function,
                ?status,
                "a function's process has ended"
            );
            desk_.end();
            end.send_replace(Some(End(status)));
            served.begin();
            let abort = output.abort_handle();
            if within(host_.clock.as_ref(), LAST_OUTPUT, output)
                .await
                .is_none()
            {
                warn!(
                    function = &*function,
                    "something outside its group still holds a function's output"
                );
                abort.abort();
            }
            drop(entry);
        });
        Self {
            desk,
            stop,
            end: ended,
        }
    }

    /// Whether the process can be given an event.
    pub(super) fn usable(&self) -> bool {
        !self.stop.begun() && self.desk.usable()
    }

    /// Begins to end the process and its group.
    pub(super) fn kill(&self) {
        self.stop.begin();
    }

    /// Completes when the process has ended and was reaped.
    pub(super) async fn ended(&self) -> End {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(End(None)),
            // The watching task is gone with the runtime.
            Err(_) => End(None),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop.begin();
    }
}

impl End {
    /// What Lambda tells about a process that ended with the event `id` in its hands.
    pub(super) fn failure(&self, id: &str) -> FunctionError {
        let how = match self.0.map(|status| (status.code(), status.to_string())) {
            Some((Some(0), _)) | None => "Runtime exited without providing a reason".to_owned(),
            Some((Some(code), _)) => format!("Runtime exited with error: exit status {code}"),
            Some((None, text)) => format!("Runtime exited with error: {text}"),
        };
        FunctionError::failed("Runtime.ExitError", format!("RequestId: {id} Error: {how}"))
    }
}

/// The process group of a child that has not been reaped, so that its id is nobody else's; killed when dropped.
#[derive(Debug)]
struct Group(Pid);

impl Group {
    fn of(child: &Child) -> Option<Self> {
        let id = i32::try_from(child.id()?).ok()?;
        Pid::from_raw(id).map(Self)
    }

    /// Whether the leader has exited; it stays unreaped.
    fn leader_exited(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.0), options), Ok(None))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Fails only when no member is left.
        kill_process_group(self.0, Signal::KILL).ok();
    }
}

/// Waits until the process exits or is told to end, kills its group, then reaps it.
async fn supervise(
    mut child: Child,
    group: Group,
    mut exits: SignalStream,
    stops: &[&Shutdown; 2],
) -> Option<ExitStatus> {
    let [stop, stop_all] = stops;
    while !group.leader_exited() {
        tokio::select! {
            _ = exits.recv() => {}
            () = stop.wait() => break,
            () = stop_all.wait() => break,
        }
    }
    // Before the leader is reaped, for until then the id of the group cannot belong to anyone else.
    drop(group);
    child.wait().await.ok()
}

/// Relays both outputs of a child until they end.
fn relay_output(
    child: &mut Child,
    function: &Arc<str>,
    desk: &Arc<Desk>,
) -> impl Future<Output = ()> + Send + use<> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (function, desk) = (function.clone(), desk.clone());
    async move {
        let out = async {
            if let Some(pipe) = stdout {
                log::relay(pipe, "stdout", function.clone(), desk.clone()).await;
            }
        };
        let err = async {
            if let Some(pipe) = stderr {
                log::relay(pipe, "stderr", function.clone(), desk.clone()).await;
            }
        };
        tokio::join!(out, err);
    }
}

fn command(
    host: &Host,
    settings: &FunctionSettings,
    runtime_api: &str,
) -> std::io::Result<Command> {
    let (program, arguments) = settings.command.split_first().ok_or_else(|| {
        std::io::Error::new(std::io::ErrorKind::InvalidInput, "its command is empty")
    })?;
    let directory = std::path::absolute(&settings.working_directory)?;
    if !directory.is_dir() {
        let reason = format!("{} is not a directory", directory.display());
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, reason));
    }
    let log_stream = log_stream(host.clock.wall());
    let mut command = Command::new(located(program, &directory));
    command
        .args(arguments)
        .current_dir(&directory)
        .env_clear()
        .envs(
            host.settings
                .environment_of(settings, runtime_api, &log_stream),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// A program with a slash stands in the working directory, as in a shell that went there; any other is found in `PATH`.
fn located(program: &str, directory: &Path) -> OsString {
    if program.contains('/') {
        directory.join(program).into_os_string()
    } else {
        program.into()
    }
}

/// A log stream name in Lambda's form: date, version, 32 hex digits.
fn log_stream(wall: EpochMillis) -> String {
    let date = time::OffsetDateTime::from_unix_timestamp(wall.seconds())
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
        .format(format_description!("[year]/[month]/[day]"))
        .unwrap_or_default();
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    format!("{date}/[$LATEST]{:032x}", u128::from_be_bytes(bytes))
}
