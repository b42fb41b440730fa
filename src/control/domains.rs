//! Custom domain names and their mappings: checks, and what runs of them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::definition::{Diagnostic, Resource, child};
use crate::error::ServiceException;
use crate::plan::compile::{Wrong, domain_needs};
use crate::plan::domain::{ApiMapping, Domain};
use crate::plan::truststore::Truststore;

use super::file::FileSide;
use super::kind::Kind;
use super::record::Record;
use super::resources::check_alone;
use super::view::{Path, View};
use super::wire::refused;
use super::{Context, ways};

/// Says how clients reach a domain name.
pub(super) const CONFIGURATIONS: &str = "domainNameConfigurations";
const CERTIFICATE: &str = "certificateArn";
/// Says which certificates clients of a domain name need.
pub(super) const MUTUAL_TLS: &str = "mutualTlsAuthentication";
const URI: &str = "truststoreUri";
const VERSION: &str = "truststoreVersion";

/// A domain name by itself, and whether the server has what it names.
pub(super) fn check(view: &View, path: &Path, record: &Record) -> Result<(), ServiceException> {
    if path.id.chars().any(|letter| letter.is_ascii_uppercase()) {
        let message = "domainName: must be in lower case";
        return Err(ServiceException::bad_request(message));
    }
    let mut whole = record.clone();
    let member = Kind::DomainName.facts().id;
    whole.set.insert(member.to_owned(), path.id.as_str().into());
    check_alone(Resource::DomainName, &whole)?;
    let (_, problems) = needs(view.file(), path, record);
    match problems.is_empty() {
        true => Ok(()),
        false => {
            let around = child(Kind::DomainName.facts().collection, &path.id);
            Err(refused(&problems, &[around]))
        }
    }
}

/// The truststore of a domain name, and what it names that this server does not have.
pub(super) fn needs(
    file: &FileSide,
    path: &Path,
    record: &Record,
) -> (Option<Arc<Truststore>>, Vec<Diagnostic>) {
    let around = child(Kind::DomainName.facts().collection, &path.id);
    let mut whole = record.set.clone();
    // What is below it is checked by itself.
    for below in ["apiMappings", "routingRules"] {
        whole.insert(below.to_owned(), json!({}));
    }
    match serde_json::from_value(whole.into()) {
        Ok(domain) => {
            let server = &file.definition.server;
            let (truststore, wrong) = domain_needs(server, &file.plan.truststores, &domain);
            let wrong = wrong.into_iter().map(|Wrong(place, what, remedy)| {
                Diagnostic::new(None, place.below(&around), what, remedy)
            });
            (truststore, wrong.collect())
        }
        Err(error) => {
            let remedy = "create it anew";
            (
                None,
                vec![Diagnostic::new(None, around, error.to_string(), remedy)],
            )
        }
    }
}

fn configuration(record: &Record) -> Option<&Value> {
    record.set.get(CONFIGURATIONS)?.get(0)
}

/// How clients reach a domain name, as callers see it: what was set, Amazon's defaults, and what the gateway knows.
pub(super) fn shown_configurations(context: &Context<'_>, record: &Record) -> Value {
    let mut shown = json!({ "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2" });
    if let Some(shown) = shown.as_object_mut() {
        let set = configuration(record).and_then(Value::as_object);
        shown.extend(set.cloned().unwrap_or_default());
        shown.extend(made(context));
    }
    json!([shown])
}

/// What callers cannot set of how clients reach a domain name.
fn made(context: &Context<'_>) -> Map<String, Value> {
    Map::from_iter([
        (
            "apiGatewayDomainName".to_owned(),
            context.endpoint.host().into(),
        ),
        ("domainNameStatus".to_owned(), "AVAILABLE".into()),
    ])
}

/// `mutualTlsAuthentication` as a change leaves it, if it leaves any.
///
/// AWS: no URI turns it off. A change that names none means a version of the truststore that is there.
pub(super) fn changed_mutual(record: &Record, change: &Value) -> Value {
    let known = record.set.get(MUTUAL_TLS).and_then(Value::as_object);
    match (change.as_object(), known) {
        (Some(members), _) if members.get(URI).is_some_and(|uri| uri == "") => json!({}),
        (Some(members), Some(known)) if !members.contains_key(URI) => {
            let mut merged = known.clone();
            merged.extend(members.clone());
            // As with other members, an empty text takes it away.
            if merged.get(VERSION).is_some_and(|version| version == "") {
                merged.shift_remove(VERSION);
            }
            merged.into()
        }
        _ => change.clone(),
    }
}

/// Takes a `mutualTlsAuthentication` out of a new domain name that asks for none.
pub(super) fn without_mutual(body: &mut Map<String, Value>) {
    let uri = body.get(MUTUAL_TLS).and_then(|mutual| mutual.get(URI));
    if uri.is_some_and(|uri| uri == "") {
        body.shift_remove(MUTUAL_TLS);
    }
}

/// `mutualTlsAuthentication` as callers see it, with what is wrong in the truststore.
pub(super) fn shown_mutual(context: &Context<'_>, record: &Record) -> Option<Value> {
    let mut shown = record.set.get(MUTUAL_TLS)?.clone();
    let text = |name: &str| shown.get(name).and_then(Value::as_str);
    let found = context.truststores.find(text(URI)?, text(VERSION)).ok()?;
    let warnings = found.warnings(context.now);
    let members = shown.as_object_mut()?;
    members.insert("truststoreWarnings".to_owned(), warnings.into());
    Some(shown)
}

/// The same without what callers cannot set, where it is what they were shown: tools write back what they have read.
pub(super) fn said(context: &Context<'_>, configurations: &Value) -> Value {
    let mut said = configurations.clone();
    for configuration in said.as_array_mut().into_iter().flatten() {
        if let Some(members) = configuration.as_object_mut() {
            for (name, value) in made(context) {
                if members.get(&name) == Some(&value) {
                    members.shift_remove(&name);
                }
            }
        }
    }
    said
}

/// A mapping, which must lead to a stage that there is.
pub(super) fn check_mapping(view: &View, record: &Record) -> Result<(), ServiceException> {
    check_alone(Resource::ApiMapping, record)?;
    let key = record.text("apiMappingKey");
    if key.starts_with('/') || key.ends_with('/') || key.contains("//") {
        let message = "apiMappingKey: must have no empty segment";
        return Err(ServiceException::bad_request(message));
    }
    ways::check_target(view, record.text("apiId"), record.text("stage")).map(drop)
}

/// What runs of a domain name with these mappings and this truststore.
pub(super) fn domain(
    record: &Record,
    mappings: &[(Path, Record)],
    truststore: Option<Arc<Truststore>>,
) -> Domain {
    let text = |record: &Record, name: &str| {
        let member = record.set.get(name).and_then(Value::as_str);
        member.unwrap_or_default().into()
    };
    let mappings = mappings.iter().map(|(_, mapping)| ApiMapping {
        key: text(mapping, "apiMappingKey"),
        api: text(mapping, "apiId"),
        stage: text(mapping, "stage"),
    });
    let mut domain = Domain::new(mappings.collect());
    domain.truststore = truststore;
    if let Some(configuration) = configuration(record) {
        let certificate = configuration.get(CERTIFICATE).and_then(Value::as_str);
        domain.certificate = certificate.map(Arc::from);
        domain.ipv4_only = configuration.get("ipAddressType") == Some(&"ipv4".into());
    }
    domain
}
