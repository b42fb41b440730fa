//! Functions: how the gateway is to run them.

use crate::definition::tree::{Entry, Node};

use super::draft::{entry, map_at, plain_at, texts_at};
use super::intrinsics::{MARK, entries, scalar, text_at};
use super::{Resource, Template};

/// Properties that mean nothing here, and what there is instead.
const WITHOUT_EFFECT: [(&str, &str); 22] = [
    ("Role", "nothing: functions run as the user of the gateway"),
    (
        "Policies",
        "nothing: functions run as the user of the gateway",
    ),
    (
        "PermissionsBoundary",
        "nothing: functions run as the user of the gateway",
    ),
    (
        "AssumeRolePolicyDocument",
        "nothing: functions run as the user of the gateway",
    ),
    ("Description", "nothing: functions have none here"),
    ("FunctionName", "nothing: the function is named by its key"),
    ("Tags", "nothing: functions have none here"),
    ("PropagateTags", "nothing: functions have no tags here"),
    (
        "Architectures",
        "nothing: the function runs on this machine",
    ),
    ("Layers", "install what the layers bring beside the code"),
    ("Tracing", "nothing: trace headers are passed on"),
    ("TracingConfig", "nothing: trace headers are passed on"),
    (
        "VpcConfig",
        "nothing: functions reach what this machine reaches",
    ),
    (
        "KmsKeyArn",
        "nothing: the environment is in the definition file",
    ),
    (
        "DeadLetterConfig",
        "nothing: the gateway waits for every answer",
    ),
    (
        "DeadLetterQueue",
        "nothing: the gateway waits for every answer",
    ),
    (
        "AutoPublishAlias",
        "nothing: there is one version of a function here",
    ),
    (
        "DeploymentPreference",
        "nothing: there is one version of a function here",
    ),
    (
        "ProvisionedConcurrencyConfig",
        "set `reservedConcurrency` to the number of processes",
    ),
    (
        "EphemeralStorage",
        "nothing: functions share this machine's files",
    ),
    ("SnapStart", "nothing: processes stay"),
    (
        "LoggingConfig",
        "nothing: functions log to the gateway's own output",
    ),
];
const TAKEN: [&str; 12] = [
    "Runtime",
    "Handler",
    "CodeUri",
    "Code",
    "Environment",
    "Timeout",
    "MemorySize",
    "ReservedConcurrentExecutions",
    "Events",
    "PackageType",
    "InlineCode",
    "ImageUri",
];

impl Template<'_, '_> {
    /// A function as the gateway hosts it.
    pub(super) fn function(&mut self, resource: &Resource) {
        let properties = self.with_globals(resource, "Function");
        let at = &resource.at;
        let get = |name: &str| properties.get(name).cloned();
        let handler = get("Handler");
        let mut members = Vec::new();
        let runtime = get("Runtime");
        members.push(entry(
            "command",
            self.command(resource, runtime.as_ref(), handler.as_ref()),
        ));
        if let Some(handler) = &handler {
            members.push(entry("handler", self.plain(handler)));
        }
        self.code(&properties, &mut members, resource);
        if let Some(variables) = get("Environment").and_then(|node| node.get("Variables").cloned())
        {
            members.push(entry("environment", self.plain(&variables)));
        }
        if let Some(timeout) = get("Timeout") {
            let seconds = scalar(&timeout).unwrap_or_default();
            members.push(entry("timeout", plain_at(&timeout, format!("{seconds}s"))));
        }
        for (from, to) in [
            ("MemorySize", "memorySize"),
            ("ReservedConcurrentExecutions", "reservedConcurrency"),
        ] {
            if let Some(value) = get(from) {
                members.push(entry(
                    to,
                    plain_at(&value, scalar(&value).unwrap_or_default()),
                ));
            }
        }
        for property in entries(&properties) {
            let name = property.key.as_str();
            let known = WITHOUT_EFFECT.iter().find(|(known, _)| *known == name);
            let path = format!("{}.{name}", resource.logical);
            match known {
                _ if TAKEN.contains(&name) => {}
                Some((_, remedy)) => self.warn(&property.place, &path, "is not taken over", remedy),
                None => self.warn(
                    &property.place,
                    &path,
                    "is not taken over",
                    "see `functions` in the definition's schema for what there is",
                ),
            }
        }
        self.draft
            .functions
            .push(entry(&resource.logical, map_at(at, members)));
    }

    fn command(
        &mut self,
        resource: &Resource,
        runtime: Option<&Node>,
        handler: Option<&Node>,
    ) -> Node {
        let at = runtime.unwrap_or(&resource.at);
        let handler = handler.and_then(scalar).unwrap_or_default();
        let name = runtime.and_then(scalar).unwrap_or_default();
        let python = ["python3", "-m", "awslambdaric", handler];
        let node = ["node_modules/.bin/aws-lambda-ric", handler];
        let ruby = ["bundle", "exec", "aws_lambda_ric", handler];
        let command: &[&str] = match name {
            name if name.starts_with("nodejs") => &node,
            name if name.starts_with("python") => &python,
            name if name.starts_with("ruby") => &ruby,
            name if name.starts_with("provided") || name.starts_with("go") => &["./bootstrap"],
            _ => {
                let what = format!("nothing is known of how the runtime `{name}` is started here");
                let remedy = "write the command of its runtime interface client under `command`";
                self.warn(
                    &at.place.clone(),
                    &format!("{}.Runtime", resource.logical),
                    &what,
                    remedy,
                );
                &["./bootstrap"]
            }
        };
        texts_at(at, command)
    }

    /// Where the code is.
    fn code(&mut self, properties: &Node, members: &mut Vec<Entry>, resource: &Resource) {
        let local = properties.get("CodeUri").or_else(|| properties.get("Code"));
        let directory = local
            .and_then(scalar)
            .filter(|text| !text.contains("://") && !text.contains(MARK));
        if let (Some(local), Some(directory)) = (local, directory) {
            let directory = match directory.trim_end_matches('/').trim_start_matches("./") {
                "" => ".",
                inner => inner,
            };
            members.push(entry("workingDirectory", text_at(local, directory)));
            return;
        }
        let elsewhere = local
            .or_else(|| properties.get("InlineCode"))
            .or_else(|| properties.get("ImageUri"));
        if let Some(elsewhere) = elsewhere {
            let what = "the code of the function is not in a directory";
            let remedy = "put it into one, and write that under `workingDirectory`";
            self.warn(&elsewhere.place.clone(), &resource.logical, what, remedy);
        }
    }
}
