//! Integrations through VPC links.

use super::*;
use crate::client::proxy::Upstream;
use crate::plan::integration::ProxyBackend;

const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/inner/50dc6c495c0c9188/f2f7dc8efc522ab2";
const SERVICE: &str = "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-7";

const AROUND: &str = r#"
server:
  upstreams:
    LISTENER: [a.example:8080, "[::1]:80"]
    SERVICE: ["10.0.0.1:80?slot=green&zone=a", "10.0.0.2:80?slot=blue", "10.0.0.3:81?slot=green"]
    inner: 10.0.0.9:9000
    b.example: 10.0.0.8:8000
    b.example:444: 10.0.0.7:7000
vpcLinks:
  inner: {}
  other: { name: x, subnetIds: [s], securityGroupIds: [g], tags: { a: b } }
"#;

/// An HTTP API whose one integration has these members.
fn http(members: &str) -> String {
    let around = AROUND
        .replace("LISTENER", LISTENER)
        .replace("SERVICE", SERVICE);
    format!(
        "{around}
apis:
  shop:
    protocolType: HTTP
    routes: {{ GET /a: {{ target: integrations/i }} }}
    integrations: {{ i: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, {members} }} }}
    stages: {{ dev: {{ stageVariables: {{ slot: green }} }}, $default: {{ stageVariables: {{ slot: blue }} }} }}
"
    )
}

/// The same of a WebSocket API.
fn web_socket(members: &str) -> String {
    let around = AROUND
        .replace("LISTENER", LISTENER)
        .replace("SERVICE", SERVICE);
    format!(
        "{around}
apis:
  chat:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes: {{ $default: {{ target: integrations/i }} }}
    integrations: {{ i: {{ integrationType: HTTP_PROXY, integrationMethod: POST, {members} }} }}
    stages: {{ dev: {{ stageVariables: {{ host: b.example, link: inner }} }} }}
"
    )
}

fn linked(uri: &str) -> String {
    format!("connectionType: VPC_LINK, connectionId: inner, integrationUri: '{uri}'")
}

/// What is called on a stage, and what stands in front of the path there.
fn called(text: &str, api: &str, stage: &str) -> (Upstream, String) {
    let plan = good(text);
    let stage = plan.stage(api, stage).unwrap();
    let routes = stage.routes.all();
    let mut integrations = routes.iter().filter_map(|route| route.integration.as_ref());
    let integration = integrations.next().unwrap();
    match &integration.target {
        IntegrationTarget::Proxy(proxy) => match &proxy.backend {
            ProxyBackend::Private(private) => (private.upstream.clone(), private.base.to_string()),
            ProxyBackend::Public(public) => panic!("{public:?}"),
        },
        IntegrationTarget::Http(http) => {
            let upstream = http.upstream.as_ref().expect("targets");
            (Upstream::clone(upstream), String::new())
        }
        other => panic!("{other:?}"),
    }
}

/// Targets as text, with the name that is verified.
fn shown(upstream: &Upstream) -> Vec<String> {
    let targets = upstream.targets.iter().map(|target| {
        let scheme = if target.secure { "https" } else { "http" };
        let name = target.server_name.as_deref().unwrap_or("-");
        format!("{scheme} {} {name}", target.authority)
    });
    targets.collect()
}

#[test]
fn listeners_and_services_stand_for_their_targets() {
    let check = |members: &str, stage: &str, targets: &[&str], base: &str| {
        let (upstream, found) = called(&http(members), "shop", stage);
        assert_eq!(shown(&upstream), targets, "{members}");
        assert_eq!(found, base, "{members}");
    };
    let all = ["http a.example:8080 -", "http [::1]:80 -"];
    check(&linked(LISTENER), "$default", &all, "");
    check(&linked(LISTENER), "dev", &all, "/dev");
    check(
        &format!(
            "{}, tlsConfig: {{ serverNameToVerify: c.example }}",
            linked(LISTENER)
        ),
        "dev",
        &["https a.example:8080 c.example", "https [::1]:80 c.example"],
        "/dev",
    );
    check(
        &format!("{}, tlsConfig: {{}}", linked(LISTENER)),
        "dev",
        &["https a.example:8080 -", "https [::1]:80 -"],
        "/dev",
    );
    let green = ["http 10.0.0.1:80 -", "http 10.0.0.3:81 -"];
    check(
        &linked(&format!("{SERVICE}?slot=green")),
        "$default",
        &green,
        "",
    );
    check(
        &linked(&format!("{SERVICE}?zone=a&slot=green")),
        "$default",
        &green[..1],
        "",
    );
    let chosen = linked(&format!("{SERVICE}?slot=${{stageVariables.slot}}"));
    check(&chosen, "dev", &green, "/dev");
    check(&chosen, "$default", &["http 10.0.0.2:80 -"], "");
    let whole = [
        "http 10.0.0.1:80 -",
        "http 10.0.0.2:80 -",
        "http 10.0.0.3:81 -",
    ];
    check(&linked(SERVICE), "$default", &whole, "");
    let table = table::render(&good(&http(&linked(LISTENER))));
    assert!(
        table.contains(&format!("HTTP_PROXY ANY {LISTENER} (VPC_LINK)")),
        "{table}"
    );
}

