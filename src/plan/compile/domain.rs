//! Custom domain names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::routing_rule::compile_rule;
use super::{Bench, RuleProblem, truststore};
use crate::definition::{child, item};
use crate::lang::syntax::nearest;
use crate::model::definition::{Server, Tls};
use crate::model::v2;
use crate::plan::domain::{ApiMapping, Domain, Domains};
use crate::plan::routing_rule::RoutingRule;
use crate::plan::truststore::{Truststore, Truststores};

/// All domain names; what is wrong with them is noted.
pub(super) fn compile(bench: &mut Bench<'_>, truststores: &Truststores) -> Domains {
    let definition = bench.definition;
    check_closed(bench);
    if !definition.server.certificates.is_empty() && definition.server.tls.is_none() {
        let remedy = "turn it on with `server.tls`, which has the certificate of all other names";
        bench
            .scribe
            .problem("server.certificates", "TLS is off", remedy);
    }
    let domains = definition.domain_names.iter();
    let compiled = domains.map(|(name, domain)| {
        let path = child("domainNames", name);
        check_mode(bench, domain, &path);
        let mappings = mappings(bench, domain, &path);
        let rules = rules(bench, domain, &path);
        let mut compiled = with_configuration(domain, Domain::new(mappings).with_rules(rules));
        let (truststore, wrong) = needs(&definition.server, truststores, domain);
        compiled.truststore = truststore;
        for Wrong(place, what, remedy) in wrong {
            // What is wrong with a truststore itself has been told.
            let told =
                matches!(place, Place::Mutual(_)) && truststore::is_there(definition, domain);
            if !told {
                bench.scribe.problem(&place.below(&path), what, remedy);
            }
        }
        (name.to_ascii_lowercase(), compiled)
    });
    Domains::new(compiled.collect::<Vec<_>>())
}

fn with_configuration(domain: &v2::DomainName, mut compiled: Domain) -> Domain {
    if let Some(configuration) = domain.domain_name_configurations.first() {
        compiled.certificate = configuration.certificate_arn.as_deref().map(Arc::from);
        compiled.ipv4_only = configuration.ip_address_type == Some(v2::IpAddressType::Ipv4);
    }
    compiled
}

/// What is wrong: the member, the problem, the remedy.
pub struct Wrong(pub Place, pub &'static str, pub &'static str);

