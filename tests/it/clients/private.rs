//! boto3 leads an API's requests to private backends.

use bytes::Bytes;
use serde_json::json;

use super::control::{Desk, Tool};
use crate::harness::fake_http::FakeHttp;
use crate::harness::http_client::{request, send};

pub(super) const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/net/inner/50dc6c495c0c9188/f2f7dc8efc522ab2";

async fn named(name: &'static str) -> FakeHttp {
    FakeHttp::start(move |asked| {
        let text = format!("{name} {}", asked.target);
        Some(http::Response::new(Bytes::from(text)))
    })
    .await
}

#[tokio::test]
async fn boto3_makes_uses_changes_and_deletes_a_private_integration() {
    let (one, two) = (named("one").await, named("two").await);
    let targets = format!(
        "upstreams: {{ \"{LISTENER}\": [\"{}\", \"{}\"] }}",
        one.address, two.address
    );
    let mut desk = Desk::with(Tool::Boto3, &targets).await;
    let id = |answer: &serde_json::Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let body = json!({ "Name": "inner", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"] });
    let link = id(&desk.call("CreateVpcLink", body).await, "VpcLinkId");
    let body = json!({ "Name": "shop", "ProtocolType": "HTTP" });
    let api = id(&desk.call("CreateApi", body).await, "ApiId");
    let body = json!({ "ApiId": api, "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": LISTENER,
        "ConnectionType": "VPC_LINK", "ConnectionId": link, "PayloadFormatVersion": "1.0" });
    let made = desk.call("CreateIntegration", body).await;
    let integration = id(&made, "IntegrationId");
    assert_eq!(
        (&made["ConnectionType"], &made["ConnectionId"]),
        (&json!("VPC_LINK"), &json!(link))
    );
    let target = format!("integrations/{integration}");
    let body = json!({ "ApiId": api, "RouteKey": "ANY /{all+}", "Target": target });
    let route = id(&desk.call("CreateRoute", body).await, "RouteId");
    let body = json!({ "ApiId": api, "StageName": "dev", "AutoDeploy": true });
    desk.call("CreateStage", body).await;
    let address = desk.rig.address();
    let asked = request("GET", &format!("/_apis/{api}/dev/a?b"), &[], b"");
    for expected in ["one /dev/a?b", "two /dev/a?b", "one /dev/a?b"] {
        assert_eq!(send(address, &asked).await.text(), expected);
    }
    let refused = desk
        .seen("DeleteVpcLink", json!({ "VpcLinkId": link }))
        .await;
    assert_eq!(refused["exception"], "BadRequestException", "{refused}");
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains(&format!("[ANY:{route}]")),
        "{refused}"
    );
    let body = json!({ "ApiId": api, "IntegrationId": integration, "RequestParameters": { "overwrite:path": "/x" } });
    desk.call("UpdateIntegration", body).await;
    assert_eq!(send(address, &asked).await.text(), "two /x?b");
    desk.call("DeleteApi", json!({ "ApiId": api })).await;
    desk.call("DeleteVpcLink", json!({ "VpcLinkId": link }))
        .await;
    desk.close().await;
}
