//! boto3 puts two HTTP APIs and a WebSocket API behind one domain name and says by rules which of them answers.

use serde_json::{Value, json};

use super::control::{Desk, Tool};
use crate::harness::http_client::send;
use crate::harness::{Handshake, WsClient};

const NAME: &str = "a.example.com";

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}

/// An HTTP API whose every path leads to the function `shop`; gives its id.
async fn http_api(desk: &mut Desk, name: &str) -> String {
    let input = json!({ "Name": name, "ProtocolType": "HTTP", "Target": "function:shop" });
    text(&desk.call("CreateApi", input).await, "ApiId")
}

/// A WebSocket API with the stage `prod` that echoes; gives its id.
async fn chat(desk: &mut Desk) -> String {
    let input = json!({ "Name": "chat", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action" });
    let api = text(&desk.call("CreateApi", input).await, "ApiId");
    let input = json!({ "ApiId": api, "IntegrationType": "AWS_PROXY", "IntegrationUri": "function:backend" });
    let integration = desk.call("CreateIntegration", input).await;
    let target = format!("integrations/{}", text(&integration, "IntegrationId"));
    let input = json!({ "ApiId": api, "RouteKey": "$connect", "Target": target });
    desk.call("CreateRoute", input).await;
    let input = json!({ "ApiId": api, "StageName": "prod", "AutoDeploy": true });
    desk.call("CreateStage", input).await;
    api
}

fn headers(name: &str, glob: &str) -> Value {
    json!({ "MatchHeaders": { "AnyOf": [{ "Header": name, "ValueGlob": glob }] } })
}

fn base_path(path: &str) -> Value {
    json!({ "MatchBasePaths": { "AnyOf": [path] } })
}

fn rule(priority: u32, conditions: Value, api: &str, stage: &str, strip: bool) -> Value {
    json!({
        "DomainName": NAME, "Priority": priority, "Conditions": conditions,
        "Actions": [{ "InvokeApi": { "ApiId": api, "Stage": stage, "StripBasePath": strip } }],
    })
}

/// The API that answers and the path that it sees, or the status of a refusal.
async fn ask(desk: &Desk, path: &str, field: &str) -> Result<(String, String), u16> {
    let text = format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\n{field}\r\n");
    match send(desk.rig.address(), text.as_bytes()).await.status {
        200 => {
            let event = desk.rig.event("shop").await;
            let path = event["rawPath"].as_str().unwrap().to_owned();
            let api = &event["requestContext"]["apiId"];
            Ok((api.as_str().unwrap().to_owned(), path))
        }
        status => Err(status),
    }
}

#[tokio::test]
async fn boto3_routes_by_rules() {
    let mut desk = Desk::new(Tool::Boto3).await;
    let stable = http_api(&mut desk, "stable").await;
    let beta = http_api(&mut desk, "beta").await;
    let chat = chat(&mut desk).await;
    let input = json!({ "DomainName": NAME, "RoutingMode": "ROUTING_RULE_THEN_API_MAPPING", "Tags": { "a": "b" } });
    let domain = desk.call("CreateDomainName", input).await;
    assert_eq!(domain["RoutingMode"], "ROUTING_RULE_THEN_API_MAPPING");
    assert_eq!(ask(&desk, "/x", "").await, Err(403));
    let input = json!({ "DomainName": NAME, "ApiId": stable, "Stage": "$default" });
    desk.call("CreateApiMapping", input).await;

    let conditions = json!([headers("X-Version", "beta*"), base_path("orders")]);
    let input = rule(50, conditions, &beta, "$default", false);
    let made = desk.call("CreateRoutingRule", input.clone()).await;
    let id = text(&made, "RoutingRuleId");
    let arn =
        format!("arn:aws:apigateway:us-east-1:000000000000:/domainnames/{NAME}/routingrules/{id}");
    let mut shown = input.clone();
    shown.as_object_mut().unwrap().remove("DomainName");
    shown["RoutingRuleId"] = json!(id);
    shown["RoutingRuleArn"] = json!(arn);
    assert_eq!(made, shown);
    let one = json!({ "DomainName": NAME, "RoutingRuleId": id });
    assert_eq!(desk.call("GetRoutingRule", one.clone()).await, shown);
    let conditions = json!([base_path("live")]);
    let input = rule(10, conditions.clone(), &chat, "prod", true);
    let live = desk.call("CreateRoutingRule", input).await;
    let conditions = json!([base_path("orders/v1")]);
    let input = rule(60, conditions, &beta, "$default", true);
    desk.call("CreateRoutingRule", input).await;

    let seen = |api: &str, path: &str| Ok((api.to_owned(), path.to_owned()));
    let version = "x-version: beta-2\r\n";
    assert_eq!(ask(&desk, "/x", version).await, seen(&stable, "/x"));
    assert_eq!(ask(&desk, "/orders/v1/7", "").await, seen(&beta, "/7"));
    let whole = seen(&beta, "/orders/v1/7");
    assert_eq!(ask(&desk, "/orders/v1/7", version).await, whole);
    assert_eq!(
        ask(&desk, "/orders/v2", "").await,
        seen(&stable, "/orders/v2")
    );
    let handshake = Handshake::new("/live").with("Host", NAME);
    let client = WsClient::open(desk.rig.address(), &handshake)
        .await
        .unwrap();
    let event = desk.rig.event_of("CONNECT").await;
    assert_eq!(event["requestContext"]["apiId"], json!(chat));
    drop(client);

    // In the order in which they are looked at, page by page.
    let mut found = Vec::new();
    let mut page = json!({ "DomainName": NAME, "MaxResults": 2 });
    loop {
        let answer = desk.call("ListRoutingRules", page.clone()).await;
        let rules = answer["RoutingRules"].as_array().unwrap();
        found.push(
            rules
                .iter()
                .map(|rule| rule["Priority"].as_u64().unwrap())
                .collect::<Vec<_>>(),
        );
        match answer.get("NextToken") {
            Some(token) => page["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(found, [vec![10, 50], vec![60]]);

    // Put anew: another turn, another API, no condition.
    let mut input = rule(5, json!([]), &stable, "$default", false);
    input["RoutingRuleId"] = json!(id);
    let put = desk.call("PutRoutingRule", input.clone()).await;
    assert_eq!(
        (&put["Priority"], &put["Conditions"]),
        (&json!(5), &json!([]))
    );
    assert_eq!(put["RoutingRuleArn"], json!(arn));
    assert_eq!(
        ask(&desk, "/orders/v1/7", "").await,
        seen(&stable, "/orders/v1/7")
    );
    input["Priority"] = json!(60);
    desk.refused("PutRoutingRule", input.clone(), "ConflictException")
        .await;
    let taken = rule(10, json!([]), &stable, "$default", false);
    desk.refused("CreateRoutingRule", taken, "ConflictException")
        .await;
    let unknown = rule(11, json!([]), "none", "$default", false);
    desk.refused("CreateRoutingRule", unknown, "BadRequestException")
        .await;
    let kept = rule(11, json!([base_path("live")]), &chat, "prod", false);
    let told = desk
        .refused("CreateRoutingRule", kept, "BadRequestException")
        .await;
    assert!(told.contains("stripBasePath"), "{told}");
    let mut private = rule(11, json!([]), &stable, "$default", false);
    private["DomainNameId"] = json!("abc");
    let told = desk
        .refused("CreateRoutingRule", private, "BadRequestException")
        .await;
    assert!(told.contains("domainNameId"), "{told}");

    // Rules have no tags; those of the domain name stay what they are.
    let tags = json!({ "ResourceArn": text(&domain, "DomainNameArn") });
    assert_eq!(
        desk.call("GetTags", tags).await["Tags"],
        json!({ "a": "b" })
    );
    desk.refused(
        "GetTags",
        json!({ "ResourceArn": arn }),
        "BadRequestException",
    )
    .await;

    for api in [&stable, &beta, &chat] {
        let input = json!({ "ApiId": api });
        desk.refused("DeleteApi", input, "BadRequestException")
            .await;
    }
    desk.call("DeleteRoutingRule", one.clone()).await;
    desk.refused("GetRoutingRule", one.clone(), "NotFoundException")
        .await;
    desk.refused("DeleteRoutingRule", one, "NotFoundException")
        .await;
    assert_eq!(ask(&desk, "/orders/v1/7", "").await, seen(&beta, "/7"));

    // There is room for fifty.
    for priority in 101..=148 {
        let input = rule(
            priority,
            json!([base_path("more")]),
            &beta,
            "$default",
            true,
        );
        desk.call("CreateRoutingRule", input).await;
    }
    let input = rule(149, json!([]), &beta, "$default", false);
    desk.refused("CreateRoutingRule", input, "TooManyRequestsException")
        .await;
    let input = json!({ "DomainName": NAME, "RoutingRuleId": text(&live, "RoutingRuleId") });
    desk.call("DeleteRoutingRule", input).await;
    desk.call("DeleteApi", json!({ "ApiId": chat })).await;
    desk.call("DeleteDomainName", json!({ "DomainName": NAME }))
        .await;
    desk.call("DeleteApi", json!({ "ApiId": beta })).await;
    desk.close().await;
}
