//! The live view on standard error.
//!
//! On a terminal a few lines are redrawn; elsewhere a plain line is written now and then, so that a log stays
//! readable.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::measure::Point;
use crate::run::Totals;

const PLAIN_LINE: Duration = Duration::from_secs(5);

/// The live view; it disappears when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    scenario: &'static str,
    view: View,
}

#[derive(Debug)]
enum View {
    None,
    Terminal(ProgressBar),
    /// When the last line was written; the first comes at once.
    Lines(Option<Instant>),
}

impl Progress {
    /// A view of `scenario`; `quiet` shows nothing.
    pub(crate) fn new(scenario: &'static str, quiet: bool) -> Self {
        let view = if quiet {
            View::None
        } else if std::io::stderr().is_terminal() {
            View::Terminal(bar())
        } else {
            View::Lines(None)
        };
        Self { scenario, view }
    }

    /// Shows how the run stands.
    pub(crate) fn show(&mut self, point: &Point, totals: &Totals, errors: u64) {
        match &mut self.view {
            View::None => {}
            View::Terminal(bar) => {
                bar.set_message(block(self.scenario, point, totals, errors));
                bar.tick();
            }
            View::Lines(last) if last.is_none_or(|last| last.elapsed() >= PLAIN_LINE) => {
                *last = Some(Instant::now());
                say(&line(self.scenario, point, totals, errors));
            }
            View::Lines(_) => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let View::Terminal(bar) = &self.view {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// The view on a terminal.
fn block(scenario: &str, point: &Point, totals: &Totals, errors: u64) -> String {
    let rate = |count: u64| count as f64 / point.length.max(0.001);
    let mut text = format!(
        "{scenario}\n  connections  {} open, {} opened ({:.0}/s), {} failed, {} dropped\n  messages     {} sent ({:.0}/s), {} received ({:.0}/s)\n",
        totals.open(),
        totals.connected,
        rate(point.connected),
        totals.unconnected,
        totals.dropped,
        totals.sent,
        rate(point.sent),
        totals.received,
        rate(point.received),
    );
    text += &match point.latency {
        Some([p50, p99, p99_9, max]) => {
            format!("  latency µs   p50 {p50}  p99 {p99}  p99.9 {p99_9}  max {max}\n")
        }
        None => "  latency µs   –\n".to_owned(),
    };
    for (server, cores) in point.servers.iter().zip(&point.cores) {
        text += &match server {
            Some(server) => format!(
                "  server       {:.1} MiB, {:.2} CPUs, {} files, {} threads\n",
                mebibytes(server.rss_bytes),
                cores,
                server.open_files.unwrap_or_default(),
                server.threads
            ),
            None => "  server       has ended\n".to_owned(),
        };
    }
    format!("{text}  errors       {errors}")
}

/// The view in a log.
fn line(scenario: &str, point: &Point, totals: &Totals, errors: u64) -> String {
    let latency = match point.latency {
        Some([p50, p99, ..]) => format!("p50 {p50} µs, p99 {p99} µs, "),
        None => String::new(),
    };
    format!(
        "{scenario} {:.0} s: {} open, {} failed, {} dropped, {} sent, {} received, {latency}{errors} errors",
        point.at,
        totals.open(),
        totals.unconnected,
        totals.dropped,
        totals.sent,
        totals.received
    )
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// Writes a line to standard error. If nobody reads it, there is nobody to tell.
pub(crate) fn say(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::process::Sample;

    #[test]
    fn views_say_how_the_run_stands() {
        let point = Point {
            at: 12.0,
            length: 0.5,
            sent: 100,
            latency: Some([1.0, 2.0, 3.0, 4.0]),
            servers: vec![Some(Sample::default()), None],
            cores: vec![0.5, 0.0],
            ..Point::default()
        };
        let totals = Totals {
            connected: 10,
            dropped: 3,
            sent: 500,
            ..Totals::default()
        };
        let block = block("echo", &point, &totals, 7);
        for part in [
            "7 open",
            "500 sent (200/s)",
            "p99.9 3",
            "0.50 CPUs",
            "has ended",
        ] {
            assert!(block.contains(part), "{part}: {block}");
        }
        let line = line("echo", &point, &totals, 7);
        assert_eq!(
            line,
            "echo 12 s: 7 open, 0 failed, 3 dropped, 500 sent, 0 received, p50 1 µs, p99 2 µs, 7 errors"
        );
    }
}
