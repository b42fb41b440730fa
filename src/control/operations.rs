//! The one table of operations: name, method, path, status, and what is done.

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::error::ServiceException;

use super::kind::Kind;
use super::view::{Path, View};
use super::wire::Call;
use super::{Context, definition, deploy, openapi, resources, tags, template};

/// The first segment of every path.
const VERSION: &str = "/v2/";
const PORTALS: &str = "portals and their products are not among what this gateway has";

/// What Amazon has and this gateway has not, by path.
static ABSENT: &[(&str, &str)] = &[
    ("/v2/portals", PORTALS),
    ("/v2/portals/{rest+}", PORTALS),
    ("/v2/portalproducts", PORTALS),
    ("/v2/portalproducts/{rest+}", PORTALS),
];

/// One operation of the service.
pub(super) struct Operation {
    /// Amazon's name for it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests hold the table against Amazon's")
    )]
    pub(super) name: &'static str,
    /// Its method.
    pub(super) method: Method,
    /// Its path; `{name}` is one segment, and `{name+}` all that is left.
    pub(super) uri: &'static str,
    /// The status of success.
    pub(super) status: u16,
    action: Action,
}

enum Action {
    Create(Kind),
    List(Kind),
    Get(Kind),
    Update(Kind),
    /// Puts what the body says in place of what there is.
    Replace(Kind),
    Delete(Kind),
    /// Takes one member away.
    Drop(Kind, &'static str),
    /// Takes one key of a map away; it is the path's variable of the second name.
    DropKey(Kind, &'static str, &'static str),
    Deploy,
    Import,
    Reimport,
    Export,
    Template,
    Reset,
    Tag,
    Untag,
    Tags,
    Definition,
    Apply,
}

const fn operation(
    name: &'static str,
    method: Method,
    uri: &'static str,
    status: u16,
    action: Action,
) -> Operation {
    Operation {
        name,
        method,
        uri,
        status,
        action,
    }
}

use Action::{
    Apply, Create, Definition, Delete, Deploy, Drop, DropKey, Export, Get, Import, List, Reimport,
    Replace, Reset, Tag, Tags, Template, Untag, Update,
};

/// Every operation.
#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    operation("CreateApi", Method::POST, "/v2/apis", 201, Create(Kind::Api)),
    operation("GetApis", Method::GET, "/v2/apis", 200, List(Kind::Api)),
    operation("GetApi", Method::GET, "/v2/apis/{apiId}", 200, Get(Kind::Api)),
    operation("UpdateApi", Method::PATCH, "/v2/apis/{apiId}", 200, Update(Kind::Api)),
    operation("DeleteApi", Method::DELETE, "/v2/apis/{apiId}", 204, Delete(Kind::Api)),
    operation("ImportApi", Method::PUT, "/v2/apis", 201, Import),
    operation("ReimportApi", Method::PUT, "/v2/apis/{apiId}", 201, Reimport),
    operation("ExportApi", Method::GET, "/v2/apis/{apiId}/exports/{specification}", 200, Export),
    operation("DeleteCorsConfiguration", Method::DELETE, "/v2/apis/{apiId}/cors", 204, Drop(Kind::Api, "corsConfiguration")),
    operation("CreateRoute", Method::POST, "/v2/apis/{apiId}/routes", 201, Create(Kind::Route)),
    operation("GetRoutes", Method::GET, "/v2/apis/{apiId}/routes", 200, List(Kind::Route)),
    operation("GetRoute", Method::GET, "/v2/apis/{apiId}/routes/{routeId}", 200, Get(Kind::Route)),
    operation("UpdateRoute", Method::PATCH, "/v2/apis/{apiId}/routes/{routeId}", 200, Update(Kind::Route)),
    operation("DeleteRoute", Method::DELETE, "/v2/apis/{apiId}/routes/{routeId}", 204, Delete(Kind::Route)),
    operation("DeleteRouteRequestParameter", Method::DELETE, "/v2/apis/{apiId}/routes/{routeId}/requestparameters/{requestParameterKey}", 204, DropKey(Kind::Route, "requestParameters", "requestParameterKey")),
    operation("CreateRouteResponse", Method::POST, "/v2/apis/{apiId}/routes/{routeId}/routeresponses", 201, Create(Kind::RouteResponse)),
    operation("GetRouteResponses", Method::GET, "/v2/apis/{apiId}/routes/{routeId}/routeresponses", 200, List(Kind::RouteResponse)),
    operation("GetRouteResponse", Method::GET, "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", 200, Get(Kind::RouteResponse)),
    operation("UpdateRouteResponse", Method::PATCH, "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", 200, Update(Kind::RouteResponse)),
    operation("DeleteRouteResponse", Method::DELETE, "/v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId}", 204, Delete(Kind::RouteResponse)),
    operation("CreateIntegration", Method::POST, "/v2/apis/{apiId}/integrations", 201, Create(Kind::Integration)),
    operation("GetIntegrations", Method::GET, "/v2/apis/{apiId}/integrations", 200, List(Kind::Integration)),
    operation("GetIntegration", Method::GET, "/v2/apis/{apiId}/integrations/{integrationId}", 200, Get(Kind::Integration)),
    operation("UpdateIntegration", Method::PATCH, "/v2/apis/{apiId}/integrations/{integrationId}", 200, Update(Kind::Integration)),
    operation("DeleteIntegration", Method::DELETE, "/v2/apis/{apiId}/integrations/{integrationId}", 204, Delete(Kind::Integration)),
    operation("CreateIntegrationResponse", Method::POST, "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses", 201, Create(Kind::IntegrationResponse)),
    operation("GetIntegrationResponses", Method::GET, "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses", 200, List(Kind::IntegrationResponse)),
    operation("GetIntegrationResponse", Method::GET, "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}", 200, Get(Kind::IntegrationResponse)),
    operation("UpdateIntegrationResponse", Method::PATCH, "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}", 200, Update(Kind::IntegrationResponse)),
    operation("DeleteIntegrationResponse", Method::DELETE, "/v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId}", 204, Delete(Kind::IntegrationResponse)),
    operation("CreateAuthorizer", Method::POST, "/v2/apis/{apiId}/authorizers", 201, Create(Kind::Authorizer)),
    operation("GetAuthorizers", Method::GET, "/v2/apis/{apiId}/authorizers", 200, List(Kind::Authorizer)),
    operation("GetAuthorizer", Method::GET, "/v2/apis/{apiId}/authorizers/{authorizerId}", 200, Get(Kind::Authorizer)),
    operation("UpdateAuthorizer", Method::PATCH, "/v2/apis/{apiId}/authorizers/{authorizerId}", 200, Update(Kind::Authorizer)),
    operation("DeleteAuthorizer", Method::DELETE, "/v2/apis/{apiId}/authorizers/{authorizerId}", 204, Delete(Kind::Authorizer)),
    operation("CreateModel", Method::POST, "/v2/apis/{apiId}/models", 201, Create(Kind::Model)),
    operation("GetModels", Method::GET, "/v2/apis/{apiId}/models", 200, List(Kind::Model)),
    operation("GetModel", Method::GET, "/v2/apis/{apiId}/models/{modelId}", 200, Get(Kind::Model)),
    operation("UpdateModel", Method::PATCH, "/v2/apis/{apiId}/models/{modelId}", 200, Update(Kind::Model)),
    operation("DeleteModel", Method::DELETE, "/v2/apis/{apiId}/models/{modelId}", 204, Delete(Kind::Model)),
    operation("GetModelTemplate", Method::GET, "/v2/apis/{apiId}/models/{modelId}/template", 200, Template),
    operation("CreateDeployment", Method::POST, "/v2/apis/{apiId}/deployments", 201, Deploy),
    operation("GetDeployments", Method::GET, "/v2/apis/{apiId}/deployments", 200, List(Kind::Deployment)),
    operation("GetDeployment", Method::GET, "/v2/apis/{apiId}/deployments/{deploymentId}", 200, Get(Kind::Deployment)),
    operation("UpdateDeployment", Method::PATCH, "/v2/apis/{apiId}/deployments/{deploymentId}", 200, Update(Kind::Deployment)),
    operation("DeleteDeployment", Method::DELETE, "/v2/apis/{apiId}/deployments/{deploymentId}", 204, Delete(Kind::Deployment)),
    operation("CreateStage", Method::POST, "/v2/apis/{apiId}/stages", 201, Create(Kind::Stage)),
    operation("GetStages", Method::GET, "/v2/apis/{apiId}/stages", 200, List(Kind::Stage)),
    operation("GetStage", Method::GET, "/v2/apis/{apiId}/stages/{stageName}", 200, Get(Kind::Stage)),
    operation("UpdateStage", Method::PATCH, "/v2/apis/{apiId}/stages/{stageName}", 200, Update(Kind::Stage)),
    operation("DeleteStage", Method::DELETE, "/v2/apis/{apiId}/stages/{stageName}", 204, Delete(Kind::Stage)),
    operation("DeleteAccessLogSettings", Method::DELETE, "/v2/apis/{apiId}/stages/{stageName}/accesslogsettings", 204, Drop(Kind::Stage, "accessLogSettings")),
    operation("DeleteRouteSettings", Method::DELETE, "/v2/apis/{apiId}/stages/{stageName}/routesettings/{routeKey}", 204, DropKey(Kind::Stage, "routeSettings", "routeKey")),
    operation("ResetAuthorizersCache", Method::DELETE, "/v2/apis/{apiId}/stages/{stageName}/cache/authorizers", 204, Reset),
    operation("CreateDomainName", Method::POST, "/v2/domainnames", 201, Create(Kind::DomainName)),
    operation("GetDomainNames", Method::GET, "/v2/domainnames", 200, List(Kind::DomainName)),
    operation("GetDomainName", Method::GET, "/v2/domainnames/{domainName}", 200, Get(Kind::DomainName)),
    operation("UpdateDomainName", Method::PATCH, "/v2/domainnames/{domainName}", 200, Update(Kind::DomainName)),
    operation("DeleteDomainName", Method::DELETE, "/v2/domainnames/{domainName}", 204, Delete(Kind::DomainName)),
    operation("CreateApiMapping", Method::POST, "/v2/domainnames/{domainName}/apimappings", 201, Create(Kind::ApiMapping)),
    operation("GetApiMappings", Method::GET, "/v2/domainnames/{domainName}/apimappings", 200, List(Kind::ApiMapping)),
    operation("GetApiMapping", Method::GET, "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", 200, Get(Kind::ApiMapping)),
    operation("UpdateApiMapping", Method::PATCH, "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", 200, Update(Kind::ApiMapping)),
    operation("DeleteApiMapping", Method::DELETE, "/v2/domainnames/{domainName}/apimappings/{apiMappingId}", 204, Delete(Kind::ApiMapping)),
    operation("CreateRoutingRule", Method::POST, "/v2/domainnames/{domainName}/routingrules", 201, Create(Kind::RoutingRule)),
    operation("ListRoutingRules", Method::GET, "/v2/domainnames/{domainName}/routingrules", 200, List(Kind::RoutingRule)),
    operation("GetRoutingRule", Method::GET, "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", 200, Get(Kind::RoutingRule)),
    operation("PutRoutingRule", Method::PUT, "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", 200, Replace(Kind::RoutingRule)),
    operation("DeleteRoutingRule", Method::DELETE, "/v2/domainnames/{domainName}/routingrules/{routingRuleId}", 204, Delete(Kind::RoutingRule)),
    operation("CreateVpcLink", Method::POST, "/v2/vpclinks", 201, Create(Kind::VpcLink)),
    operation("GetVpcLinks", Method::GET, "/v2/vpclinks", 200, List(Kind::VpcLink)),
    operation("GetVpcLink", Method::GET, "/v2/vpclinks/{vpcLinkId}", 200, Get(Kind::VpcLink)),
    operation("UpdateVpcLink", Method::PATCH, "/v2/vpclinks/{vpcLinkId}", 200, Update(Kind::VpcLink)),
    operation("DeleteVpcLink", Method::DELETE, "/v2/vpclinks/{vpcLinkId}", 202, Delete(Kind::VpcLink)),
    operation("TagResource", Method::POST, "/v2/tags/{resource-arn+}", 201, Tag),
    operation("UntagResource", Method::DELETE, "/v2/tags/{resource-arn+}", 204, Untag),
    operation("GetTags", Method::GET, "/v2/tags/{resource-arn+}", 200, Tags),
    // Ours, not Amazon's.
    operation("GetDefinition", Method::GET, "/v2/tidegate/definition", 200, Definition),
    operation("PutDefinition", Method::PUT, "/v2/tidegate/definition", 200, Apply),
];

