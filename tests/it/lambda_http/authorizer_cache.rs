//! Verdicts of Lambda authorizers that are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::authorizers::guarded;
use super::{get, told};
use crate::harness::{Rig, Setup, answers};
use crate::reload::reload;

const KEPT: &str = "authorizerResultTtlInSeconds: 60";
const SIMPLE: &str = "authorizerPayloadFormatVersion: 2.0, enableSimpleResponses: true";
const POLICY: &str = "authorizerPayloadFormatVersion: 2.0";
const TENANT: &str = "identitySource: $request.header.x-tenant";
const TENANT_AND_USER: &str = "identitySource: [$request.header.x-tenant, $request.header.x-user]";
const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:shop";

/// Lets in whose tenant begins with `good`; tells the count of its calls.
fn judge() -> impl Fn(Value) -> futures_util::future::Ready<Result<Value, String>> {
    let calls = AtomicUsize::new(0);
    move |event| {
        let count = calls.fetch_add(1, Ordering::SeqCst) + 1;
        let tenant = event["headers"]["x-tenant"].as_str().unwrap_or_default();
        futures_util::future::ready(match tenant {
            "failing" => Err("boom".to_owned()),
            "unknown" => Err("Unauthorized".to_owned()),
            "odd" => Ok(json!({})),
            _ => Ok(
                json!({ "isAuthorized": tenant.starts_with("good"), "context": { "count": count } }),
            ),
        })
    }
}

async fn judging(fields: &str) -> Rig {
    Setup::new(guarded(fields))
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("auth", judge())
        .start()
        .await
}

/// Sends a request of this tenant; gives the status, and the number of the verdict that let it in.
async fn ask(rig: &Rig, target: &str, headers: &[(&str, &str)]) -> (u16, u64) {
    let response = get(rig, target, headers).await;
    if response.status != 200 {
        return (response.status, 0);
    }
    let event = rig.event("backend").await;
    let count = &event["requestContext"]["authorizer"]["lambda"]["count"];
    (response.status, count.as_u64().unwrap())
}

/// Reads the events of the authorizer, which must be so many in all.
async fn asked(rig: &Rig, times: usize) {
    rig.functions["auth"].rest().await;
    assert_eq!(rig.calls("auth"), times);
}

#[tokio::test]
async fn a_verdict_counts_for_its_time_whatever_the_route() {
    let rig = judging(&format!("{SIMPLE}, {KEPT}, {TENANT}")).await;
    let good = [("X-Tenant", "good")];
    assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 1));
    assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 1));
    // With simple answers a verdict is for every route.
    assert_eq!(ask(&rig, "/admin/8?q=1", &good).await, (200, 1));
    rig.advance(Duration::from_millis(59_999));
    assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 1));
    rig.advance(Duration::from_millis(1));
    assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 2));
    asked(&rig, 2).await;
    rig.close().await;
}

#[tokio::test]
async fn a_no_is_kept_and_a_failure_is_not() {
    let rig = judging(&format!("{SIMPLE}, {KEPT}, {TENANT}")).await;
    let check = async |tenant: &str, status: u16, calls: usize| {
        let before = rig.calls("auth");
        for _ in 0..3 {
            let tenant = [("X-Tenant", tenant)];
            assert_eq!(ask(&rig, "/orders/7", &tenant).await.0, status);
        }
        assert_eq!(rig.calls("auth") - before, calls, "{tenant}");
    };
    check("bad", 403, 1).await;
    check("failing", 500, 3).await;
    check("unknown", 401, 3).await;
    check("odd", 500, 3).await;
    check("", 401, 0).await;
    asked(&rig, 10).await;
    rig.close_after(&["AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"])
        .await;
}

#[tokio::test]
async fn without_a_time_nothing_is_kept() {
    for ttl in ["authorizerResultTtlInSeconds: 0", "name: plain"] {
        let rig = judging(&format!("{SIMPLE}, {ttl}, {TENANT}")).await;
        let good = [("X-Tenant", "good")];
        assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 1));
        assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 2));
        asked(&rig, 2).await;
        rig.close().await;
    }
}

