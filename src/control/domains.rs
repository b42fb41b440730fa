//! Custom domain names and their mappings: checks, and what runs of them.

use serde_json::Value;

use crate::definition::Resource;
use crate::error::ServiceException;
use crate::plan::domain::{ApiMapping, Domain};

use super::kind::Kind;
use super::record::Record;
use super::resources::{check_alone, known};
use super::view::{Path, View};

/// A domain name by itself.
pub(super) fn check(path: &Path, record: &Record) -> Result<(), ServiceException> {
    if path.id.chars().any(|letter| letter.is_ascii_uppercase()) {
        let message = "domainName: must be in lower case";
        return Err(ServiceException::bad_request(message));
    }
    let mut whole = record.clone();
    let member = Kind::DomainName.facts().id;
    whole.set.insert(member.to_owned(), path.id.as_str().into());
    check_alone(Resource::DomainName, &whole)
}

/// A mapping, which must lead to a stage that there is.
pub(super) fn check_mapping(view: &View, record: &Record) -> Result<(), ServiceException> {
    check_alone(Resource::ApiMapping, record)?;
    let key = record.text("apiMappingKey");
    if key.starts_with('/') || key.ends_with('/') || key.contains("//") {
        let message = "apiMappingKey: must have no empty segment";
        return Err(ServiceException::bad_request(message));
    }
    let api = Path::new(Kind::Api.facts().collection, record.text("apiId"));
    known(view, Kind::Api, &api)?;
    let stage = Path::new(api.collection_of(Kind::Stage), record.text("stage"));
    known(view, Kind::Stage, &stage).map(drop)
}

/// No domain leads to an API or stage that is to go.
pub(super) fn check_unmapped(view: &View, kind: Kind, path: &Path) -> Result<(), ServiceException> {
    let api = path.api().unwrap_or_default();
    for (domain, _) in view.list(Kind::DomainName.facts().collection)? {
        for (_, mapping) in view.list(&domain.collection_of(Kind::ApiMapping))? {
            let stage = kind != Kind::Stage || mapping.text("stage") == path.id;
            if mapping.text("apiId") == api && stage {
                return Err(ServiceException::conflict(format!(
                    "Cannot delete {} '{}', is referenced in a mapping of domain name: '{}'",
                    kind.facts().noun,
                    path.id,
                    domain.id
                )));
            }
        }
    }
    Ok(())
}

/// What runs of a domain name with these mappings.
pub(super) fn domain(mappings: &[(Path, Record)]) -> Domain {
    let text = |record: &Record, name: &str| {
        let member = record.set.get(name).and_then(Value::as_str);
        member.unwrap_or_default().into()
    };
    let mappings = mappings.iter().map(|(_, mapping)| ApiMapping {
        key: text(mapping, "apiMappingKey"),
        api: text(mapping, "apiId"),
        stage: text(mapping, "stage"),
    });
    Domain::new(mappings.collect())
}
