//! The live line on standard error.
//!
//! On a terminal one line is redrawn; elsewhere a plain line is written now and then, so that a log
//! stays readable.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

const REDRAW: Duration = Duration::from_millis(250);
const PLAIN_LINE: Duration = Duration::from_secs(5);

/// A progress line; it disappears when this is dropped.
#[derive(Debug)]
pub struct Progress {
    task: Option<JoinHandle<()>>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Shows what `line` says until the result is dropped; `quiet` shows nothing.
    pub fn start(quiet: bool, line: impl Fn() -> String + Send + 'static) -> Self {
        if quiet {
            return Self {
                task: None,
                bar: None,
            };
        }
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
                bar.set_style(style);
            }
            let shown = bar.clone();
            let task = tokio::spawn(every(REDRAW, move || {
                shown.set_message(line());
                shown.tick();
            }));
            return Self {
                task: Some(task),
                bar: Some(bar),
            };
        }
        let task = tokio::spawn(every(PLAIN_LINE, move || say(&line())));
        Self {
            task: Some(task),
            bar: None,
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Writes a line to standard error. If nobody reads it, there is nobody to tell.
pub(crate) fn say(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

async fn every(period: Duration, show: impl Fn()) {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    // The first tick comes at once, before there is anything to say.
    interval.tick().await;
    loop {
        interval.tick().await;
        show();
    }
}
