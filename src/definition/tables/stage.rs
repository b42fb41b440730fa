//! Stages.

use super::super::shape::{
    Field, Form, Object, Shape, Text, formed, nested, optional, refused, required_like, text,
    with_default, word,
};
use super::{DESCRIPTION, KEY_IS_ID, READ_ONLY, TAGS};

const OFF: &[&str] = &["off"];
const SECOND_MS: u64 = 1000;
const HOUR_MS: u64 = 3600 * SECOND_MS;
pub(super) const LOADING_DEPLOYS: &str = "leave it out: loading the file is deploying it";

/// One stage (API Gateway V2 API Reference, Stage).
pub(super) static STAGE: Object = Object {
    name: "Stage",
    doc: "An API under an address, with its variables, throttles and limits.",
    kind: None,
    fields: &[
        optional("description", &DESCRIPTION, "A description."),
        optional("tags", &TAGS, "Tags."),
        nested(
            "stageVariables",
            &VARIABLES,
            "Values by name, for events, URIs and mappings.",
        ),
        nested(
            "defaultRouteSettings",
            &Shape::Object(&ROUTE_SETTINGS),
            "Settings of every route.",
        ),
        nested(
            "routeSettings",
            &Shape::Map {
                key: Text::of(1, 128),
                value: &Shape::Object(&ROUTE_SETTINGS),
                max: 10_000,
            },
            "Settings by route key; what is absent here is as in defaultRouteSettings.",
        ),
        optional(
            "accessLogSettings",
            &Shape::Object(&ACCESS_LOG_SETTINGS),
            "One line per request.",
        ),
        optional(
            "autoDeploy",
            &AUTO_DEPLOY,
            "true: loading the file is deploying it.",
        ),
        nested(
            "tidegate",
            &Shape::Object(&EXTENSION),
            "What Amazon does not have.",
        ),
        refused("deploymentId", LOADING_DEPLOYS),
        refused(
            "clientCertificateId",
            "leave it out until client certificates for backends land",
        ),
        refused("stageName", KEY_IS_ID),
        refused("apiGatewayManaged", READ_ONLY),
        refused("createdDate", READ_ONLY),
        refused("lastUpdatedDate", READ_ONLY),
        refused("lastDeploymentStatusMessage", READ_ONLY),
    ],
};

pub(super) const RATE: Field = optional(
    "throttlingRateLimit",
    &Shape::Number { min: 0.0, max: 1e9 },
    "Requests per second.",
);

pub(super) const BURST: Field = optional(
    "throttlingBurstLimit",
    &Shape::Integer {
        min: 0,
        max: 1_000_000_000,
    },
    "Requests at once above the rate.",
);

static ROUTE_SETTINGS: Object = Object {
    name: "RouteSettings",
    doc: "Throttles and metrics of a route.",
    kind: None,
    fields: &[
        RATE,
        BURST,
        optional(
            "detailedMetricsEnabled",
            &Shape::Boolean,
            "Whether the route is counted by itself in `/metrics`.",
        ),
        optional(
            "loggingLevel",
            &Shape::Only {
                shape: &text(1, 8),
                accepted: &["OFF"],
                otherwise: "leave it out until execution logs land",
            },
            "OFF.",
        ),
        optional(
            "dataTraceEnabled",
            &Shape::Only {
                shape: &Shape::Boolean,
                accepted: &["false"],
                otherwise: "leave it out until execution logs land",
            },
            "false.",
        ),
    ],
};

pub(super) static ACCESS_LOG_SETTINGS: Object = Object {
    name: "AccessLogSettings",
    doc: "Where the access log goes, and what a line of it is.",
    kind: None,
    fields: &[
        required_like(
            "destinationArn",
            &formed(1, 4096, Form::Destination),
            "stdout",
            "`stdout`, `stderr` or `file:PATH`; for the ARN of a log group `stdout`.",
        ),
        required_like(
            "format",
            &text(1, 3072),
            "$context.requestId",
            "One line with `$context` variables, `$context.requestId` among them.",
        ),
    ],
};

