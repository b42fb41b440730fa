//! Routing rules of domain names: which API answers, and what it sees.

use serde_json::{Value, json};
use tidegate::definition::{Machine, load_text, render};
use tidegate::plan::compile::compile;

use crate::harness::http_client::send;
use crate::harness::{Handshake, Response, Rig, Setup, WsClient, answers, echo};

const APIS: &str = r#"
apis:
  stable: 
    protocolType: HTTP
    stages:
      $default: {}
      prod: { accessLogSettings: { destinationArn: "file:LOG", format: "$context.requestId [$context.customDomain.basePathMatched] $context.path" } }
    routes: { "ANY /{p+}": { target: integrations/f }, "ANY /": { target: integrations/f } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:stable", payloadFormatVersion: "2.0" } }
  beta:
    protocolType: HTTP
    stages: { $default: {} }
    routes: { "ANY /{p+}": { target: integrations/f }, "ANY /": { target: integrations/f } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:beta", payloadFormatVersion: "2.0" } }
  guarded:
    protocolType: HTTP
    stages: { $default: {} }
    routes: { "$default": { target: integrations/f, authorizationType: AWS_IAM } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:guarded", payloadFormatVersion: "2.0" } }
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    stages: { prod: {} }
    routes: { $connect: { target: integrations/f }, $default: { target: integrations/f, routeResponseSelectionExpression: $default, routeResponses: { $default: {} } } }
    integrations: { f: { integrationType: AWS_PROXY, integrationUri: "function:backend" } }
domainNames:
"#;

fn definition(domains: &str) -> String {
    // Most tests do not read the access log.
    let (before, rest) = APIS.split_once("{ accessLogSettings").unwrap();
    let (_, after) = rest.split_once("} }").unwrap();
    format!("{before}{{}}{after}{domains}")
}

async fn started(text: String) -> Rig {
    let mut setup = Setup::new(text).function("backend", echo);
    for name in ["stable", "beta", "guarded"] {
        setup = setup.function(name, answers(json!({ "statusCode": 200, "body": name })));
    }
    setup.start().await
}

async fn ask(rig: &Rig, path: &str, fields: &[&str]) -> Response {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let text = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
    send(rig.address(), text.as_bytes()).await
}

/// Asks what this function must answer; gives its event.
async fn at(rig: &Rig, function: &str, path: &str, fields: &[&str]) -> Value {
    let answer = ask(rig, path, fields).await;
    let found = (answer.status, String::from_utf8_lossy(&answer.body));
    assert_eq!(found, (200, function.into()), "{path} {fields:?}");
    rig.event(function).await
}

const RULES: &str = r#"
  a.example:
    routingMode: ROUTING_RULE_THEN_API_MAPPING
    apiMappings: { "": { apiId: stable, stage: prod }, old: { apiId: stable, stage: prod } }
    routingRules:
      300:
        conditions: [{ matchBasePaths: { anyOf: [orders, orders/v2] } }]
        actions: [{ invokeApi: { apiId: beta, stage: $default, stripBasePath: true } }]
      20:
        conditions:
          - matchHeaders: { anyOf: [{ header: X-Version, valueGlob: b* }] }
          - matchHeaders: { anyOf: [{ header: x-version, valueGlob: "*a" }, { header: x-force, valueGlob: "*" }] }
        actions: [{ invokeApi: { apiId: beta, stage: $default } }]
      100:
        conditions: [{ matchBasePaths: { anyOf: [orders] }, matchHeaders: { anyOf: [{ header: accept, valueGlob: "*json" }] } }]
        actions: [{ invokeApi: { apiId: stable, stage: prod } }]
"#;

#[tokio::test]
async fn the_rule_of_the_lowest_priority_that_takes_a_request_says_who_answers() {
    let rig = started(definition(RULES)).await;
    // Nothing but the mappings.
    assert_eq!(at(&rig, "stable", "/x", &[]).await["rawPath"], "/prod/x");
    at(&rig, "stable", "/old/x", &["x-version: alpha"]).await;
    // By headers: names in any case, values as they are, one field of several, all conditions.
    at(&rig, "beta", "/x", &["x-version: beta"]).await;
    at(&rig, "beta", "/x", &["X-VERSION: ba"]).await;
    at(&rig, "beta", "/old/x", &["x-version: b", "X-Force: "]).await;
    at(&rig, "beta", "/x", &["x-version: c", "x-version: beta"]).await;
    at(&rig, "beta", "/x", &["x-version: bc", "x-version: ca"]).await;
    at(&rig, "stable", "/x", &["x-version: Beta"]).await;
    at(&rig, "stable", "/x", &["x-version: backup"]).await;
    at(&rig, "stable", "/x", &["x-version: cb,ba"]).await;
    // By base path, of whole segments, the longest first; stripped.
    let event = at(&rig, "beta", "/orders/v2/7", &[]).await;
    assert_eq!(event["rawPath"], "/7");
    assert_eq!(at(&rig, "beta", "/orders/7", &[]).await["rawPath"], "/7");
    assert_eq!(at(&rig, "beta", "/orders?a=b", &[]).await["rawPath"], "/");
    assert_eq!(
        at(&rig, "stable", "/ordersX", &[]).await["rawPath"],
        "/prod/ordersX"
    );
    at(&rig, "stable", "/Orders/7", &[]).await;
    // Both, and not stripped. A header before a base path.
    let event = at(&rig, "stable", "/orders/7", &["accept: text/json"]).await;
    assert_eq!(event["rawPath"], "/prod/orders/7");
    let both = ["accept: text/json", "x-version: beta"];
    at(&rig, "beta", "/orders/7", &both).await;
    rig.close().await;
}

/// Whatever the client wrote behind the name, or in which letters: they are the same host.
#[tokio::test]
async fn a_rule_may_look_at_the_host() {
    let rig = started(definition(
        r#"
  "*.example":
    routingMode: ROUTING_RULE_ONLY
    routingRules:
      1: { conditions: [{ matchHeaders: { anyOf: [{ header: Host, valueGlob: Admin.* }] } }], actions: [{ invokeApi: { apiId: guarded, stage: $default } }] }
      2: { actions: [{ invokeApi: { apiId: stable, stage: $default } }] }
"#,
    ))
    .await;
    for (host, status) in [
        ("admin.example", 403),
        ("ADMIN.example", 403),
        ("admin.example:81", 403),
        ("b.example", 200),
    ] {
        let text = format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = send(rig.address(), text.as_bytes()).await;
        assert_eq!(answer.status, status, "{host}");
    }
    rig.event("stable").await;
    rig.close().await;
}

#[tokio::test]
async fn without_a_rule_that_takes_it_a_request_goes_nowhere() {
    let text = RULES
        .replace("THEN_API_MAPPING", "ONLY")
        .replace("apiMappings:", "tags: {} #");
    let rig = started(definition(&text)).await;
    for path in ["/x", "/old/x", "/"] {
        let answer = ask(&rig, path, &[]).await;
        assert_eq!(
            (answer.status, answer.json()["message"].as_str()),
            (403, Some("Forbidden"))
        );
    }
    at(&rig, "beta", "/x", &["x-version: beta"]).await;
    rig.close().await;
}

/// A rule that takes everything is what `tidegate` says of a domain with no mappings; others go before it.
#[tokio::test]
async fn a_rule_without_conditions_takes_everything_that_is_left() {
    let rig = started(definition(
        r#"
  a.example:
    routingMode: ROUTING_RULE_ONLY
    routingRules:
      1000000: { actions: [{ invokeApi: { apiId: stable, stage: $default } }] }
      1: { conditions: [{ matchBasePaths: { anyOf: ["live"] } }], actions: [{ invokeApi: { apiId: chat, stage: prod, stripBasePath: true } }] }
      2: { conditions: [{ matchHeaders: { anyOf: [{ header: sec-websocket-protocol, valueGlob: chat }] } }], actions: [{ invokeApi: { apiId: chat, stage: prod } }] }
"#,
    ))
    .await;
    at(&rig, "stable", "/x", &[]).await;
    let connect = async |path: &str, protocol: &str| {
        let handshake = Handshake::new(path).with("Host", "a.example");
        let handshake = match protocol {
            "" => handshake,
            protocol => handshake.header("Sec-WebSocket-Protocol", protocol),
        };
        WsClient::open(rig.address(), &handshake).await
    };
    for (path, protocol) in [("/live", ""), ("/live/", ""), ("/", "chat")] {
        let mut client = connect(path, protocol).await.unwrap();
        rig.event_of("CONNECT").await;
        assert_eq!(client.ask(r#"{"a":1}"#).await, r#"{"a":1}"#);
        let event = rig.event_of("MESSAGE").await;
        assert_eq!(event["requestContext"]["domainName"], "a.example");
    }
    let refused = connect("/live/x", "")
        .await
        .err()
        .map(|answer| answer.status);
    assert_eq!(refused, Some(403), "there is nothing below a stage");
    rig.close().await;
}

/// Behind the rules for `admin` stands an API that wants signatures, and everything else goes to one that does not: whoever spells the path
/// so that the gateway takes it for another than a backend would must not come in.
#[tokio::test]
async fn no_spelling_of_a_path_dodges_a_rule() {
    let guarded = |strip: bool| {
        format!(
            r#"
  a.example:
    routingMode: ROUTING_RULE_THEN_API_MAPPING
    apiMappings: {{ "": {{ apiId: stable, stage: $default }}, old/admin: {{ apiId: guarded, stage: $default }} }}
    routingRules:
      1: {{ conditions: [{{ matchBasePaths: {{ anyOf: [admin, a/b] }} }}], actions: [{{ invokeApi: {{ apiId: guarded, stage: $default, stripBasePath: {strip} }} }}] }}
"#
        )
    };
    for strip in [true, false] {
        let rig = started(definition(&guarded(strip))).await;
        for path in [
            "/admin",
            "/admin/users",
            "/admin//users",
            "//admin/users",
            "///admin",
            "/%61dmin/users",
            "/%61%64min",
            "/admin%2Fusers",
            "/%2Fadmin/users",
            "/%2fadmin",
            "/admin%3Fx",
            "/admin%3f/x",
            "/x/../admin/users",
            "/x/%2e%2e/admin/users",
            "/x%2F..%2Fadmin",
            "/x/%252e%252e/admin",
            "/./admin/users",
            "/%2e/admin",
            "/admin\\users",
            "/admin%5Cusers",
            "/a//b/c",
            "/a%2Fb/c",
            "/a/%62",
            "/old//admin/x",
            "/old/%61dmin/x",
            "/old%2fadmin",
            "//old/admin",
            "/admin%",
            "/admin%ff",
        ] {
            let answer = ask(&rig, path, &[]).await;
            assert!(
                [400, 403].contains(&answer.status),
                "{path} strip {strip}: {answer:?}"
            );
            assert!(
                answer.body.starts_with(b"{\"message\":"),
                "{path}: {answer:?}"
            );
        }
        // What leads to one place in every reading goes there.
        for path in [
            "/x//y",
            "/x%2Fy",
            "/x/%79",
            "/ad%6Din-not",
            "/old//x",
            "/%61",
        ] {
            let answer = ask(&rig, path, &[]).await;
            assert_eq!(answer.status, 200, "{path} strip {strip}: {answer:?}");
            rig.event("stable").await;
        }
        assert_eq!(rig.calls("guarded"), 0);
        rig.close().await;
    }
}

#[tokio::test]
async fn the_base_path_of_a_rule_is_a_variable() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let text = format!("{APIS}{RULES}").replace("", "");
    let rig = started(text.replace("LOG", &log.display().to_string())).await;
    at(&rig, "stable", "/old/x", &[]).await;
    at(&rig, "stable", "/x", &[]).await;
    at(&rig, "stable", "/orders/7", &["accept: a.json"]).await;
    rig.close().await;
    let lines = std::fs::read_to_string(log).unwrap();
    let said = lines.lines().filter_map(|line| line.split_once(' '));
    let said: Vec<_> = said.map(|(_, said)| said).collect();
    assert_eq!(
        said,
        ["[old] /prod/x", "[] /prod/x", "[orders] /prod/orders/7"]
    );
}

#[test]
fn what_is_wrong_with_a_rule_is_told_with_its_line() {
    let check = |domain: &str, expected: &[&str]| {
        let text = definition(domain);
        let machine = Machine::default();
        let problems = match load_text(&text, std::path::Path::new("."), &machine) {
            Ok(loaded) => compile(
                &loaded,
                &["stable", "beta", "guarded", "backend"].map(str::to_owned),
            )
            .err(),
            Err(problems) => Some(problems),
        };
        let told = render(&problems.unwrap_or_default());
        assert!(
            expected.iter().all(|expected| told.contains(expected)),
            "{domain}: {told}"
        );
        if let Some(line) = expected
            .first()
            .and_then(|_| text.lines().position(|line| line.contains("HERE")))
        {
            assert!(
                told.contains(&format!(":{}:", line + 1)),
                "line {}: {told}",
                line + 1
            );
        }
        assert_eq!(told.is_empty(), expected.is_empty(), "{told}");
    };
    let rule = |rest: &str| {
        format!(
            "  a.example:\n    routingMode: ROUTING_RULE_ONLY\n    routingRules:\n      7: {rest} # HERE\n"
        )
    };
    let to = |api: &str, stage: &str| {
        format!("actions: [{{ invokeApi: {{ apiId: {api}, stage: {stage} }} }}]")
    };
    let beta = to("beta", "$default");
    check(&rule(&format!("{{ {beta} }}")), &[]);
    check(
        &rule(&format!("{{ {} }}", to("bete", "$default"))),
        &["there is no such API", "did you mean `beta`?"],
    );
    check(
        &rule(&format!("{{ {} }}", to("beta", "prod"))),
        &[
            "routingRules.7.actions[0].invokeApi.stage",
            "the API has no such stage",
        ],
    );
    check(&rule("{}"), &["actions", "is missing"]);
    check(
        &rule(&format!(
            "{{ conditions: [{{ matchBasePaths: {{ anyOf: [/a] }} }}], {beta} }}"
        )),
        &["routingRules.7.conditions[0].matchBasePaths.anyOf[0]"],
    );
    check(
        &rule(&format!(
            "{{ conditions: [{{ matchBasePaths: {{ anyOf: [a//b] }} }}], {beta} }}"
        )),
        &["matchBasePaths"],
    );
    check(
        &rule(&format!(
            "{{ conditions: [{{ matchHeaders: {{ anyOf: [{{ header: Origin, valueGlob: x }}] }} }}], {beta} }}"
        )),
        &["matchHeaders.anyOf[0].header", "no rule may ask for"],
    );
    check(
        &rule(&format!(
            "{{ conditions: [{{ matchHeaders: {{ anyOf: [{{ header: a, valueGlob: 'x*y' }}] }} }}], {beta} }}"
        )),
        &["matchHeaders.anyOf[0].valueGlob"],
    );
    check(
        &rule(&format!("{{ priority: 7, {beta} }}")),
        &["priority", "is not supported here"],
    );
    check(
        &rule(&format!(
            "{{ conditions: [{{ matchBasePaths: {{ anyOf: [a] }} }}], {} }}",
            to("chat", "prod")
        )),
        &["stripBasePath", "a WebSocket API has no paths"],
    );
    for priority in ["0", "1000001", "x", "01", "1.5"] {
        let text = rule(&format!("{{ {beta} }}")).replace("7:", &format!("{priority}:"));
        check(&text, &["the key"]);
    }
    check(
        &rule(&format!("{{ {beta} }}\n      7: {{ {beta} }}")),
        &["stands here twice"],
    );
    let rules = format!("    routingRules: {{ 7: {{ {beta} }} }} # HERE\n");
    let mappings = "    apiMappings: { \"\": { apiId: beta, stage: $default } } # HERE\n";
    check(
        &format!("  a.example:\n{rules}"),
        &["routingMode` is API_MAPPING_ONLY, so no rule would be looked at"],
    );
    check(
        &format!(
            "  a.example:\n    routingMode: ROUTING_RULE_ONLY\n{mappings}{}",
            rules.replace("HERE", "")
        ),
        &["so no mapping would be looked at"],
    );
    check(
        "  a.example: # HERE\n    routingMode: ROUTING_RULE_ONLY\n",
        &["leads nowhere", "routingRules"],
    );
    let many: String = (1..=51)
        .map(|priority| format!("{priority}: {{ {beta} }}, "))
        .collect();
    check(
        &format!(
            "  a.example:\n    routingMode: ROUTING_RULE_ONLY\n    routingRules: {{ {many} }} # HERE\n"
        ),
        &["has 51 entries", "keep at most 50"],
    );
}
