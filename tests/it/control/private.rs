//! Integrations through VPC links, as calls and files make them.

use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use super::definition::program;
use super::http_apis::api;
use super::{call, exception, id, open, works};
use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{request, send};
use crate::harness::{Handshake, Response, Rig, Setup};
use crate::reload::reload;

const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/inner/50dc6c495c0c9188/f2f7dc8efc522ab2";
const LINKS: &str = "/v2/vpclinks";
const NEEDED: &str = "For VpcLink VPC_LINK, integration uri should be a valid ELB listener ARN or a valid Cloud Map service ARN.";

async fn backend() -> FakeHttp {
    FakeHttp::start(|asked| Some(http::Response::new(Bytes::from(asked.target.clone())))).await
}

fn upstreams(backend: &FakeHttp) -> String {
    let address = backend.address;
    format!("upstreams: {{ \"{LISTENER}\": \"{address}\", inner.example: \"{address}\" }}")
}

fn gateway(text: &str, state: &Path, backend: &FakeHttp) -> Setup {
    open(text, state).server(&upstreams(backend))
}

async fn link(rig: &Rig) -> String {
    let body = json!({ "name": "inner", "subnetIds": ["subnet-1"] });
    id(&works(rig, 201, "POST", LINKS, body).await, "vpcLinkId")
}

fn private(link: &str) -> Value {
    json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": LISTENER,
        "connectionType": "VPC_LINK", "connectionId": link })
}

async fn ask(rig: &Rig, api: &str, path: &str) -> Response {
    let target = format!("{}{path}", api.replace("/v2/apis", "/_apis"));
    send(rig.address(), &request("GET", &target, &[], b"")).await
}

/// An HTTP API whose every request goes through a link; gives the paths of both, and of the integration.
async fn shop(rig: &Rig) -> (String, String, String) {
    let api = api(rig).await;
    let link = link(rig).await;
    let made = works(
        rig,
        201,
        "POST",
        &format!("{api}/integrations"),
        private(&link),
    )
    .await;
    let integration = id(&made, "integrationId");
    let body = json!({ "routeKey": "$default", "target": format!("integrations/{integration}") });
    works(rig, 201, "POST", &format!("{api}/routes"), body).await;
    let body = json!({ "stageName": "dev", "autoDeploy": true });
    works(rig, 201, "POST", &format!("{api}/stages"), body).await;
    let integration = format!("{api}/integrations/{integration}");
    (api, format!("{LINKS}/{link}"), integration)
}

#[tokio::test]
async fn an_integration_through_a_link_is_made_used_changed_and_kept() {
    let state = tempfile::tempdir().unwrap();
    let backend = backend().await;
    let rig = gateway("", state.path(), &backend).start().await;
    let (api, link, integration) = shop(&rig).await;
    assert_eq!(ask(&rig, &api, "/dev/a?b=c").await.text(), "/dev/a?b=c");
    let shown = works(&rig, 200, "GET", &integration, Value::Null).await;
    let mut expected = private(link.rsplit_once('/').unwrap().1);
    expected["integrationId"] = integration.rsplit_once('/').unwrap().1.into();
    expected["payloadFormatVersion"] = "1.0".into();
    expected["timeoutInMillis"] = 30_000.into();
    assert_eq!(shown, expected);

    let change = json!({ "requestParameters": { "overwrite:path": "$request.path" } });
    works(&rig, 200, "PATCH", &integration, change).await;
    assert_eq!(ask(&rig, &api, "/dev/a?b=c").await.text(), "/a?b=c");
    let direct = json!({ "connectionType": "INTERNET", "connectionId": "", "integrationUri": backend.url("/x"),
        "requestParameters": { "overwrite:path": "" } });
    let shown = works(&rig, 200, "PATCH", &integration, direct).await;
    assert_eq!(
        (&shown["connectionType"], shown.get("connectionId")),
        (&json!("INTERNET"), None)
    );
    assert_eq!(ask(&rig, &api, "/dev/a").await.text(), "/x/a");
    works(
        &rig,
        200,
        "PATCH",
        &integration,
        private(link.rsplit_once('/').unwrap().1),
    )
    .await;
    rig.close().await;

    let rig = gateway("", state.path(), &backend).start().await;
    assert_eq!(ask(&rig, &api, "/dev/again").await.text(), "/dev/again");
    // Without its targets it could not go on.
    let settings = format!(
        ", stateDirectory: '{}', adminAuth: none",
        state.path().display()
    );
    let problems = reload(&rig.gateway, &settings, "").unwrap_err();
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|told| told.contains("`server.upstreams`")),
        "{told:#?}"
    );
    assert_eq!(ask(&rig, &api, "/dev/b").await.text(), "/dev/b");
    rig.close().await;
}

