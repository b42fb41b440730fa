//! The kinds of resources, and what tells them apart on the wire.

use serde_json::Value;

use super::view::Path;
use super::wire::Call;

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `Api`.
    Api,
    /// `Route`.
    Route,
    /// `RouteResponse`.
    RouteResponse,
    /// `Integration`.
    Integration,
    /// `IntegrationResponse`.
    IntegrationResponse,
    /// `Authorizer`.
    Authorizer,
    /// `Model`.
    Model,
    /// `Deployment`.
    Deployment,
    /// `Stage`.
    Stage,
    /// `DomainName`.
    DomainName,
    /// `ApiMapping`.
    ApiMapping,
    /// `RoutingRule`.
    RoutingRule,
    /// `VpcLink`.
    VpcLink,
}

/// What there is to know of a kind.
#[derive(Debug)]
pub(super) struct Facts {
    /// What error messages and `resourceType` call it.
    pub(super) noun: &'static str,
    /// What it is part of.
    pub(super) parent: Option<Kind>,
    /// The last segment of its collection, and the section of a definition that has such resources.
    pub(super) collection: &'static str,
    /// The member that holds its id; in templates of paths too.
    pub(super) id: &'static str,
    /// How its id comes about.
    pub(super) identity: Identity,
    /// The member that a definition has for the key of its map, where that is not the id.
    pub(super) key: Option<&'static str>,
    /// Members that must be there.
    pub(super) required: &'static [&'static str],
    /// Members that stay as they were created.
    pub(super) fixed: &'static [&'static str],
    /// Members that are maps of which a change names just the keys that change; an empty value takes one away.
    pub(super) merged: &'static [&'static str],
    /// The member of a page that has them.
    pub(super) listed: &'static str,
    /// Most of them in one collection; the default quotas of AWS, where it has one.
    pub(super) most: usize,
}

/// How an id comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// The gateway makes one, of so many characters.
    Made(usize),
    /// It is what the member says that holds it.
    Named,
}

const ITEMS: &str = "items";

static API: Facts = Facts {
    noun: "API",
    parent: None,
    collection: "apis",
    id: "apiId",
    identity: Identity::Made(10),
    key: None,
    required: &["name", "protocolType"],
    fixed: &["protocolType", "tags"],
    merged: &[],
    listed: ITEMS,
    most: 1000,
};

static ROUTE: Facts = Facts {
    noun: "Route",
    parent: Some(Kind::Api),
    collection: "routes",
    id: "routeId",
    identity: Identity::Made(7),
    key: Some("routeKey"),
    required: &["routeKey"],
    fixed: &[],
    merged: &["requestParameters"],
    listed: ITEMS,
    most: 300,
};

static ROUTE_RESPONSE: Facts = Facts {
    noun: "RouteResponse",
    parent: Some(Kind::Route),
    collection: "routeresponses",
    id: "routeResponseId",
    identity: Identity::Made(6),
    key: Some("routeResponseKey"),
    required: &["routeResponseKey"],
    fixed: &[],
    merged: &[],
    listed: ITEMS,
    most: 1,
};

static INTEGRATION: Facts = Facts {
    noun: "Integration",
    parent: Some(Kind::Api),
    collection: "integrations",
    id: "integrationId",
    identity: Identity::Made(7),
    key: None,
    required: &["integrationType"],
    fixed: &[],
    merged: &["requestParameters", "responseParameters"],
    listed: ITEMS,
    most: 300,
};

static INTEGRATION_RESPONSE: Facts = Facts {
    noun: "IntegrationResponse",
    parent: Some(Kind::Integration),
    collection: "integrationresponses",
    id: "integrationResponseId",
    identity: Identity::Made(6),
    key: Some("integrationResponseKey"),
    required: &["integrationResponseKey"],
    fixed: &[],
    merged: &[],
    listed: ITEMS,
    most: 100,
};

static AUTHORIZER: Facts = Facts {
    noun: "Authorizer",
    parent: Some(Kind::Api),
    collection: "authorizers",
    id: "authorizerId",
    identity: Identity::Made(6),
    key: None,
    required: &["authorizerType", "identitySource", "name"],
    fixed: &[],
    merged: &[],
    listed: ITEMS,
    most: 10,
};

