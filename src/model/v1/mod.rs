//! Resources of the API Gateway (V1) API that every kind of API uses: API keys and usage plans.
//!
//! Source: API Gateway REST API Reference, "Data Types". Maps are keyed by what identifies the resource, so the identifying
//! field is not repeated inside; the keys of a plan, resources of their own in Amazon's API, are listed in the plan.

mod api_key;
mod usage_plan;

pub use api_key::ApiKey;
pub use usage_plan::{ApiStage, QuotaPeriod, QuotaSettings, ThrottleSettings, UsagePlan};