#[tokio::test]
async fn what_cannot_be_called_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let backend = backend().await;
    let rig = gateway("", state.path(), &backend).start().await;
    let (api, link, integration) = shop(&rig).await;
    let link = link.rsplit_once('/').unwrap().1;
    let integrations = format!("{api}/integrations");
    let refused = async |method: &str, path: &str, more: Value| {
        let mut body = private(link);
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        body.as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let answer = call(&rig, method, path, body).await;
        exception(&answer, 400, "BadRequestException")
    };
    for uri in [
        "http://127.0.0.1/",
        "nothing",
        "arn:aws:lambda:us-east-1:000000000000:function:f",
    ] {
        let more = json!({ "integrationUri": uri });
        assert_eq!(refused("POST", &integrations, more.clone()).await, NEEDED);
        assert_eq!(refused("PATCH", &integration, more).await, NEEDED);
    }
    let check = async |more: Value, expected: &[&str]| {
        let told = refused("POST", &integrations, more).await;
        for expected in expected {
            assert!(told.contains(expected), "{told}");
        }
    };
    let unknown = LISTENER.replace("f2f7", "0000");
    check(
        json!({ "integrationUri": unknown }),
        &["integrationUri: ", "`server.upstreams`"],
    )
    .await;
    check(
        json!({ "connectionId": null }),
        &["connectionId: is missing"],
    )
    .await;
    check(
        json!({ "connectionId": "zzzzzz" }),
        &[
            "connectionId: there is no VPC link `zzzzzz`",
            "create it first",
        ],
    )
    .await;
    check(
        json!({ "connectionType": null, "integrationUri": "http://127.0.0.1:1/" }),
        &["connectionId: has no meaning without a VPC link"],
    )
    .await;
    // What was there goes on.
    assert_eq!(ask(&rig, &api, "/dev/a").await.text(), "/dev/a");
    rig.close().await;
}

#[tokio::test]
async fn a_link_in_use_cannot_be_deleted() {
    let state = tempfile::tempdir().unwrap();
    let backend = backend().await;
    let rig = gateway("", state.path(), &backend).start().await;
    let (api, link, integration) = shop(&rig).await;
    let routes = works(&rig, 200, "GET", &format!("{api}/routes"), Value::Null).await;
    let route = id(&routes["items"][0], "routeId");
    let refused = async |users: &str| {
        let answer = call(&rig, "DELETE", &link, Value::Null).await;
        let told = exception(&answer, 400, "BadRequestException");
        let id = link.rsplit_once('/').unwrap().1;
        let expected = format!(
            "Cannot delete vpc link. Vpc link '{id}', is referenced in [{users}] in format of [Method:Resource]."
        );
        assert_eq!(told, expected);
    };
    refused(&format!("ANY:{route}")).await;
    // A stage that deploys by hand goes on with what it runs.
    let stage = format!("{api}/stages/dev");
    works(&rig, 200, "PATCH", &stage, json!({ "autoDeploy": false })).await;
    works(
        &rig,
        204,
        "DELETE",
        &format!("{api}/routes/{route}"),
        Value::Null,
    )
    .await;
    let own = integration.rsplit_once('/').unwrap().1;
    refused(&format!("ANY:{own}")).await;
    works(&rig, 204, "DELETE", &integration, Value::Null).await;
    refused(&format!("ANY:{own}")).await;
    assert_eq!(ask(&rig, &api, "/dev/a").await.text(), "/dev/a");
    works(&rig, 204, "DELETE", &stage, Value::Null).await;
    works(&rig, 202, "DELETE", &link, Value::Null).await;
    rig.close().await;
}

#[tokio::test]
async fn a_websocket_api_names_its_link_by_a_stage_variable() {
    let state = tempfile::tempdir().unwrap();
    let backend = backend().await;
    let rig = gateway("", state.path(), &backend).start().await;
    let link = link(&rig).await;
    let body = json!({ "name": "chat", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action" });
    let api = format!(
        "/v2/apis/{}",
        id(&works(&rig, 201, "POST", "/v2/apis", body).await, "apiId")
    );
    let body = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": "http://inner.example/in",
        "connectionType": "VPC_LINK", "connectionId": "${stageVariables.link}" });
    let made = works(
        &rig,
        201,
        "POST",
        &format!("{api}/integrations"),
        body.clone(),
    )
    .await;
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&made[name], value);
    }
    let target = format!("integrations/{}", id(&made, "integrationId"));
    works(
        &rig,
        201,
        "POST",
        &format!("{api}/routes"),
        json!({ "routeKey": "$connect", "target": target }),
    )
    .await;
    let stages = format!("{api}/stages");
    let stage = |link: &str| json!({ "stageName": "prod", "autoDeploy": true, "stageVariables": { "link": link } });
    let made = works(&rig, 201, "POST", &stages, stage("zzzzzz")).await;
    let told = made["lastDeploymentStatusMessage"].as_str().unwrap();
    assert!(told.contains("there is no VPC link `zzzzzz`"), "{told}");
    let path = format!("{stages}/prod");
    works(
        &rig,
        200,
        "PATCH",
        &path,
        json!({ "stageVariables": { "link": link } }),
    )
    .await;
    let client = rig
        .connect(&Handshake::new(&format!(
            "{}/prod",
            api.replace("/v2/apis", "/_apis")
        )))
        .await;
    assert_eq!(backend.request().await.target, "/in");
    let answer = call(&rig, "DELETE", &format!("{LINKS}/{link}"), Value::Null).await;
    exception(&answer, 400, "BadRequestException");
    client.leave().await;
    rig.close().await;
}

