//! API keys and usage plans.

use super::*;
use crate::plan::usage::{ApiKeySource, Period, Quota};

const API: &str = "apis: { chat: { protocolType: WEBSOCKET, routeSelectionExpression: $request.body.action, routes: { ask: { target: integrations/i } }, integrations: { i: { integrationType: AWS_PROXY, integrationUri: 'function:own' } }, stages: { prod: {}, beta: {} } } }\n";
const KEY: &str = "apiKeys: { acme: { value: acme-acme-acme-acme-acme, enabled: true } }\n";
const PROD: &str = "apiStages: [{ apiId: chat, stage: prod }]";

/// The one problem of keys and plans beside a good API contains each of `expected`.
fn check(lines: &str, expected: &[&str]) {
    let problems = problems_of(&format!("{API}{lines}"));
    assert_eq!(problems.len(), 1, "{lines}\n{problems:#?}");
    for expected in expected {
        assert!(problems[0].contains(expected), "{expected}\n{problems:#?}");
    }
}

/// As [`check`], of a plan with these fields beside a good key.
fn check_plan(fields: &str, expected: &[&str]) {
    check(
        &format!("{KEY}usagePlans: {{ gold: {{ {fields} }} }}"),
        expected,
    );
}

#[test]
fn plans_know_their_stages_keys_and_limits() {
    let plan = good(&format!(
        "{API}{KEY}usagePlans:\n  gold: {{ apiStages: [{{ apiId: chat, stage: prod, throttle: {{ ask: {{ rateLimit: 1, burstLimit: 2 }}, $connect: {{ burstLimit: 3 }} }} }}], throttle: {{ rateLimit: 50, burstLimit: 100 }}, quota: {{ limit: 1000, period: WEEK, offset: 1 }}, keys: acme }}\n  free: {{ apiStages: [{{ apiId: chat, stage: beta }}], keys: [acme], description: x, tags: {{ a: b }} }}",
    ));
    assert!(plan.usage.has_quota());
    let prod = plan.usage.holding("acme", "chat", "prod").unwrap();
    assert_eq!(&*prod.plan.id, "gold");
    assert_eq!(prod.plan.throttle.unwrap().limit.burst, 100);
    let quota = Quota {
        limit: 1000,
        period: Period::Week(1),
    };
    assert_eq!(prod.plan.quota, Some(quota));
    let ask = prod.plan.route("chat", "prod", "ask").unwrap();
    let connect = prod.plan.route("chat", "prod", "$connect").unwrap();
    assert_eq!((ask.limit.rate, ask.limit.burst), (1.0, 2));
    assert_eq!(connect.limit.rate, quotas::ACCOUNT_RATE);
    assert_ne!(ask.bucket, connect.bucket);
    let beta = plan.usage.holding("acme", "chat", "beta").unwrap();
    assert_eq!(&*beta.plan.id, "free");
    assert_eq!(beta.plan.quota, None);
    let shown = plan
        .usage
        .showing(Some(b"acme-acme-acme-acme-acme"), "chat", "prod");
    assert_eq!(&*shown.unwrap().key.id, "acme");
    assert!(!good(API).usage.has_quota());
}

