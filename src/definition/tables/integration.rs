//! Integrations and integration responses.

use super::super::shape::{
    Choice, Form, Object, Shape, Text, nested, optional, refused, refused_word, required, text,
    with_default, word,
};
use super::{DESCRIPTION, HTTP_ONLY, KEY_IS_ID, READ_ONLY, RESPONSE_HEADERS, ROLES, TEMPLATES};

/// One integration (API Gateway V2 API Reference, Integration).
pub(super) static INTEGRATION: Object = Object {
    name: "Integration",
    doc: "A backend.",
    kind: None,
    fields: &[
        required(
            "integrationType",
            &Shape::Choice(&[
                word("AWS_PROXY"),
                word("HTTP_PROXY"),
                word("MOCK"),
                refused_word("HTTP", "use HTTP_PROXY until mapping templates land"),
                refused_word("AWS", "use AWS_PROXY until mapping templates land"),
            ]),
            "AWS_PROXY: a Lambda function; HTTP_PROXY: a web server; MOCK: answers by itself.",
        ),
        optional(
            "integrationUri",
            &text(1, 2048),
            "`function:NAME`, a Lambda ARN or invocation URL (AWS_PROXY); an http or https URL (HTTP_PROXY).",
        ),
        optional(
            "integrationMethod",
            &Shape::Choice(METHODS),
            "The method of requests to the backend.",
        ),
        optional("description", &DESCRIPTION, "A description."),
        optional(
            "connectionType",
            &Shape::Choice(&[word("INTERNET"), word("VPC_LINK")]),
            "INTERNET, or VPC_LINK: a private backend, called at the targets that `server.upstreams` has for the URL's host or for the link.",
        ),
        optional(
            "connectionId",
            &text(1, 1024),
            "VPC_LINK: which of `vpcLinks`; may be `${stageVariables.NAME}`.",
        ),
        nested(
            "requestParameters",
            &Shape::Map {
                key: PARAMETER,
                value: &text(1, 512),
                max: 200,
            },
            "Headers, query parameters and path variables of the backend request, and where they come from.",
        ),
        nested(
            "requestTemplates",
            &TEMPLATE_MAP,
            "MOCK: the literal `{\"statusCode\": N}`.",
        ),
        optional(
            "templateSelectionExpression",
            &text(1, 1024),
            "MOCK: which request template is used; static text until mapping templates land.",
        ),
        optional(
            "passthroughBehavior",
            &Shape::Only {
                shape: &text(1, 32),
                accepted: &["WHEN_NO_MATCH"],
                otherwise: TEMPLATES,
            },
            "What happens to a message without a template.",
        ),
        optional(
            "contentHandlingStrategy",
            &CONTENT_HANDLING,
            "Whether payloads are converted on their way to the backend.",
        ),
        with_default(
            "timeoutInMillis",
            &Shape::Integer {
                min: 50,
                max: 29_000,
            },
            "29000",
            "How long the backend may take, in milliseconds.",
        ),
        optional(
            "integrationResponseSelectionExpression",
            &Shape::Only {
                shape: &text(1, 1024),
                accepted: &[
                    "${integration.response.statuscode}",
                    "$integration.response.statuscode",
                    "${response.statuscode}",
                    "$response.statuscode",
                ],
                otherwise: "write `${integration.response.statuscode}`, the only expression there is for MOCK",
            },
            "MOCK: what selects the integration response.",
        ),
        nested(
            "integrationResponses",
            &Shape::Map {
                key: RESPONSE_KEY,
                value: &Shape::Object(&INTEGRATION_RESPONSE),
                max: 100,
            },
            "MOCK: integration responses by key: `$default` or `/PATTERN/`.",
        ),
        optional(
            "payloadFormatVersion",
            &Shape::Only {
                shape: &text(1, 64),
                accepted: &["1.0"],
                otherwise: "leave it out: WebSocket events have one format",
            },
            "1.0.",
        ),
        nested(
            "tidegate",
            &Shape::Object(&EXTENSION),
            "What Amazon does not have.",
        ),
        refused("credentialsArn", ROLES),
        refused("integrationSubtype", HTTP_ONLY),
        refused("responseParameters", HTTP_ONLY),
        refused("tlsConfig", HTTP_ONLY),
        refused("integrationId", KEY_IS_ID),
        refused("apiGatewayManaged", READ_ONLY),
    ],
};

static INTEGRATION_RESPONSE: Object = Object {
    name: "IntegrationResponse",
    doc: "What MOCK answers.",
    kind: None,
    fields: &[
        nested("responseTemplates", &TEMPLATE_MAP, "The literal reply."),
        optional(
            "templateSelectionExpression",
            &text(1, 1024),
            "Which response template is used; static text until mapping templates land.",
        ),
        refused(
            "contentHandlingStrategy",
            "leave it out until mapping templates land: the reply of MOCK is text already",
        ),
        refused("responseParameters", RESPONSE_HEADERS),
        refused("integrationResponseKey", KEY_IS_ID),
        refused("integrationResponseId", READ_ONLY),
    ],
};

static EXTENSION: Object = Object {
    name: "IntegrationExtension",
    doc: "What Amazon's integrations do not have.",
    kind: None,
    fields: &[refused(
        "bodyIdleTimeout",
        "leave it out: only answers of HTTP APIs are streamed",
    )],
};

const CONTENT_HANDLING: Shape =
    Shape::Choice(&[word("CONVERT_TO_BINARY"), word("CONVERT_TO_TEXT")]);

const METHODS: &[Choice] = &[
    word("POST"),
    word("GET"),
    word("PUT"),
    word("PATCH"),
    word("DELETE"),
    word("HEAD"),
    word("OPTIONS"),
    refused_word("ANY", "name one method: messages have none to repeat"),
];

const TEMPLATE_MAP: Shape = Shape::Map {
    key: Text::of(1, 1024),
    value: &text(0, 32_768),
    max: 100,
};

const PARAMETER: Text = Text::form(
    1,
    512,
    Form::Pattern(
        r"^integration\.request\.(header|querystring|path)\.[A-Za-z0-9._$-]+$",
        "`integration.request.header.NAME`, `integration.request.querystring.NAME` or `integration.request.path.NAME`",
    ),
);

const RESPONSE_KEY: Text = Text::form(
    1,
    512,
    Form::Pattern(
        r"^(\$default|[^$/][^/]*|/.+/)$",
        "`$default`, a status, or a pattern such as `/2\\d\\d/`",
    ),
);
