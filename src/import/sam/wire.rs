//! `AWS::ApiGatewayV2::*`: the resources of the API Gateway V2 API, with capital letters.

use crate::definition::tree::{Entry, Node, Value};

use super::draft::{Api, child, entry, map_at};
use super::intrinsics::{MARK, entries, list_of, scalar, text_at, with};
use super::{Resource, Template, kebab};

/// Members that are maps with keys of their own.
const FREE: [&str; 8] = [
    "StageVariables",
    "Tags",
    "RequestParameters",
    "RequestTemplates",
    "ResponseTemplates",
    "RequestModels",
    "ResponseModels",
    "Schema",
];
/// Resources from an alias to its function: a version may stand between. Aliases that mean each other mean none.
const CHAIN: usize = 8;
const OPENAPI: &str = "import the OpenAPI document itself";

impl Template<'_, '_> {
    /// `AWS::ApiGatewayV2::Api`.
    pub(super) fn wire_api(&mut self, resource: &Resource) {
        let mut api = self.new_api(&resource.logical, &resource.at);
        for from in ["BodyS3Location", "BasePath", "FailOnWarnings"] {
            if let Some(node) = resource.properties.get(from) {
                let path = format!("{}.{from}", resource.logical);
                self.warn(&node.place.clone(), &path, "is not taken over", OPENAPI);
            }
        }
        let skipped = [
            "Body",
            "BodyS3Location",
            "BasePath",
            "FailOnWarnings",
            "Target",
            "RouteKey",
            "CredentialsArn",
            "IpAddressType",
        ];
        let members = self.members(&resource.properties, &skipped);
        api.extend(members);
        if let Some(target) = resource.properties.get("Target") {
            self.quick_create(resource, &target.clone(), &mut api);
        }
        self.draft.apis.push(api);
        if let Some(body) = resource.properties.get("Body") {
            self.document(resource, "Body", body);
        }
    }

    /// An API with an id that no other has.
    pub(super) fn new_api(&mut self, logical: &str, at: &Node) -> Api {
        let mut id: String = kebab(logical).chars().take(60).collect();
        while self.draft.apis.iter().any(|api| api.id == id) {
            id.push('2');
        }
        Api::new(logical, id, at)
    }

    /// `Target`: an integration, a route and a stage at once.
    fn quick_create(&mut self, resource: &Resource, target: &Node, api: &mut Api) {
        let key = resource
            .properties
            .get("RouteKey")
            .and_then(scalar)
            .unwrap_or("$default");
        let uri = self.uri(target);
        let is_url = scalar(&uri).is_some_and(|uri| uri.starts_with("http"));
        let members: &[(&str, &str)] = match is_url {
            true => &[
                ("integrationType", "HTTP_PROXY"),
                ("integrationMethod", "ANY"),
            ],
            false => &[
                ("integrationType", "AWS_PROXY"),
                ("payloadFormatVersion", "2.0"),
            ],
        };
        let integration = api.resource("integrations", "target", target);
        integration.extend(
            members
                .iter()
                .map(|(name, value)| entry(name, text_at(target, *value))),
        );
        integration.push(entry("integrationUri", uri));
        api.resource("routes", key, target)
            .push(entry("target", text_at(target, "integrations/target")));
        api.resource("stages", "$default", target);
    }

