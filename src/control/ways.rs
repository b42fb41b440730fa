//! What leads from a domain name to stages: API mappings and routing rules.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::definition::{Diagnostic, Resource};
use crate::error::ServiceException;
use crate::model::v2::{self, RoutingMode};
use crate::plan::compile::{RuleProblem, compile_rule};
use crate::plan::domain::Domain;
use crate::plan::routing_rule::RoutingRule;
use crate::plan::truststore::Truststore;

use super::kind::Kind;
use super::record::Record;
use super::resources::{check_alone, known, missing};
use super::shown::Protocol;
use super::view::{Path, View};
use super::wire::{Call, refused};
use super::{Context, domains};

/// What chooses the API of a request.
pub(super) fn mode(record: &Record) -> RoutingMode {
    let mode = record.set.get("routingMode").cloned();
    // The tables let no other word through.
    let mode = mode.and_then(|mode| serde_json::from_value(mode).ok());
    mode.unwrap_or_default()
}

/// There is the stage that a mapping or a rule names; gives its API. AWS: one that is not there is a bad request here.
pub(super) fn check_target(
    view: &View,
    api: &str,
    stage: &str,
) -> Result<Record, ServiceException> {
    let api = Path::new(Kind::Api.facts().collection, api);
    let named = |kind, path: &Path| {
        let unknown = || ServiceException::bad_request(missing(kind, &path.id));
        view.get(path)?.ok_or_else(unknown)
    };
    let record = named(Kind::Api, &api)?;
    named(
        Kind::Stage,
        &Path::new(api.collection_of(Kind::Stage), stage),
    )?;
    Ok(record)
}

/// A rule, which must be one that a gateway can follow, to a stage that there is, and of a priority that no other has.
pub(super) fn check_rule(
    view: &View,
    path: &Path,
    record: &Record,
) -> Result<(), ServiceException> {
    check_alone(Resource::RoutingRule, record)?;
    let target = target(record);
    let api = check_target(view, target.api, target.stage)?;
    let is_web_socket = Protocol::of(&api) == Some(Protocol::WebSocket);
    rule(path, record, is_web_socket)
        .map_err(|problems| refused(&problems, &[path.to_string()]))?;
    let priority = record.key("priority");
    for (other, twin) in view.list(&path.collection)? {
        if other != *path && twin.key("priority") == priority {
            let message = format!(
                "Routing rule {} of this domain name has the priority {priority} already",
                other.id
            );
            return Err(ServiceException::conflict(message));
        }
    }
    Ok(())
}

/// A new mapping or rule is one that the domain name's mode looks at.
pub(super) fn check_looked_at(
    view: &View,
    kind: Kind,
    path: &Path,
) -> Result<(), ServiceException> {
    let name = path.part_of(Kind::DomainName).unwrap_or_default();
    let domain = Path::new(Kind::DomainName.facts().collection, name);
    let mode = mode(&known(view, Kind::DomainName, &domain)?);
    let (looked_at, what, word) = match kind {
        Kind::RoutingRule => (mode.has_rules(), "routing rule", "API_MAPPING_ONLY"),
        _ => (mode.has_mappings(), "API mapping", "ROUTING_RULE_ONLY"),
    };
    match looked_at {
        true => Ok(()),
        false => Err(ServiceException::bad_request(format!(
            "The routingMode of the domain name is {word}, so no {what} would be looked at; change it first"
        ))),
    }
}

/// Where a rule leads.
struct Target<'r> {
    api: &'r str,
    stage: &'r str,
}

fn target(rule: &Record) -> Target<'_> {
    let action = rule.set.get("actions").and_then(|actions| actions.get(0));
    let invoke = action.and_then(|action| action.get("invokeApi"));
    let text = |name| {
        let member = invoke.and_then(|invoke| invoke.get(name));
        member.and_then(Value::as_str).unwrap_or_default()
    };
    Target {
        api: text("apiId"),
        stage: text("stage"),
    }
}

/// A rule as it runs, or what is wrong with it.
fn rule(path: &Path, record: &Record, is_web_socket: bool) -> Result<RoutingRule, Vec<Diagnostic>> {
    let diagnostic = |at: &str, what: String, remedy: &str| {
        let path = format!("{path}.{at}");
        Diagnostic::new(None, path, what, remedy)
    };
    let mut members = record.set.clone();
    let priority = members.shift_remove("priority");
    let priority = priority.and_then(|priority| u32::try_from(priority.as_u64()?).ok());
    let rule: Result<v2::RoutingRule, _> = serde_json::from_value(members.into());
    let (Some(priority), Ok(rule)) = (priority, rule) else {
        // The tables let nothing else through.
        let what = "is no routing rule".to_owned();
        return Err(vec![diagnostic("priority", what, "put it there anew")]);
    };
    compile_rule(priority, &rule, is_web_socket).map_err(|problems| {
        let told = problems.into_iter().map(|problem| {
            let RuleProblem { path, what, remedy } = problem;
            diagnostic(&path, what, remedy)
        });
        told.collect()
    })
}

