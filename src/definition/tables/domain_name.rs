//! Custom domain names and their API mappings.

use super::super::shape::{Form, Object, Shape, Text, nested, optional, refused, required, text};
use super::{KEY_IS_ID, READ_ONLY, TAGS};

/// One domain name (API Gateway V2 API Reference, DomainName).
pub(super) static DOMAIN_NAME: Object = Object {
    name: "DomainName",
    doc: "A domain name that clients use in place of the API's own.",
    kind: None,
    fields: &[
        optional("tags", &TAGS, "Tags."),
        nested(
            "apiMappings",
            &Shape::Map {
                key: MAPPING_KEY,
                value: &Shape::Object(&API_MAPPING),
                max: 200,
            },
            "Stages by mapping key, the beginning of the path; \"\" for everything else.",
        ),
        refused("domainNameConfigurations", CERTIFICATES),
        refused("mutualTlsAuthentication", CLIENT_CERTIFICATES),
        refused("routingMode", MAPPINGS_ROUTE),
        refused("apiMappingSelectionExpression", READ_ONLY),
        refused("domainName", KEY_IS_ID),
        refused("domainNameArn", READ_ONLY),
    ],
};

static API_MAPPING: Object = Object {
    name: "ApiMapping",
    doc: "Which stage answers below a mapping key.",
    kind: None,
    fields: &[
        required("apiId", &text(1, 63), "The API: one of `apis`."),
        required("stage", &text(1, 128), "One of its stages."),
        refused("apiMappingKey", KEY_IS_ID),
        refused("apiMappingId", READ_ONLY),
    ],
};

/// The same as callers of the control plane say it: with its name, and with its mappings apart.
pub(in super::super) static DOMAIN_NAME_CALL: Object = Object {
    name: "DomainNameCall",
    doc: "A domain name that clients use in place of the API's own.",
    kind: None,
    fields: &[
        required("domainName", &Shape::Text(HOST), "The name."),
        optional("tags", &TAGS, "Tags."),
        refused("domainNameConfigurations", CERTIFICATES),
        refused("mutualTlsAuthentication", CLIENT_CERTIFICATES),
        refused("routingMode", MAPPINGS_ROUTE),
    ],
};

/// One API mapping as callers of the control plane say it: with its key.
pub(in super::super) static API_MAPPING_CALL: Object = Object {
    name: "ApiMappingCall",
    doc: "Which stage answers below a mapping key.",
    kind: None,
    fields: &[
        required("apiId", &text(1, 63), "The API."),
        required("stage", &text(1, 128), "One of its stages."),
        optional(
            "apiMappingKey",
            &Shape::Text(MAPPING_KEY),
            "The key; empty when absent.",
        ),
    ],
};

const CERTIFICATES: &str =
    "leave it out: certificates are those of `server.tls`, which may hold several names";
const CLIENT_CERTIFICATES: &str = "leave it out until client certificates land";
const MAPPINGS_ROUTE: &str = "leave it out: API mappings are what routes here";

/// Names of hosts, of which the first label may be `*`.
pub(super) const HOST: Text = Text::form(
    1,
    253,
    Form::Pattern(
        r"^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$",
        "a host name, of which the first label may be `*`",
    ),
);

/// Keys of API mappings (developer guide, "API mappings").
const MAPPING_KEY: Text = Text::form(
    0,
    300,
    Form::Pattern(
        r"^[A-Za-z0-9$_.+!*'()/-]*$",
        "letters, digits and `$-_.+!*'()/`",
    ),
);
