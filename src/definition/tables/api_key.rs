//! API keys.

use super::super::shape::{Form, Object, Shape, Text, optional, refused, required, text};
use super::{DESCRIPTION, KEY_IS_ID, MARKETPLACE, READ_ONLY, TAGS};

/// One API key (API Gateway REST API Reference, ApiKey).
pub(super) static API_KEY: Object = Object {
    name: "ApiKey",
    doc: "What a client shows to be counted and throttled by itself.",
    kind: None,
    fields: &[
        required(
            "value",
            &VALUE,
            "What the client sends, e.g. `${env:ACME_KEY}`.",
        ),
        optional(
            "enabled",
            &Shape::Boolean,
            "Whether the key is good for anything; Amazon's default is false.",
        ),
        optional("name", &text(1, 1024), "The name; the key when absent."),
        optional("description", &DESCRIPTION, "A description."),
        optional("tags", &TAGS, "Tags."),
        refused("customerId", MARKETPLACE),
        refused("stageKeys", "list the key in a usage plan of the stage"),
        refused("generateDistinctId", KEY_IS_ID),
        refused("id", KEY_IS_ID),
        refused("createdDate", READ_ONLY),
        refused("lastUpdatedDate", READ_ONLY),
    ],
};

/// Source: "Set up API keys using the API Gateway console": 20 to 128 characters. It must fit into a header.
const VALUE: Shape = Shape::Text(Text {
    secret: true,
    ..Text::form(
        20,
        128,
        Form::Pattern("^[!-~]+$", "visible ASCII characters without spaces"),
    )
});