/// Adds to a rule what callers are shown and did not say. AWS: unlike those of domain names, the ARNs of rules name the account.
pub(super) fn show_rule(context: &Context<'_>, path: &Path, members: &mut Map<String, Value>) {
    let (region, account) = (context.region, context.account_id);
    let arn = format!("arn:aws:apigateway:{region}:{account}:/{path}");
    members.insert("routingRuleArn".to_owned(), arn.into());
}

/// Only private domain names have ids, and there are none here.
pub(super) fn check_no_id(call: &Call) -> Result<(), ServiceException> {
    match call.query("domainNameId").next() {
        None => Ok(()),
        Some(_) => Err(ServiceException::bad_request(
            "domainNameId: is not supported; leave it out: only private domain names have one, and there are none here",
        )),
    }
}

/// Whether a domain name leads to an API, as its mode has it.
pub(super) fn leads_to(
    view: &View,
    path: &Path,
    record: &Record,
    api: &str,
) -> Result<bool, ServiceException> {
    let (mode, ways) = (mode(record), Ways::of(view, path)?);
    let mut mappings = ways.mappings.iter();
    let mut rules = ways.rules.iter();
    let mapped = mode.has_mappings() && mappings.any(|(_, mapping)| mapping.text("apiId") == api);
    Ok(mapped || (mode.has_rules() && rules.any(|(_, rule)| target(rule).api == api)))
}

/// No domain leads to an API or stage that is to go.
pub(super) fn check_unmapped(view: &View, kind: Kind, path: &Path) -> Result<(), ServiceException> {
    let api = path.api().unwrap_or_default();
    let is_it =
        |target: Target<'_>| target.api == api && (kind != Kind::Stage || target.stage == path.id);
    for (domain, _) in view.list(Kind::DomainName.facts().collection)? {
        let ways = Ways::of(view, &domain)?;
        let mapped = ways.mappings.iter().any(|(_, mapping)| {
            is_it(Target {
                api: mapping.text("apiId"),
                stage: mapping.text("stage"),
            })
        });
        let ruled = ways.rules.iter().any(|(_, rule)| is_it(target(rule)));
        let what = match (mapped, ruled) {
            (true, _) => "API mappings",
            (false, true) => "routing rules",
            (false, false) => continue,
        };
        // AWS: a bad request, and these words for an API and its mappings.
        let noun = kind.facts().noun;
        return Err(ServiceException::bad_request(format!(
            "Deleting {noun} {} failed. Please remove all {what} for the {noun} from your custom domain names. Domain name '{}' has one.",
            path.id, domain.id
        )));
    }
    Ok(())
}

/// What is below a domain name.
pub(super) struct Ways {
    /// Its mappings.
    pub(super) mappings: Vec<(Path, Record)>,
    /// Its routing rules.
    pub(super) rules: Vec<(Path, Record)>,
}

impl Ways {
    fn of(view: &View, domain: &Path) -> Result<Self, ServiceException> {
        Ok(Self {
            mappings: view.list(&domain.collection_of(Kind::ApiMapping))?,
            rules: view.list(&domain.collection_of(Kind::RoutingRule))?,
        })
    }
}

/// What runs of a domain name as a call leaves it.
pub(super) fn checked(
    view: &View,
    path: &Path,
    record: &Record,
    truststore: Option<Arc<Truststore>>,
) -> Result<Domain, ServiceException> {
    let domain = domain(record, Ways::of(view, path)?, truststore);
    domain.map_err(|problems| refused(&problems, &[]))
}

/// What runs of a domain name with these mappings and rules: those that its mode looks at. Whether a rule suits the API that it leads to
/// was seen when it was made.
///
/// # Errors
/// A rule cannot be followed.
pub(super) fn domain(
    record: &Record,
    ways: Ways,
    truststore: Option<Arc<Truststore>>,
) -> Result<Domain, Vec<Diagnostic>> {
    let mode = mode(record);
    let of_mode = |looked_at, all| if looked_at { all } else { Vec::new() };
    let mappings = of_mode(mode.has_mappings(), ways.mappings);
    let rules = of_mode(mode.has_rules(), ways.rules).into_iter();
    let rules: Result<_, _> = rules
        .map(|(path, record)| rule(&path, &record, false))
        .collect();
    Ok(domains::domain(record, &mappings, truststore).with_rules(rules?))
}