#[tokio::test]
async fn a_link_goes_with_the_change_that_needs_it_no_more() {
    let state = tempfile::tempdir().unwrap();
    let backend = backend().await;
    let rig = gateway("", state.path(), &backend).start().await;
    let file = state.path().join("shop.yaml");
    let path = file.to_str().unwrap();
    let text = |integration: &str, links: &str| {
        format!(
            r#"
apis:
  shop:
    protocolType: HTTP
    routes: {{ "GET /a": {{ target: integrations/i }} }}
    integrations: {{ i: {{ integrationType: HTTP_PROXY, integrationMethod: ANY, {integration} }} }}
    stages: {{ $default: {{}} }}
{links}
"#
        )
    };
    let private =
        format!("integrationUri: \"{LISTENER}\", connectionType: VPC_LINK, connectionId: inner");
    std::fs::write(&file, text(&private, "vpcLinks: { inner: {} }")).unwrap();
    let (code, _, told) = program(&rig, &["apply", path, "--prune"]).await;
    assert_eq!(code, 0, "{told}");
    assert_eq!(ask(&rig, "/v2/apis/shop", "/a").await.text(), "/a");
    let public = format!("integrationUri: \"http://{}/public\"", backend.address);
    std::fs::write(&file, text(&public, "")).unwrap();
    let (code, _, told) = program(&rig, &["apply", path, "--prune"]).await;
    assert_eq!(code, 0, "{told}");
    assert_eq!(ask(&rig, "/v2/apis/shop", "/a").await.text(), "/public");
    let links = works(&rig, 200, "GET", LINKS, Value::Null).await;
    assert_eq!(links["items"], json!([]));
    rig.close().await;
}