#[test]
fn keys_are_good_for_something_and_differ() {
    let value = "value: acme-acme-acme-acme-acme";
    check("apiKeys: { acme: {} }", &["apiKeys.acme.value: is missing"]);
    check(
        "apiKeys: { acme: { value: short } }",
        &[
            "apiKeys.acme.value: this value has 5 characters",
            "visible ASCII characters without spaces, 20 to 128 characters",
        ],
    );
    check(
        "apiKeys: { acme: { value: 'with a space in its middle' } }",
        &["apiKeys.acme.value: this value does not have the right form"],
    );
    check(
        "apiKeys: { a: { value: '${env:ACME_KEY}' }, b: { value: '${env:ACME_KEY}' } }",
        &["apiKeys.b.value: `a` has the same value; give each key a value of its own"],
    );
    check(
        &format!(
            "apiKeys: {{ acme: {{ {value} }} }}\nusagePlans: {{ gold: {{ {PROD}, keys: [acme] }} }}"
        ),
        &["apiKeys.acme.enabled: is missing, and Amazon's default is false; add `enabled: true`"],
    );
    check(
        &format!("apiKeys: {{ acme: {{ {value}, customerId: x }} }}"),
        &[
            "apiKeys.acme.customerId: is not supported here; leave it out: there is no AWS Marketplace here",
        ],
    );
    check(
        &format!("apiKeys: {{ acme: {{ {value}, stageKeys: [] }} }}"),
        &["stageKeys: is not supported here; list the key in a usage plan of the stage"],
    );
}

#[test]
fn names_in_plans_lead_somewhere() {
    check_plan(
        "apiStages: [{ apiId: chta, stage: prod }]",
        &[
            "definition:3:",
            "usagePlans.gold.apiStages[0].apiId: `chta` is not an API; did you mean `chat`?",
        ],
    );
    check_plan(
        "apiStages: [{ apiId: chat, stage: dev }]",
        &[
            "usagePlans.gold.apiStages[0].stage: `dev` is not a stage of this API; add it to its `stages`",
        ],
    );
    check_plan(
        &format!("{PROD}, keys: [acme, akme]"),
        &["usagePlans.gold.keys[1]: `akme` is not an API key; did you mean `acme`?"],
    );
    check_plan(
        &format!("{PROD}, keys: [acme, acme]"),
        &["usagePlans.gold.keys[1]: `acme` stands here twice"],
    );
    check_plan(
        "apiStages: [{ apiId: chat, stage: prod }, { apiId: chat, stage: prod }]",
        &["usagePlans.gold.apiStages[1].stage: the plan has this stage already"],
    );
    check_plan(
        "apiStages: [{ apiId: chat, stage: prod, throttle: { asc: { rateLimit: 1 } } }]",
        &["usagePlans.gold.apiStages[0].throttle.asc: there is no such route; did you mean `ask`?"],
    );
    check_plan(
        "apiStages: [{ apiId: chat, stage: prod, throttle: { $disconnect: { rateLimit: 1 } } }]",
        &["throttle.$disconnect: a disconnection is never throttled"],
    );
    check_plan(
        "productCode: x",
        &["usagePlans.gold.productCode: is not supported here"],
    );
}

#[test]
fn a_key_is_in_one_plan_of_a_stage() {
    check(
        &format!(
            "{KEY}usagePlans: {{ free: {{ {PROD}, keys: [acme] }}, gold: {{ {PROD}, keys: [acme] }} }}"
        ),
        &[
            "usagePlans.gold.keys[0]: `acme` is in the plan `free` of `chat/prod` too; keep it in one plan of each stage",
        ],
    );
    let beta = "apiStages: [{ apiId: chat, stage: beta }]";
    good(&format!(
        "{API}{KEY}usagePlans: {{ free: {{ {PROD}, keys: [acme] }}, gold: {{ {beta}, keys: [acme] }} }}"
    ));
    let plans: Vec<_> = (0..11)
        .map(|number| format!("p{number}: {{ keys: [acme] }}"))
        .collect();
    check(
        &format!("{KEY}usagePlans: {{ {} }}", plans.join(", ")),
        &["apiKeys.acme: is in 11 usage plans; keep it in at most 10"],
    );
}

