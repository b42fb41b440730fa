//! Usage plans.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How much the owner of an API key may ask of some stages.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsagePlan {
    /// The name; the id when absent.
    pub name: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The stages that the plan opens.
    pub api_stages: Vec<ApiStage>,
    /// Requests a second of one key, over all stages of the plan together.
    pub throttle: Option<ThrottleSettings>,
    /// Requests of one key in a day, week or month, over all stages of the plan together.
    pub quota: Option<QuotaSettings>,
    /// The keys of the plan, by their ids.
    pub keys: Vec<String>,
}

/// A stage in a usage plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiStage {
    /// The API.
    pub api_id: String,
    /// The stage.
    pub stage: String,
    /// Requests a second of one key to single routes, by route key.
    pub throttle: BTreeMap<String, ThrottleSettings>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThrottleSettings {
    /// Requests a second.
    pub rate_limit: Option<f64>,
    /// Requests at once above the rate.
    pub burst_limit: Option<u32>,
}

/// A number of requests in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuotaSettings {
    /// The number.
    pub limit: u64,
    /// The period.
    pub period: QuotaPeriod,
    /// The day that the period starts on: 0 is Sunday, or the first of the month.
    #[serde(default)]
    pub offset: u32,
}

/// `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QuotaPeriod {
    /// From midnight to midnight, in UTC.
    Day,
    /// Seven days.
    Week,
    /// From a day of the month to the same of the next.
    Month,
}
