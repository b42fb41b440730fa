//! Custom domain names, their API mappings and routing rules.

use super::super::shape::{
    Field, Form, Object, Shape, Text, nested, optional, refused, refused_word, required, text, word,
};
use super::{KEY_IS_ID, READ_ONLY, TAGS, routing_rule};

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
        nested(
            "routingRules",
            &Shape::Map {
                key: routing_rule::PRIORITY,
                value: &Shape::Object(&routing_rule::ROUTING_RULE),
                max: 50,
            },
            "Routing rules by priority, of which the lowest is looked at first; `routingMode` says whether they are.",
        ),
        optional(
            "domainNameConfigurations",
            &CONFIGURATIONS,
            "How clients reach it.",
        ),
        ROUTING_MODE,
        MUTUAL_TLS,
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
        optional(
            "domainNameConfigurations",
            &CONFIGURATIONS,
            "How clients reach it.",
        ),
        ROUTING_MODE,
        MUTUAL_TLS,
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

/// AWS: there is exactly one of them.
static CONFIGURATIONS: Shape = Shape::List {
    item: &Shape::Object(&CONFIGURATION),
    min: 1,
    max: 1,
    or_one: false,
};

static CONFIGURATION: Object = Object {
    name: "DomainNameConfiguration",
    doc: "How clients reach a domain name.",
    kind: None,
    fields: &[
        optional(
            "certificateArn",
            &Shape::Text(ARN),
            "The certificate that clients are shown: one of `server.certificates`; any, with `server.tls: development`. That of `server.tls` when absent.",
        ),
        optional(
            "endpointType",
            &Shape::Choice(&[
                word("REGIONAL"),
                refused_word("EDGE", "write REGIONAL: there is one place, which is here"),
            ]),
            "REGIONAL.",
        ),
        optional(
            "ipAddressType",
            &Shape::Choice(&[word("ipv4"), word("dualstack")]),
            "Which clients may come: ipv4, or with dualstack, and when absent, those with IPv6 too.",
        ),
        optional(
            "securityPolicy",
            &Shape::Choice(&[
                word("TLS_1_2"),
                refused_word("TLS_1_0", "write TLS_1_2: nothing older is spoken here"),
            ]),
            "TLS_1_2: TLS 1.2 or 1.3.",
        ),
        // Amazon wants it beside certificates that it did not make, so templates have it. Here whoever writes
        // `server.certificates` owns the names, so it has to be one of those, and is shown.
        optional(
            "ownershipVerificationCertificateArn",
            &Shape::Text(ARN),
            "With mutual TLS: a certificate that shows whose the name is, one of `server.certificates`; any, with `server.tls: development`.",
        ),
        refused("apiGatewayDomainName", READ_ONLY),
        refused("certificateName", READ_ONLY),
        refused("certificateUploadDate", READ_ONLY),
        refused("domainNameStatus", READ_ONLY),
        refused("domainNameStatusMessage", READ_ONLY),
        refused("hostedZoneId", READ_ONLY),
    ],
};

const ROUTING_MODE: Field = optional(
    "routingMode",
    &Shape::Choice(&[
        word("API_MAPPING_ONLY"),
        word("ROUTING_RULE_ONLY"),
        word("ROUTING_RULE_THEN_API_MAPPING"),
    ]),
    "What chooses the stage of a request: API mappings, when absent too; routing rules; or rules, and mappings for what no rule takes.",
);

const MUTUAL_TLS: Field = optional(
    "mutualTlsAuthentication",
    &MUTUAL,
    "Lets in only clients with a certificate.",
);

static MUTUAL: Shape = Shape::Object(&MUTUAL_TLS_AUTHENTICATION);

static MUTUAL_TLS_AUTHENTICATION: Object = Object {
    name: "MutualTlsAuthentication",
    doc: "Which certificates clients of a domain name need.",
    kind: None,
    fields: &[
        required(
            "truststoreUri",
            &Shape::Text(TRUSTSTORE_URI),
            "Those of the authorities in one of `server.truststores`.",
        ),
        optional(
            "truststoreVersion",
            &Shape::Text(TRUSTSTORE_VERSION),
            "One of its `versions`.",
        ),
        refused("truststoreWarnings", READ_ONLY),
    ],
};

/// Where AWS has truststores; a name here.
pub(super) const TRUSTSTORE_URI: Text = Text::form(
    1,
    2048,
    Form::Pattern(
        r"^s3://[A-Za-z0-9][A-Za-z0-9._-]{0,254}/[^\x00-\x1f]+$",
        "the URI of an object in S3, such as `s3://shop-keys/clients.pem`",
    ),
);

pub(super) const TRUSTSTORE_VERSION: Text = Text::of(1, 64);

/// ARNs of certificates, which are names here and nothing more.
pub(super) const ARN: Text = Text::form(
    1,
    2048,
    Form::Pattern(
        r"^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[!-~]+$",
        "an ARN such as `arn:aws:acm:us-east-1:000000000000:certificate/shop`",
    ),
);

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