impl Operation {
    /// Whether it changes resources, which the definition file must then leave to calls.
    pub(super) fn changes_resources(&self) -> bool {
        self.method != Method::GET && !matches!(self.action, Action::Reset)
    }

    /// Runs it, but for what follows from its changes.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(super) fn run(
        &self,
        context: &Context<'_>,
        view: &mut View,
        call: &Call,
    ) -> Result<Outcome, ServiceException> {
        let outcome = match self.action {
            Action::Create(kind) => {
                Outcome::Resource(kind, resources::create(context, view, kind, call)?)
            }
            Action::List(kind) => Outcome::Body(resources::list(context, view, kind, call)?),
            Action::Get(kind) => Outcome::Resource(kind, resources::find(view, kind, call)?),
            Action::Update(kind) => {
                Outcome::Resource(kind, resources::update(context, view, kind, call)?)
            }
            Action::Replace(kind) => Outcome::Resource(kind, resources::replace(view, kind, call)?),
            Action::Delete(kind) => {
                resources::delete(view, kind, call)?;
                match self.status {
                    202 => Outcome::Body(Value::Object(Map::new())),
                    _ => Outcome::Nothing,
                }
            }
            Action::Drop(kind, member) => {
                resources::drop_member(view, kind, call, member)?;
                Outcome::Nothing
            }
            Action::DropKey(kind, member, variable) => {
                let key = call.id(variable);
                resources::drop_key(view, kind, call, member, key)?;
                Outcome::Nothing
            }
            Action::Deploy => {
                Outcome::Resource(Kind::Deployment, deploy::create(context, view, call)?)
            }
            Action::Import => Outcome::Resource(Kind::Api, openapi::import(context, view, call)?),
            Action::Reimport => {
                Outcome::Resource(Kind::Api, openapi::reimport(context, view, call)?)
            }
            Action::Export => {
                let (text, media_type) = openapi::export(context, view, call)?;
                Outcome::Document(text, media_type)
            }
            Action::Template => Outcome::Body(template::of_model(view, call)?),
            Action::Reset => Outcome::Forgotten(resources::cached_stage(view, call)?),
            Action::Tag => Outcome::Body(tags::tag(context, view, call)?),
            Action::Untag => {
                tags::untag(context, view, call)?;
                Outcome::Nothing
            }
            Action::Tags => Outcome::Body(tags::list(context, view, call)?),
            Action::Definition => Outcome::Body(definition::get(context, view, call)?),
            Action::Apply => {
                let trial = definition::flag(call, "dryRun")?;
                let changes = definition::apply(context, view, call)?;
                match trial {
                    true => Outcome::Tried(changes),
                    false => Outcome::Body(changes),
                }
            }
        };
        Ok(outcome)
    }
}

