//! Routing rules of domain names: what the tables cannot say about one.
//!
//! Source: developer guide, "Routing rules to connect API stages to a custom domain name for REST APIs", "Restrictions".

use std::sync::Arc;

use http::HeaderName;

use crate::definition::{child, item};
use crate::lang::http_mapping::is_reserved;
use crate::model::v2;
use crate::plan::routing_rule::{Glob, HeaderMatch, RoutingRule};

/// Conditions of one rule for headers.
const HEADER_CONDITIONS: usize = 2;
/// Characters of a glob with a `*` at both ends, these included.
const CONTAINED_CHARACTERS: usize = 40;
/// Headers that no rule may ask for, beside those that no mapping may touch.
const RESTRICTED: [&str; 3] = ["trailers", "x-apigw-api-id", "x-restapi"];

/// Something that is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// Where, below the rule.
    pub path: String,
    /// What.
    pub what: String,
    /// What can be done.
    pub remedy: &'static str,
}

/// A rule as it runs. Whether there is what it leads to is not looked at, but for `is_web_socket`: whether that is a WebSocket API.
///
/// # Errors
/// Everything that is wrong with it.
pub fn compile_rule(
    priority: u32,
    rule: &v2::RoutingRule,
    is_web_socket: bool,
) -> Result<RoutingRule, Vec<RuleProblem>> {
    let mut reading = Reading::default();
    reading.conditions(&rule.conditions);
    let Some(action) = rule.actions.first() else {
        reading.problem("actions", "has no action", "add one with `invokeApi`");
        return Err(reading.problems);
    };
    let target = &action.invoke_api;
    let path = child(&child(&item("actions", 0), "invokeApi"), "stripBasePath");
    match (target.strip_base_path, reading.base_paths.is_some()) {
        (true, false) => {
            let remedy = "add a condition with `matchBasePaths`, or leave it out";
            reading.problem(&path, "there is no base path to strip", remedy);
        }
        (false, true) if is_web_socket => {
            let what = "a WebSocket API has no paths, so it could not be reached below a base path";
            reading.problem(&path, what, "write `stripBasePath: true`");
        }
        _ => {}
    }
    match reading.problems.is_empty() {
        true => Ok(RoutingRule {
            priority,
            headers: reading.headers,
            base_paths: reading.base_paths,
            api: target.api_id.as_str().into(),
            stage: target.stage.as_str().into(),
            strips: target.strip_base_path,
        }),
        false => Err(reading.problems),
    }
}

#[derive(Default)]
struct Reading {
    headers: Vec<Vec<HeaderMatch>>,
    base_paths: Option<Vec<Arc<str>>>,
    problems: Vec<RuleProblem>,
}

impl Reading {
    fn problem(&mut self, path: &str, what: impl Into<String>, remedy: &'static str) {
        self.problems.push(RuleProblem {
            path: path.to_owned(),
            what: what.into(),
            remedy,
        });
    }

    fn conditions(&mut self, conditions: &[v2::RoutingRuleCondition]) {
        for (index, condition) in conditions.iter().enumerate() {
            let path = item("conditions", index);
            if condition.match_base_paths.is_none() && condition.match_headers.is_none() {
                let remedy = "add `matchBasePaths` or `matchHeaders`, or leave it out";
                self.problem(&path, "asks for nothing", remedy);
            }
            if let Some(paths) = &condition.match_base_paths {
                self.base_paths(paths, &child(&path, "matchBasePaths"));
            }
            if let Some(headers) = &condition.match_headers {
                self.headers(headers, &child(&path, "matchHeaders"));
            }
        }
    }

    fn base_paths(&mut self, condition: &v2::MatchBasePaths, path: &str) {
        if self.base_paths.is_some() {
            let what = "is a second condition for the base path";
            self.problem(path, what, "keep one; `anyOf` may name several");
        }
        let mut all: Vec<Arc<str>> = Vec::new();
        for (index, base_path) in condition.any_of.iter().enumerate() {
            if base_path.split('/').any(|part| part == "." || part == "..") {
                let path = item(&child(path, "anyOf"), index);
                let what = "has a dot segment, which no path that is answered has";
                self.problem(&path, what, "leave `.` and `..` out");
            }
            all.push(base_path.as_str().into());
        }
        all.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        self.base_paths = Some(all);
    }

    fn headers(&mut self, condition: &v2::MatchHeaders, path: &str) {
        if self.headers.len() == HEADER_CONDITIONS {
            let what = "is a third condition for headers";
            self.problem(path, what, "keep two");
        }
        let mut any = Vec::new();
        for (index, header) in condition.any_of.iter().enumerate() {
            let path = item(&child(path, "anyOf"), index);
            any.extend(self.header(header, &path));
        }
        self.headers.push(any);
    }

