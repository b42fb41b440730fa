//! SAM and CloudFormation templates: their WebSocket and HTTP APIs, and the functions behind them.
//!
//! Sources: CloudFormation template reference (`AWS::ApiGatewayV2::*`, `AWS::Lambda::Function`); AWS SAM specification
//! (`AWS::Serverless::HttpApi`, `AWS::Serverless::Function`, `HttpApi` events, `Globals`).

mod document;
mod domain;
mod draft;
mod function;
mod include;
mod intrinsics;
mod marks;
mod serverless;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::definition::tree::{Node, Tags, Value, parse_with};
use crate::definition::{Diagnostic, Origin, Place, Report};

use super::{Imported, finish};
use draft::Draft;
use intrinsics::{Evaluator, MARK, Names, entries, scalar, text_at};

const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
    "Rules",
];
/// What is taken over, so that what others refer to comes first.
const ORDER: [&[&str]; 4] = [
    &[
        "AWS::ApiGatewayV2::Api",
        "AWS::Serverless::HttpApi",
        "AWS::Serverless::Function",
        "AWS::Lambda::Function",
        "AWS::ApiGatewayV2::VpcLink",
    ],
    &[
        "AWS::ApiGatewayV2::Authorizer",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Model",
        "AWS::ApiGatewayV2::Stage",
        "AWS::ApiGatewayV2::DomainName",
    ],
    &[
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::IntegrationResponse",
        "AWS::ApiGatewayV2::Deployment",
    ],
    &[
        "AWS::ApiGatewayV2::RouteResponse",
        "AWS::ApiGatewayV2::ApiMapping",
        "AWS::ApiGatewayV2::RoutingRule",
    ],
];
/// What is not, but may stand for something that is.
const ALIASES: [&str; 2] = ["AWS::Lambda::Alias", "AWS::Lambda::Version"];
const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";
/// Resources of one template (CloudFormation quotas).
const RESOURCES: usize = 500;

/// The definition that a template describes. `name` is what messages call the template, and `parameters` are values for its parameters, in place of
/// their defaults; `AWS::Region`, `AWS::AccountId` and `AWS::StackName` may be among them. `files` reads the OpenAPI documents that it names and the files that it includes.
///
/// # Errors
/// What cannot be read as a template.
pub fn import(
    text: &str,
    name: &str,
    parameters: &BTreeMap<String, String>,
    files: &Files,
) -> Result<Imported, Vec<Diagnostic>> {
    let mut report = Report::default();
    let origin = Arc::new(Origin {
        name: name.to_owned(),
        directory: PathBuf::new(),
    });
    let root = parse_with(text, &origin, Tags::Functions, &mut report);
    let Some(root) = root.filter(|_| report.is_empty()) else {
        return Err(report.finish());
    };
    if text.contains(MARK) {
        let what = "contains U+F8FF, which is for private use";
        report.add(Some(&root.place), "", what, "remove it");
        return Err(report.finish());
    }
    let root = include::sections(&root, files, &mut report);
    if !report.is_empty() {
        return Err(report.finish());
    }
    let mut template = Template::read(&root, parameters, files, &mut report)?;
    template.convert();
    let Template {
        draft,
        variables,
        warnings,
        evaluator,
        ..
    } = template;
    if !evaluator.report.is_empty() {
        return Err(report.finish());
    }
    let tree = draft.finish(&root);
    finish(&tree, warnings, &variables)
}

/// One resource of a template, its properties worked out.
#[derive(Debug, Clone)]
struct Resource {
    logical: String,
    kind: String,
    /// Where it stands.
    at: Node,
    properties: Node,
}

/// Reads a file that a template names, by its path from there; or says why it cannot.
pub type Files = dyn Fn(&str) -> Result<String, String>;

struct Template<'t, 'r> {
    files: &'t Files,
    region: String,
    account_id: String,
    evaluator: Evaluator<'t, 'r>,
    globals: Option<Node>,
    resources: Vec<Resource>,
    draft: Draft,
    warnings: Report,
    /// Variables of the environment that the definition asks for.
    variables: Vec<String>,
}

