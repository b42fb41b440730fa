//! What every resource of a definition may contain: tables, no behaviour.
//!
//! Wire resources follow the API Gateway V2 API Reference in names, types, enums and lengths. What this gateway does not do
//! yet is listed and refused by name, so that nothing is accepted and ignored.

mod api;
mod api_key;
mod authorizer;
mod domain_name;
mod function;
mod http;
mod integration;
mod route;
mod routing_rule;
mod server;
mod stage;
mod usage_plan;
mod vpc_link;

use super::shape::{Form, Object, Shape, Text, nested, optional, text};

pub(super) use domain_name::{API_MAPPING_CALL, DOMAIN_NAME_CALL};
pub(super) use routing_rule::ROUTING_RULE_CALL;
pub(super) use server::SERVER;
pub(super) use vpc_link::VPC_LINK;

/// APIs by id, whatever they are.
pub(super) static API_IDS: Shape = Shape::Map {
    key: API_ID,
    value: &Shape::Document,
    max: 1,
};

/// VPC links by id, whatever they are.
pub(super) static VPC_LINK_IDS: Shape = Shape::Map {
    key: RESOURCE_ID,
    value: &Shape::Document,
    max: 1,
};

/// APIs, of either protocol.
pub(super) static API: &Object = &api::API;

/// The whole file.
pub(super) static DEFINITION: Object = Object {
    name: "Definition",
    doc: "A Tidegate definition: what the gateway is, and what it serves.",
    kind: None,
    fields: &[
        optional(
            "include",
            &Shape::List {
                item: &text(1, 1024),
                min: 0,
                max: 100,
                or_one: true,
            },
            "Further files, as glob patterns relative to this one.",
        ),
        nested("server", &Shape::Object(&SERVER), "The process itself."),
        optional(
            "credentials",
            &Shape::List {
                item: &Shape::Object(&server::CREDENTIAL),
                min: 0,
                max: 1000,
                or_one: false,
            },
            "Who may sign requests: @connections and AWS_IAM routes.",
        ),
        nested(
            "functions",
            &Shape::Map {
                key: FUNCTION_NAME,
                value: &Shape::Object(&function::FUNCTION),
                max: 1000,
            },
            "Lambda functions that the gateway runs itself, by name.",
        ),
        nested(
            "apis",
            &Shape::Map {
                key: API_ID,
                value: &Shape::Object(&api::API),
                max: 1000,
            },
            "APIs by id.",
        ),
        nested(
            "apiKeys",
            &Shape::Map {
                key: RESOURCE_ID,
                value: &Shape::Object(&api_key::API_KEY),
                max: 100_000,
            },
            "API keys by id.",
        ),
        nested(
            "usagePlans",
            &Shape::Map {
                key: RESOURCE_ID,
                value: &Shape::Object(&usage_plan::USAGE_PLAN),
                max: 3000,
            },
            "Usage plans by id.",
        ),
        nested(
            "domainNames",
            &Shape::Map {
                key: domain_name::HOST,
                value: &Shape::Object(&domain_name::DOMAIN_NAME),
                max: 1000,
            },
            "Custom domain names, with the stages behind them.",
        ),
        nested(
            "vpcLinks",
            &Shape::Map {
                key: RESOURCE_ID,
                value: &Shape::Object(&VPC_LINK),
                max: 1000,
            },
            "VPC links by id.",
        ),
    ],
};

/// Names of functions (Lambda API Reference, FunctionName).
const FUNCTION_NAME: Text = Text::form(
    1,
    64,
    Form::Pattern("^[A-Za-z0-9_-]+$", "a name of letters, digits, `-` and `_`"),
);

/// Ids of APIs: the first label of a host name.
const API_ID: Text = Text::form(
    1,
    63,
    Form::Pattern(
        "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        "an id of lower-case letters, digits and inner `-`",
    ),
);

/// Ids that a user chooses for integrations, authorizers, API keys, usage plans and VPC links.
const RESOURCE_ID: Text = Text::form(
    1,
    115,
    Form::Pattern("^[A-Za-z0-9_-]+$", "a name of letters, digits, `-` and `_`"),
);

/// The lengths of descriptions (API Gateway V2 API Reference).
const DESCRIPTION: Shape = text(0, 1024);

/// Tags (API Gateway quotas: 50 tags, keys of 128 and values of 1600 characters at most).
const TAGS: Shape = Shape::Map {
    key: Text::of(1, 128),
    value: &text(0, 1600),
    max: 50,
};

const MARKETPLACE: &str = "leave it out: there is no AWS Marketplace here";
const READ_ONLY: &str = "leave it out: the gateway makes it";
const KEY_IS_ID: &str = "leave it out: the key of the map says it";
const TEMPLATES: &str = "leave it out until mapping templates land";
const ROLES: &str = "leave it out: there are no roles to assume here, calls are signed with the gateway's own credentials";
const HTTP_ONLY: &str = "leave it out: only HTTP APIs have it";
const WEBSOCKET_ONLY: &str = "leave it out: only WebSocket APIs have it";
const RESPONSE_HEADERS: &str = "leave it out: frames have no headers to map to";

#[cfg(test)]
mod tests;