    /// What is part of an API, or leads to one.
    pub(super) fn wire_part(&mut self, resource: &Resource) {
        match resource.kind.as_str() {
            "AWS::ApiGatewayV2::DomainName" => return self.domain_name(resource),
            "AWS::ApiGatewayV2::ApiMapping" => return self.api_mapping(resource),
            "AWS::ApiGatewayV2::VpcLink" => return self.vpc_link(resource),
            "AWS::ApiGatewayV2::RoutingRule" => return self.routing_rule(resource),
            _ => {}
        }
        let Some(logical) = self.api_of(resource) else {
            return;
        };
        let name = |property: &str| {
            let found = resource.properties.get(property).and_then(scalar);
            found.map(str::to_owned)
        };
        let (section, key, skipped): (_, _, &[&str]) = match resource.kind.as_str() {
            "AWS::ApiGatewayV2::Route" => ("routes", name("RouteKey"), &["ApiId", "RouteKey"]),
            "AWS::ApiGatewayV2::Integration" => {
                ("integrations", Some(resource.logical.clone()), &["ApiId"])
            }
            "AWS::ApiGatewayV2::Authorizer" => {
                ("authorizers", Some(resource.logical.clone()), &["ApiId"])
            }
            "AWS::ApiGatewayV2::Model" => ("models", name("Name"), &["ApiId", "Name"]),
            "AWS::ApiGatewayV2::Stage" => (
                "stages",
                name("StageName"),
                &["ApiId", "StageName", "AutoDeploy", "DeploymentId"],
            ),
            "AWS::ApiGatewayV2::Deployment" => (
                "stages",
                name("StageName"),
                &["ApiId", "StageName", "Description"],
            ),
            "AWS::ApiGatewayV2::IntegrationResponse" | "AWS::ApiGatewayV2::RouteResponse" => {
                return self.response(resource, &logical);
            }
            _ => return,
        };
        let Some(key) = key else {
            if resource.kind != "AWS::ApiGatewayV2::Deployment" {
                self.warn(
                    &resource.at.place.clone(),
                    &resource.logical,
                    "has no name and is not taken over",
                    "add the name",
                );
            }
            return;
        };
        let mut members = self.members(&resource.properties, skipped);
        if section == "authorizers" {
            // Amazon wants a name; here the key is one.
            members.retain(|member| {
                member.key != "name" || scalar(&member.value) != Some(&resource.logical)
            });
        }
        if let Some(api) = self.draft.api(&logical) {
            if section != "stages" && api.has(section, &key) {
                let what = format!("`{key}` is there twice");
                return self.warn(
                    &resource.at.place.clone(),
                    &resource.logical,
                    &what,
                    "keep one of them",
                );
            }
            api.resource(section, &key, &resource.at).extend(members);
        }
    }

    /// `AWS::ApiGatewayV2::VpcLink`.
    fn vpc_link(&mut self, resource: &Resource) {
        const NETWORK: [&str; 2] = ["SubnetIds", "SecurityGroupIds"];
        for name in NETWORK {
            if let Some(node) = resource.properties.get(name) {
                let path = format!("{}.{name}", resource.logical);
                let remedy = "nothing: `server.upstreams` says where private backends are";
                self.warn(&node.place.clone(), &path, "is not taken over", remedy);
            }
        }
        let members = self.members(&resource.properties, &NETWORK);
        let key = &resource.logical;
        let named = |member: &Entry| member.key == "name" && scalar(&member.value) == Some(key);
        let members = members.into_iter().filter(|member| !named(member));
        child(&mut self.draft.links, key, &resource.at).extend(members);
    }

    /// `IntegrationResponse` and `RouteResponse`, which stand inside of what they answer for.
    fn response(&mut self, resource: &Resource, api: &str) {
        let of_route = resource.kind.ends_with("RouteResponse");
        let (owner, section, inner, key) = match of_route {
            true => ("RouteId", "routes", "routeResponses", "RouteResponseKey"),
            false => (
                "IntegrationId",
                "integrations",
                "integrationResponses",
                "IntegrationResponseKey",
            ),
        };
        let text = |name: &str| {
            resource
                .properties
                .get(name)
                .and_then(scalar)
                .map(str::to_owned)
        };
        let owned = text(owner).map(|text| text.replace(MARK, ""));
        let owned = owned.map(|logical| logical.split('.').next().unwrap_or_default().to_owned());
        let owned = match (of_route, owned) {
            // Routes are known by their keys.
            (true, Some(logical)) => {
                let route = self
                    .find(&logical)
                    .and_then(|route| route.properties.get("RouteKey"));
                route.and_then(scalar).map(str::to_owned)
            }
            (_, owned) => owned,
        };
        let members = self.members(&resource.properties, &["ApiId", owner, key]);
        let (Some(owned), Some(key)) = (owned, text(key)) else {
            let what = "does not say what it belongs to";
            return self.warn(
                &resource.at.place.clone(),
                &resource.logical,
                what,
                "refer to a resource of this template",
            );
        };
        if let Some(api) = self.draft.api(api).filter(|api| api.has(section, &owned)) {
            let owner = api.resource(section, &owned, &resource.at);
            child(child(owner, inner, &resource.at), &key, &resource.at).extend(members);
        }
    }

    /// The logical id of the API that a resource belongs to.
    pub(super) fn api_of(&mut self, resource: &Resource) -> Option<String> {
        let api = resource
            .properties
            .get("ApiId")
            .and_then(scalar)
            .unwrap_or_default();
        let logical = api.replace(MARK, "");
        let logical = logical.split('.').next().unwrap_or_default().to_owned();
        if self.draft.api(&logical).is_some() {
            return Some(logical);
        }
        let what = "belongs to an API that is not in this template, and is not taken over";
        self.warn(
            &resource.at.place.clone(),
            &resource.logical,
            what,
            "let `ApiId` be a `!Ref`",
        );
        None
    }

