//! Routes.

use super::super::super::shape::{
    Object, Shape, nested, optional, refused, text, with_default, word,
};
use super::super::route::{SCOPES, TARGET};
use super::super::{KEY_IS_ID, READ_ONLY, WEBSOCKET_ONLY};

/// One route (API Gateway V2 API Reference, Route).
pub(super) static ROUTE: Object = Object {
    name: "HttpRoute",
    doc: "Which integration a request goes to.",
    kind: None,
    fields: &[
        optional(
            "target",
            &TARGET,
            "`integrations/` and the id of an integration of this API; without one requests are answered with status 500.",
        ),
        with_default(
            "authorizationType",
            &Shape::Choice(&[word("NONE"), word("AWS_IAM"), word("CUSTOM"), word("JWT")]),
            "NONE",
            "How requests are authorized.",
        ),
        optional(
            "authorizerId",
            &text(1, 128),
            "The authorizer that CUSTOM or JWT uses.",
        ),
        SCOPES,
        optional("operationName", &text(1, 64), "A name, for people."),
        optional(
            "apiKeyRequired",
            &Shape::Boolean,
            "Whether requests need an API key; Amazon has this on REST and WebSocket APIs only.",
        ),
        nested(
            "tidegate",
            &Shape::Object(&EXTENSION),
            "What Amazon does not have.",
        ),
        refused("requestParameters", WEBSOCKET_ONLY),
        refused("requestModels", WEBSOCKET_ONLY),
        refused("modelSelectionExpression", WEBSOCKET_ONLY),
        refused("routeResponseSelectionExpression", WEBSOCKET_ONLY),
        refused("routeResponses", WEBSOCKET_ONLY),
        refused("routeKey", KEY_IS_ID),
        refused("routeId", READ_ONLY),
        refused("apiGatewayManaged", READ_ONLY),
    ],
};

static EXTENSION: Object = Object {
    name: "HttpRouteExtension",
    doc: "What Amazon's routes do not have: nothing so far.",
    kind: None,
    fields: &[
        refused("ordering", WEBSOCKET_ONLY),
        refused("messageRate", WEBSOCKET_ONLY),
    ],
};