#[tokio::test]
async fn a_policy_is_judged_for_each_path() {
    let output = json!({
        "principalId": "u",
        "policyDocument": { "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": format!("{ARN}/$default/GET/orders/*") },
            { "Effect": "Deny", "Action": "execute-api:Invoke", "Resource": format!("{ARN}/$default/GET/orders/secret") },
        ] },
        "context": { "count": 1 },
    });
    let rig = Setup::new(guarded(&format!("{POLICY}, {KEPT}, {TENANT}")))
        .manual()
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("auth", answers(output))
        .start()
        .await;
    let good = [("X-Tenant", "good")];
    // The first to come may be one whom the policy refuses.
    assert_eq!(ask(&rig, "/admin/7", &good).await.0, 403);
    assert_eq!(ask(&rig, "/orders/7", &good).await.0, 200);
    assert_eq!(ask(&rig, "/orders/8", &good).await.0, 200);
    assert_eq!(ask(&rig, "/orders/secret", &good).await.0, 403);
    asked(&rig, 1).await;
    // Another stage has verdicts of its own.
    assert_eq!(ask(&rig, "/dev/orders/7", &good).await.0, 403);
    asked(&rig, 2).await;
    rig.close().await;
}

#[tokio::test]
async fn the_route_can_be_a_source() {
    let sources = "identitySource: [$request.header.x-tenant, $context.routeKey]";
    let rig = judging(&format!("{SIMPLE}, {KEPT}, {sources}")).await;
    let good = [("X-Tenant", "good")];
    assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 1));
    assert_eq!(ask(&rig, "/orders/8", &good).await, (200, 1));
    assert_eq!(ask(&rig, "/admin/7", &good).await, (200, 2));
    asked(&rig, 2).await;
    rig.close().await;
}

/// Requests that look alike, by their headers.
type Alike = (
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
);

