//! Usage plans.

use super::super::shape::{
    Object, Shape, Text, nested, optional, refused, required, required_like, text, with_default,
    word,
};
use super::{DESCRIPTION, KEY_IS_ID, MARKETPLACE, TAGS};

/// One usage plan (API Gateway REST API Reference, UsagePlan), with the ids of its keys.
pub(super) static USAGE_PLAN: Object = Object {
    name: "UsagePlan",
    doc: "How much the owner of an API key may ask of some stages.",
    kind: None,
    fields: &[
        optional("name", &text(1, 1024), "The name; the key when absent."),
        optional("description", &DESCRIPTION, "A description."),
        optional("tags", &TAGS, "Tags."),
        with_default(
            "apiStages",
            &Shape::List {
                item: &Shape::Object(&API_STAGE),
                min: 0,
                max: 6000,
                or_one: false,
            },
            "",
            "The stages that the plan opens.",
        ),
        optional(
            "throttle",
            &Shape::Object(&THROTTLE),
            "Requests a second of one key, over all stages of the plan together.",
        ),
        optional(
            "quota",
            &Shape::Object(&QUOTA),
            "Requests of one key in a period, over all stages of the plan together.",
        ),
        with_default(
            "keys",
            &Shape::List {
                item: &text(1, 128),
                min: 0,
                max: 10_000,
                or_one: true,
            },
            "",
            "The plan's API keys, by their keys in `apiKeys`.",
        ),
        refused("productCode", MARKETPLACE),
        refused("id", KEY_IS_ID),
    ],
};

static API_STAGE: Object = Object {
    name: "ApiStage",
    doc: "A stage in a usage plan.",
    kind: None,
    fields: &[
        required("apiId", &text(1, 128), "The API: a key of `apis`."),
        required("stage", &text(1, 128), "The stage."),
        nested(
            "throttle",
            &Shape::Map {
                key: Text::of(1, 256),
                value: &Shape::Object(&THROTTLE),
                max: 10_000,
            },
            "Requests a second of one key to single routes, by route key, within those of the plan.",
        ),
    ],
};

static THROTTLE: Object = Object {
    name: "ThrottleSettings",
    doc: "A token bucket; what is absent is as for the account.",
    kind: None,
    fields: &[
        optional(
            "rateLimit",
            &Shape::Number { min: 0.0, max: 1e9 },
            "Requests per second.",
        ),
        optional(
            "burstLimit",
            &Shape::Integer {
                min: 0,
                max: 1_000_000_000,
            },
            "Requests at once above the rate.",
        ),
    ],
};

static QUOTA: Object = Object {
    name: "QuotaSettings",
    doc: "A number of requests in a period, counted in UTC.",
    kind: None,
    fields: &[
        required(
            "limit",
            &Shape::Integer {
                min: 0,
                max: 1_000_000_000_000,
            },
            "Requests in a period.",
        ),
        required_like(
            "period",
            &Shape::Choice(&[word("DAY"), word("WEEK"), word("MONTH")]),
            "DAY",
            "DAY, WEEK or MONTH.",
        ),
        optional(
            "offset",
            &Shape::Integer { min: 0, max: 27 },
            "The day that the period starts on: of a WEEK, 0 is Sunday and 1 Monday; of a MONTH, 0 is the first.",
        ),
    ],
};
