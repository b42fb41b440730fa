//! Documents that nothing can be made of, and where they are wrong.

use super::{HOW, bad, document};
use crate::openapi::{BasePath, Reading, read};

fn check(text: &str, expected: &[&str]) {
    assert_eq!(bad(text), expected, "{text}");
}

#[test]
fn only_openapi_3_0_is_read() {
    let only = "only OpenAPI 3.0 can be imported; write `openapi: 3.0.1`";
    check("[]", &["#: an OpenAPI document is a map"]);
    check("{}", &[&format!("#: {only}")]);
    check("swagger: '2.0'", &[&format!("#/swagger: {only}")]);
    for version in ["3.1.0", "3.0.x", "'3.00'", "[]"] {
        let text = format!("openapi: {version}\ninfo: {{ title: a }}\npaths: {{}}");
        check(&text, &[&format!("#/openapi: {only}")]);
    }
    let text = document("x-amazon-apigateway-importexport-version: '2.0'\npaths: {}");
    check(
        &text,
        &["#/x-amazon-apigateway-importexport-version: the one version that there is is 1.0"],
    );
}

#[test]
fn text_that_is_neither_json_nor_yaml_is_told_with_line_and_column() {
    let problems = bad("openapi: 3.0.1\nopenapi: 3.0.1");
    assert!(
        problems[0].starts_with("body:2:1: openapi: this key stands here twice"),
        "{problems:?}"
    );
    assert!(bad("{ \"a\": ").len() == 1);
    let deep = format!("{}{}", "{a: ".repeat(100), "}".repeat(100));
    assert!(bad(&deep)[0].contains("deeper than 64 levels"));
    let large = format!("openapi: 3.0.1 #{}", "x".repeat(6 << 20));
    assert!(bad(&large)[0].contains("larger than 6291456 bytes"));
    let bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]";
    assert!(bad(bomb)[0].contains("more than 1000000 values"));
}

#[test]
fn what_is_of_another_type_is_told_with_its_pointer() {
    check(
        "openapi: 3.0.1\npaths: 5",
        &[
            "#/info: is missing; write `info: { title: NAME, version: \"1\" }`",
            "#/paths: must be a map",
        ],
    );
    let rest = r"
tags: {}
servers: [7, { url: [] }]
x-amazon-apigateway-cors: { a: 1 }
security: [1]
paths:
  relative: {}
  /a: 1
  /b:
    get: []
    put: { operationId: [], security: {}, x-amazon-apigateway-auth: { type: CUSTOM, more: 1 }, x-amazon-apigateway-integration: 5 }
    post: { x-amazon-apigateway-integration: { type: [], identity: 1 } }
components: { securitySchemes: [], x-amazon-apigateway-integrations: [] }
";
    check(
        &document(rest),
        &[
            "#/tags: must be a list",
            "#/servers/0: must be a map",
            "#/components/x-amazon-apigateway-integrations: must be a map",
            "#/components/securitySchemes: must be a map",
            "#/security/0: must be a map",
            "#/paths/relative: a path begins with `/`",
            "#/paths/~1a: must be a map",
            "#/paths/~1b/get: must be a map",
            "#/paths/~1b/put/operationId: must be a text",
            "#/paths/~1b/put/x-amazon-apigateway-integration: must be a map",
            "#/paths/~1b/put/security: must be a list",
            "#/paths/~1b/put/x-amazon-apigateway-auth/type: must be AWS_IAM or NONE",
            "#/paths/~1b/put/x-amazon-apigateway-auth/more: is not known here",
            "#/paths/~1b/post/x-amazon-apigateway-integration/type: must be a text",
            "#/paths/~1b/post/x-amazon-apigateway-integration/identity: is not known here",
        ],
    );
}

#[test]
fn references_lead_somewhere() {
    let rest = r"
paths:
  /a: { get: { responses: { 200: { $ref: '#/components/responses/none' } } } }
  /b: { get: { requestBody: { $ref: 'other.yaml#/x' } } }
  /c: { get: { x-amazon-apigateway-integration: { $ref: '#/components/x-amazon-apigateway-integrations/a' } } }
  /d: { get: { x-amazon-apigateway-integration: { $ref: '#/info' } } }
  /e: { $ref: '#/paths/~1a' }
  /f: { get: { x-amazon-apigateway-integration: { $ref: '#/components/x-amazon-apigateway-integrations/c', type: mock } } }
  /g: { get: { x-amazon-apigateway-integration: { type: http_proxy, tlsConfig: { $ref: '#/info' } } } }
components:
  schemas: { S: { example: { $ref: nothing }, properties: { $ref: { type: string } } } }
  x-amazon-apigateway-integrations:
    a: { $ref: '#/components/x-amazon-apigateway-integrations/b' }
    b: { $ref: '#/components/x-amazon-apigateway-integrations/a' }
    c: { type: http_proxy }
";
    let around = "#/components/x-amazon-apigateway-integrations";
    check(
        &document(rest),
        &[
            "#/paths/~1a/get/responses/200/$ref: there is nothing at #/components/responses/none",
            "#/paths/~1b/get/requestBody/$ref: leads out of the document, which must be whole by itself",
            &format!(
                "#/paths/~1c/get/x-amazon-apigateway-integration/$ref: leads round in a circle, back to {around}/a"
            ),
            &format!("{around}/a/$ref: leads round in a circle, back to {around}/b"),
            &format!("{around}/b/$ref: leads round in a circle, back to {around}/a"),
            "#/paths/~1d/get/x-amazon-apigateway-integration/$ref: must lead into #/components/x-amazon-apigateway-integrations",
            "#/paths/~1e/$ref: path items cannot be shared; write it out",
            "#/paths/~1f/get/x-amazon-apigateway-integration/type: has no meaning beside `$ref`",
            "#/paths/~1g/get/x-amazon-apigateway-integration/tlsConfig: only whole integrations and security schemes can be shared by `$ref`",
        ],
    );
}

