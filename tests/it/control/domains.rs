//! Custom domain names and their mappings.

use std::path::Path;

use serde_json::{Value, json};
use tidegate::definition::{Machine, load_text};
use tokio::io::AsyncWriteExt as _;

use super::http_apis::{api, route_to_function};
use super::{call, exception, id, open, works};
use crate::harness::http_client::{read_response, send};
use crate::harness::{Rig, answers};
use crate::tls::{shake_hands, write_certificate};

const NAMES: &str = "/v2/domainnames";
const ARN: &str = "arn:aws:acm:us-east-1:000000000000:certificate/shop";

async fn ask(rig: &Rig, host: &str, path: &str) -> u16 {
    let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    send(rig.address(), text.as_bytes()).await.status
}

/// A gateway with the function `backend`.
pub(super) async fn started(text: &str, state: &Path) -> Rig {
    let backend = answers(json!({ "statusCode": 200 }));
    open(text, state).function("backend", backend).start().await
}

/// An API with the route `GET /a` and the stage `dev`; gives its id.
async fn deployed(rig: &Rig) -> String {
    let api = api(rig).await;
    route_to_function(rig, &api, "GET /a").await;
    let body = json!({ "stageName": "dev", "autoDeploy": true });
    works(rig, 201, "POST", &format!("{api}/stages"), body).await;
    api.trim_start_matches("/v2/apis/").to_owned()
}

#[tokio::test]
async fn a_domain_name_leads_where_its_mappings_say() {
    let state = tempfile::tempdir().unwrap();
    let rig = started("", state.path()).await;
    let api = deployed(&rig).await;
    let body = json!({ "domainName": "api.example.com", "tags": { "a": "b" } });
    let made = works(&rig, 201, "POST", NAMES, body.clone()).await;
    assert_eq!(
        made,
        json!({
            "domainName": "api.example.com", "tags": { "a": "b" }, "routingMode": "API_MAPPING_ONLY",
            "apiMappingSelectionExpression": "$request.basepath",
            "domainNameArn": "arn:aws:apigateway:us-east-1::/domainnames/api.example.com",
            "domainNameConfigurations": [{
                "apiGatewayDomainName": "127.0.0.1", "domainNameStatus": "AVAILABLE",
                "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2",
            }],
        })
    );
    let twice = call(&rig, "POST", NAMES, body).await;
    assert_eq!(
        exception(&twice, 400, "BadRequestException"),
        "The domain name you provided already exists."
    );
    assert_eq!(ask(&rig, "api.example.com", "/shop/a").await, 403);

    let mappings = format!("{NAMES}/api.example.com/apimappings");
    let body = json!({ "apiId": api, "stage": "dev", "apiMappingKey": "shop/v1" });
    let mapping = works(&rig, 201, "POST", &mappings, body.clone()).await;
    let twice = call(&rig, "POST", &mappings, body).await;
    assert_eq!(
        exception(&twice, 409, "ConflictException"),
        "ApiMapping key already exists for this domain name"
    );
    assert_eq!(ask(&rig, "api.example.com", "/shop/v1/a").await, 200);
    let path = format!("{mappings}/{}", id(&mapping, "apiMappingId"));
    let root = works(
        &rig,
        200,
        "PATCH",
        &path,
        json!({ "apiId": api, "apiMappingKey": "" }),
    )
    .await;
    assert_eq!(root["apiMappingKey"], "");
    assert_eq!(ask(&rig, "api.example.com", "/a").await, 200);
    for mapped in [
        format!("/v2/apis/{api}"),
        format!("/v2/apis/{api}/stages/dev"),
    ] {
        let refused = call(&rig, "DELETE", &mapped, Value::Null).await;
        let message = exception(&refused, 400, "BadRequestException");
        let remedy = "Please remove all API mappings for the";
        assert!(message.contains(remedy), "{message}");
        assert!(message.contains("'api.example.com'"), "{message}");
    }
    for _ in 0..2 {
        rig.event("backend").await;
    }
    rig.close().await;

    let rig = started("", state.path()).await;
    assert_eq!(ask(&rig, "api.example.com", "/a").await, 200);
    rig.event("backend").await;
    works(&rig, 204, "DELETE", &path, Value::Null).await;
    assert_eq!(ask(&rig, "api.example.com", "/a").await, 403);
    works(
        &rig,
        204,
        "DELETE",
        &format!("{NAMES}/api.example.com"),
        Value::Null,
    )
    .await;
    works(&rig, 204, "DELETE", &format!("/v2/apis/{api}"), Value::Null).await;
    rig.close().await;
}

#[tokio::test]
async fn what_a_domain_name_cannot_be_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let text = r#"
apis:
  shop:
    protocolType: HTTP
    stages: { $default: {} }
    routes: { "GET /": {} }
