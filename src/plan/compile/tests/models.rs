//! Models and the routes that ask for them.

use super::*;

const MODELS: &str = "models: { order: { schema: { type: object } } }";

/// The one problem of a route with these fields, beside the model `order`, contains each of `expected`.
fn check_route(key: &str, fields: &str, expected: &[&str]) {
    let route = format!("routes: {{ {key}: {{ target: integrations/i, {fields} }} }}");
    check(&format!("{MODELS}\n{route}"), expected);
}

#[test]
fn routes_know_their_models() {
    let stage = stage(&format!(
        "{MODELS}\nroutes: {{ a: {{ target: integrations/i, modelSelectionExpression: $request.body.kind, requestModels: {{ order: order, $default: order }} }}, b: {{ target: integrations/i }} }}"
    ));
    let routes = stage.routes.messages().unwrap();
    let validation = routes.for_message(Some("a")).unwrap().validation.as_ref();
    let validation = validation.unwrap();
    assert_eq!(&*validation.model("order").unwrap().name, "order");
    assert!(validation.model("other").unwrap().schema.is_some());
    assert!(routes.for_message(Some("b")).unwrap().validation.is_none());
}

#[test]
fn a_route_asks_for_models_that_there_are() {
    let both = "modelSelectionExpression: $default, requestModels: { $default: ordr }";
    check_route(
        "a",
        both,
        &[
            "routes.a.requestModels.$default: `ordr` is not a model of this API; did you mean `order`?",
        ],
    );
    let all = both.replace("ordr", "order");
    check_route(
        "$connect",
        &all,
        &["$connect.modelSelectionExpression: there is no message"],
    );
    check_route(
        "a",
        "modelSelectionExpression: $default",
        &[
            "routes.a.modelSelectionExpression: no message fits",
            "add `requestModels`",
        ],
    );
    check_route(
        "a",
        "requestModels: { $default: order }",
        &["routes.a.requestModels: no model is looked at"],
    );
    check_route(
        "a",
        &all.replace("$default,", "$request.header.a,"),
        &["says nothing about a message"],
    );
    check_route(
        "a",
        &all.replace("$default,", "'$request.body[',"),
        &["modelSelectionExpression: character"],
    );
}

#[test]
fn schemas_are_draft_4_and_have_a_place() {
    let model = |schema: &str| format!("models: {{ order: {{ schema: {schema} }} }}");
    check(&model("[]"), &["models.order.schema: a schema is a map"]);
    check(
        &model("'{'"),
        &["models.order.schema: the text is not JSON"],
    );
    check(
        &model("{ properties: { a: { type: text } } }"),
        &["definition:5:", "models.order.schema.properties.a.type: "],
    );
    check(
        &model(r##"'{ "items": { "$ref": "#/x" } }'"##),
        &["models.order.schema: /items/$ref: leads to nothing"],
    );
    check(
        &model("{ $ref: 'http://127.0.0.1/x' }"),
        &["models.order.schema.$ref: leads out of the models of this API"],
    );
    check(
        &model("{ $ref: '#' }"),
        &["models.order.schema: leads back to itself"],
    );
    check(
        &model(&format!("{{ description: {} }}", "x".repeat(33_000))),
        &["characters; 32768 is the most"],
    );
    check(
        "models: { order: {} }",
        &["models.order.schema: is missing"],
    );
    check(
        "models: { 'an order': { schema: {} } }",
        &["a name of letters and digits"],
    );
    check(
        "models: { order: { schema: {}, contentType: text/plain } }",
        &["write `application/json`"],
    );
    check(
        "models: { order: { schema: {}, name: x } }",
        &["the key of the map says it"],
    );
    // What came from outside is not repeated.
    check(
        &model("'${env:URI}'"),
        &["models.order.schema: the text is not JSON"],
    );
    let silent = format!("disableSchemaValidation: true\n{}", model("{ type: text }"));
    assert_eq!(problems_of(&api(&silent)), Vec::<String>::new());
}
