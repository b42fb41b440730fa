//! Custom domain names and what they lead to.

use crate::definition::child as path_of;
use crate::definition::tree::Node;

use super::draft::{child, entry};
use super::intrinsics::{entries, list_of, scalar, text_at};
use super::{Resource, Template};

const CONFIGURATIONS: &str = "DomainNameConfigurations";
const MUTUAL_TLS: &str = "MutualTlsAuthentication";
/// What to do where a template says which certificate a domain name has.
const CERTIFICATES: &str =
    "add the certificate's files to `server.certificates`, and its ARN to the domain name";

impl Template<'_, '_> {
    /// `Domain` of an `AWS::Serverless::HttpApi`.
    pub(super) fn domain(&mut self, resource: &Resource, value: &Node, stage: &str) {
        let name = value.get("DomainName").map(|name| self.plain(name));
        let Some(name) = name.as_ref().and_then(scalar).map(str::to_owned) else {
            return;
        };
        let keys: Vec<String> = match value.get("BasePath").and_then(list_of) {
            Some(paths) => paths.iter().filter_map(scalar).map(str::to_owned).collect(),
            None => vec![String::new()],
        };
        let id = self.draft.api(&resource.logical).map(|api| api.id.clone());
        for key in keys {
            let key = key.trim_matches('/');
            self.map(value, &name, key, id.as_deref().unwrap_or_default(), stage);
        }
        // Whoever this keeps out must stay out.
        let others = entries(value).iter().map(|other| other.key.as_str());
        let others: Vec<_> = others.filter(|key| *key != MUTUAL_TLS).collect();
        let mutual = self.members(value, &others);
        child(&mut self.draft.domains, &name.to_ascii_lowercase(), value).extend(mutual);
        let taken = ["DomainName", "BasePath", MUTUAL_TLS];
        for other in entries(value)
            .iter()
            .filter(|other| !taken.contains(&other.key.as_str()))
        {
            let path = format!("{}.Domain.{}", resource.logical, other.key);
            self.warn(&other.place, &path, "is not taken over", CERTIFICATES);
        }
    }

    /// `AWS::ApiGatewayV2::DomainName`.
    pub(super) fn domain_name(&mut self, resource: &Resource) {
        let properties = &resource.properties;
        let Some(name) = properties.get("DomainName").map(|name| self.plain(name)) else {
            return;
        };
        let members = self.members(properties, &["DomainName", CONFIGURATIONS]);
        let name = scalar(&name).unwrap_or_default().to_ascii_lowercase();
        if let Some(configurations) = properties.get(CONFIGURATIONS) {
            let path = path_of(&path_of("domainNames", &name), "domainNameConfigurations");
            let what = "is not taken over: certificates are no resources of a template";
            self.warn(&configurations.place.clone(), &path, what, CERTIFICATES);
        }
        child(&mut self.draft.domains, &name, &resource.at).extend(members);
    }

    /// `AWS::ApiGatewayV2::ApiMapping`.
    pub(super) fn api_mapping(&mut self, resource: &Resource) {
        let Some(logical) = self.api_of(resource) else {
            return;
        };
        let mut text = |name: &str| {
            let found = resource.properties.get(name).cloned()?;
            let plain = self.plain(&found);
            scalar(&plain).map(str::to_owned)
        };
        let (domain, stage) = (text("DomainName"), text("Stage"));
        let key = text("ApiMappingKey").unwrap_or_default();
        let (Some(domain), Some(stage)) = (domain, stage) else {
            return self.warn(
                &resource.at.place.clone(),
                &resource.logical,
                "names no domain or stage",
                "add `DomainName` and `Stage`",
            );
        };
        let id = self
            .draft
            .api(&logical)
            .map(|api| api.id.clone())
            .unwrap_or_default();
        self.map(&resource.at, &domain, &key, &id, &stage);
    }

    /// `AWS::ApiGatewayV2::RoutingRule`.
    pub(super) fn routing_rule(&mut self, resource: &Resource) {
        let mut text = |name: &str| {
            let found = resource.properties.get(name).cloned()?;
            let plain = self.plain(&found);
            scalar(&plain).map(str::to_owned)
        };
        let (arn, priority) = (text("DomainNameArn"), text("Priority"));
        let domain = arn
            .as_deref()
            .and_then(|arn| arn.rsplit_once("/domainnames/"));
        let (Some((_, domain)), Some(priority)) = (domain, priority) else {
            // It may lead elsewhere what must not get where all else goes.
            let what = "names no domain or priority";
            let remedy = "add `DomainNameArn: !GetAtt DOMAIN.DomainNameArn` and `Priority`";
            return self.refuse(&resource.at.clone(), &resource.logical, what, remedy);
        };
        let skipped = ["DomainNameArn", "Priority"];
        let members = self.members(&resource.properties, &skipped);
        let domain = domain.to_ascii_lowercase();
        let domain = child(&mut self.draft.domains, &domain, &resource.at);
        let rules = child(domain, "routingRules", &resource.at);
        if rules.iter().any(|rule| rule.key == priority) {
            let what = "has the priority of another rule";
            let remedy = "choose another";
            return self.refuse(&resource.at.clone(), &resource.logical, what, remedy);
        }
        child(rules, &priority, &resource.at).extend(members);
    }

    /// A stage behind a domain name.
    fn map(&mut self, at: &Node, domain: &str, key: &str, id: &str, stage: &str) {
        let name = domain.to_ascii_lowercase();
        let domain = child(&mut self.draft.domains, &name, at);
        let mappings = child(domain, "apiMappings", at);
        if mappings.iter().any(|mapping| mapping.key == key) {
            let what = format!("/{key} leads to another API or stage already");
            return self.refuse(at, &name, &what, "give one of them another base path");
        }
        let mapping = child(mappings, key, at);
        mapping.push(entry("apiId", text_at(at, id)));
        mapping.push(entry("stage", text_at(at, stage)));
    }
}