/// A member of a domain name that names something of the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One of its configuration.
    Configuration(&'static str),
    /// One of its mutual TLS.
    Mutual(&'static str),
}

impl Place {
    /// Its path in the domain name at `path`.
    pub fn below(self, path: &str) -> String {
        match self {
            Self::Configuration(member) => {
                child(&item(&child(path, "domainNameConfigurations"), 0), member)
            }
            Self::Mutual(member) => child(&child(path, "mutualTlsAuthentication"), member),
        }
    }
}

/// The truststore of a domain name, and what it names that the server does not have.
pub fn needs(
    server: &Server,
    truststores: &Truststores,
    domain: &v2::DomainName,
) -> (Option<Arc<Truststore>>, Vec<Wrong>) {
    const OWNERSHIP: &str = "ownershipVerificationCertificateArn";
    let mut wrong = Vec::new();
    let mutual = domain.mutual_tls_authentication.as_ref();
    if let Some(configuration) = domain.domain_name_configurations.first() {
        let certificate = configuration.certificate_arn.as_deref();
        let ownership = configuration
            .ownership_verification_certificate_arn
            .as_deref();
        for (member, arn) in [("certificateArn", certificate), (OWNERSHIP, ownership)] {
            if let Some(Err((what, remedy))) = arn.map(|arn| check_certificate(server, arn)) {
                wrong.push(Wrong(Place::Configuration(member), what, remedy));
            }
        }
        if ownership.is_some() && mutual.is_none() {
            let what = "means something with mutual TLS only";
            let remedy = "leave it out, or add `mutualTlsAuthentication`";
            wrong.push(Wrong(Place::Configuration(OWNERSHIP), what, remedy));
        }
    }
    let found = mutual.map(|mutual| truststore::find(server, truststores, mutual));
    match found.transpose() {
        Ok(found) => (found.cloned(), wrong),
        Err((member, what, remedy)) => {
            wrong.push(Wrong(Place::Mutual(member), what, remedy));
            (None, wrong)
        }
    }
}

/// Whether a server has something to show for the ARN of a certificate.
///
/// # Errors
/// It has not: what is wrong, and what can be done.
fn check_certificate(server: &Server, arn: &str) -> Result<(), (&'static str, &'static str)> {
    match &server.tls {
        None => Err((
            "TLS is off, so that nobody is shown a certificate",
            "turn it on with `server.tls`, or leave this out",
        )),
        Some(Tls::Development(_)) => Ok(()),
        Some(Tls::Files(_)) if server.certificates.contains_key(arn) => Ok(()),
        Some(Tls::Files(_)) => Err((
            "there is no such certificate",
            "add its files to `server.certificates`, or leave this out for that of `server.tls`",
        )),
    }
}

/// The APIs that a domain name leads to.
fn targets(domain: &v2::DomainName) -> Vec<&str> {
    let mappings = domain.api_mappings.values().map(|mapping| &mapping.api_id);
    let actions = domain.routing_rules.values().flat_map(|rule| &rule.actions);
    let rules = actions.map(|action| &action.invoke_api.api_id);
    mappings.chain(rules).map(String::as_str).collect()
}

/// An API whose own endpoint is switched off needs a domain that leads to it.
fn check_closed(bench: &mut Bench<'_>) {
    let definition = bench.definition;
    let mapped: Vec<&str> = definition.domain_names.values().flat_map(targets).collect();
    for (id, api) in &definition.apis {
        if api.disable_execute_api_endpoint == Some(true) && !mapped.contains(&id.as_str()) {
            let path = child(&child("apis", id), "disableExecuteApiEndpoint");
            let what = "no domain name leads to the API, so nobody could reach it";
            let remedy = "map it in `domainNames`, or leave this out";
            bench.scribe.problem(&path, what, remedy);
        }
    }
}

/// A domain name leads somewhere, and nothing of it is there that its mode does not look at.
fn check_mode(bench: &mut Bench<'_>, domain: &v2::DomainName, path: &str) {
    let mode = domain.mode();
    let (mappings, rules) = (child(path, "apiMappings"), child(path, "routingRules"));
    let has_mappings = !domain.api_mappings.is_empty() || bench.scribe.is_wrong(&mappings);
    let has_rules = !domain.routing_rules.is_empty() || bench.scribe.is_wrong(&rules);
    if has_rules && !mode.has_rules() {
        let what = "`routingMode` is API_MAPPING_ONLY, so no rule would be looked at";
        let remedy = "write `routingMode: ROUTING_RULE_THEN_API_MAPPING` or ROUTING_RULE_ONLY, or leave them out";
        bench.scribe.problem(&rules, what, remedy);
    }
    if has_mappings && !mode.has_mappings() {
        let what = "`routingMode` is ROUTING_RULE_ONLY, so no mapping would be looked at";
        let remedy = "write `routingMode: ROUTING_RULE_THEN_API_MAPPING`, or leave them out";
        bench.scribe.problem(&mappings, what, remedy);
    }
    if !has_mappings && !has_rules {
        let remedy = match mode.has_mappings() {
            true => "add `apiMappings: { \"\": { apiId: NAME, stage: NAME } }`",
            false => {
                "add `routingRules: { 100: { actions: [invokeApi: { apiId: NAME, stage: NAME }] } }`"
            }
        };
        bench.scribe.problem(path, "leads nowhere", remedy);
    }
}

fn rules(bench: &mut Bench<'_>, domain: &v2::DomainName, path: &str) -> Vec<RoutingRule> {
    let definition = bench.definition;
    let section = child(path, "routingRules");
    let mut rules = Vec::new();
    for (priority, rule) in &domain.routing_rules {
        let path = child(&section, &priority.to_string());
        let mut is_web_socket = false;
        for (index, action) in rule.actions.iter().enumerate() {
            let target = &action.invoke_api;
            let path = child(&item(&child(&path, "actions"), index), "invokeApi");
            check_target(bench, &target.api_id, &target.stage, &path);
            let api = definition.apis.get(&target.api_id);
            is_web_socket |=
                api.is_some_and(|api| api.protocol_type == v2::ProtocolType::WebSocket);
        }
        match compile_rule(*priority, rule, is_web_socket) {
            Ok(rule) => rules.push(rule),
            Err(problems) => {
                for RuleProblem {
                    path: at,
                    what,
                    remedy,
                } in problems
                {
                    let path = format!("{path}.{at}");
                    bench.scribe.problem(&path, what, remedy);
                }
            }
        }
    }
    rules
}

fn mappings(bench: &mut Bench<'_>, domain: &v2::DomainName, path: &str) -> Vec<ApiMapping> {
    let section = child(path, "apiMappings");
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut mappings = Vec::new();
    for (written, mapping) in &domain.api_mappings {
        let path = child(&section, written);
        let key = written.trim_matches('/');
        if key.contains("//") {
            let what = "the key has an empty segment";
            bench.scribe.problem(&path, what, "write one slash");
        }
        if let Some(other) = seen.insert(key, written) {
            let what = format!("is the same key as `{other}`");
            bench.scribe.problem(&path, what, "leave one of them out");
        }
        check_target(bench, &mapping.api_id, &mapping.stage, &path);
        mappings.push(ApiMapping {
            key: key.into(),
            api: mapping.api_id.as_str().into(),
            stage: mapping.stage.as_str().into(),
        });
    }
    mappings
}

/// There is the stage that a mapping or a rule names.
fn check_target(bench: &mut Bench<'_>, api_id: &str, stage_name: &str, path: &str) {
    let definition = bench.definition;
    let section = child("apis", api_id);
    let Some(api) = definition.apis.get(api_id) else {
        if !bench.scribe.has(&section) {
            let known = definition.apis.keys().map(String::as_str);
            let remedy = suggestion(api_id, known, "name one of `apis`");
            let path = child(path, "apiId");
            bench.scribe.problem(&path, "there is no such API", remedy);
        }
        return;
    };
    let stage = child(&child(&section, "stages"), stage_name);
    if !api.stages.contains_key(stage_name) && !bench.scribe.has(&stage) {
        let known = api.stages.keys().map(String::as_str);
        let remedy = suggestion(stage_name, known, "name one of its `stages`");
        let path = child(path, "stage");
        let what = "the API has no such stage";
        bench.scribe.problem(&path, what, remedy);
    }
}

fn suggestion<'k>(name: &str, known: impl Iterator<Item = &'k str>, otherwise: &str) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}