#[test]
fn web_socket_apis_call_what_stands_for_the_host_or_the_link() {
    let check = |members: &str, name: &str, targets: &[&str]| {
        let (upstream, _) = called(&web_socket(members), "chat", "dev");
        assert_eq!(
            (&*upstream.name, shown(&upstream)),
            (name, targets.iter().map(|t| (*t).to_owned()).collect())
        );
    };
    check(
        &linked("http://a.example/x"),
        "inner",
        &["http 10.0.0.9:9000 -"],
    );
    check(
        &linked("https://[::1]:5/x"),
        "inner",
        &["https 10.0.0.9:9000 ::1"],
    );
    check(
        &linked("http://b.example/x"),
        "b.example",
        &["http 10.0.0.8:8000 -"],
    );
    check(
        &linked("https://B.example:444"),
        "b.example:444",
        &["https 10.0.0.7:7000 b.example"],
    );
    check(
        &linked("https://${stageVariables.host}/x"),
        "b.example",
        &["https 10.0.0.8:8000 b.example"],
    );
    check(
        "connectionType: VPC_LINK, connectionId: '${stageVariables.link}', integrationUri: 'http://a.example'",
        "inner",
        &["http 10.0.0.9:9000 -"],
    );
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let problems = problems_of(text);
    assert_eq!(problems.len(), 1, "{text}\n{problems:#?}");
    for expected in expected {
        assert!(problems[0].contains(expected), "{expected}\n{problems:#?}");
    }
}

#[test]
fn what_cannot_be_called_is_refused() {
    let needed = "integrationUri: For VpcLink VPC_LINK, integration uri should be a valid ELB listener ARN or a valid Cloud Map service ARN;";
    for uri in [
        "http://a.example/",
        "nothing",
        "arn:aws:lambda:us-east-1:000000000000:function:f",
        &format!("{LISTENER}?a=b"),
    ] {
        refused(&http(&linked(uri)), &[needed, "`server.upstreams`"]);
    }
    let unknown = SERVICE.replace("srv-7", "srv-8");
    refused(
        &http(&linked(&unknown)),
        &[
            "integrationUri: nothing stands for",
            "srv-8",
            "add it to `server.upstreams`",
        ],
    );
    refused(
        &http(&linked(&format!("{SERVICE}?slot=red"))),
        &["integrationUri: no target of", "`server.upstreams`"],
    );
    let unset = http(&linked(&format!("{SERVICE}?slot=${{stageVariables.none}}")));
    let unset = unset.replace(", $default: { stageVariables: { slot: blue } }", "");
    refused(&unset, &["stage `dev` has no variable `none`"]);
    refused(
        &web_socket(
            "connectionType: VPC_LINK, connectionId: other, integrationUri: 'http://a.example/'",
        ),
        &[
            "integrationUri: neither the host of the URL nor the VPC link `other`",
            "`server.upstreams`",
        ],
    );
    refused(
        &web_socket(&linked(LISTENER)),
        &["integrationUri: HTTP_PROXY calls http and https URLs only"],
    );
}

#[test]
fn a_link_must_be_there_and_wanted() {
    let uri = format!("integrationUri: '{LISTENER}'");
    let url = "integrationUri: 'http://b.example/'";
    refused(
        &http(&format!("connectionType: VPC_LINK, {uri}")),
        &["connectionId: is missing"],
    );
    refused(
        &http(&format!(
            "connectionType: VPC_LINK, connectionId: outer, {uri}"
        )),
        &["connectionId: there is no VPC link `outer`"],
    );
    refused(
        &http(&format!("connectionId: inner, {url}")),
        &["connectionId: has no meaning without a VPC link"],
    );
    refused(
        &http(&format!(
            "connectionType: INTERNET, connectionId: inner, {url}"
        )),
        &["connectionId: has no meaning without a VPC link"],
    );
    refused(
        &web_socket(&format!(
            "connectionType: VPC_LINK, connectionId: outer, {url}"
        )),
        &["connectionId: there is no VPC link `outer`"],
    );
    refused(
        &web_socket(&format!(
            "connectionType: VPC_LINK, connectionId: '${{stageVariables.none}}', {url}"
        )),
        &["connectionId: stage `dev` has no variable `none`"],
    );
    let function = http(&linked(LISTENER))
        .replace("HTTP_PROXY, integrationMethod: ANY", "AWS_PROXY")
        .replace(LISTENER, "function:own");
    let function = function.replace("    function:own: [", "    a.example: [");
    refused(
        &function,
        &["connectionType: has no meaning for this type of integration"],
    );
}

#[test]
fn targets_are_checked_where_they_are_written() {
    let check = |upstreams: &str, expected: &[&str]| {
        refused(
            &format!("server: {{ upstreams: {{ {upstreams} }} }}"),
            expected,
        );
    };
    check(
        "'arn:aws:lambda:us-east-1:000000000000:function:f': 'a:1'",
        &["neither a load balancer's listener nor a Cloud Map service"],
    );
    check(
        "a: ['a:1', 'a:0']",
        &["server.upstreams.a[1]: `a:0` is no target"],
    );
    check("a: 'a:65536'", &["`a:65536` is no target"]);
    check("a: 'http://a:1'", &["a host and a port"]);
    check("a: 'a'", &["a host and a port"]);
    check("a: []", &["has 0 items"]);
    check(
        "'a?b=c': 'a:1'",
        &["an ARN, a host, or the id of a VPC link"],
    );
}