domainNames: { own.example.com: { apiMappings: { "": { apiId: shop, stage: $default } } } }
"#;
    let rig = started(text, state.path()).await;
    let check = async |path: &str, body: Value, status, name: &str, expected: &str| {
        let refused = call(&rig, "POST", path, body).await;
        let message = exception(&refused, status, name);
        assert!(message.contains(expected), "{message}");
    };
    let bad = "BadRequestException";
    check(NAMES, json!({}), 400, bad, "domainName: is missing").await;
    check(
        NAMES,
        json!({ "domainName": "a b" }),
        400,
        bad,
        "a host name",
    )
    .await;
    check(
        NAMES,
        json!({ "domainName": "A.example" }),
        400,
        bad,
        "lower case",
    )
    .await;
    for (member, value, expected) in [
        (
            "domainNameConfigurations",
            json!([]),
            "domainNameConfigurations: ",
        ),
        (
            "domainNameConfigurations",
            json!([{}, {}]),
            "domainNameConfigurations: ",
        ),
        (
            "domainNameConfigurations",
            json!([{ "endpointType": "EDGE" }]),
            "endpointType: `EDGE` is not supported",
        ),
        (
            "domainNameConfigurations",
            json!([{ "securityPolicy": "TLS_1_0" }]),
            "securityPolicy: `TLS_1_0` is not supported",
        ),
        (
            "domainNameConfigurations",
            json!([{ "domainNameStatus": "AVAILABLE" }]),
            "domainNameStatus: is not supported",
        ),
        (
            "domainNameConfigurations",
            json!([{ "certificateArn": "shop" }]),
            "certificateArn: ",
        ),
        (
            "domainNameConfigurations",
            json!([{ "certificateArn": ARN }]),
            "certificateArn: TLS is off",
        ),
        (
            "domainNameConfigurations",
            json!([{ "ownershipVerificationCertificateArn": ARN }]),
            "ownershipVerificationCertificateArn: TLS is off",
        ),
        (
            "mutualTlsAuthentication",
            json!({ "truststoreUri": "s3://a/b" }),
            "mutualTlsAuthentication.truststoreUri: TLS is off",
        ),
        ("routingMode", json!("ROUTING_RULES"), "routingMode: "),
    ] {
        let body = json!({ "domainName": "a.example", member: value });
        check(NAMES, body, 400, bad, expected).await;
    }
    let body = json!({ "domainName": "a.example", "apiMappings": {} });
    check(NAMES, body, 400, bad, "apiMappings: unknown").await;
    let own = json!({ "domainName": "own.example.com" });
    check(NAMES, own, 400, bad, "already exists").await;

    let all = works(&rig, 200, "GET", NAMES, Value::Null).await;
    assert_eq!(all["items"][0]["domainName"], "own.example.com");
    let own = format!("{NAMES}/own.example.com/apimappings");
    let all = works(&rig, 200, "GET", &own, Value::Null).await;
    let mapping = &all["items"][0];
    assert_eq!(
        (&mapping["apiId"], &mapping["stage"]),
        (&json!("shop"), &json!("$default"))
    );
    let body = json!({ "apiId": "shop", "stage": "$default", "apiMappingKey": "x" });
    check(&own, body.clone(), 409, "ConflictException", "./definition").await;

    works(
        &rig,
        201,
        "POST",
        NAMES,
        json!({ "domainName": "a.example" }),
    )
    .await;
    let mappings = format!("{NAMES}/a.example/apimappings");
    works(&rig, 201, "POST", &mappings, body).await;
    let body = json!({ "apiId": "none", "stage": "dev" });
    check(
        &mappings,
        body,
        400,
        bad,
        "Invalid API identifier specified none",
    )
    .await;
    let body = json!({ "apiId": "shop", "stage": "dev" });
    check(
        &mappings,
        body,
        400,
        bad,
        "Invalid stage identifier specified",
    )
    .await;
    let body = json!({ "apiId": "shop", "stage": "$default", "apiMappingKey": "a//b" });
    check(&mappings, body, 400, bad, "empty segment").await;
    rig.close().await;
}

/// A gateway with a certificate for `localhost`, and one more for `shop.example` under [`ARN`].
async fn with_certificates(directory: &Path, keys: &[String; 2]) -> Rig {
    for name in ["localhost", "shop.example"] {
        write_certificate(directory, name);
    }
    let backend = answers(json!({ "statusCode": 200 }));
    let setup = open("", &directory.join("state")).function("backend", backend);
    let [own, others] = keys;
    setup.server(own).server(others).start().await
}

/// What the server is told of certificates, where `SHOP` stands for that of `shop.example`.
fn keys(directory: &Path, certificates: &str) -> [String; 2] {
    let files = |name: &str| {
        let directory = directory.display();
        format!(
            "{{ certificateFile: '{directory}/{name}.pem', keyFile: '{directory}/{name}.key' }}"
        )
    };
    let certificates = certificates.replace("SHOP", &files("shop.example"));
    [
        format!("tls: {}", files("localhost")),
        format!("certificates: {certificates}"),
    ]
}