#[test]
fn limits_limit_something() {
    check_plan(
        "throttle: {}",
        &["usagePlans.gold.throttle: limits nothing"],
    );
    check_plan(
        "throttle: { rateLimit: fast }",
        &["throttle.rateLimit: `fast` is not a number"],
    );
    check_plan(
        "quota: { period: DAY }",
        &["usagePlans.gold.quota.limit: is missing"],
    );
    check_plan(
        "quota: { limit: 1 }",
        &["usagePlans.gold.quota.period: is missing"],
    );
    check_plan(
        "quota: { limit: 1, period: YEAR }",
        &["DAY", "WEEK", "MONTH"],
    );
    check_plan(
        "quota: { limit: 1, period: DAY, offset: 1 }",
        &["usagePlans.gold.quota.offset: a day has no other days to start on; leave it out"],
    );
    check_plan(
        "quota: { limit: 1, period: WEEK, offset: 7 }",
        &["write a number from 0 to 6"],
    );
    check_plan(
        "quota: { limit: 1, period: MONTH, offset: 28 }",
        &["out of range"],
    );
    let routes: Vec<_> = (0..21)
        .map(|number| format!("r{number}: {{ rateLimit: 1 }}"))
        .collect();
    let text = format!(
        "{API}usagePlans: {{ gold: {{ apiStages: [{{ apiId: chat, stage: prod, throttle: {{ {} }} }}] }} }}",
        routes.join(", ")
    );
    let problems = problems_of(&text);
    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("throttle: has 21 routes; keep at most 20")),
        "{problems:#?}"
    );
}

#[test]
fn keys_are_asked_for_where_clients_can_bring_one() {
    let integrations = "integrations: { i: { integrationType: AWS_PROXY, integrationUri: 'function:own' } }\nauthorizers: { a: { authorizerType: REQUEST, authorizerUri: 'function:own' } }";
    let check = |lines: &str, expected: &[&str]| {
        super::check(&format!("{integrations}\n{lines}"), expected);
    };
    check(
        "routes: { a: { target: integrations/i, apiKeyRequired: true } }",
        &["routes.a.apiKeyRequired: only $connect asks for a key"],
    );
    let source = "apiKeySelectionExpression: $context.authorizer.usageIdentifierKey\n";
    check(
        &format!(
            "{source}routes: {{ $connect: {{ target: integrations/i, apiKeyRequired: true }} }}"
        ),
        &[
            "$connect.apiKeyRequired: the API has its keys from an authorizer, and this route has none",
        ],
    );
    let lines = format!(
        "{integrations}\n{source}routes: {{ $connect: {{ apiKeyRequired: true, authorizationType: CUSTOM, authorizerId: a }} }}"
    );
    let stage = stage(&lines);
    assert!(stage.routes.messages().unwrap().connect.api_key_required);
    assert_eq!(stage.api.api_key_source, ApiKeySource::Authorizer);
}

#[test]
fn only_messages_have_a_message_rate() {
    super::check(
        "routes: { $connect: { target: integrations/i, tidegate: { messageRate: { rate: 1 } } } }",
        &["$connect.tidegate.messageRate: there is one event of this kind in a connection's life"],
    );
    super::check(
        "routes: { a: { target: integrations/i, tidegate: { messageRate: { rate: 0 } } } }",
        &["messageRate.rate: `0` is out of range"],
    );
    let stage = stage(
        "routes: { a: { target: integrations/i, tidegate: { messageRate: { rate: 2.5 } } } }",
    );
    let route = stage.routes.messages().unwrap().for_message(Some("a"));
    let rate = route.unwrap().message_rate.unwrap();
    assert_eq!((rate.limit.rate, rate.limit.burst), (2.5, 3));
    assert_ne!(rate.bucket, BucketId::of("route", &["chat", "dev", "a"]));
}

#[test]
fn the_table_of_routes_shows_keys_and_rates() {
    let text = api(
        "routes: { $connect: { target: integrations/i, apiKeyRequired: true, authorizationType: AWS_IAM }, a: { target: integrations/i, tidegate: { messageRate: { rate: 2, burst: 9 } } } }",
    );
    let table = table::render(&good(&text));
    for expected in ["AWS_IAM + API key", "account; a connection 2/s, burst 9"] {
        assert!(table.contains(expected), "{table}");
    }
}