impl<'t, 'r> Template<'t, 'r> {
    fn read(
        root: &'t Node,
        parameters: &BTreeMap<String, String>,
        files: &'t Files,
        report: &'r mut Report,
    ) -> Result<Self, Vec<Diagnostic>> {
        for entry in entries(root) {
            if !SECTIONS.contains(&entry.key.as_str()) {
                let known = SECTIONS.join(", ");
                let what = "is no section of a template";
                report.add(
                    Some(&entry.place),
                    &entry.key,
                    what,
                    format!("known here: {known}"),
                );
            }
        }
        let all = root.get("Resources").map(entries).unwrap_or_default();
        if all.is_empty() || all.len() > RESOURCES {
            let what = format!("has {} resources", all.len());
            let remedy = format!("name a template with 1 to {RESOURCES}");
            report.add(Some(&root.place), "Resources", what, remedy);
        }
        let values = parameter_values(root, parameters, report);
        if !report.is_empty() {
            return Err(std::mem::take(report).finish());
        }
        let conditions = root.get("Conditions").map(entries).unwrap_or_default();
        let conditions = conditions
            .iter()
            .map(|entry| (entry.key.clone(), &entry.value));
        let mut logical: Vec<String> = all.iter().map(|entry| entry.key.clone()).collect();
        logical.push(serverless::IMPLICIT.to_owned());
        let names = Names {
            parameters: values,
            conditions: conditions.collect(),
            mappings: root.get("Mappings"),
            resources: logical,
        };
        let mut evaluator = Evaluator::new(names, files, report);
        let globals = root
            .get("Globals")
            .and_then(|globals| evaluator.value(globals));
        let mut resources = Vec::new();
        for entry in all {
            let condition = entry.value.get("Condition").and_then(scalar);
            if condition.is_some_and(|name| !evaluator.holds(name, &entry.value)) {
                continue;
            }
            let empty = draft::map_at(&entry.value, Vec::new());
            let kind = entry.value.get("Type").and_then(scalar).unwrap_or_default();
            // What the rest of a template says is for others to work out.
            let concerns_us = ORDER.concat().contains(&kind) || ALIASES.contains(&kind);
            let properties = entry.value.get("Properties").filter(|_| concerns_us);
            let properties = properties.and_then(|node| evaluator.value(node));
            resources.push(Resource {
                logical: entry.key.clone(),
                kind: kind.to_owned(),
                at: Node {
                    place: entry.place.clone(),
                    ..empty.clone()
                },
                properties: properties.unwrap_or(empty),
            });
        }
        let pseudo = |name: &str, otherwise: &str| {
            let given = parameters.get(name);
            given.map_or(otherwise, String::as_str).to_owned()
        };
        Ok(Self {
            files,
            region: pseudo("AWS::Region", REGION),
            account_id: pseudo("AWS::AccountId", ACCOUNT),
            evaluator,
            globals,
            resources,
            draft: Draft::default(),
            warnings: Report::default(),
            variables: Vec::new(),
        })
    }

    /// Everything that can be taken over. What others refer to comes first.
    fn convert(&mut self) {
        let resources = self.resources.clone();
        for kinds in ORDER {
            for resource in resources
                .iter()
                .filter(|resource| kinds.contains(&resource.kind.as_str()))
            {
                self.resource(resource);
            }
        }
        let known: Vec<_> = ORDER.concat();
        for resource in resources
            .iter()
            .filter(|resource| !known.contains(&resource.kind.as_str()))
        {
            self.warn_absent(resource);
        }
        for resource in resources
            .iter()
            .filter(|resource| resource.kind == "AWS::Serverless::Function")
        {
            self.events(resource);
        }
    }

    fn resource(&mut self, resource: &Resource) {
        match resource.kind.as_str() {
            "AWS::ApiGatewayV2::Api" => self.wire_api(resource),
            "AWS::Serverless::HttpApi" => self.http_api(resource),
            "AWS::Serverless::Function" | "AWS::Lambda::Function" => self.function(resource),
            _ => self.wire_part(resource),
        }
    }

    /// A warning about a resource, or about something in it.
    fn warn(&mut self, place: &Place, path: &str, what: &str, remedy: &str) {
        self.warnings.add(Some(place), path, what, remedy);
    }

    /// Refuses what says who may call and cannot be read.
    fn require_map(&mut self, node: &Node, path: &str) {
        if !matches!(node.value, Value::Mapping(_)) && !node.is_null() {
            self.refuse(node, path, "is not a map", "write its members below it");
        }
    }

