//! Authorizers.

use super::super::shape::{
    Object, Shape, nested, optional, refused, refused_word, required, required_like, text,
    with_default, word,
};
use super::{HTTP_ONLY, KEY_IS_ID, ROLES};

/// One authorizer (API Gateway V2 API Reference, Authorizer).
pub(super) static AUTHORIZER: Object = Object {
    name: "Authorizer",
    doc: "A Lambda function that decides who may connect.",
    kind: None,
    fields: &[
        required_like(
            "authorizerType",
            &Shape::Choice(&[
                word("REQUEST"),
                refused_word(
                    "JWT",
                    "only HTTP APIs have JWT authorizers: use REQUEST and check the token in the function",
                ),
                refused_word(
                    "TOKEN",
                    "only REST APIs have TOKEN authorizers: use REQUEST",
                ),
            ]),
            "REQUEST",
            "REQUEST.",
        ),
        optional("name", &text(1, 128), "The name; the key when absent."),
        required(
            "authorizerUri",
            &text(1, 2048),
            "`function:NAME`, a Lambda ARN or an invocation URL.",
        ),
        with_default(
            "identitySource",
            &Shape::List {
                item: &text(1, 512),
                min: 0,
                max: 100,
                or_one: true,
            },
            "",
            "What a client must bring, e.g. `route.request.querystring.token`.",
        ),
        optional(
            "authorizerResultTtlInSeconds",
            &Shape::Only {
                shape: &Shape::Integer { min: 0, max: 3600 },
                accepted: &["0"],
                otherwise: "leave it out: results are not kept for WebSocket APIs",
            },
            "0.",
        ),
        nested(
            "tidegate",
            &Shape::Object(&EXTENSION),
            "What Amazon does not have.",
        ),
        refused("authorizerCredentialsArn", ROLES),
        refused("authorizerPayloadFormatVersion", HTTP_ONLY),
        refused("enableSimpleResponses", HTTP_ONLY),
        refused(
            "identityValidationExpression",
            "leave it out: only REST APIs have it",
        ),
        refused("jwtConfiguration", HTTP_ONLY),
        refused("authorizerId", KEY_IS_ID),
    ],
};

static EXTENSION: Object = Object {
    name: "AuthorizerExtension",
    doc: "What Amazon's authorizers do not have.",
    kind: None,
    fields: &[
        refused("onTokenExpiry", "leave it out until JWT authorizers land"),
        refused("clockSkew", "leave it out until JWT authorizers land"),
    ],
};
