//! API keys and usage plans: names that lead somewhere, and for each key one plan a stage at most.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Bench;
use crate::base::quotas;
use crate::definition::child;
use crate::lang::syntax::nearest;
use crate::model::v1::{self, QuotaPeriod};
use crate::model::v2::ProtocolType;
use crate::plan::route::{CONNECT, DISCONNECT, RateLimit};
use crate::plan::throttle::{BucketId, Throttle};
use crate::plan::usage::{ApiKey, Period, Quota, RouteThrottles, UsagePlan, UsagePlans};

/// The stages of a plan by API.
type Stages = HashMap<Box<str>, HashMap<Box<str>, RouteThrottles>>;

/// All keys with their plans; what is wrong is noted.
pub(super) fn compile(bench: &mut Bench<'_>) -> UsagePlans {
    let definition = bench.definition;
    check_count(
        bench,
        "apiKeys",
        definition.api_keys.len(),
        quotas::API_KEYS,
    );
    let plans = definition.usage_plans.len();
    check_count(bench, "usagePlans", plans, quotas::USAGE_PLANS);
    let mut memberships: BTreeMap<&str, Vec<Arc<UsagePlan>>> = BTreeMap::new();
    for (id, plan) in &definition.usage_plans {
        let path = child("usagePlans", id);
        let compiled = Arc::new(UsagePlan {
            id: id.as_str().into(),
            counter: UsagePlan::counter_of(id),
            throttle: plan.throttle.and_then(|settings| {
                let path = child(&path, "throttle");
                throttle(bench, settings, UsagePlan::counter_of(id), &path)
            }),
            quota: plan
                .quota
                .map(|settings| quota(bench, settings, &child(&path, "quota"))),
            stages: stages(bench, id, plan, &path),
        });
        members(bench, plan, &compiled, &path, &mut memberships);
    }
    let mut keys: Vec<ApiKey> = Vec::new();
    for (id, key) in &definition.api_keys {
        let plans = memberships.remove(id.as_str()).unwrap_or_default();
        let compiled = self::key(bench, id, key, plans);
        if let Some(twin) = keys.iter().find(|other| other.is_like(&compiled)) {
            let path = child(&child("apiKeys", id), "value");
            let what = format!("`{}` has the same value", twin.id);
            let remedy = "give each key a value of its own";
            bench.scribe.problem(&path, what, remedy);
        }
        keys.push(compiled);
    }
    UsagePlans::new(keys)
}

fn check_count(bench: &mut Bench<'_>, section: &str, count: usize, quota: usize) {
    if count > quota {
        let what = format!("has {count} entries");
        let remedy = format!("keep at most {quota}");
        bench.scribe.problem(section, what, remedy);
    }
}

fn key(bench: &mut Bench<'_>, id: &str, key: &v1::ApiKey, plans: Vec<Arc<UsagePlan>>) -> ApiKey {
    let path = child("apiKeys", id);
    let enabled = child(&path, "enabled");
    if key.enabled.is_none() && !plans.is_empty() && !bench.scribe.has(&enabled) {
        let what = "is missing, and Amazon's default is false";
        let remedy = "add `enabled: true`, or `enabled: false` to refuse the key";
        bench.scribe.problem(&enabled, what, remedy);
    }
    if plans.len() > quotas::PLANS_PER_API_KEY {
        let what = format!("is in {} usage plans", plans.len());
        let remedy = format!("keep it in at most {}", quotas::PLANS_PER_API_KEY);
        bench.scribe.problem(&path, what, remedy);
    }
    let enabled = key.enabled.unwrap_or(false);
    ApiKey::new(id, key.value.reveal(), enabled, plans)
}

/// Notes the plan with each of its keys.
fn members<'a>(
    bench: &mut Bench<'a>,
    plan: &'a v1::UsagePlan,
    compiled: &Arc<UsagePlan>,
    path: &str,
    memberships: &mut BTreeMap<&'a str, Vec<Arc<UsagePlan>>>,
) {
    let definition = bench.definition;
    for (index, id) in plan.keys.iter().enumerate() {
        let path = bench.scribe.item(&child(path, "keys"), index);
        if !definition.api_keys.contains_key(id) {
            if !bench.scribe.has(&child("apiKeys", id)) {
                let known = definition.api_keys.keys().map(String::as_str);
                unknown(bench, &path, id, "an API key", "`apiKeys`", known);
            }
            continue;
        }
        let others = memberships.entry(id).or_default();
        let clash = others.iter().find_map(|other| {
            let stage = shared_stage(other, compiled)?;
            Some((Arc::clone(other), stage))
        });
        match clash {
            Some((other, _)) if Arc::ptr_eq(&other, compiled) => {
                let shown = bench.scribe.shown(&path, id);
                let what = format!("{shown} stands here twice");
                bench.scribe.problem(&path, what, "keep one of them");
            }
            Some((other, stage)) => {
                let shown = bench.scribe.shown(&path, id);
                let what = format!("{shown} is in the plan `{}` of {stage} too", other.id);
                let remedy = "keep it in one plan of each stage";
                bench.scribe.problem(&path, what, remedy);
            }
            None => others.push(Arc::clone(compiled)),
        }
    }
}

/// A stage that both plans have; a plan shares something with itself even without stages.
fn shared_stage(one: &Arc<UsagePlan>, other: &Arc<UsagePlan>) -> Option<String> {
    if Arc::ptr_eq(one, other) {
        return Some(String::new());
    }
    let stages = one.stages.iter().flat_map(|(api, stages)| {
        let stages = stages.keys();
        stages.map(move |stage| (api, stage))
    });
    let mut shared = stages.filter(|(api, stage)| other.has(api, stage));
    shared.next().map(|(api, stage)| format!("`{api}/{stage}`"))
}

