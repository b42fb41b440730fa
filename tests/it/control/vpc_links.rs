//! VPC links and their tags: what every resource shares, seen on the simplest.

use serde_json::{Value, json};

use super::{call, exception, id, open, works};
use crate::harness::Rig;
use crate::harness::gateway::START;

const LINKS: &str = "/v2/vpclinks";

async fn link(rig: &Rig, name: &str) -> Value {
    let body = json!({ "name": name, "subnetIds": ["subnet-1"] });
    works(rig, 201, "POST", LINKS, body).await
}

#[tokio::test]
async fn a_link_is_created_read_changed_and_deleted() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).manual().start().await;
    let body = json!({
        "name": "inner", "subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"], "tags": { "team": "shop" },
    });
    let made = works(&rig, 201, "POST", LINKS, body).await;
    let link = id(&made, "vpcLinkId");
    assert!(
        link.len() == 6
            && link
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    );
    assert_eq!(
        made,
        json!({
            "name": "inner", "subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"], "tags": { "team": "shop" },
            "vpcLinkId": link, "createdDate": "2026-03-12T08:15:30Z", "vpcLinkStatus": "AVAILABLE",
            "vpcLinkStatusMessage": "VPC link is ready to route traffic", "vpcLinkVersion": "V2",
        }),
        "{START}"
    );
    let path = format!("{LINKS}/{link}");
    assert_eq!(works(&rig, 200, "GET", &path, Value::Null).await, made);
    let all = works(&rig, 200, "GET", LINKS, Value::Null).await;
    assert_eq!(all, json!({ "items": [made] }));

    let renamed = works(&rig, 200, "PATCH", &path, json!({ "name": "outer" })).await;
    assert_eq!(renamed["name"], "outer");
    assert_eq!(works(&rig, 200, "GET", &path, Value::Null).await, renamed);
    let fixed = call(&rig, "PATCH", &path, json!({ "subnetIds": ["subnet-2"] })).await;
    let message = exception(&fixed, 400, "BadRequestException");
    assert!(message.contains("subnetIds"), "{message}");

    works(&rig, 202, "DELETE", &path, Value::Null).await;
    for method in ["GET", "DELETE"] {
        let gone = call(&rig, method, &path, Value::Null).await;
        let message = exception(&gone, 404, "NotFoundException");
        assert_eq!(
            message,
            format!("Invalid VpcLink identifier specified {link}")
        );
        assert_eq!(gone.json()["resourceType"], "VpcLink");
    }
    rig.close().await;
}

#[tokio::test]
async fn tags_are_added_and_taken_away() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let made = link(&rig, "inner").await;
    let link = id(&made, "vpcLinkId");
    let path = format!("/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fvpclinks%2F{link}");
    let tags = json!({ "tags": { "a": "1", "b": "2", "c d": "3" } });
    assert_eq!(
        works(&rig, 201, "POST", &path, tags.clone()).await,
        json!({})
    );
    assert_eq!(works(&rig, 200, "GET", &path, Value::Null).await, tags);
    works(&rig, 201, "POST", &path, json!({ "tags": { "a": "9" } })).await;
    let two = format!("{path}?tagKeys=b&tagKeys=c%20d");
    works(&rig, 204, "DELETE", &two, Value::Null).await;
    let left = works(&rig, 200, "GET", &path, Value::Null).await;
    assert_eq!(left, json!({ "tags": { "a": "9" } }));

    let check = async |method: &str, path: &str, body, status, name: &str| {
        exception(&call(&rig, method, path, body).await, status, name)
    };
    check("DELETE", &path, Value::Null, 400, "BadRequestException").await;
    check(
        "POST",
        &path,
        json!({ "tags": ["a"] }),
        400,
        "BadRequestException",
    )
    .await;
    check(
        "POST",
        &path,
        json!({ "tags": { "a": 1 } }),
        400,
        "BadRequestException",
    )
    .await;
    check("GET", "/v2/tags/x", Value::Null, 400, "BadRequestException").await;
    let other = path.replace(&link, "zzzzzz");
    check("GET", &other, Value::Null, 404, "NotFoundException").await;
    rig.close().await;
}

#[tokio::test]
async fn lists_come_in_pages_and_links_are_limited() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    for number in 0..10 {
        link(&rig, &format!("link{number}")).await;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("{LINKS}?maxResults=4{next}");
        let page = works(&rig, 200, "GET", &path, Value::Null).await;
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|link| id(link, "vpcLinkId")),
        );
        match page["nextToken"].as_str() {
            Some(token) => next = format!("&nextToken={token}"),
            None => break,
        }
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len()), (10, 10));
    let body = json!({ "name": "one more", "subnetIds": ["subnet-1"] });
    let refused = call(&rig, "POST", LINKS, body).await;
    exception(&refused, 429, "TooManyRequestsException");
    assert_eq!(refused.json()["limitType"], "VpcLink");
    rig.close().await;
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let check = async |body: Value, expected: &[&str]| {
        let refused = call(&rig, "POST", LINKS, body).await;
        let message = exception(&refused, 400, "BadRequestException");
        for part in expected {
            assert!(message.contains(part), "{message}");
        }
    };
    check(json!({}), &["name: is missing", "subnetIds: is missing"]).await;
    check(json!([]), &["JSON object"]).await;
    check(
        json!({ "name": "", "subnetIds": ["a"] }),
        &["name: ", "0 characters"],
    )
    .await;
    check(
        json!({ "name": 7, "subnetIds": ["a"] }),
        &["name: ", "is no text"],
    )
    .await;
    check(
        json!({ "name": "a", "subnetIds": "a" }),
        &["subnetIds: expected"],
    )
    .await;
    check(
        json!({ "name": "a", "subnetIds": [] }),
        &["subnetIds: has 0 items"],
    )
    .await;
    check(
        json!({ "name": "a", "subnetIds": ["/"] }),
        &["subnetIds[0]: "],
    )
    .await;
    check(
        json!({ "name": "a", "subnetIds": ["a"], "vpcLinkId": "x" }),
        &["vpcLinkId: is not supported", "the gateway makes it"],
    )
    .await;
    check(
        json!({ "name": "a", "subnetIds": ["a"], "nmae": "x" }),
        &["nmae: unknown key; did you mean `name`?"],
    )
    .await;
    // What a caller writes reaches nothing on the gateway's machine.
    let body = json!({ "name": "${env:HOME}${file:/etc/hostname}", "subnetIds": ["a"] });
    let made = works(&rig, 201, "POST", LINKS, body).await;
    assert_eq!(made["name"], "${env:HOME}${file:/etc/hostname}");
    rig.close().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let rig = open("", state.path()).start().await;
    let made = link(&rig, "inner").await;
    let gone = link(&rig, "gone").await;
    let path = format!("{LINKS}/{}", id(&gone, "vpcLinkId"));
    works(&rig, 202, "DELETE", &path, Value::Null).await;
    rig.close().await;

    let rig = open("", state.path()).start().await;
    let all = works(&rig, 200, "GET", LINKS, Value::Null).await;
    assert_eq!(all, json!({ "items": [made] }));
    let problem = open("", state.path()).problem().await;
    assert!(
        problem.contains("server.stateDirectory: ") && problem.contains("control.redb"),
        "two gateways cannot share one: {problem}"
    );
    rig.close().await;
}