    /// Properties as members.
    pub(super) fn members(&mut self, properties: &Node, skipped: &[&str]) -> Vec<Entry> {
        let wanted = entries(properties).iter();
        let wanted = wanted.filter(|property| !skipped.contains(&property.key.as_str()));
        let mut members = Vec::new();
        for property in wanted {
            let value = match property.key.as_str() {
                "IntegrationUri" | "AuthorizerUri" => self.uri(&property.value),
                "ResponseParameters" => response_parameters(&self.plain(&property.value)),
                "AccessLogSettings" => self.access_log(&property.value),
                "RouteSettings" => each(&self.plain(&property.value), lowered),
                "RequestParameters" => each(&self.plain(&property.value), lowered),
                name if FREE.contains(&name) => self.plain(&property.value),
                _ => lowered(&self.plain(&property.value)),
            };
            members.push(Entry {
                key: lower(&property.key),
                place: property.place.clone(),
                value,
            });
        }
        members
    }

    /// A URI, where a function of the template is one that the gateway hosts.
    pub(super) fn uri(&mut self, node: &Node) -> Node {
        let text = scalar(node).unwrap_or_default().to_owned();
        for reference in text.split(MARK).skip(1).step_by(2) {
            let logical = reference.split('.').next().unwrap_or_default();
            if let Some(function) = self.hosted(logical) {
                return text_at(node, format!("function:{function}"));
            }
        }
        self.plain(node)
    }

    /// The function that a logical id means, by itself, as an alias or as a version.
    fn hosted(&self, logical: &str) -> Option<String> {
        let mut logical = logical.to_owned();
        for _ in 0..CHAIN {
            let resource = self.find(&logical)?;
            match resource.kind.as_str() {
                "AWS::Serverless::Function" | "AWS::Lambda::Function" => return Some(logical),
                "AWS::Lambda::Alias" | "AWS::Lambda::Version" => {
                    let name = resource.properties.get("FunctionName").and_then(scalar)?;
                    logical = name.split(MARK).nth(1)?.split('.').next()?.to_owned();
                }
                _ => return None,
            }
        }
        None
    }

    /// A log group is not here: lines go to the gateway's output.
    pub(super) fn access_log(&mut self, settings: &Node) -> Node {
        let mut members = Vec::new();
        for setting in entries(settings) {
            let value = match setting.key.as_str() {
                "DestinationArn" => {
                    let remedy = "nothing, or write `stderr` or `file:PATH`";
                    self.warn(
                        &setting.place,
                        "DestinationArn",
                        "lines of the access log go to `stdout`",
                        remedy,
                    );
                    text_at(&setting.value, "stdout")
                }
                _ => self.plain(&setting.value),
            };
            members.push(Entry {
                key: lower(&setting.key),
                place: setting.place.clone(),
                value,
            });
        }
        map_at(settings, members)
    }
}

/// `RouteKey` as `routeKey`.
fn lower(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// A value with the keys of all its maps in lower camel case.
pub(super) fn lowered(node: &Node) -> Node {
    let value = match &node.value {
        Value::Mapping(entries) => {
            let entries = entries.iter().map(|entry| Entry {
                key: lower(&entry.key),
                place: entry.place.clone(),
                value: lowered(&entry.value),
            });
            Value::Mapping(entries.collect())
        }
        Value::Sequence(items) => Value::Sequence(items.iter().map(lowered).collect()),
        Value::Scalar(_) => node.value.clone(),
    };
    with(node, value)
}

/// A map with its values changed.
fn each(node: &Node, change: impl Fn(&Node) -> Node) -> Node {
    let changed = entries(node).iter().map(|entry| Entry {
        value: change(&entry.value),
        ..entry.clone()
    });
    match &node.value {
        Value::Mapping(_) => map_at(node, changed.collect()),
        _ => node.clone(),
    }
}

/// CloudFormation has a list of sources and destinations for each status, the wire has a map.
fn response_parameters(node: &Node) -> Node {
    each(node, |of_status| {
        let Some(list) = of_status.get("ResponseParameters").and_then(list_of) else {
            return of_status.clone();
        };
        let pairs = list.iter().filter_map(|pair| {
            let destination = pair.get("Destination").and_then(scalar)?;
            Some(entry(destination, pair.get("Source")?.clone()))
        });
        map_at(of_status, pairs.collect())
    })
}
