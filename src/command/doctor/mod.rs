//! `tidegate doctor`: whether this machine can hold so many sockets, and exactly what to change if it cannot.
//!
//! `facts` reads the machine, `needs` judges what was read, and this file prints. Memory mappings are not looked at: a socket
//! takes none.

mod facts;
mod finding;
mod needs;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use tidegate::model::definition::{Connections, Server};

use super::{REFUSED, load, print, refuse_definition};
use facts::Facts;
use finding::{Finding, State, grouped};
use needs::{Wish, judge};

/// Sockets that are asked about when nobody says a number.
const SOCKETS: u64 = 10_000;

/// The whole of what is said.
#[derive(Debug, Serialize)]
struct Verdict {
    #[serde(flatten)]
    wish: Wish,
    /// Nothing is to be changed.
    fine: bool,
    findings: Vec<Finding>,
}

/// Looks at the machine; 1 if something is to be changed.
pub(super) fn doctor(file: Option<&Path>, sockets: Option<u64>, json: bool) -> ExitCode {
    let server = match file.map(load).transpose() {
        Ok(loaded) => loaded.map(|loaded| loaded.definition.server),
        Err(problems) => return refuse_definition(&problems),
    };
    let wish = wish(server.as_ref(), sockets);
    let findings = judge(&Facts::read(Path::new("/")), wish);
    let verdict = Verdict {
        wish,
        fine: findings.iter().all(|one| one.state != State::Change),
        findings,
    };
    let text = if json {
        serde_json::to_string_pretty(&verdict).map(|text| text + "\n")
    } else {
        Ok(render(&verdict))
    };
    // Text and numbers always are JSON.
    let printed = print(&text.unwrap_or_default());
    if verdict.fine {
        printed
    } else {
        ExitCode::from(REFUSED)
    }
}

fn wish(server: Option<&Server>, sockets: Option<u64>) -> Wish {
    let of_definition = server.and_then(|server| match server.limits.connections {
        Connections::At(count) => Some(u64::from(count)),
        Connections::Word(_) => None,
    });
    Wish {
        sockets: sockets.or(of_definition).unwrap_or(SOCKETS),
        tls: server.is_some_and(|server| server.tls.is_some()),
    }
}

fn render(verdict: &Verdict) -> String {
    let Verdict {
        wish,
        fine,
        findings,
    } = verdict;
    let tls = if wish.tls { ", TLS" } else { "" };
    let mut text = format!("{} sockets{tls}\n", grouped(wish.sockets));
    for one in findings {
        let state = match one.state {
            State::Fine => "fine",
            State::Change => "change",
            State::Unknown => "unknown",
        };
        // Writing to a String does not fail.
        writeln!(text, "{state:<8} {:<19} {}", one.check.title(), one.text()).ok();
        for change in &one.change {
            writeln!(text, "         → {change}").ok();
        }
    }
    let mut changes = findings.iter().flat_map(|one| &one.change);
    if *fine {
        text += "nothing to change\n";
    } else if changes.any(|change| change.contains("sysctl -w")) {
        text += "sysctl lines hold until the machine restarts; in /etc/sysctl.d/90-tidegate.conf they stay\n";
    }
    text
}