fn stages(bench: &mut Bench<'_>, id: &str, plan: &v1::UsagePlan, path: &str) -> Stages {
    let mut stages = Stages::new();
    for (index, stage) in plan.api_stages.iter().enumerate() {
        let path = bench.scribe.item(&child(path, "apiStages"), index);
        if !check_stage(bench, stage, &path) {
            continue;
        }
        let of_api = stages.entry(stage.api_id.as_str().into()).or_default();
        let routes = routes(bench, id, stage, &path);
        let before = of_api.insert(stage.stage.as_str().into(), routes);
        if before.is_some() {
            let path = child(&path, "stage");
            let what = "the plan has this stage already";
            bench.scribe.problem(&path, what, "keep one of them");
        }
    }
    stages
}

/// Whether there is such a stage; when not, that has been noted.
fn check_stage(bench: &mut Bench<'_>, stage: &v1::ApiStage, path: &str) -> bool {
    let definition = bench.definition;
    let Some(api) = definition.apis.get(&stage.api_id) else {
        if !bench.scribe.has(&child("apis", &stage.api_id)) {
            let path = child(path, "apiId");
            let known = definition.apis.keys().map(String::as_str);
            unknown(bench, &path, &stage.api_id, "an API", "`apis`", known);
        }
        return false;
    };
    let section = child(&child("apis", &stage.api_id), "stages");
    let known = api.stages.contains_key(&stage.stage);
    if !known && !bench.scribe.has(&child(&section, &stage.stage)) {
        let path = child(path, "stage");
        let known = api.stages.keys().map(String::as_str);
        let what = "a stage of this API";
        unknown(bench, &path, &stage.stage, what, "its `stages`", known);
    }
    known
}

fn unknown<'n>(
    bench: &mut Bench<'_>,
    path: &str,
    name: &str,
    what: &str,
    section: &str,
    known: impl Iterator<Item = &'n str>,
) {
    let remedy = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("add it to {section}"),
    };
    let shown = bench.scribe.shown(path, name);
    let what = format!("{shown} is not {what}");
    bench.scribe.problem(path, what, remedy);
}

fn routes(bench: &mut Bench<'_>, plan: &str, stage: &v1::ApiStage, path: &str) -> RouteThrottles {
    let path = &child(path, "throttle");
    let most = quotas::ROUTE_THROTTLES_PER_PLAN_STAGE;
    if stage.throttle.len() > most {
        let what = format!("has {} routes", stage.throttle.len());
        let remedy = format!("keep at most {most}");
        bench.scribe.problem(path, what, remedy);
    }
    let mut routes = RouteThrottles::new();
    for (key, settings) in &stage.throttle {
        let path = child(path, key);
        check_route(bench, stage, key, &path);
        let names = [plan, &stage.api_id, &stage.stage, key];
        let bucket = BucketId::of("usagePlanRoute", &names);
        if let Some(throttle) = throttle(bench, *settings, bucket, &path) {
            routes.insert(key.as_str().into(), throttle);
        }
    }
    routes
}

fn check_route(bench: &mut Bench<'_>, stage: &v1::ApiStage, key: &str, path: &str) {
    if key == DISCONNECT {
        let what = "a disconnection is never throttled";
        bench.scribe.problem(path, what, "leave it out");
        return;
    }
    let Some(api) = bench.definition.apis.get(&stage.api_id) else {
        return;
    };
    let section = child(&child("apis", &stage.api_id), "routes");
    // Every WebSocket API can connect, whether it names the route or not.
    let always = key == CONNECT && api.protocol_type == ProtocolType::WebSocket;
    let known = always || api.routes.contains_key(key);
    if !known && !bench.scribe.has(&child(&section, key)) {
        let remedy = match nearest(key, api.routes.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "name a route of the API by its route key".to_owned(),
        };
        bench.scribe.problem(path, "there is no such route", remedy);
    }
}

/// A token bucket; what is absent is as for the account.
fn throttle(
    bench: &mut Bench<'_>,
    settings: v1::ThrottleSettings,
    bucket: BucketId,
    path: &str,
) -> Option<Throttle> {
    let (rate, burst) = (settings.rate_limit, settings.burst_limit);
    if rate.is_none() && burst.is_none() {
        if !bench.scribe.is_wrong(path) {
            let remedy = "add `rateLimit` and `burstLimit`, or leave it out";
            bench.scribe.problem(path, "limits nothing", remedy);
        }
        return None;
    }
    Some(Throttle {
        bucket,
        limit: RateLimit {
            rate: rate.unwrap_or(quotas::ACCOUNT_RATE),
            burst: burst.unwrap_or(quotas::ACCOUNT_BURST),
        },
    })
}

fn quota(bench: &mut Bench<'_>, settings: v1::QuotaSettings, path: &str) -> Quota {
    // The tables bound an offset to the longest period.
    let offset = u8::try_from(settings.offset).unwrap_or(u8::MAX);
    let (most, period) = match settings.period {
        QuotaPeriod::Day => (0, Period::Day),
        QuotaPeriod::Week => (6, Period::Week(offset)),
        QuotaPeriod::Month => (27, Period::Month(offset)),
    };
    let path = child(path, "offset");
    if offset > most {
        let (what, remedy) = match settings.period {
            QuotaPeriod::Day => (
                "a day has no other days to start on",
                "leave it out".to_owned(),
            ),
            QuotaPeriod::Week | QuotaPeriod::Month => (
                "the period has no such day in each of its turns",
                format!("write a number from 0 to {most}"),
            ),
        };
        bench.scribe.problem(&path, what, remedy);
    }
    Quota {
        limit: settings.limit,
        period,
    }
}