    fn header(&mut self, header: &v2::MatchHeaderValue, path: &str) -> Option<HeaderMatch> {
        let name = header.header.to_ascii_lowercase();
        if is_reserved(&name) || RESTRICTED.contains(&name.as_str()) {
            let what = "is a header that no rule may ask for";
            self.problem(&child(path, "header"), what, "choose another header");
        }
        let glob = match name.as_str() {
            "host" => header.value_glob.to_ascii_lowercase(),
            _ => header.value_glob.clone(),
        };
        let value = Glob::parse(&glob);
        let at = child(path, "valueGlob");
        match &value {
            None => {
                let what = "has a `*` in other places than its ends";
                let remedy = "write `text`, `text*`, `*text`, `*text*` or `*`";
                self.problem(&at, what, remedy);
            }
            Some(Glob::Contains(_)) if glob.len() > CONTAINED_CHARACTERS => {
                let what = format!("has {} characters with a `*` at both ends", glob.len());
                self.problem(&at, what, "keep at most 40 there");
            }
            Some(_) => {}
        }
        let Ok(name) = HeaderName::try_from(name) else {
            let what = "is no name of a header";
            self.problem(&child(path, "header"), what, "correct the name");
            return None;
        };
        Some(HeaderMatch {
            name,
            value: value?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(rule: Value, is_web_socket: bool, expected: &[(&str, &str)]) {
        let rule_of = serde_json::from_value(rule.clone()).unwrap();
        let problems = compile_rule(1, &rule_of, is_web_socket).err();
        let problems = problems.unwrap_or_default();
        let told: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path.as_str(), problem.what.as_str()))
            .collect();
        assert_eq!(told, expected, "{rule}");
    }

    fn rule(conditions: Value) -> Value {
        json!({ "conditions": conditions, "actions": [{ "invokeApi": { "apiId": "a", "stage": "s" } }] })
    }

    #[test]
    fn what_the_tables_cannot_say_is_refused() {
        let header = |name: &str, glob: &str| json!({ "matchHeaders": { "anyOf": [{ "header": name, "valueGlob": glob }] } });
        let path = |path: &str| json!({ "matchBasePaths": { "anyOf": [path] } });
        check(rule(json!([])), true, &[]);
        check(
            rule(json!([path("a/b"), header("a", "b"), header("a", "*")])),
            false,
            &[],
        );
        check(
            rule(json!([{}])),
            false,
            &[("conditions[0]", "asks for nothing")],
        );
        check(
            rule(json!([path("a"), path("b")])),
            false,
            &[(
                "conditions[1].matchBasePaths",
                "is a second condition for the base path",
            )],
        );
        check(
            rule(json!([
                header("a", "b"),
                header("a", "b"),
                header("c", "b")
            ])),
            false,
            &[(
                "conditions[2].matchHeaders",
                "is a third condition for headers",
            )],
        );
        check(
            rule(json!([path("a/../b")])),
            false,
            &[(
                "conditions[0].matchBasePaths.anyOf[0]",
                "has a dot segment, which no path that is answered has",
            )],
        );
        for name in [
            "Authorization",
            "x-amz-Date",
            "X-Forwarded-For",
            "apigw-a",
            "x-restAPI",
        ] {
            check(
                rule(json!([header(name, "b")])),
                false,
                &[(
                    "conditions[0].matchHeaders.anyOf[0].header",
                    "is a header that no rule may ask for",
                )],
            );
        }
        check(
            rule(json!([header("a", "b*c")])),
            false,
            &[(
                "conditions[0].matchHeaders.anyOf[0].valueGlob",
                "has a `*` in other places than its ends",
            )],
        );
        check(
            rule(json!([header("a", &format!("*{}*", "b".repeat(38)))])),
            false,
            &[],
        );
        check(
            rule(json!([header("a", &format!("*{}*", "b".repeat(39)))])),
            false,
            &[(
                "conditions[0].matchHeaders.anyOf[0].valueGlob",
                "has 41 characters with a `*` at both ends",
            )],
        );
    }

    #[test]
    fn a_base_path_is_stripped_where_there_is_one_and_where_it_must_be() {
        let strip = |mut rule: Value| {
            rule["actions"][0]["invokeApi"]["stripBasePath"] = true.into();
            rule
        };
        let based = rule(json!([{ "matchBasePaths": { "anyOf": ["a", "a/b"] } }]));
        let at = "actions[0].invokeApi.stripBasePath";
        check(
            strip(rule(json!([]))),
            false,
            &[(at, "there is no base path to strip")],
        );
        check(based.clone(), false, &[]);
        check(
            based.clone(),
            true,
            &[(
                at,
                "a WebSocket API has no paths, so it could not be reached below a base path",
            )],
        );
        check(strip(based.clone()), true, &[]);
        let compiled = compile_rule(7, &serde_json::from_value(based).unwrap(), false).unwrap();
        let base_paths = compiled.base_paths.unwrap();
        let base_paths: Vec<&str> = base_paths.iter().map(AsRef::as_ref).collect();
        assert_eq!(base_paths, ["a/b", "a"], "the longest first");
    }
}
