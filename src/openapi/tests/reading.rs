//! What documents come to.

use serde_json::{Value, json};

use super::{HOW, document, good, section};
use crate::openapi::{BasePath, Reading, read};

/// The example of the developer guide's kind: an authorizer, a shared integration, the default route, CORS.
pub(super) const SHOP: &str = r##"
openapi: 3.0.1
info: { title: shop, version: "1", description: Sells things }
x-amazon-apigateway-importexport-version: "1.0"
x-amazon-apigateway-cors: { allowOrigins: ["https://app.example.com"], allowMethods: [GET] }
tags:
  - { name: team, x-amazon-apigateway-tag-value: shop }
  - { name: bare }
servers:
  - url: https://a.example/{basePath}
    variables: { basePath: { default: v1 } }
    x-amazon-apigateway-endpoint-configuration: { disableExecuteApiEndpoint: true }
paths:
  /orders/{orderId}:
    get:
      operationId: GetOrder
      security: [ { pool: [orders/read] } ]
      responses: {}
      x-amazon-apigateway-integration: { $ref: '#/components/x-amazon-apigateway-integrations/shop' }
    post:
      responses: {}
      security: [ { session: [] } ]
      x-amazon-apigateway-integration: { $ref: '#/components/x-amazon-apigateway-integrations/shop' }
  /signed:
    x-amazon-apigateway-any-method:
      responses: {}
      x-amazon-apigateway-auth: { type: aws_iam }
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        uri: arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:a/invocations
        payloadFormatVersion: 2.0
  /$default:
    x-amazon-apigateway-any-method:
      isDefaultRoute: true
      responses: {}
      x-amazon-apigateway-integration: { type: HTTP_PROXY, httpMethod: any, uri: 'https://shop.example', payloadFormatVersion: "1.0" }
components:
  securitySchemes:
    pool:
      type: oauth2
      x-amazon-apigateway-authorizer:
        type: jwt
        identitySource: $request.header.Authorization
        jwtConfiguration: { issuer: 'https://id.example.com/pool', audience: [web] }
    session:
      type: apiKey
      name: Unused
      in: header
      x-amazon-apigateway-authorizer:
        type: request
        identitySource: $request.header.cookie, $request.querystring.a
        authorizerUri: function:auth
        authorizerPayloadFormatVersion: 2.0
        enableSimpleResponses: true
        authorizerResultTtlInSeconds: 300
  x-amazon-apigateway-integrations:
    shop: { type: HTTP_PROXY, httpMethod: GET, uri: 'https://shop.example/o/{orderId}', payloadFormatVersion: "1.0", timeoutInMillis: 5000 }
"##;

#[test]
fn a_document_becomes_an_api() {
    let imported = good(SHOP);
    assert_eq!(imported.warnings, Vec::<String>::new());
    let unused = "HTTP APIs do not use responses; it is ignored";
    let info =
        format!("#/paths/~1orders~1{{orderId}}/get/responses (and 3 more like it): {unused}");
    assert_eq!(imported.info, [info]);
    let function = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:111122223333:function:a/invocations";
    let expected = json!({
        "protocolType": "HTTP",
        "name": "shop",
        "version": "1",
        "description": "Sells things",
        "tags": { "team": "shop", "bare": "" },
        "corsConfiguration": { "allowOrigins": ["https://app.example.com"], "allowMethods": ["GET"] },
        "disableExecuteApiEndpoint": true,
        "routes": {
            "GET /orders/{orderId}": {
                "operationName": "GetOrder", "target": "integrations/shop", "authorizerId": "pool",
                "authorizationType": "JWT", "authorizationScopes": ["orders/read"],
            },
            "POST /orders/{orderId}": { "target": "integrations/shop", "authorizerId": "session", "authorizationType": "CUSTOM" },
            "ANY /signed": { "target": "integrations/ANY-signed", "authorizationType": "AWS_IAM" },
            "$default": { "target": "integrations/default" },
        },
        "integrations": {
            "shop": {
                "payloadFormatVersion": "1.0", "integrationType": "HTTP_PROXY", "integrationMethod": "GET",
                "integrationUri": "https://shop.example/o/{orderId}", "timeoutInMillis": 5000,
            },
            "ANY-signed": {
                "payloadFormatVersion": "2.0", "integrationType": "AWS_PROXY", "integrationMethod": "POST",
                "integrationUri": function,
            },
            "default": {
                "payloadFormatVersion": "1.0", "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
                "integrationUri": "https://shop.example",
            },
        },
        "authorizers": {
            "pool": {
                "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"],
                "jwtConfiguration": { "issuer": "https://id.example.com/pool", "audience": ["web"] }, "name": "pool",
            },
            "session": {
                "authorizerType": "REQUEST", "identitySource": ["$request.header.cookie", "$request.querystring.a"],
                "authorizerUri": "function:auth", "authorizerPayloadFormatVersion": "2.0", "enableSimpleResponses": true,
                "authorizerResultTtlInSeconds": 300, "name": "session",
            },
        },
    });
    assert_eq!(Value::Object(imported.api), expected);
}