#[test]
fn security_that_cannot_be_enforced_opens_nothing() {
    let rest = r"
paths:
  /a: { get: { security: [{ key: [] }] } }
  /b: { get: { security: [{ none: [] }] } }
  /c: { get: { security: [{ pool: [] }, { key: [] }] } }
  /d: { get: { security: [{ pool: [], key: [] }] } }
  /e: { get: { security: [{ pool: [] }], x-amazon-apigateway-auth: { type: AWS_IAM } } }
  /f: { get: { security: [{ pool: all }] } }
  /g: { x-amazon-apigateway-policy: {}, get: { x-amazon-apigateway-authorizer: {} } }
x-amazon-apigateway-policy: {}
components:
  securitySchemes:
    key: { type: apiKey, name: x-api-key, in: header }
    pool: { type: oauth2, x-amazon-apigateway-authorizer: { type: jwt } }
    wrong: { type: http, scheme: bearer, x-amazon-apigateway-authorizer: { type: jwt, providerARNs: [] } }
    function: { type: oauth2, x-amazon-apigateway-authorizer: { type: request } }
";
    let scheme = "#/components/securitySchemes";
    let extension = "is not among the extensions that HTTP APIs have here";
    check(
        &document(rest),
        &[
            &format!(
                "{scheme}/wrong/x-amazon-apigateway-authorizer/providerARNs: is not known here"
            ),
            &format!(
                "{scheme}/wrong/x-amazon-apigateway-authorizer: stands on a security scheme of type `http`, not on oauth2 or openIdConnect"
            ),
            &format!(
                "{scheme}/function/x-amazon-apigateway-authorizer: stands on a security scheme of type `oauth2`, not on apiKey"
            ),
            "#/paths/~1a/get/security/0/key: this security scheme has no `x-amazon-apigateway-authorizer`",
            "#/paths/~1b/get/security/0/none: there is no such security scheme under components",
            "#/paths/~1c/get/security: operations of HTTP APIs have no more than one security requirement",
            "#/paths/~1d/get/security/0: operations of HTTP APIs have no more than one authorizer",
            "#/paths/~1e/get/security/0: cannot stand beside x-amazon-apigateway-auth",
            "#/paths/~1f/get/security/0/pool: must be a list of scopes",
            &format!("#/paths/~1g/get/x-amazon-apigateway-authorizer: {extension}"),
            &format!("#/paths/~1g/x-amazon-apigateway-policy: {extension}"),
            &format!("#/x-amazon-apigateway-policy: {extension}"),
        ],
    );
}

#[test]
fn the_default_route_is_one_place() {
    let rest = r"
paths:
  /$default: { get: {}, x-amazon-apigateway-any-method: {} }
  $default: { x-amazon-apigateway-any-method: { isDefaultRoute: true } }
  /a: { get: { isDefaultRoute: true } }
servers: [{ url: 'https://a.example/{stage}' }]
";
    check(
        &document(rest),
        &[
            "#/servers/0/url: there is no variable `stage` with a default",
            "#/paths/~1$default/get: under /$default there is nothing but x-amazon-apigateway-any-method",
            "#/paths/~1$default/x-amazon-apigateway-any-method/isDefaultRoute: must be true for the default route",
            "#/paths/$default/x-amazon-apigateway-any-method: there is a route $default already",
            "#/paths/~1a/get/isDefaultRoute: the default route is x-amazon-apigateway-any-method under /$default",
        ],
    );
}

#[test]
fn a_url_of_a_server_is_bounded_whatever_its_variables_are() {
    let server = |url: &str, default: usize| {
        let default = "x".repeat(default);
        let server = format!("{{ url: '{url}', variables: {{ v: {{ default: {default} }} }} }}");
        document(&format!("servers: [{server}]\npaths: {{}}"))
    };
    let long = "#/servers/0/url: the URL is longer than 2048 bytes";
    check(&server(&"{v}".repeat(2000), 2000), &[long]);
    check(&server(&"{v}".repeat(3), 1000), &[long]);
    check(&server(&"/y".repeat(1025), 1), &[long]);
    assert!(read(&server(&"{v}".repeat(2), 1000), &HOW).is_ok());
}

#[test]
fn a_base_path_leaves_room_for_paths() {
    let check = |base_path, length: usize, expected: Option<&str>| {
        let url = format!(
            "https://a.example/{}/{}",
            "x".repeat(500),
            "y".repeat(length)
        );
        let text = document(&format!(
            "servers: [{{ url: '{url}' }}]\npaths: {{ /a: {{ get: {{}} }} }}"
        ));
        let problems = read(&text, &Reading { base_path, ..HOW }).err();
        let expected = expected.map(|problem| vec![problem.to_owned()]);
        assert_eq!(problems, expected, "{base_path:?} {length}");
    };
    let long = Some("#/servers/0/url: the base path is longer than 1024 bytes");
    check(BasePath::Prepend, 522, None);
    check(BasePath::Prepend, 523, long);
    check(BasePath::Split, 1023, None);
    check(BasePath::Split, 1024, long);
    check(BasePath::Ignore, 1024, None);
}