static MODEL: Facts = Facts {
    noun: "Model",
    parent: Some(Kind::Api),
    collection: "models",
    id: "modelId",
    identity: Identity::Made(6),
    key: Some("name"),
    required: &["name", "schema"],
    fixed: &[],
    merged: &[],
    listed: ITEMS,
    most: 1000,
};

/// Letters of a deployment's id.
pub(super) const DEPLOYMENT_ID: usize = 6;

static DEPLOYMENT: Facts = Facts {
    noun: "Deployment",
    parent: Some(Kind::Api),
    collection: "deployments",
    id: "deploymentId",
    identity: Identity::Made(DEPLOYMENT_ID),
    key: None,
    required: &[],
    fixed: &[],
    merged: &[],
    listed: ITEMS,
    most: 300,
};

static STAGE: Facts = Facts {
    noun: "Stage",
    parent: Some(Kind::Api),
    collection: "stages",
    id: "stageName",
    identity: Identity::Named,
    key: None,
    required: &["stageName"],
    fixed: &["stageName", "tags"],
    merged: &["stageVariables", "routeSettings"],
    listed: ITEMS,
    most: 10,
};

static DOMAIN_NAME: Facts = Facts {
    noun: "DomainName",
    parent: None,
    collection: "domainnames",
    id: "domainName",
    identity: Identity::Named,
    key: None,
    required: &["domainName"],
    fixed: &["domainName", "tags"],
    merged: &[],
    listed: ITEMS,
    most: 1000,
};

static API_MAPPING: Facts = Facts {
    noun: "ApiMapping",
    parent: Some(Kind::DomainName),
    collection: "apimappings",
    id: "apiMappingId",
    identity: Identity::Made(6),
    key: Some("apiMappingKey"),
    required: &["apiId", "stage"],
    fixed: &[],
    merged: &[],
    listed: ITEMS,
    most: 200,
};

static ROUTING_RULE: Facts = Facts {
    noun: "RoutingRule",
    parent: Some(Kind::DomainName),
    collection: "routingrules",
    id: "routingRuleId",
    identity: Identity::Made(6),
    key: Some("priority"),
    required: &["actions", "conditions", "priority"],
    fixed: &[],
    merged: &[],
    listed: "routingRules",
    most: 50,
};

static VPC_LINK: Facts = Facts {
    noun: "VpcLink",
    parent: None,
    collection: "vpclinks",
    id: "vpcLinkId",
    identity: Identity::Made(6),
    key: None,
    required: &["name", "subnetIds"],
    fixed: &["subnetIds", "securityGroupIds", "tags"],
    merged: &[],
    listed: ITEMS,
    most: 10,
};

impl Kind {
    /// What there is to know of it.
    pub(super) fn facts(self) -> &'static Facts {
        match self {
            Self::Api => &API,
            Self::Route => &ROUTE,
            Self::RouteResponse => &ROUTE_RESPONSE,
            Self::Integration => &INTEGRATION,
            Self::IntegrationResponse => &INTEGRATION_RESPONSE,
            Self::Authorizer => &AUTHORIZER,
            Self::Model => &MODEL,
            Self::Deployment => &DEPLOYMENT,
            Self::Stage => &STAGE,
            Self::DomainName => &DOMAIN_NAME,
            Self::ApiMapping => &API_MAPPING,
            Self::RoutingRule => &ROUTING_RULE,
            Self::VpcLink => &VPC_LINK,
        }
    }

    /// The value that a resource has for the key of a definition's map.
    pub(super) fn key_value(self, key: &str) -> Value {
        match (self, key.parse::<u32>()) {
            (Self::RoutingRule, Ok(priority)) => priority.into(),
            _ => key.into(),
        }
    }

    /// The collection that a call's path leads to or into.
    pub(super) fn collection(self, call: &Call) -> String {
        let facts = self.facts();
        match facts.parent {
            Some(parent) => parent.path(call).collection_of(self),
            None => facts.collection.to_owned(),
        }
    }

    /// The resource that a call's path leads to.
    pub(super) fn path(self, call: &Call) -> Path {
        Path::new(self.collection(call), call.id(self.facts().id))
    }
}
