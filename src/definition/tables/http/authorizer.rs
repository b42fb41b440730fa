//! Authorizers.

use super::super::super::shape::{
    Object, Shape, nested, optional, refused, refused_word, required_like, text, with_default, word,
};
use super::super::authorizer::{CLOCK_SKEW, JWT_CONFIGURATION};
use super::super::{KEY_IS_ID, ROLES};

/// One authorizer (API Gateway V2 API Reference, Authorizer).
pub(super) static AUTHORIZER: Object = Object {
    name: "HttpAuthorizer",
    doc: "Who decides which requests are let through.",
    kind: None,
    fields: &[
        required_like(
            "authorizerType",
            &Shape::Choice(&[
                word("REQUEST"),
                word("JWT"),
                refused_word(
                    "TOKEN",
                    "only REST APIs have TOKEN authorizers: use REQUEST",
                ),
            ]),
            "REQUEST",
            "REQUEST: a Lambda function; JWT: a token that its issuer has signed.",
        ),
        optional("name", &text(1, 128), "The name; the key when absent."),
        optional(
            "authorizerUri",
            &text(1, 2048),
            "REQUEST: `function:NAME`, a Lambda ARN or an invocation URL.",
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
            "What a client must bring, e.g. `$request.header.Authorization`; JWT: the one place of the token.",
        ),
        optional(
            "jwtConfiguration",
            &Shape::Object(&JWT_CONFIGURATION),
            "JWT: whose tokens are taken, and for whom they must be.",
        ),
        optional(
            "authorizerPayloadFormatVersion",
            &Shape::Choice(&[word("1.0"), word("2.0")]),
            "REQUEST, where it is required: the form of events and answers.",
        ),
        optional(
            "authorizerResultTtlInSeconds",
            &Shape::Integer { min: 0, max: 3600 },
            "REQUEST: how long results are kept, in seconds, by identity source; 0 and none: not at all.",
        ),
        optional(
            "enableSimpleResponses",
            &Shape::Boolean,
            "REQUEST with format 2.0: whether answers are `isAuthorized: true` or `false` instead of a policy.",
        ),
        nested(
            "tidegate",
            &Shape::Object(&EXTENSION),
            "What Amazon does not have.",
        ),
        refused("authorizerCredentialsArn", ROLES),
        refused(
            "identityValidationExpression",
            "leave it out: only REST APIs have it",
        ),
        refused("authorizerId", KEY_IS_ID),
    ],
};

static EXTENSION: Object = Object {
    name: "HttpAuthorizerExtension",
    doc: "What Amazon's authorizers do not have.",
    kind: None,
    fields: &[
        refused(
            "onTokenExpiry",
            "leave it out: a request ends before its token does",
        ),
        CLOCK_SKEW,
    ],
};
