//! API keys, and the usage plans that say what their owners may ask for.
//!
//! Source: API Gateway Developer Guide, "Usage plans and API keys for REST APIs".

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::hmac;
use rand::RngCore as _;

use crate::plan::throttle::{BucketId, Throttle};

/// What stands for a key's value: nobody can work out the value, or guess at it from the time that a look-up takes.
type Mark = [u8; 32];

/// The key of the marks, another one in each process.
static SALT: LazyLock<hmac::Key> = LazyLock::new(|| {
    let mut salt = [0; 32];
    rand::rng().fill_bytes(&mut salt);
    hmac::Key::new(hmac::HMAC_SHA256, &salt)
});

/// All API keys, with the usage plans that they are in.
#[derive(Debug)]
pub struct UsagePlans {
    by_value: HashMap<Mark, Arc<ApiKey>>,
    by_id: HashMap<Arc<str>, Arc<ApiKey>>,
    /// Stands in for every key that there is not, so that a look-up takes the same way to its end.
    nobody: Arc<ApiKey>,
    has_quota: bool,
}

/// Where clients show their API keys: `apiKeySelectionExpression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApiKeySource {
    /// In the header `x-api-key`.
    #[default]
    Header,
    /// In the query parameter `x-api-key`, because browsers cannot send a header with a handshake. Amazon does not have it.
    QueryString,
    /// The route's Lambda authorizer says it, as `usageIdentifierKey`.
    Authorizer,
}

impl ApiKeySource {
    /// The source of an expression; `None` when there is no such source.
    pub fn of(expression: &str) -> Option<Self> {
        match expression {
            "$request.header.x-api-key" => Some(Self::Header),
            "$request.querystring.x-api-key" => Some(Self::QueryString),
            "$context.authorizer.usageIdentifierKey" => Some(Self::Authorizer),
            _ => None,
        }
    }
}

/// One API key. Its value is not kept.
#[derive(Debug)]
pub struct ApiKey {
    /// The key in the definition file.
    pub id: Arc<str>,
    /// Whose bucket and counter, within those of a plan.
    pub holder: BucketId,
    mark: Mark,
    enabled: bool,
    plans: Vec<Arc<UsagePlan>>,
}

/// One usage plan.
#[derive(Debug)]
pub struct UsagePlan {
    /// The key in the definition file.
    pub id: Arc<str>,
    /// Names the plan's counters.
    pub counter: BucketId,
    /// Requests a second of one key, over all stages of the plan.
    pub throttle: Option<Throttle>,
    /// Requests of one key in a period, over all stages of the plan.
    pub quota: Option<Quota>,
    /// Requests a second of one key to single routes: by API, stage and route key.
    pub stages: HashMap<Box<str>, HashMap<Box<str>, RouteThrottles>>,
}

/// What one key may ask of single routes of a stage, by route key.
pub type RouteThrottles = HashMap<Box<str>, Throttle>;

/// A number of requests in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The number.
    pub limit: u64,
    /// The period.
    pub period: Period,
}

/// The period of a quota: begins at midnight, UTC.
///
/// AWS: `offset` is the day that a period starts on (API Gateway REST API Reference, QuotaSettings, as the SDKs have it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// Seven days from Sunday plus so many days.
    Week(u8),
    /// From the first of a month plus so many days to the same day of the next.
    Month(u8),
}

/// Who asks: a key that is good for the stage, with the plan that makes it so.
#[derive(Debug, Clone)]
pub struct Subscriber {
    /// The key.
    pub key: Arc<ApiKey>,
    /// The only plan of the key that has the stage.
    pub plan: Arc<UsagePlan>,
}

impl UsagePlans {
    /// These keys; no two have the same id or value.
    pub fn new(keys: impl IntoIterator<Item = ApiKey>) -> Self {
        let mut by_value = HashMap::new();
        let mut by_id = HashMap::new();
        let mut has_quota = false;
        for key in keys {
            let key = Arc::new(key);
            has_quota |= key.plans.iter().any(|plan| plan.quota.is_some());
            by_value.insert(key.mark, Arc::clone(&key));
            by_id.insert(Arc::clone(&key.id), key);
        }
        Self {
            by_value,
            by_id,
            nobody: Arc::new(ApiKey::new("", "", false, Vec::new())),
            has_quota,
        }
    }

    /// Who shows this value on a stage. A value that is missing, unknown, disabled or of no plan of the stage takes the same
    /// steps and gives nobody.
    pub fn showing(&self, value: Option<&[u8]>, api: &str, stage: &str) -> Option<Subscriber> {
        let mark = mark(value.unwrap_or_default());
        let key = self.by_value.get(&mark).unwrap_or(&self.nobody);
        key.subscriber(api, stage)
    }