#[tokio::test]
async fn links_are_exported_compared_and_applied() {
    let state = tempfile::tempdir().unwrap();
    let backend = backend().await;
    let rig = gateway("", state.path(), &backend).start().await;
    let (api, link, _) = shop(&rig).await;
    let (code, text, told) = program(&rig, &["export"]).await;
    assert_eq!((code, told.as_str()), (0, ""));
    let link = link.rsplit_once('/').unwrap().1;
    assert!(
        text.contains("        connectionType: VPC_LINK\n"),
        "{text}"
    );
    assert!(text.contains(&format!("connectionId: {link}\n")), "{text}");
    let section = format!("vpcLinks:\n  {link}: {{ name: inner, subnetIds: [subnet-1] }}\n");
    assert!(text.ends_with(&section), "{text}");
    rig.close().await;

    let file = state.path().join("shop.yaml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write(&text);
    let file = file.to_str().unwrap();
    let other = tempfile::tempdir().unwrap();
    let rig = gateway("", other.path(), &backend).start().await;
    let (code, told, _) = program(&rig, &["diff", file]).await;
    assert_eq!(code, 1);
    assert!(told.contains(&format!("+ vpcLinks.{link}\n")), "{told}");
    let (code, _, errors) = program(&rig, &["apply", file]).await;
    assert_eq!(code, 0, "{errors}");
    assert_eq!(ask(&rig, &api, "/dev/a").await.text(), "/dev/a");
    let shown = works(&rig, 200, "GET", &format!("{LINKS}/{link}"), Value::Null).await;
    assert_eq!(
        (&shown["name"], &shown["vpcLinkStatus"]),
        (&json!("inner"), &json!("AVAILABLE"))
    );
    assert_eq!(
        program(&rig, &["diff", file]).await,
        (0, String::new(), String::new())
    );

    write(
        &text
            .replace("name: inner", "name: outer")
            .replace(", subnetIds: [subnet-1]", ""),
    );
    let (code, told, _) = program(&rig, &["diff", file]).await;
    assert_eq!(code, 1);
    assert!(
        told.contains("+ name: outer") && told.contains("- subnetIds"),
        "{told}"
    );
    assert_eq!(program(&rig, &["apply", file]).await.0, 0);
    let shown = works(&rig, 200, "GET", &format!("{LINKS}/{link}"), Value::Null).await;
    assert_eq!(
        (&shown["name"], &shown["subnetIds"]),
        (&json!("outer"), &json!([]))
    );
    write(&text.replace("inner/50dc6c495c0c9188", "inner"));
    let (code, _, errors) = program(&rig, &["apply", file]).await;
    assert_eq!(code, 1);
    let told = format!("integrationUri: {}", NEEDED.trim_end_matches('.'));
    assert!(
        errors.contains("shop.yaml:") && errors.contains(&told),
        "{errors}"
    );
    // The link is not in the file, but what the file has needs it.
    let (apis, _) = text.split_once("vpcLinks:").unwrap();
    write(apis);
    let (code, _, errors) = program(&rig, &["diff", "--prune", file]).await;
    assert_eq!(code, 2);
    assert!(errors.contains("Cannot delete vpc link."), "{errors}");
    write("vpcLinks: { 'a.b': {} }");
    let (code, _, errors) = program(&rig, &["apply", file]).await;
    assert_eq!(code, 1);
    assert!(errors.contains("a.b"), "{errors}");
    write("apis: {}");
    let (code, told, errors) = program(&rig, &["apply", "--prune", file]).await;
    assert_eq!(code, 0, "{errors}");
    assert!(told.contains(&format!("- vpcLinks.{link}\n")), "{told}");
    assert_eq!(
        call(&rig, "GET", &format!("{LINKS}/{link}"), Value::Null)
            .await
            .status,
        404
    );
    rig.close().await;
}

#[tokio::test]
async fn links_of_the_file_are_shown_named_and_cannot_be_changed() {
    let state = tempfile::tempdir().unwrap();
    let backend = backend().await;
    let text = "vpcLinks: { inner: { tags: { team: shop } } }";
    let rig = gateway(text, state.path(), &backend).start().await;
    let path = format!("{LINKS}/inner");
    let shown = works(&rig, 200, "GET", &path, Value::Null).await;
    assert_eq!(
        shown,
        json!({ "vpcLinkId": "inner", "name": "inner", "securityGroupIds": [], "subnetIds": [], "tags": { "team": "shop" }, "vpcLinkStatus": "AVAILABLE",
            "vpcLinkStatusMessage": "VPC link is ready to route traffic", "vpcLinkVersion": "V2" })
    );
    for (method, body) in [("DELETE", Value::Null), ("PATCH", json!({ "name": "x" }))] {
        let told = exception(
            &call(&rig, method, &path, body).await,
            409,
            "ConflictException",
        );
        assert_eq!(
            told,
            "VpcLink inner is defined in ./definition: change it there"
        );
    }
    let api = api(&rig).await;
    let integrations = format!("{api}/integrations");
    works(&rig, 201, "POST", &integrations, private("inner")).await;
    rig.close().await;
}

#[tokio::test]
async fn documents_of_openapi_say_how_a_backend_is_reached() {
    let state = tempfile::tempdir().unwrap();
    let backend = backend().await;
    let rig = gateway("", state.path(), &backend).start().await;
    let link = link(&rig).await;
    let document = |link: &str, uri: &str| {
        let integration = json!({ "type": "HTTP_PROXY", "httpMethod": "ANY", "uri": uri, "connectionType": "VPC_LINK",
            "connectionId": link, "payloadFormatVersion": "1.0", "timeoutInMillis": 5000,
            "tlsConfig": { "serverNameToVerify": "inner.example" } });
        json!({ "openapi": "3.0.1", "info": { "title": "shop", "version": "1" },
            "paths": { "/a": { "get": { "responses": {}, "x-amazon-apigateway-integration": integration } } } })
    };
    let body = |document: &Value| json!({ "body": document.to_string() });
    let wanted = document(&link, LISTENER);
    let made = works(&rig, 201, "PUT", "/v2/apis", body(&wanted)).await;
    let api = format!("/v2/apis/{}", id(&made, "apiId"));
    let path = format!("{api}/exports/OAS30?outputType=JSON");
    let exported = works(&rig, 200, "GET", &path, Value::Null).await;
    let place = "/paths/~1a/get/x-amazon-apigateway-integration";
    assert_eq!(exported.pointer(place), wanted.pointer(place));
    let refused = async |document: Value, expected: &str| {
        let told = exception(
            &call(&rig, "PUT", "/v2/apis", body(&document)).await,
            400,
            "BadRequestException",
        );
        assert!(told.contains(expected), "{told}");
    };
    let around = "#/paths/~1a/get/x-amazon-apigateway-integration";
    refused(
        document(&link, "http://a.example"),
        &format!("{around}/uri: {}", NEEDED.trim_end_matches('.')),
    )
    .await;
    refused(
        document("zzzzzz", LISTENER),
        &format!("{around}/connectionId: there is no VPC link `zzzzzz`"),
    )
    .await;
    rig.close().await;
}
