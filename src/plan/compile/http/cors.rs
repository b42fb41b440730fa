//! `corsConfiguration`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Bench, Noted, Target, route};
use crate::base::quotas;
use crate::definition::child;
use crate::lang::cors::{CorsConfiguration, CorsPolicy};
use crate::model::v2;
use crate::plan::integration::{ContentHandling, Integration, PayloadFormat, Target as Answers};
use crate::plan::route::{Authorization, Cors, Direction, Ordering, Route};

/// Key of the route that answers preflights; no other route has it, because it has no path.
const PREFLIGHT: &str = "OPTIONS";

/// The policy of an API and the route that answers preflights. `path` is that of the API.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    api: &v2::Api,
    path: &str,
    stage: Option<Target<'_>>,
) -> Result<Option<Cors>, Noted> {
    let path = child(path, "corsConfiguration");
    let Some(written) = &api.cors_configuration else {
        return match bench.scribe.is_wrong(&path) {
            true => Err(Noted),
            false => Ok(None),
        };
    };
    let configuration = CorsConfiguration {
        allow_origins: written.allow_origins.clone(),
        allow_methods: written.allow_methods.clone(),
        allow_headers: written.allow_headers.clone(),
        expose_headers: written.expose_headers.clone(),
        max_age: written.max_age,
        allow_credentials: written.allow_credentials,
    };
    match CorsPolicy::new(&configuration) {
        Ok(policy) => Ok(Some(Cors {
            policy,
            preflight: Arc::new(preflight(stage)),
        })),
        Err(problems) => {
            for problem in problems {
                let field = child(&path, &problem.field.to_string());
                let path = match problem.entry {
                    Some(entry) => bench.scribe.item(&field, entry),
                    None => field,
                };
                // What was left out because it is wrong is not missing.
                if !bench.scribe.is_wrong(&path) {
                    bench.scribe.problem(&path, problem.problem, problem.remedy);
                }
            }
            Err(Noted)
        }
    }
}

/// Answers by itself, to anybody; preflights share a bucket where the stage throttles its routes.
fn preflight(stage: Option<Target<'_>>) -> Route {
    let integration = Integration {
        id: PREFLIGHT.into(),
        target: Answers::Preflight,
        timeout: quotas::HTTP_INTEGRATION_TIMEOUT_MAX,
        parameters: Vec::new(),
        content: ContentHandling::Unchanged,
        format: PayloadFormat::default(),
        responses: BTreeMap::new(),
    };
    Route {
        key: PREFLIGHT.into(),
        authorization: Authorization::Open,
        integration: Some(Arc::new(integration)),
        direction: Direction::OneWay,
        ordering: Ordering::Concurrent,
        throttle: stage.and_then(|stage| route::throttle(stage, PREFLIGHT)),
        required: Vec::new(),
        api_key_required: false,
        validation: None,
        message_rate: None,
        detailed_metrics: false,
    }
}
