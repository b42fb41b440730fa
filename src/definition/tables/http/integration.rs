//! Integrations.

use super::super::super::shape::{
    Choice, Form, Object, Shape, Text, formed, nested, optional, refused, refused_word, required,
    text, with_default, word,
};
use super::super::{DESCRIPTION, KEY_IS_ID, READ_ONLY, ROLES, WEBSOCKET_ONLY};

/// One integration (API Gateway V2 API Reference, Integration).
pub(super) static INTEGRATION: Object = Object {
    name: "HttpIntegration",
    doc: "A backend.",
    kind: None,
    fields: &[
        required(
            "integrationType",
            &Shape::Choice(&[
                word("AWS_PROXY"),
                word("HTTP_PROXY"),
                refused_word(
                    "MOCK",
                    "only WebSocket APIs have it: use AWS_PROXY with a function",
                ),
                refused_word("HTTP", "only WebSocket APIs have it: use HTTP_PROXY"),
                refused_word("AWS", "only WebSocket APIs have it: use AWS_PROXY"),
            ]),
            "AWS_PROXY: a Lambda function, or an AWS service; HTTP_PROXY: a web server.",
        ),
        optional(
            "integrationSubtype",
            &Shape::Choice(SUBTYPES),
            "AWS_PROXY: which call of an AWS service is made, in place of a function.",
        ),
        optional(
            "integrationUri",
            &text(1, 2048),
            "`function:NAME`, a Lambda ARN or invocation URL (AWS_PROXY); an http or https URL with `{variables}` of the route, or behind a VPC link the ARN of a listener or Cloud Map service (HTTP_PROXY).",
        ),
        optional(
            "integrationMethod",
            &Shape::Choice(METHODS),
            "HTTP_PROXY: the method of requests to the backend; ANY: that of the client.",
        ),
        optional("description", &DESCRIPTION, "A description."),
        optional(
            "connectionType",
            &Shape::Choice(&[word("INTERNET"), word("VPC_LINK")]),
            "INTERNET, or VPC_LINK: a private backend, called at the targets that `server.upstreams` has for `integrationUri`.",
        ),
        optional(
            "connectionId",
            &text(1, 1024),
            "VPC_LINK: which of `vpcLinks`.",
        ),
        with_default(
            "payloadFormatVersion",
            &Shape::Choice(&[word("1.0"), word("2.0")]),
            "1.0",
            "AWS_PROXY: the form of events and answers; HTTP_PROXY has 1.0 only.",
        ),
        nested(
            "requestParameters",
            &PARAMETERS,
            "HTTP_PROXY: changes of the request, e.g. `append:header.x-tenant: $context.authorizer.tenant`; AWS services: the parameters of the call, e.g. `MessageBody: $request.body`.",
        ),
        nested(
            "responseParameters",
            &Shape::Map {
                key: Text::form(
                    3,
                    3,
                    Form::Pattern("^[2-5][0-9][0-9]$", "a status from 200 to 599"),
                ),
                value: &PARAMETERS,
                max: 400,
            },
            "Changes of the answer, by the status that the backend gives it.",
        ),
        with_default(
            "timeoutInMillis",
            &Shape::Integer {
                min: 50,
                max: 30_000,
            },
            "30000",
            "How long the backend may take to answer, in milliseconds.",
        ),
        optional(
            "tlsConfig",
            &Shape::Object(&TLS_CONFIG),
            "HTTP_PROXY: how the backend's certificate is checked.",
        ),
        nested(
            "tidegate",
            &Shape::Object(&EXTENSION),
            "What Amazon does not have.",
        ),
        refused("credentialsArn", ROLES),
        refused("requestTemplates", WEBSOCKET_ONLY),
        refused("templateSelectionExpression", WEBSOCKET_ONLY),
        optional(
            "passthroughBehavior",
            &Shape::Choice(&[
                word("WHEN_NO_MATCH"),
                refused_word("WHEN_NO_TEMPLATES", WEBSOCKET_ONLY),
                refused_word("NEVER", WEBSOCKET_ONLY),
            ]),
            "WHEN_NO_MATCH, which is what HTTP APIs do: they have no templates.",
        ),
        refused("contentHandlingStrategy", WEBSOCKET_ONLY),
        refused("integrationResponseSelectionExpression", WEBSOCKET_ONLY),
        refused("integrationResponses", WEBSOCKET_ONLY),
        refused("integrationId", KEY_IS_ID),
        refused("apiGatewayManaged", READ_ONLY),
    ],
};

static TLS_CONFIG: Object = Object {
    name: "TlsConfig",
    doc: "How the backend's certificate is checked.",
    kind: None,
    fields: &[optional(
        "serverNameToVerify",
        &formed(
            1,
            512,
            Form::Pattern(
                r"^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$",
                "a host name without port",
            ),
        ),
        "The name that is asked for and that the certificate must have, in place of the host of the URL, or of the private backend's address. Even an empty `tlsConfig` has a private backend called by https.",
    )],
};

static EXTENSION: Object = Object {
    name: "HttpIntegrationExtension",
    doc: "What Amazon's integrations do not have.",
    kind: None,
    fields: &[with_default(
        "bodyIdleTimeout",
        &Shape::Duration {
            min_ms: 100,
            max_ms: 86_400_000,
        },
        "60s",
        "HTTP_PROXY: how long an answer that has begun may be silent.",
    )],
};

const SUBTYPES: &[Choice] = &[
    word("EventBridge-PutEvents"),
    word("SQS-SendMessage"),
    word("SQS-ReceiveMessage"),
    word("SQS-DeleteMessage"),
    word("SQS-PurgeQueue"),
    word("AppConfig-GetConfiguration"),
    word("Kinesis-PutRecord"),
    word("StepFunctions-StartExecution"),
    word("StepFunctions-StartSyncExecution"),
    word("StepFunctions-StopExecution"),
];

const METHODS: &[Choice] = &[
    word("ANY"),
    word("GET"),
    word("POST"),
    word("PUT"),
    word("PATCH"),
    word("DELETE"),
    word("HEAD"),
    word("OPTIONS"),
];

/// Keys and values of parameter mapping; the compile step reads them.
const PARAMETERS: Shape = Shape::Map {
    key: Text::of(1, 512),
    value: &text(0, 512),
    max: 200,
};