#[test]
fn the_base_path_is_ignored_or_stands_before_every_path() {
    let check = |url: &str, base_path, expected: [&str; 3]| {
        let rest = format!(
            "servers: [{{ url: '{url}', variables: {{ v: {{ default: /b/ }} }} }}]\npaths: {{ /: {{ get: {{}} }}, /x: {{ get: {{}} }}, $default: {{ x-amazon-apigateway-any-method: {{ isDefaultRoute: true }} }} }}"
        );
        let how = Reading { base_path, ..HOW };
        let imported = read(&document(&rest), &how).expect(url);
        let keys: Vec<_> = section(&imported.api, "routes").keys().cloned().collect();
        assert_eq!(keys, expected, "{url} {base_path:?}");
    };
    use BasePath::{Ignore, Prepend, Split};
    let url = "https://a.example/a/{v}/c";
    check(url, Ignore, ["GET /", "GET /x", "$default"]);
    check(url, Prepend, ["GET /a/b/c", "GET /a/b/c/x", "$default"]);
    check(url, Split, ["GET /b/c", "GET /b/c/x", "$default"]);
    check(
        "https://a.example",
        Prepend,
        ["GET /", "GET /x", "$default"],
    );
    check(
        "https://a.example/a",
        Split,
        ["GET /", "GET /x", "$default"],
    );
    check("/a/", Prepend, ["GET /a", "GET /a/x", "$default"]);
}

#[test]
fn security_of_the_document_is_for_operations_without_their_own() {
    let rest = r"
security: [ { pool: [] } ]
paths:
  /all: { get: {} }
  /none: { get: { security: [] } }
  /anyone: { get: { security: [{}] } }
  /off: { get: { x-amazon-apigateway-auth: { type: none } } }
  /signed: { get: { security: [{ sigv4: [] }] } }
  /other: { get: { security: [{ alias: [a] }] } }
components:
  securitySchemes:
    alias: { $ref: '#/components/securitySchemes/pool' }
    pool:
      type: openIdConnect
      openIdConnectUrl: https://id.example/p/.well-known/openid-configuration
      x-amazon-apigateway-authorizer: { type: jwt, identitySource: $request.header.a, jwtConfiguration: { audience: [b] } }
    sigv4: { type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4 }
";
    let imported = good(&document(rest));
    let routes = section(&imported.api, "routes");
    let check = |path: &str, expected: Value| {
        let mut route = routes[&format!("GET {path}")].clone();
        route
            .as_object_mut()
            .map(|route| route.shift_remove("target"));
        assert_eq!(route, expected, "{path}");
    };
    check(
        "/all",
        json!({ "authorizerId": "pool", "authorizationType": "JWT" }),
    );
    for path in ["/none", "/anyone", "/off"] {
        check(path, json!({}));
    }
    check("/signed", json!({ "authorizationType": "AWS_IAM" }));
    check(
        "/other",
        json!({ "authorizerId": "pool", "authorizationType": "JWT", "authorizationScopes": ["a"] }),
    );
    let authorizers = section(&imported.api, "authorizers");
    assert_eq!(authorizers.len(), 1);
    let configuration = json!({ "audience": ["b"], "issuer": "https://id.example/p" });
    assert_eq!(authorizers["pool"]["jwtConfiguration"], configuration);
}

