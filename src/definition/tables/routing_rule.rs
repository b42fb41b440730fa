//! Routing rules of custom domain names.
//!
//! Source: API Gateway V2 API Reference, RoutingRule; developer guide, "Routing rules to connect API stages to a custom domain
//! name for REST APIs", whose restrictions say what names, globs and base paths may be.

use super::super::shape::{
    Form, Object, Shape, Text, optional, refused, required, text, with_default,
};
use super::{KEY_IS_ID, READ_ONLY};

/// Rules of one domain name.
pub(super) static ROUTING_RULE: Object = Object {
    name: "RoutingRule",
    doc: "Which stage answers the requests for which all conditions hold.",
    kind: None,
    fields: &[
        with_default("conditions", &CONDITIONS, "", CONDITIONS_DOC),
        required("actions", &ACTIONS, ACTIONS_DOC),
        refused("priority", KEY_IS_ID),
        refused("routingRuleId", READ_ONLY),
        refused("routingRuleArn", READ_ONLY),
    ],
};

/// The same as callers of the control plane say it: with its priority.
pub(in super::super) static ROUTING_RULE_CALL: Object = Object {
    name: "RoutingRuleCall",
    doc: "Which stage answers the requests for which all conditions hold.",
    kind: None,
    fields: &[
        optional("conditions", &CONDITIONS, CONDITIONS_DOC),
        required("actions", &ACTIONS, ACTIONS_DOC),
        required(
            "priority",
            &Shape::Integer {
                min: 1,
                max: 1_000_000,
            },
            "When its turn is: the lowest first.",
        ),
        refused("routingRuleId", READ_ONLY),
        refused("routingRuleArn", READ_ONLY),
    ],
};

/// Priorities, as the keys of a map.
pub(super) const PRIORITY: Text = Text::form(
    1,
    7,
    Form::Pattern(
        "^([1-9][0-9]{0,5}|1000000)$",
        "a priority: a number from 1 to 1000000",
    ),
);

const CONDITIONS_DOC: &str =
    "What must be so, all of it; without any the rule takes every request.";
const ACTIONS_DOC: &str = "What is done: one action.";

/// AWS: one for the base path and two for headers.
static CONDITIONS: Shape = Shape::List {
    item: &Shape::Object(&CONDITION),
    min: 0,
    max: 3,
    or_one: false,
};

static CONDITION: Object = Object {
    name: "RoutingRuleCondition",
    doc: "A condition of a routing rule.",
    kind: None,
    fields: &[
        optional(
            "matchBasePaths",
            &Shape::Object(&MATCH_BASE_PATHS),
            "How the path begins; one condition may say it.",
        ),
        optional(
            "matchHeaders",
            &Shape::Object(&MATCH_HEADERS),
            "What a header says; two conditions may say it.",
        ),
    ],
};

static MATCH_BASE_PATHS: Object = Object {
    name: "RoutingRuleMatchBasePaths",
    doc: "The path begins with the segments of one of these.",
    kind: None,
    fields: &[required(
        "anyOf",
        &any_of(&Shape::Text(BASE_PATH)),
        "The base paths, without slashes around them. Amazon takes one.",
    )],
};

static MATCH_HEADERS: Object = Object {
    name: "RoutingRuleMatchHeaders",
    doc: "One of these headers is there, with such a value.",
    kind: None,
    fields: &[required(
        "anyOf",
        &any_of(&Shape::Object(&MATCH_HEADER_VALUE)),
        "The headers. Amazon takes one.",
    )],
};

static MATCH_HEADER_VALUE: Object = Object {
    name: "RoutingRuleMatchHeaderValue",
    doc: "A header and its value.",
    kind: None,
    fields: &[
        required(
            "header",
            &Shape::Text(HEADER),
            "Its name, in any letter case.",
        ),
        required(
            "valueGlob",
            &Shape::Text(VALUE_GLOB),
            "Its value: `text`, `text*`, `*text`, `*text*` or `*`.",
        ),
    ],
};

static ACTIONS: Shape = Shape::List {
    item: &Shape::Object(&ACTION),
    min: 1,
    max: 1,
    or_one: false,
};

static ACTION: Object = Object {
    name: "RoutingRuleAction",
    doc: "What a routing rule does.",
    kind: None,
    fields: &[required(
        "invokeApi",
        &Shape::Object(&INVOKE_API),
        "Where it leads.",
    )],
};

static INVOKE_API: Object = Object {
    name: "RoutingRuleActionInvokeApi",
    doc: "Where a routing rule leads.",
    kind: None,
    fields: &[
        required("apiId", &text(1, 63), "The API: one of `apis`."),
        required("stage", &text(1, 128), "One of its stages."),
        with_default(
            "stripBasePath",
            &Shape::Boolean,
            "false",
            "Whether the API sees the path without the base path.",
        ),
    ],
};

/// Alternatives of one condition; the bound is ours.
const fn any_of(item: &'static Shape) -> Shape {
    Shape::List {
        item,
        min: 1,
        max: 10,
        or_one: false,
    }
}

const BASE_PATH: Text = Text::form(
    1,
    127,
    Form::Pattern(
        r"^[A-Za-z0-9$_.+!*'()-]+(/[A-Za-z0-9$_.+!*'()-]+)*$",
        "segments of letters, digits and `$-_.+!*'()`, with one slash between them",
    ),
);

const HEADER: Text = Text::form(
    1,
    39,
    Form::Pattern(
        r"^[A-Za-z0-9!#$%&'.^_`|~-]+$",
        "the name of a header: letters, digits and ``-!#$%&'.^_`|~``",
    ),
);

const VALUE_GLOB: Text = Text::form(
    1,
    127,
    Form::Pattern(
        r"^[A-Za-z0-9!#$%&'.^_`|~?*-]+$",
        "letters, digits and ``-!#$%&'.^_`|~?``, with `*` for anything at the ends",
    ),
);
