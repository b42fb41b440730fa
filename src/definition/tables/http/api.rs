//! The API itself.

use super::super::super::shape::{
    Form, Object, Shape, Text, nested, optional, refused, required, text, with_default, word,
};
use super::super::api::{API_KEY_SOURCE, CLOSED, IP_ADDRESS_TYPE};
use super::super::{DESCRIPTION, KEY_IS_ID, READ_ONLY, RESOURCE_ID, TAGS};
use super::{authorizer, integration, route, stage};
use crate::lang::cors::LIST_ENTRIES;

const NO_MODELS: &str = "leave it out: HTTP APIs have no models";
const QUICK_CREATE: &str =
    "write the integration under `integrations` and the route under `routes`";

/// One HTTP API (API Gateway V2 API Reference, Api).
pub(in super::super) static API: Object = Object {
    name: "HttpApi",
    doc: "An HTTP API with its routes, integrations, authorizers and stages.",
    kind: None,
    fields: &[
        required("protocolType", &Shape::Choice(&[word("HTTP")]), "HTTP."),
        optional("name", &text(1, 128), "The name; the key when absent."),
        optional("description", &DESCRIPTION, "A description."),
        optional("version", &text(1, 64), "A version, for people."),
        optional("tags", &TAGS, "Tags."),
        optional(
            "corsConfiguration",
            &Shape::Object(&CORS),
            "Which pages of other origins may call the API from a browser.",
        ),
        optional(
            "routeSelectionExpression",
            &Shape::Only {
                shape: &text(1, 1024),
                accepted: &[
                    "${request.method} ${request.path}",
                    "$request.method $request.path",
                ],
                otherwise: "leave it out: HTTP APIs choose routes by method and path",
            },
            "`${request.method} ${request.path}`.",
        ),
        API_KEY_SOURCE,
        CLOSED,
        IP_ADDRESS_TYPE,
        nested(
            "routes",
            &Shape::Map {
                key: ROUTE_KEY,
                value: &Shape::Object(&route::ROUTE),
                max: 10_000,
            },
            "Routes by key: `GET /orders/{id}`, `ANY /files/{path+}`, `$default`.",
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
            "Stages by name: the first segment of the URL; `$default` has none.",
        ),
        refused("models", NO_MODELS),
        refused("disableSchemaValidation", NO_MODELS),
        refused("target", QUICK_CREATE),
        refused("routeKey", QUICK_CREATE),
        refused("credentialsArn", QUICK_CREATE),
        refused("apiId", KEY_IS_ID),
        refused("apiEndpoint", READ_ONLY),
        refused("apiGatewayManaged", READ_ONLY),
        refused("createdDate", READ_ONLY),
        refused("importInfo", READ_ONLY),
        refused("warnings", READ_ONLY),
    ],
};

/// `corsConfiguration` (API Gateway V2 API Reference, Cors); the compile step looks at every entry.
static CORS: Object = Object {
    name: "Cors",
    doc: "Cross-origin resource sharing: what browsers are told.",
    kind: None,
    fields: &[
        with_default(
            "allowOrigins",
            &LIST,
            "",
            "Origins such as `https://app.example.com`; `*`, `https://*`, `http://*`.",
        ),
        with_default("allowMethods", &LIST, "", "Methods, or `*`."),
        with_default(
            "allowHeaders",
            &LIST,
            "",
            "Names of request headers, or `*`.",
        ),
        with_default(
            "exposeHeaders",
            &LIST,
            "",
            "Names of response headers that pages may read, or `*`.",
        ),
        optional(
            "maxAge",
            &Shape::Integer {
                min: -1,
                max: 86_400,
            },
            "How long browsers keep the answer to a preflight, in seconds; -1: not at all.",
        ),
        with_default(
            "allowCredentials",
            &Shape::Boolean,
            "false",
            "Whether browsers send cookies and other credentials along.",
        ),
    ],
};

const LIST: Shape = Shape::List {
    item: &text(1, 512),
    min: 0,
    max: LIST_ENTRIES,
    or_one: false,
};

/// Keys of routes. The compile step reads them.
const ROUTE_KEY: Text = Text::form(
    1,
    1024,
    Form::Pattern(
        r"^[^\x00-\x1f\x7f]+$",
        "a route key without control characters",
    ),
);

/// Names of stages: what the reference allows to HTTP APIs.
const STAGE_NAME: Text = Text::form(
    1,
    128,
    Form::Pattern(
        r"^(\$default|[A-Za-z0-9_-]+)$",
        "`$default`, or a stage name of letters, digits, `-` and `_`",
    ),
);