#[tokio::test]
async fn clients_are_shown_the_certificate_of_a_domain_name() {
    let directory = tempfile::tempdir().unwrap();
    let keys = keys(directory.path(), &format!("{{ '{ARN}': SHOP }}"));
    let rig = with_certificates(directory.path(), &keys).await;
    let api = deployed(&rig).await;
    let trusted = directory.path().join("shop.example.pem");
    let shown = async || {
        let shaken = shake_hands(rig.address(), "shop.example", &trusted, b"http/1.1").await;
        shaken.is_ok()
    };
    assert!(!shown().await, "nobody knows the name yet");

    let body = json!({
        "domainName": "shop.example", "routingMode": "API_MAPPING_ONLY",
        "domainNameConfigurations": [{
            "certificateArn": ARN, "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2", "ipAddressType": "dualstack",
        }],
    });
    let made = works(&rig, 201, "POST", NAMES, body).await;
    let configurations = json!([{
        "certificateArn": ARN, "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2", "ipAddressType": "dualstack",
        "apiGatewayDomainName": "127.0.0.1", "domainNameStatus": "AVAILABLE",
    }]);
    assert_eq!(made["domainNameConfigurations"], configurations);
    assert!(shown().await);
    let mapping = json!({ "apiId": api, "stage": "dev" });
    let path = format!("{NAMES}/shop.example");
    works(&rig, 201, "POST", &format!("{path}/apimappings"), mapping).await;
    let mut stream = shake_hands(rig.address(), "shop.example", &trusted, b"http/1.1")
        .await
        .unwrap();
    let asked = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    stream.write_all(asked).await.unwrap();
    let answer = read_response(&mut stream, &mut Vec::new()).await.unwrap();
    assert_eq!(answer.status, 200);
    rig.event("backend").await;
    drop(stream);

    // What was read may be written back.
    let read = works(&rig, 200, "GET", &path, Value::Null).await;
    let body = json!({ "domainNameConfigurations": read["domainNameConfigurations"] });
    let same = works(&rig, 200, "PATCH", &path, body).await;
    assert_eq!(same, read);
    let mut other = read["domainNameConfigurations"].clone();
    other[0]["domainNameStatus"] = "UPDATING".into();
    let body = json!({ "domainNameConfigurations": other });
    let refused = call(&rig, "PATCH", &path, body).await;
    exception(&refused, 400, "BadRequestException");
    let unknown = format!("{ARN}2");
    let body = json!({ "domainNameConfigurations": [{ "certificateArn": unknown }] });
    let refused = call(&rig, "PATCH", &path, body).await;
    let message = exception(&refused, 400, "BadRequestException");
    let expected = "domainNameConfigurations[0].certificateArn: there is no such certificate";
    assert!(message.starts_with(expected), "{message}");

    let body = json!({ "domainNameConfigurations": [{}] });
    works(&rig, 200, "PATCH", &path, body).await;
    assert!(!shown().await, "the listener's own is shown again");
    let body = json!({ "domainNameConfigurations": [{ "certificateArn": ARN }] });
    works(&rig, 200, "PATCH", &path, body).await;
    rig.close().await;

    // It lasts, and needs its certificate.
    let rig = with_certificates(directory.path(), &keys).await;
    let shaken = shake_hands(rig.address(), "shop.example", &trusted, b"http/1.1").await;
    drop(shaken.unwrap());
    let server = format!(
        "listen: 127.0.0.1:0, admin: 127.0.0.1:0, adminAuth: none, {}",
        self::keys(directory.path(), "{}").join(", ")
    );
    let loaded = load_text(
        &format!("server: {{ {server} }}"),
        Path::new("."),
        &Machine::default(),
    );
    let problems = rig.gateway.reload(&loaded.unwrap()).unwrap_err();
    let told = problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(
        told.contains("certificateArn: there is no such certificate"),
        "{told}"
    );
    rig.close().await;
}

#[tokio::test]
async fn a_domain_name_may_be_for_ipv4_alone() {
    let state = tempfile::tempdir().unwrap();
    let rig = started("", state.path()).await;
    let api = deployed(&rig).await;
    let body = json!({ "domainName": "four.example", "domainNameConfigurations": [{ "ipAddressType": "ipv4" }] });
    works(&rig, 201, "POST", NAMES, body).await;
    let mapping = json!({ "apiId": api, "stage": "dev" });
    let path = format!("{NAMES}/four.example");
    works(&rig, 201, "POST", &format!("{path}/apimappings"), mapping).await;
    assert_eq!(ask(&rig, "four.example", "/a").await, 200);
    rig.event("backend").await;
    rig.close().await;
}