static EXTENSION: Object = Object {
    name: "StageExtension",
    doc: "What Amazon's stages do not have.",
    kind: None,
    fields: &[
        nested(
            "limits",
            &Shape::Object(&LIMITS),
            "Limits of each connection; `off` lifts one.",
        ),
        with_default(
            "binaryFrames",
            &Shape::Choice(&[word("close"), word("accept")]),
            "close",
            "Whether a binary frame closes the connection (1003) or reaches $default.",
        ),
        with_default(
            "ping",
            &Shape::Or(
                OFF,
                &Shape::Duration {
                    min_ms: SECOND_MS,
                    max_ms: HOUR_MS,
                },
            ),
            "off",
            "How often the server pings.",
        ),
        with_default(
            "pingsResetIdle",
            &Shape::Boolean,
            "false",
            "Whether a client's pings count as activity.",
        ),
        optional(
            "page",
            &formed(1, 4096, Form::Content(1024 * 1024)),
            "An HTML file that answers a browser's plain GET of the stage's URL.",
        ),
    ],
};

static LIMITS: Object = Object {
    name: "StageLimits",
    doc: "Limits of each connection; `off` lifts one.",
    kind: None,
    fields: &[
        with_default(
            "idleTimeout",
            &Shape::Or(
                OFF,
                &Shape::Duration {
                    min_ms: SECOND_MS,
                    max_ms: 720 * HOUR_MS,
                },
            ),
            "10m",
            "Longest silence.",
        ),
        with_default(
            "connectionDuration",
            &Shape::Or(
                OFF,
                &Shape::Duration {
                    min_ms: SECOND_MS,
                    max_ms: 8760 * HOUR_MS,
                },
            ),
            "2h",
            "Longest life.",
        ),
        with_default(
            "frameBytes",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 67_108_864,
                },
            ),
            "32768",
            "Largest frame, in bytes of payload.",
        ),
        with_default(
            "messageBytes",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 67_108_864,
                },
            ),
            "131072",
            "Largest message, in bytes of payload.",
        ),
        with_default(
            "fragments",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 1_000_000,
                },
            ),
            "1024",
            "Frames in one message.",
        ),
        with_default(
            "framesPerSecond",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 10_000_000,
                },
            ),
            "1000",
            "Frames per second.",
        ),
        with_default(
            "assemblyTimeout",
            &Shape::Or(
                OFF,
                &Shape::Duration {
                    min_ms: 100,
                    max_ms: HOUR_MS,
                },
            ),
            "30s",
            "Longest time from the first byte of a message to its last.",
        ),
        with_default(
            "queueMessages",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 1_000_000,
                },
            ),
            "64",
            "Messages waiting for a slow client.",
        ),
        with_default(
            "queueBytes",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 1_073_741_824,
                },
            ),
            "524288",
            "Bytes waiting for a slow client.",
        ),
        with_default(
            "inFlight",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 100_000,
                },
            ),
            "16",
            "Messages being handled at the same time.",
        ),
    ],
};

/// `stageVariables`.
pub(super) const VARIABLES: Shape = Shape::Map {
    key: VARIABLE,
    value: &formed(
        0,
        2048,
        Form::Pattern(
            r"^[A-Za-z0-9._~:/?#&=,-]*$",
            "letters, digits and `-._~:/?#&=,`",
        ),
    ),
    max: 100,
};

/// `autoDeploy`.
pub(super) const AUTO_DEPLOY: Shape = Shape::Only {
    shape: &Shape::Boolean,
    accepted: &["true"],
    otherwise: LOADING_DEPLOYS,
};

/// Names of stage variables (API Gateway quotas: 64 characters).
const VARIABLE: Text = Text::form(
    1,
    64,
    Form::Pattern("^[A-Za-z0-9_]+$", "a name of letters, digits and `_`"),
);

#[cfg(test)]
mod tests {
    use super::super::super::shape::Need;
    use super::*;
    use crate::base::quotas;

    fn default(name: &str) -> &'static str {
        let field = LIMITS.fields.iter().find(|field| field.name == name);
        match field.map(|field| &field.need) {
            Some(Need::Default(text)) => text,
            other => panic!("{name} has no default: {other:?}"),
        }
    }

    #[test]
    fn defaults_are_amazons_quotas() {
        let duration = |name| crate::lang::duration::parse(default(name)).unwrap();
        assert_eq!(duration("idleTimeout"), quotas::IDLE_TIMEOUT);
        assert_eq!(duration("connectionDuration"), quotas::CONNECTION_DURATION);
        assert_eq!(default("frameBytes"), quotas::FRAME_BYTES.to_string());
        assert_eq!(default("messageBytes"), quotas::MESSAGE_BYTES.to_string());
    }
}
