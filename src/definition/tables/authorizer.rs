//! Authorizers.

use super::super::shape::{
    Field, Form, Object, Shape, formed, nested, optional, refused, refused_word, required,
    required_like, text, with_default, word,
};
use super::{HTTP_ONLY, KEY_IS_ID, ROLES};

/// One authorizer (API Gateway V2 API Reference, Authorizer).
pub(super) static AUTHORIZER: Object = Object {
    name: "Authorizer",
    doc: "Decides who may connect: a Lambda function, or the issuer of a token.",
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
            "What a client must bring, e.g. `route.request.querystring.token`; JWT: the one place of the token.",
        ),
        optional(
            "jwtConfiguration",
            &Shape::Object(&JWT_CONFIGURATION),
            "JWT: whose tokens are taken, and for whom they must be.",
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
        refused("authorizerId", KEY_IS_ID),
    ],
};

static EXTENSION: Object = Object {
    name: "AuthorizerExtension",
    doc: "What Amazon's authorizers do not have.",
    kind: None,
    fields: &[
        with_default(
            "onTokenExpiry",
            &Shape::Choice(&[word("keep"), word("close")]),
            "keep",
            "JWT: whether a connection is closed (4401) when its token ends.",
        ),
        CLOCK_SKEW,
    ],
};

/// The same for both kinds of API.
pub(super) const CLOCK_SKEW: Field = with_default(
    "clockSkew",
    &Shape::Duration {
        min_ms: 0,
        max_ms: 60_000,
    },
    "0s",
    "JWT: by how much the issuer's clock may differ from the gateway's.",
);

/// The lengths are those of the API Gateway V2 API Reference, JWTConfiguration; the number of audiences is a quota.
pub(super) static JWT_CONFIGURATION: Object = Object {
    name: "JwtConfiguration",
    doc: "Whose tokens are taken, and for whom they must be.",
    kind: None,
    fields: &[
        required(
            "issuer",
            &formed(
                1,
                2048,
                Form::Pattern(
                    r##"^https?://[!-"$->@-~]+$"##,
                    "an http or https URL without query and fragment, as the tokens' `iss` has it",
                ),
            ),
            "The `iss` of the tokens, to the letter; keys are found below it.",
        ),
        required(
            "audience",
            &Shape::List {
                item: &text(1, 512),
                min: 1,
                max: 50,
                or_one: false,
            },
            "The tokens' `aud`, or `client_id` without one, must be one of these.",
        ),
    ],
};