/// What an operation answers with.
pub(super) enum Outcome {
    /// A resource, as it is when everything that follows has been done.
    Resource(Kind, Path),
    /// This.
    Body(Value),
    /// A document, with its media type.
    Document(String, &'static str),
    /// No body: what authorizers of this stage have decided is to be forgotten.
    Forgotten(Path),
    /// No body.
    Nothing,
    /// This, and nothing is changed.
    Tried(Value),
}

/// An operation, and what stands in its path.
pub(super) struct Found {
    /// The operation.
    pub(super) operation: &'static Operation,
    /// Names and decoded values of the path's variables.
    pub(super) ids: Vec<(&'static str, String)>,
}

/// Whether a path is one that this service answers at.
pub fn serves(path: &str) -> bool {
    path.starts_with(VERSION)
}

/// The operation that a request asks for.
///
/// # Errors
/// There is none.
pub(super) fn find(method: &Method, path: &str) -> Result<Found, ServiceException> {
    let mut known = false;
    for operation in OPERATIONS {
        let Some(ids) = fits(operation.uri, path) else {
            continue;
        };
        if operation.method == *method {
            return Ok(Found { operation, ids });
        }
        known = true;
    }
    let mut absent = ABSENT.iter();
    match absent.find(|(uri, _)| fits(uri, path).is_some()) {
        Some((_, what)) if !known => Err(ServiceException::bad_request(*what)),
        _ if known => Err(ServiceException::method_not_allowed()),
        _ => Err(ServiceException::not_found("Not Found", "Operation")),
    }
}

fn fits(uri: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut ids = Vec::new();
    let mut rest = path;
    for part in uri.split('/').skip(1) {
        rest = rest.strip_prefix('/')?;
        let variable = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        if let Some(name) = variable.and_then(|name| name.strip_suffix('+')) {
            ids.push((name, decoded(rest)?));
            return Some(ids);
        }
        let end = rest.find('/').unwrap_or(rest.len());
        let (segment, after) = rest.split_at(end);
        match variable {
            Some(name) => ids.push((name, decoded(segment)?)),
            None if segment == part => {}
            None => return None,
        }
        rest = after;
    }
    rest.is_empty().then_some(ids)
}

fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_templates() {
        let check = |uri, path, expected: Option<&[(&str, &str)]>| {
            let found = fits(uri, path);
            let found = found.as_ref().map(|ids| {
                let pairs = ids.iter().map(|(name, id)| (*name, id.as_str()));
                pairs.collect::<Vec<_>>()
            });
            assert_eq!(found.as_deref(), expected, "{uri} {path}");
        };
        check("/v2/a", "/v2/a", Some(&[]));
        check("/v2/a", "/v2/a/", None);
        check("/v2/a/{x}", "/v2/a/b", Some(&[("x", "b")]));
        check("/v2/a/{x}", "/v2/a/%24default", Some(&[("x", "$default")]));
        check("/v2/a/{x}", "/v2/a/", None);
        check("/v2/a/{x}", "/v2/a/%ff", None);
        check("/v2/a/{x}/c", "/v2/a/b/c", Some(&[("x", "b")]));
        check("/v2/t/{x+}", "/v2/t/a:b::/c/d", Some(&[("x", "a:b::/c/d")]));
        check("/v2/t/{x+}", "/v2/t/a%3Ab%2Fc", Some(&[("x", "a:b/c")]));
    }

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        for operation in OPERATIONS {
            let path = operation.uri.replace(['{', '}', '+'], "");
            let found = find(&operation.method, &path).ok();
            let found = found.map(|found| found.operation.name);
            assert_eq!(found, Some(operation.name));
        }
    }
}