const ALIKE: [Alike; 22] = [
    // Moved boundaries between the sources.
    (
        &[("X-Tenant", "goodab"), ("X-User", "c")],
        &[("X-Tenant", "gooda"), ("X-User", "bc")],
    ),
    (
        &[("X-Tenant", "good,a"), ("X-User", "b")],
        &[("X-Tenant", "good"), ("X-User", "a,b")],
    ),
    (
        &[("X-Tenant", "good;"), ("X-User", "a")],
        &[("X-Tenant", "good"), ("X-User", ";a")],
    ),
    (
        &[("X-Tenant", "good a"), ("X-User", "b")],
        &[("X-Tenant", "good"), ("X-User", "a b")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", "goodx")],
        &[("X-Tenant", "goodx"), ("X-User", "good")],
    ),
    (
        &[("X-Tenant", "good1"), ("X-User", "1")],
        &[("X-Tenant", "good"), ("X-User", "11")],
    ),
    (
        &[("X-Tenant", "good\"a"), ("X-User", "b")],
        &[("X-Tenant", "good"), ("X-User", "\"ab")],
    ),
    (
        &[("X-Tenant", "good\\"), ("X-User", "a")],
        &[("X-Tenant", "good"), ("X-User", "\\a")],
    ),
    // Case, which counts in values and not in names.
    (
        &[("X-Tenant", "goodA"), ("X-User", "a")],
        &[("X-Tenant", "gooda"), ("X-User", "a")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", "TOKEN")],
        &[("x-tenant", "good"), ("x-user", "token")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", "Bearer a")],
        &[("X-Tenant", "good"), ("X-User", "bearer a")],
    ),
    // Repeated fields, and commas in one.
    (
        &[("X-Tenant", "good"), ("X-User", "a"), ("X-User", "b")],
        &[("X-Tenant", "good"), ("X-User", "a,b")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", "a"), ("X-User", "b")],
        &[("X-Tenant", "good"), ("X-User", "a, b")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", "a"), ("X-User", "b")],
        &[("X-Tenant", "good"), ("X-User", "b"), ("X-User", "a")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", "a"), ("X-User", "a")],
        &[("X-Tenant", "good"), ("X-User", "a")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", ""), ("X-User", "a")],
        &[("X-Tenant", "good"), ("X-User", "a")],
    ),
    (
        &[("X-Tenant", "good"), ("X-Tenant", "goodx"), ("X-User", "a")],
        &[("X-Tenant", "goodx"), ("X-User", "a")],
    ),
    (
        &[("X-Tenant", "good"), ("X-Tenant", "x"), ("X-User", "a")],
        &[("X-Tenant", "good,x"), ("X-User", "a")],
    ),
    (
        &[("X-Tenant", "good"), ("X-Tenant", "x"), ("X-User", "a")],
        &[("X-Tenant", "good"), ("X-User", "x"), ("X-User", "a")],
    ),
    // Other forms of the same text.
    (
        &[("X-Tenant", "good"), ("X-User", "%61")],
        &[("X-Tenant", "good"), ("X-User", "a")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", "é")],
        &[("X-Tenant", "good"), ("X-User", "e\u{301}")],
    ),
    (
        &[("X-Tenant", "good"), ("X-User", "a  b")],
        &[("X-Tenant", "good"), ("X-User", "a b")],
    ),
];

/// T57: nobody gets a verdict about somebody else.
#[tokio::test]
async fn requests_that_look_alike_share_nothing() {
    let rig = judging(&format!("{SIMPLE}, {KEPT}, {TENANT_AND_USER}")).await;
    for (one, other) in ALIKE {
        let (status, first) = ask(&rig, "/orders/7", one).await;
        assert_eq!(status, 200, "{one:?}");
        let (status, second) = ask(&rig, "/orders/7", other).await;
        assert_eq!(status, 200, "{other:?}");
        assert_ne!(first, second, "{one:?} {other:?}");
        // Both are kept.
        assert_eq!(ask(&rig, "/orders/7", one).await, (200, first));
        assert_eq!(ask(&rig, "/orders/7", other).await, (200, second));
        // The next pair begins with nothing kept.
        rig.advance(Duration::from_secs(60));
    }
    asked(&rig, 2 * ALIKE.len()).await;
    rig.close().await;
}

#[tokio::test]
async fn an_authorizer_that_is_defined_anew_has_no_verdicts() {
    let fields = format!("{SIMPLE}, {KEPT}, {TENANT}");
    let rig = judging(&fields).await;
    let good = [("X-Tenant", "good")];
    assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 1));
    // Other changes leave them.
    let other = guarded(&fields).replace("tier: gold", "tier: iron");
    reload(&rig.gateway, "", &other).unwrap();
    assert_eq!(ask(&rig, "/orders/7", &good).await, (200, 1));
    let changed = guarded(&format!("{SIMPLE}, {KEPT}, {TENANT_AND_USER}"));
    reload(&rig.gateway, "", &changed).unwrap();
    let both = [("X-Tenant", "good"), ("X-User", "u")];
    assert_eq!(ask(&rig, "/orders/7", &both).await, (200, 2));
    asked(&rig, 2).await;
    rig.close().await;
}

#[tokio::test]
async fn a_crowd_asks_once() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let rig = Setup::new(guarded(&format!("{SIMPLE}, {KEPT}, {TENANT}")))
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("auth", move |_| {
            let gate = Arc::clone(&opened);
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(json!({ "isAuthorized": true }))
            }
        })
        .start()
        .await;
    let good = [("X-Tenant", "good")];
    let crowd = join_all((0..20).map(|_| get(&rig, "/orders/7", &good)));
    let opening = async {
        rig.event("auth").await;
        rig.settle_tasks().await;
        gate.add_permits(20);
    };
    let (responses, ()) = tokio::join!(crowd, opening);
    assert!(responses.iter().all(|response| response.status == 200));
    assert_eq!(rig.calls("auth"), 1);
    for _ in 0..20 {
        rig.event("backend").await;
    }
    let refused = get(&rig, "/orders/7", &[]).await;
    assert_eq!(told(&refused), (401, "Unauthorized".into()));
    rig.close().await;
}
