//! APIs: WebSocket APIs, and what tells HTTP APIs from them.

use super::super::shape::{
    Field, Form, Kind, Object, Shape, Text, nested, optional, refused, refused_word, required,
    required_like, text, word,
};
use super::{
    DESCRIPTION, HTTP_ONLY, KEY_IS_ID, READ_ONLY, RESOURCE_ID, TAGS, authorizer, http, integration,
    route, stage,
};

/// One API (API Gateway V2 API Reference, Api).
pub(super) static API: Object = Object {
    name: "WebSocketApi",
    doc: "A WebSocket API with its routes, integrations, authorizers and stages.",
    kind: Some(&Kind {
        field: "protocolType",
        others: &[("HTTP", &http::API)],
    }),
    fields: &[
        required_like(
            "protocolType",
            &Shape::Choice(&[
                word("WEBSOCKET"),
                // Read only where the word comes from elsewhere: the walker has chosen the table by then.
                refused_word(
                    "HTTP",
                    "write it out: a substitution cannot choose the kind of API",
                ),
            ]),
            "WEBSOCKET",
            "WEBSOCKET or HTTP.",
        ),
        optional("name", &text(1, 128), "The name; the key when absent."),
        optional("description", &DESCRIPTION, "A description."),
        optional("version", &text(1, 64), "A version, for people."),
        optional("tags", &TAGS, "Tags."),
        required_like(
            "routeSelectionExpression",
            &text(1, 1024),
            "$request.body.action",
            "Names the route of a message, e.g. `$request.body.action`.",
        ),
        API_KEY_SOURCE,
        CLOSED,
        IP_ADDRESS_TYPE,
        optional(
            "disableSchemaValidation",
            &Shape::Boolean,
            "Whether `check` leaves the schemas of models alone; messages are checked all the same.",
        ),
        nested(
            "routes",
            &Shape::Map {
                key: ROUTE_KEY,
                value: &Shape::Object(&route::ROUTE),
                max: 10_000,
            },
            "Routes by key: $connect, $disconnect, $default and your own.",
        ),
        nested(
            "integrations",
            &Shape::Map {
                key: RESOURCE_ID,
                value: &Shape::Object(&integration::INTEGRATION),
                max: 10_000,
            },
            "Backends by id.",
        ),
        nested(
            "authorizers",
            &Shape::Map {
                key: RESOURCE_ID,
                value: &Shape::Object(&authorizer::AUTHORIZER),
                max: 1000,
            },
            "Authorizers by id.",
        ),
        nested(
            "stages",
            &Shape::Map {
                key: STAGE_NAME,
                value: &Shape::Object(&stage::STAGE),
                max: 1000,
            },
            "Stages by name: the first segment of the URL.",
        ),
        optional(
            "models",
            &Shape::Map {
                key: MODEL_NAME,
                value: &Shape::Object(&MODEL),
                max: 1000,
            },
            "Models by name: what messages may have to look like.",
        ),
        refused("corsConfiguration", HTTP_ONLY),
        refused(
            "target",
            "quick create is for HTTP APIs: write the integration and the route",
        ),
        refused(
            "routeKey",
            "quick create is for HTTP APIs: write the integration and the route",
        ),
        refused(
            "credentialsArn",
            "quick create is for HTTP APIs: write the integration and the route",
        ),
        refused("apiId", KEY_IS_ID),
        refused("apiEndpoint", READ_ONLY),
        refused("apiGatewayManaged", READ_ONLY),
        refused("createdDate", READ_ONLY),
        refused("importInfo", READ_ONLY),
        refused("warnings", READ_ONLY),
    ],
};

/// One model (API Gateway V2 API Reference, Model).
static MODEL: Object = Object {
    name: "Model",
    doc: "What messages of a route must look like.",
    kind: None,
    fields: &[
        optional(
            "contentType",
            &Shape::Only {
                shape: &text(1, 256),
                accepted: &["application/json"],
                otherwise: "write `application/json`: messages are read as nothing else",
            },
            "`application/json`.",
        ),
        required(
            "schema",
            &Shape::Document,
            "JSON Schema, draft 4: a map, or a text in JSON such as `${file:model.json}`.",
        ),
        optional("description", &DESCRIPTION, "A description."),
        refused("name", KEY_IS_ID),
        refused("modelId", READ_ONLY),
    ],
};

/// Names of models.
const MODEL_NAME: Text = Text::form(
    1,
    128,
    Form::Pattern("^[A-Za-z0-9]+$", "a name of letters and digits"),
);

/// Where API keys are: Amazon's two expressions, and the query string for browsers.
pub(super) const API_KEY_SOURCES: &[&str] = &[
    "$request.header.x-api-key",
    "$request.querystring.x-api-key",
    "$context.authorizer.usageIdentifierKey",
];

/// The same for both kinds of API; Amazon has it on WebSocket APIs.
pub(super) const API_KEY_SOURCE: Field = optional(
    "apiKeySelectionExpression",
    &Shape::Only {
        shape: &text(1, 1024),
        accepted: API_KEY_SOURCES,
        otherwise: "write one of `$request.header.x-api-key`, `$request.querystring.x-api-key` and `$context.authorizer.usageIdentifierKey`",
    },
    "Where a client's API key is; `$request.header.x-api-key` when absent.",
);

/// The same for both kinds of API.
pub(super) const CLOSED: Field = optional(
    "disableExecuteApiEndpoint",
    &Shape::Boolean,
    "Whether the API answers under custom domain names only.",
);

/// The same for both kinds of API.
pub(super) const IP_ADDRESS_TYPE: Field = optional(
    "ipAddressType",
    &Shape::Choice(&[word("ipv4"), word("dualstack")]),
    "Which clients may call the API at its own address: ipv4, or with dualstack, and when absent, those with IPv6 too.",
);

/// Keys of routes. That only three begin with `$` is for the compile step to say.
const ROUTE_KEY: Text = Text::form(
    1,
    128,
    Form::Pattern(
        r"^[^\x00-\x1f\x7f]+$",
        "a route key without control characters",
    ),
);

/// Names of stages: what the reference allows to WebSocket APIs.
const STAGE_NAME: Text = Text::form(
    1,
    128,
    Form::Pattern(
        "^[A-Za-z0-9_-]+$",
        "a stage name of letters, digits, `-` and `_`",
    ),
);
