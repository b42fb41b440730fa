//! Routes and route responses.

use super::super::shape::{
    Field, Form, Object, Shape, Text, formed, nested, optional, refused, required, text,
    with_default, word,
};
use super::{KEY_IS_ID, READ_ONLY, RESPONSE_HEADERS};

/// One route (API Gateway V2 API Reference, Route).
pub(super) static ROUTE: Object = Object {
    name: "Route",
    doc: "Which integration a connection, a message or a disconnection goes to.",
    kind: None,
    fields: &[
        optional(
            "target",
            &TARGET,
            "`integrations/` and the id of an integration of this API.",
        ),
        with_default(
            "authorizationType",
            &Shape::Choice(&[word("NONE"), word("AWS_IAM"), word("CUSTOM"), word("JWT")]),
            "NONE",
            "How $connect is authorized.",
        ),
        optional(
            "authorizerId",
            &text(1, 128),
            "The authorizer that CUSTOM or JWT uses.",
        ),
        SCOPES,
        optional(
            "requestParameters",
            &Shape::Map {
                key: PARAMETER,
                value: &Shape::Object(&PARAMETER_CONSTRAINTS),
                max: 100,
            },
            "Headers and query parameters of $connect that integrations use.",
        ),
        optional(
            "routeResponseSelectionExpression",
            &Shape::Only {
                shape: &text(1, 128),
                accepted: &["$default"],
                otherwise: "write `$default`, the only expression there is",
            },
            "`$default` makes the route two-way, together with a `$default` route response.",
        ),
        nested(
            "routeResponses",
            &Shape::Map {
                key: Text::form(
                    1,
                    128,
                    Form::Pattern(
                        r"^\$default$",
                        "`$default`, the only route response there is",
                    ),
                ),
                value: &Shape::Object(&ROUTE_RESPONSE),
                max: 1,
            },
            "Route responses by key.",
        ),
        optional("operationName", &text(1, 64), "A name, for people."),
        optional(
            "apiKeyRequired",
            &Shape::Boolean,
            "Whether $connect needs an API key of a usage plan of the stage.",
        ),
        optional(
            "modelSelectionExpression",
            &text(1, 1024),
            "Selects the model that a message must fit, e.g. `$request.body.messageType`.",
        ),
        optional(
            "requestModels",
            &Shape::Map {
                key: Text::of(1, 128),
                value: &text(1, 128),
                max: 1000,
            },
            "Names of models by the key that selects them; `$default` is for all others.",
        ),
        nested(
            "tidegate",
            &Shape::Object(&EXTENSION),
            "What Amazon does not have.",
        ),
        refused("routeKey", KEY_IS_ID),
        refused("routeId", READ_ONLY),
        refused("apiGatewayManaged", READ_ONLY),
    ],
};

/// `integrations/{id}`.
pub(super) const TARGET: Shape = formed(
    1,
    128,
    Form::Pattern(
        "^integrations/[A-Za-z0-9_-]+$",
        "`integrations/` and the id of an integration of this API",
    ),
);

/// The same for both kinds of API.
pub(super) const SCOPES: Field = optional(
    "authorizationScopes",
    &Shape::List {
        item: &SCOPE,
        min: 0,
        max: 10,
        or_one: false,
    },
    "JWT: the token must have one of these.",
);

static PARAMETER_CONSTRAINTS: Object = Object {
    name: "ParameterConstraints",
    doc: "Whether a parameter must be there.",
    kind: None,
    fields: &[with_default(
        "required",
        &Shape::Boolean,
        "false",
        "Whether a handshake without it is refused.",
    )],
};

static ROUTE_RESPONSE: Object = Object {
    name: "RouteResponse",
    doc: "That the route answers; there is nothing to set.",
    kind: None,
    fields: &[
        refused(
            "modelSelectionExpression",
            "leave it out: route responses cannot have one",
        ),
        refused(
            "responseModels",
            "leave it out: only messages to the gateway are checked",
        ),
        refused("responseParameters", RESPONSE_HEADERS),
        refused("routeResponseKey", KEY_IS_ID),
        refused("routeResponseId", READ_ONLY),
    ],
};

static EXTENSION: Object = Object {
    name: "RouteExtension",
    doc: "What Amazon's routes do not have.",
    kind: None,
    fields: &[
        with_default(
            "ordering",
            &Shape::Choice(&[word("concurrent"), word("serial")]),
            "concurrent",
            "Whether messages of one connection are handled at the same time or one after the other.",
        ),
        optional(
            "messageRate",
            &Shape::Object(&MESSAGE_RATE),
            "How many messages one connection may send.",
        ),
    ],
};

static MESSAGE_RATE: Object = Object {
    name: "MessageRate",
    doc: "A token bucket of each connection.",
    kind: None,
    fields: &[
        required(
            "rate",
            &Shape::Number {
                min: 0.001,
                max: 1e6,
            },
            "Messages per second.",
        ),
        optional(
            "burst",
            &Shape::Integer {
                min: 1,
                max: 1_000_000,
            },
            "Messages at once above the rate; one second's worth when absent.",
        ),
    ],
};

/// Scopes: the length is Amazon's, the characters are those that a token can have (RFC 6749 section 3.3).
const SCOPE: Shape = formed(
    1,
    64,
    Form::Pattern(
        r"^[!#-\[\]-~]+$",
        "a scope: visible ASCII without quotes and backslashes",
    ),
);

/// Keys of route request parameters.
const PARAMETER: Text = Text::form(
    1,
    512,
    Form::Pattern(
        r"^route\.request\.(header|querystring)\.[A-Za-z0-9._$-]+$",
        "`route.request.header.NAME` or `route.request.querystring.NAME`",
    ),
);