#[test]
fn what_http_apis_leave_out_is_told() {
    let rest = r"
extra: 1
x-vendor: { a: b }
x-amazon-apigateway-request-validators: {}
paths:
  /a:
    parameters: []
    get:
      operationId: same
      requestBody: {}
      x-amazon-apigateway-integration: { type: mock, responses: {} }
    put:
      operationId: same
      responses: {}
      x-amazon-apigateway-request-validator: all
      x-amazon-apigateway-integration:
        { type: http_proxy, httpMethod: GET, uri: 'https://a.example', passthroughBehavior: never, tlsConfig: { insecureSkipVerification: true } }
components: { securitySchemes: { basic: { type: http, scheme: basic } }, schemas: { A: { properties: { b: { $ref: '#/components/schemas/A' } } } } }
";
    let imported = good(&document(rest));
    let around = "#/paths/~1a/put/x-amazon-apigateway-integration";
    assert_eq!(
        imported.warnings,
        [
            "#/paths/~1a/get/x-amazon-apigateway-integration/responses: HTTP APIs have no such member of integrations; it is ignored",
            "#/paths/~1a/get/x-amazon-apigateway-integration/type: HTTP APIs have no integrations of type MOCK; it is left out",
            "Parse issue: attribute paths.'/a'(get).responses is missing",
            "Parse issue: attribute paths.'/a'(put).operationId is repeated",
            &format!(
                "{around}/passthroughBehavior: HTTP APIs have no such member of integrations; it is ignored"
            ),
            &format!(
                "{around}/tlsConfig/insecureSkipVerification: certificates of backends are always checked; it is ignored"
            ),
            "#/paths/~1a/put/x-amazon-apigateway-request-validator: only REST APIs have it; it is ignored",
            "Parse issue: attribute extra is unexpected",
            "#/x-amazon-apigateway-request-validators: only REST APIs have it; it is ignored",
        ]
    );
    let told = |name: &str, at: &str| format!("{at}: HTTP APIs do not use {name}; it is ignored");
    assert_eq!(
        imported.info,
        [
            told("basic", "#/components/securitySchemes/basic"),
            told("parameters", "#/paths/~1a/parameters"),
            told("requestBody", "#/paths/~1a/get/requestBody"),
            told("responses", "#/paths/~1a/put/responses"),
            told("schemas", "#/components/schemas"),
            told("x-vendor", "#/x-vendor"),
        ]
    );
    let routes = section(&imported.api, "routes");
    assert_eq!(routes["GET /a"], json!({ "operationName": "same" }));
}

#[test]
fn findings_are_bounded() {
    let members: String = (0..500).map(|number| format!("m{number}: 1\n")).collect();
    let imported = good(&document(&format!("paths: {{}}\n{members}")));
    assert_eq!(imported.warnings.len(), 101);
    assert_eq!(
        imported.warnings.last().map(String::as_str),
        Some("and 400 more")
    );
    let imported = good(&document(&format!(
        "paths: {{}}\n{}",
        members.replace('m', "x-")
    )));
    assert_eq!(imported.info.len(), 101);
    let last = imported.info.last().map(String::as_str);
    assert_eq!(last, Some("and 400 more"));
}

#[test]
fn what_definitions_name_is_found_in_the_document() {
    let imported = good(SHOP);
    let check = |path: &str, expected: &str| {
        assert_eq!(imported.locate(path).to_string(), expected, "{path}");
    };
    let integrations = "#/components/x-amazon-apigateway-integrations/shop";
    check(
        "integrations.shop.integrationUri",
        &format!("{integrations}/uri"),
    );
    check(
        r#"routes."GET /orders/{orderId}".operationName"#,
        "#/paths/~1orders~1{orderId}/get/operationId",
    );
    check(
        "authorizers.pool.jwtConfiguration.audience[0]",
        "#/components/securitySchemes/pool/x-amazon-apigateway-authorizer/jwtConfiguration/audience/0",
    );
    check(
        "corsConfiguration.allowMethods[0]",
        "#/x-amazon-apigateway-cors/allowMethods/0",
    );
    check("tags.team", "#/tags/0/x-amazon-apigateway-tag-value");
    check("routes", "#/paths");
    check("name", "#/info/title");
}
