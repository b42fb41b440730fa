//! Scenario files: a command line with a name, kept in YAML.
//!
//! ```yaml
//! name: Messages at half load
//! scenario: echo                    # any scenario of the command line
//! url: ws://127.0.0.1:8080/dev      # the command line may name another
//! options: { connections: 32, rate: 5000, duration: 30s, header: ["x-team: blue"] }
//! goals: { max-p99: 5ms }           # options too; what begins with max- or min- decides whether the run passes
//! ```
//!
//! A member of `options` or `goals` is an option of the scenario: a list repeats it, `true` gives a flag, `false` does
//! not. Everything that is understood or refused is understood or refused by the command line itself.

use saphyr::{LoadableYamlNode, Scalar, Yaml};

const MEMBERS: [&str; 6] = ["name", "description", "scenario", "url", "options", "goals"];

/// A scenario file, read.
#[derive(Debug, PartialEq, Eq)]
pub struct ScenarioFile {
    /// What the run is called.
    pub name: Option<String>,
    /// The command line it stands for, the program's name included.
    pub arguments: Vec<String>,
}

impl ScenarioFile {
    /// Reads `text`; `overrides` are words of the command line, which win over the file: a URL, and options.
    ///
    /// # Errors
    ///
    /// The text is no YAML, or a member is missing, unknown or of the wrong kind.
    pub fn read(text: &str, overrides: &[String]) -> Result<Self, String> {
        let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
        let [Yaml::Mapping(members)] = documents.as_slice() else {
            return Err("not one mapping with name, scenario, url, options and goals".to_owned());
        };
        for key in members.keys() {
            let known = key.as_str().is_some_and(|key| MEMBERS.contains(&key));
            if !known {
                return Err(format!("{} is none of {}", shown(key), MEMBERS.join(", ")));
            }
        }
        let member = |name: &str| {
            let found = members.iter().find(|(key, _)| key.as_str() == Some(name));
            found.map(|(_, value)| value)
        };
        let text_of = |name: &str| member(name).map(|value| word(name, value)).transpose();
        let scenario = text_of("scenario")?.ok_or("no scenario")?;
        let mut arguments = vec!["loadtest".to_owned(), scenario];
        let names_url = overrides.first().is_some_and(|word| !word.starts_with('-'));
        if !names_url {
            arguments
                .push(text_of("url")?.ok_or("no url, neither here nor behind the file's name")?);
        }
        for (group, only_goals) in [("options", false), ("goals", true)] {
            if let Some(options) = member(group) {
                add_options(&mut arguments, group, options, only_goals, overrides)?;
            }
        }
        arguments.extend(overrides.iter().cloned());
        Ok(Self {
            name: text_of("name")?,
            arguments,
        })
    }
}

fn add_options(
    arguments: &mut Vec<String>,
    group: &str,
    options: &Yaml<'_>,
    only_goals: bool,
    overrides: &[String],
) -> Result<(), String> {
    let options = options
        .as_mapping()
        .ok_or_else(|| format!("{group} is no mapping"))?;
    for (key, value) in options {
        let name = word(group, key)?;
        let is_goal = name.starts_with("max-") || name.starts_with("min-");
        if only_goals != is_goal {
            return Err(format!(
                "{group}.{name}: max-… and min-… belong under goals, all else under options"
            ));
        }
        let option = format!("--{name}");
        let overridden = |word: &String| word.split('=').next() == Some(&*option);
        if overrides.iter().any(overridden) {
            continue;
        }
        let single = std::slice::from_ref(value);
        for value in value.as_sequence().map_or(single, Vec::as_slice) {
            match value {
                Yaml::Value(Scalar::Boolean(true)) => arguments.push(option.clone()),
                Yaml::Value(Scalar::Boolean(false)) => {}
                value => arguments.push(format!("{option}={}", word(&name, value)?)),
            }
        }
    }
    Ok(())
}

/// A scalar as a word of the command line.
fn word(name: &str, value: &Yaml<'_>) -> Result<String, String> {
    match value {
        Yaml::Value(Scalar::String(text)) => Ok(text.to_string()),
        Yaml::Value(Scalar::Integer(number)) => Ok(number.to_string()),
        Yaml::Value(Scalar::FloatingPoint(number)) => Ok(number.to_string()),
        other => Err(format!(
            "{name}: {} is neither text nor number",
            shown(other)
        )),
    }
}

fn shown(value: &Yaml<'_>) -> String {
    match value {
        Yaml::Value(Scalar::String(text)) => text.to_string(),
        Yaml::Value(Scalar::Null) => "nothing".to_owned(),
        Yaml::Value(Scalar::Boolean(value)) => value.to_string(),
        Yaml::Mapping(_) => "a mapping".to_owned(),
        Yaml::Sequence(_) => "a list".to_owned(),
        _ => "this".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
name: A name
description: Any text
scenario: echo
url: ws://h/dev
options:
  connections: 32
  rate: 0.5
  header: ['a: 1', 'b: 2']
  quiet: true
  expect-reply: false
goals: { max-p99: 5ms }
";

    fn words(text: &str, overrides: &str) -> Result<String, String> {
        let overrides: Vec<String> = overrides.split_whitespace().map(str::to_owned).collect();
        ScenarioFile::read(text, &overrides).map(|file| file.arguments.join(" "))
    }

    #[test]
    fn files_are_command_lines() {
        let check = |overrides: &str, expected: &str| {
            assert_eq!(words(FILE, overrides).as_deref(), Ok(expected));
        };
        let head = "--header=a: 1 --header=b: 2 --quiet";
        check(
            "",
            &format!("loadtest echo ws://h/dev --connections=32 --rate=0.5 {head} --max-p99=5ms"),
        );
        check(
            "ws://other --rate 7 --max-p99=1s",
            &format!("loadtest echo --connections=32 {head} ws://other --rate 7 --max-p99=1s"),
        );
        let file = ScenarioFile::read(FILE, &[]).unwrap();
        assert_eq!(file.name.as_deref(), Some("A name"));
    }

    #[test]
    fn unusable_files_are_refused() {
        let check = |text: &str, names: &str| {
            let error = words(text, "").unwrap_err();
            assert!(error.contains(names), "{text}: {error}");
        };
        check("", "not one mapping");
        check("[echo]", "not one mapping");
        check("scenario: echo\nscenario: idle", "duplicated key");
        check("scenario: [", "");
        check("scenario: echo", "no url");
        check("url: ws://h", "no scenario");
        check("scenario: echo\nurl: ws://h\nrate: 5", "rate is none of");
        check("scenario: [echo]\nurl: ws://h", "a list");
        check("scenario: echo\nurl: ws://h\noptions: 5", "no mapping");
        check("scenario: echo\nurl: ws://h\noptions: {rate: }", "nothing");
        check(
            "scenario: echo\nurl: ws://h\noptions: {max-p99: 1s}",
            "under goals",
        );
        check(
            "scenario: echo\nurl: ws://h\ngoals: {rate: 1}",
            "under goals",
        );
    }
}