    /// Refuses the template.
    fn refuse(&mut self, node: &Node, path: &str, what: &str, remedy: &str) {
        let report = &mut self.evaluator.report;
        report.add(Some(&node.place), path, what, remedy);
    }

    fn warn_absent(&mut self, resource: &Resource) {
        let (what, remedy) = match resource.kind.as_str() {
            "" => ("has no type", "add `Type`"),
            "AWS::Lambda::Permission"
            | "AWS::IAM::Role"
            | "AWS::IAM::Policy"
            | "AWS::IAM::ManagedPolicy" => (
                "is not taken over",
                "nothing: functions need no leave here, and run as the user of the gateway",
            ),
            "AWS::Logs::LogGroup" => (
                "is not taken over",
                "nothing: functions and access logs write to the gateway's own output",
            ),
            "AWS::Lambda::Alias" | "AWS::Lambda::Version" => (
                "is not taken over",
                "nothing: references to it mean the function",
            ),
            "AWS::ElasticLoadBalancingV2::Listener" | "AWS::ServiceDiscovery::Service" => (
                "is not taken over",
                "where it is a private backend, write its targets to `server.upstreams`, by its ARN",
            ),
            "AWS::ApiGatewayV2::ApiGatewayManagedOverrides" => (
                "is not taken over",
                "write the API with its route, integration and stage in place of quick create",
            ),
            "AWS::Serverless::Api" | "AWS::ApiGateway::RestApi" => (
                "is a REST API, which this gateway does not have",
                "make it an AWS::Serverless::HttpApi",
            ),
            kind if kind.starts_with("AWS::ApiGateway::") => {
                ("belongs to REST APIs", "write it as AWS::ApiGatewayV2")
            }
            _ => (
                "is no part of a gateway",
                "provide it elsewhere: at AWS, or in an emulator of it",
            ),
        };
        let what = format!("{} {what}", resource.kind);
        self.warn(
            &resource.at.place.clone(),
            &resource.logical,
            what.trim_start(),
            remedy,
        );
    }

    fn find(&self, logical: &str) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|resource| resource.logical == logical)
    }
}

/// The values of parameters, and those that every template has.
fn parameter_values(
    root: &Node,
    given: &BTreeMap<String, String>,
    report: &mut Report,
) -> BTreeMap<String, Node> {
    let pseudo = [
        ("AWS::Region", REGION),
        ("AWS::AccountId", ACCOUNT),
        ("AWS::Partition", "aws"),
        ("AWS::URLSuffix", "amazonaws.com"),
        ("AWS::StackName", "stack"),
        ("AWS::StackId", "stack"),
    ];
    let mut values = BTreeMap::new();
    for (name, value) in pseudo {
        let value = given.get(name).map_or(value, String::as_str);
        values.insert(name.to_owned(), text_at(root, value));
    }
    for entry in root.get("Parameters").map(entries).unwrap_or_default() {
        let is_list = entry
            .value
            .get("Type")
            .and_then(scalar)
            .is_some_and(|kind| kind.contains("List"));
        let default = entry.value.get("Default").and_then(scalar);
        match given.get(&entry.key).map(String::as_str).or(default) {
            Some(value) if is_list => {
                let items: Vec<_> = value.split(',').map(str::trim).collect();
                values.insert(entry.key.clone(), draft::texts_at(&entry.value, &items));
            }
            Some(value) => drop(values.insert(entry.key.clone(), text_at(&entry.value, value))),
            None => {
                let remedy = format!("give it one: --parameter {}=VALUE", entry.key);
                report.add(Some(&entry.place), &entry.key, "has no default", remedy);
            }
        }
    }
    for name in given.keys().filter(|name| !values.contains_key(*name)) {
        let what = format!("`{name}` is no parameter of this template");
        report.add(None, "--parameter", what, "correct the name");
    }
    values
}

/// `ChatApi` as `chat-api`.
fn kebab(name: &str) -> String {
    words(name).join("-")
}

fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() {
            before = ' ';
            continue;
        }
        let begins =
            before == ' ' || (character.is_ascii_uppercase() && !before.is_ascii_uppercase());
        match words.last_mut() {
            Some(word) if !begins => word.push(character.to_ascii_lowercase()),
            _ => words.push(character.to_ascii_lowercase().to_string()),
        }
        before = character;
    }
    words
}

#[cfg(test)]
mod tests;
