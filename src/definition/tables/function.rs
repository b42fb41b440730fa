//! Functions that the gateway runs itself.

use super::super::shape::{
    Form, Object, Shape, Text, formed, nested, optional, required, text, with_default,
};

/// One function. Bounds and defaults are Lambda's (Lambda API Reference, CreateFunction).
pub(super) static FUNCTION: Object = Object {
    name: "Function",
    doc: "A Lambda function that the gateway runs itself, over the Lambda Runtime API.",
    kind: None,
    fields: &[
        required(
            "command",
            &Shape::List {
                item: &text(1, 4096),
                min: 1,
                max: 256,
                or_one: false,
            },
            "The program and its arguments: any process that speaks the Lambda Runtime API.",
        ),
        optional("handler", &text(0, 128), "Becomes _HANDLER."),
        with_default(
            "workingDirectory",
            &formed(1, 4096, Form::Path),
            ".",
            "Where the program starts.",
        ),
        nested(
            "environment",
            &Shape::Map {
                key: VARIABLE,
                value: &Shape::Text(Text {
                    secret: true,
                    ..Text::of(0, 4096)
                }),
                max: 200,
            },
            "Further environment variables.",
        ),
        with_default(
            "timeout",
            &Shape::Duration {
                min_ms: 1000,
                max_ms: 900_000,
            },
            "3s",
            "How long one event may take.",
        ),
        with_default(
            "memorySize",
            &Shape::Integer {
                min: 128,
                max: 10_240,
            },
            "128",
            "Told to the function, in MB.",
        ),
        with_default(
            "reservedConcurrency",
            &Shape::Integer { min: 1, max: 1000 },
            "10",
            "Processes kept at most; each handles one event at a time.",
        ),
    ],
};

/// Names of variables (Lambda API Reference, EnvironmentVariableName).
const VARIABLE: Text = Text::form(
    1,
    256,
    Form::Pattern(
        "^[A-Za-z][A-Za-z0-9_]*$",
        "a name of letters, digits and `_` that begins with a letter",
    ),
);