    /// The owner of the key with this id, as things are now.
    pub fn holding(&self, id: &str, api: &str, stage: &str) -> Option<Subscriber> {
        self.by_id.get(id)?.subscriber(api, stage)
    }

    /// Whether anything has to be counted.
    pub fn has_quota(&self) -> bool {
        self.has_quota
    }
}

impl Default for UsagePlans {
    /// No keys.
    fn default() -> Self {
        Self::new([])
    }
}

impl ApiKey {
    /// A key with its value and its plans, no two of which have a stage in common.
    pub fn new(id: &str, value: &str, enabled: bool, plans: Vec<Arc<UsagePlan>>) -> Self {
        Self {
            id: id.into(),
            holder: Self::holder_of(id),
            mark: mark(value.as_bytes()),
            enabled,
            plans,
        }
    }

    /// The holder that the key of this id is, in every plan.
    pub fn holder_of(id: &str) -> BucketId {
        BucketId::of("apiKey", &[id])
    }

    /// Whether it has the value of another key.
    pub fn is_like(&self, other: &Self) -> bool {
        self.mark == other.mark
    }

    fn subscriber(self: &Arc<Self>, api: &str, stage: &str) -> Option<Subscriber> {
        let mut plans = self.plans.iter();
        let plan = plans.find(|plan| plan.has(api, stage));
        let plan = plan.filter(|_| self.enabled)?;
        Some(Subscriber {
            key: Arc::clone(self),
            plan: Arc::clone(plan),
        })
    }
}

impl UsagePlan {
    /// What names the counters of the plan of this id, and its bucket.
    pub fn counter_of(id: &str) -> BucketId {
        BucketId::of("usagePlan", &[id])
    }

    /// Whether the plan opens the stage.
    pub fn has(&self, api: &str, stage: &str) -> bool {
        let stages = self.stages.get(api);
        stages.is_some_and(|stages| stages.contains_key(stage))
    }

    /// What one key may ask of one route, if the plan says anything of it.
    pub fn route(&self, api: &str, stage: &str, key: &str) -> Option<&Throttle> {
        self.stages.get(api)?.get(stage)?.get(key)
    }
}

fn mark(value: &[u8]) -> Mark {
    let tag = hmac::sign(&SALT, value);
    // A tag of SHA-256 is 32 bytes long.
    tag.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "good-good-good-good-good";
    const OFF: &str = "disabled-disabled-disabled";
    const BARE: &str = "without-a-plan-without-a-plan";

    fn plans() -> UsagePlans {
        let stages = HashMap::from([(
            "chat".into(),
            HashMap::from([("prod".into(), HashMap::new())]),
        )]);
        let plan = Arc::new(UsagePlan {
            id: "gold".into(),
            counter: UsagePlan::counter_of("gold"),
            throttle: None,
            quota: None,
            stages,
        });
        UsagePlans::new([
            ApiKey::new("good", GOOD, true, vec![Arc::clone(&plan)]),
            ApiKey::new("off", OFF, false, vec![plan]),
            ApiKey::new("bare", BARE, true, Vec::new()),
        ])
    }

    #[test]
    fn only_an_enabled_key_of_a_plan_of_the_stage_is_somebody() {
        let plans = plans();
        let check = |value: Option<&str>, stage: &str, expected: Option<&str>| {
            let shown = plans.showing(value.map(str::as_bytes), "chat", stage);
            let shown = shown.map(|subscriber| subscriber.key.id.to_string());
            assert_eq!(shown.as_deref(), expected, "{value:?} {stage}");
        };
        check(Some(GOOD), "prod", Some("good"));
        check(Some(GOOD), "beta", None);
        check(Some(OFF), "prod", None);
        check(Some(BARE), "prod", None);
        check(Some("good-good-good-good-goo"), "prod", None);
        check(Some(""), "prod", None);
        check(None, "prod", None);
        assert!(plans.holding("good", "chat", "prod").is_some());
        assert!(plans.holding("good", "shop", "prod").is_none());
        assert!(plans.holding("off", "chat", "prod").is_none());
        assert!(plans.holding("", "chat", "prod").is_none());
        assert!(
            UsagePlans::default()
                .showing(Some(b""), "chat", "prod")
                .is_none()
        );
    }

    #[test]
    fn values_are_not_in_what_is_kept() {
        let shown = format!("{:?}", plans());
        for value in [GOOD, OFF, BARE] {
            assert!(!shown.contains(value));
        }
    }
}
