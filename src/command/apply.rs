//! `tidegate diff` and `tidegate apply`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tidegate::definition::{self, Machine, Places};

use super::remote::{Failure, Remote};
use super::{MISUSED, REFUSED, environment, print, refuse, tell};

/// The sections that a running gateway takes.
const APPLIED: [&str; 3] = ["apis", "domainNames", "vpcLinks"];
/// The sections that belong to a gateway's own file, but that an API cannot be checked without.
const AROUND: [&str; 2] = ["server", "functions"];

/// A definition file, and the gateway that it is held against.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The definition file.
    #[arg(default_value = "tidegate.yaml")]
    file: PathBuf,
    #[command(flatten)]
    remote: Remote,
    /// Also remove the APIs, domain names and VPC links that the control plane made and the file does not have.
    #[arg(long)]
    prune: bool,
    /// Write the differences as JSON.
    #[arg(long)]
    json: bool,
}

impl Apply {
    /// Says what the file would change: 0 nothing, 1 something, 2 it cannot be said or done.
    pub(super) fn diff(&self) -> ExitCode {
        match self.put(true) {
            Ok(answer) => {
                let changes = changes(&answer);
                self.write(&answer);
                if !self.json {
                    self.tell_kept(&answer);
                }
                ExitCode::from(u8::from(!changes.is_empty()))
            }
            Err(problem) => {
                refuse(&problem);
                ExitCode::from(MISUSED)
            }
        }
    }

    /// Makes the running gateway what the file says.
    pub(super) fn apply(&self) -> ExitCode {
        match self.put(false) {
            Ok(answer) => {
                self.write(&answer);
                let changes = changes(&answer);
                if !self.json {
                    self.tell_kept(&answer);
                    tell(&summary(changes));
                }
                ExitCode::SUCCESS
            }
            Err(problem) => {
                refuse(&problem);
                ExitCode::from(REFUSED)
            }
        }
    }

    fn put(&self, trial: bool) -> Result<Value, String> {
        let machine = Machine::new(environment());
        let (whole, places) = definition::resolve(&self.file, &machine)
            .map_err(|problems| definition::render(&problems))?;
        let definition = self.applied(&whole, &places)?;
        let answer = self.remote.put(&definition, self.prune, trial);
        answer.map_err(|failure| match failure {
            Failure::Unusable(text) => text,
            Failure::Refused(text) => {
                let lines = text.lines().map(|line| placed(line, &places));
                lines.collect::<Vec<_>>().join("\n")
            }
        })
    }

    /// The part of the file that calls can put in force. What would silently not be there is refused.
    fn applied(&self, whole: &Value, places: &Places) -> Result<Value, String> {
        let mut definition = json!({});
        let mut problems = Vec::new();
        for (name, section) in whole.as_object().into_iter().flatten() {
            match name.as_str() {
                name if APPLIED.contains(&name) => definition[name] = section.clone(),
                name if AROUND.contains(&name) => {
                    if section
                        .as_object()
                        .is_some_and(|section| !section.is_empty())
                    {
                        let file = self.file.display();
                        tell(&format!(
                            "{file}: `{name}` stays as the gateway's own file has it"
                        ));
                    }
                }
                "include" => {}
                name => {
                    let line = format!(
                        "{name}: only the gateway's own file can say this; keep the APIs in a file apart, and let the gateway's file `include` the rest"
                    );
                    problems.push(placed(&line, places));
                }
            }
        }
        match problems.is_empty() {
            true => Ok(definition),
            false => Err(problems.join("\n")),
        }
    }

    fn write(&self, answer: &Value) {
        if self.json {
            print(&format!("{answer:#}\n"));
            return;
        }
        let lines: String = changes(answer).iter().map(rendered).collect();
        print(&lines);
    }

    fn tell_kept(&self, answer: &Value) {
        let kept = answer["kept"].as_array().into_iter().flatten();
        let kept: Vec<_> = kept.filter_map(Value::as_str).collect();
        if !kept.is_empty() {
            let file = self.file.display();
            tell(&format!(
                "not in {file}, and left alone without --prune: {}",
                kept.join(", ")
            ));
        }
    }
}

fn changes(answer: &Value) -> &[Value] {
    answer["changes"].as_array().map_or(&[], Vec::as_slice)
}

/// A problem behind the place that it names by its path.
fn placed(line: &str, places: &Places) -> String {
    let path = line.split_once(": ").map(|(path, _)| path);
    let place = path.filter(|path| places.has(path)).or_else(|| {
        // What was to be there and is not has no place of its own.
        path.filter(|path| {
            APPLIED
                .iter()
                .any(|section| path.starts_with(&format!("{section}.")))
        })
    });
    match place.and_then(|path| places.of(path)) {
        Some(place) => format!("{place}: {line}"),
        None => line.to_owned(),
    }
}

/// One difference, in the signs of `diff`.
fn rendered(change: &Value) -> String {
    let resource = change["resource"].as_str().unwrap_or_default();
    let line = |sign: &str, indent: &str, name: &str, value: &Value| {
        format!("{indent}{sign}{name}: {}\n", definition::write_line(value))
    };
    let members = change["members"].as_array().into_iter().flatten();
    let members = members.map(|member| {
        let name = member["name"].as_str().unwrap_or_default();
        let of = |side: &str| member.get(side).filter(|value| !value.is_null());
        match (of("before"), of("after")) {
            (Some(before), Some(after)) => {
                line("- ", "    ", name, before) + &line("+ ", "    ", name, after)
            }
            (Some(before), None) => line("- ", "    ", name, before),
            (None, Some(after)) => line("+ ", "    ", name, after),
            (None, None) => String::new(),
        }
    });
    let members: String = members.collect();
    let (sign, remark) = match change["action"].as_str() {
        Some("add") => ("+", ""),
        Some("remove") => ("-", ""),
        Some("deploy") => (
            "~",
            " (deployed anew: it runs something else than the API as it is)",
        ),
        _ => ("~", ""),
    };
    format!("{sign} {resource}{remark}\n{members}")
}

fn summary(changes: &[Value]) -> String {
    if changes.is_empty() {
        return "nothing to change".to_owned();
    }
    let count = |action: &str| {
        let of_kind = changes.iter().filter(|change| change["action"] == action);
        of_kind.count()
    };
    let counts = [
        ("added", count("add")),
        ("changed", count("change")),
        ("removed", count("remove")),
        ("deployed anew", count("deploy")),
    ];
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    let counts = counts.map(|(what, count)| format!("{count} {what}"));
    counts.collect::<Vec<_>>().join(", ")
}
