//! Stages.

use super::super::super::shape::{Object, Shape, Text, nested, optional, refused};
use super::super::stage::{
    ACCESS_LOG_SETTINGS, AUTO_DEPLOY, BURST, LOADING_DEPLOYS, RATE, VARIABLES,
};
use super::super::{DESCRIPTION, KEY_IS_ID, READ_ONLY, TAGS, WEBSOCKET_ONLY};

/// One stage (API Gateway V2 API Reference, Stage).
pub(super) static STAGE: Object = Object {
    name: "HttpStage",
    doc: "An API under an address, with its variables and throttles.",
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
                key: Text::of(1, 1024),
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
        refused("clientCertificateId", WEBSOCKET_ONLY),
        refused("stageName", KEY_IS_ID),
        refused("apiGatewayManaged", READ_ONLY),
        refused("createdDate", READ_ONLY),
        refused("lastUpdatedDate", READ_ONLY),
        refused("lastDeploymentStatusMessage", READ_ONLY),
    ],
};

static ROUTE_SETTINGS: Object = Object {
    name: "HttpRouteSettings",
    doc: "Throttles of a route.",
    kind: None,
    fields: &[
        RATE,
        BURST,
        optional(
            "detailedMetricsEnabled",
            &Shape::Boolean,
            "Whether the route is counted by itself in `/metrics`.",
        ),
        refused("loggingLevel", WEBSOCKET_ONLY),
        refused("dataTraceEnabled", WEBSOCKET_ONLY),
    ],
};

static EXTENSION: Object = Object {
    name: "HttpStageExtension",
    doc: "What Amazon's stages do not have: nothing so far.",
    kind: None,
    fields: &[
        refused("limits", WEBSOCKET_ONLY),
        refused("binaryFrames", WEBSOCKET_ONLY),
        refused("ping", WEBSOCKET_ONLY),
        refused("pingsResetIdle", WEBSOCKET_ONLY),
        refused("page", WEBSOCKET_ONLY),
    ],
};
