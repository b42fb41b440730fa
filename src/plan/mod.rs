//! What we run: definitions with every name resolved and every expression parsed. Immutable.
//!
//! No locks, sockets or counters in here, and no wire shapes either: two equal definitions give equal plans. A running
//! gateway swaps whole plans ([`crate::pipeline::Services`]); an exchange pins one [`Stage`] and never looks again.

pub mod access_log;
pub mod authorizer;
pub mod compile;
pub mod credentials;
pub mod domain;
pub mod integration;
pub mod model;
pub mod proxy_uri;
pub mod route;
pub mod routing_rule;
pub mod service;
pub mod stage;
pub mod table;
pub mod throttle;
pub mod truststore;
pub mod usage;

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::HashMap;

use self::credentials::Credentials;
use self::domain::Domains;
use self::route::{Authorization, RateLimit};
use self::stage::{Protocol, Stage};
use self::truststore::Truststores;
use self::usage::UsagePlans;

/// Everything that one set of definitions says, ready to run.
///
/// A clone shares what it is made of, so that a plan that differs in one stage costs little.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    stages: HashMap<Arc<str>, ApiStages>,
    /// Who may sign requests.
    pub credentials: Credentials,
    /// API keys and usage plans.
    pub usage: Arc<UsagePlans>,
    /// Custom domain names.
    pub domains: Domains,
    /// What their clients' certificates may lead to.
    pub truststores: Truststores,
    /// The account level of throttling.
    pub account: AccountLimits,
}

/// The stages of one API.
#[derive(Debug, Clone, Default)]
pub struct ApiStages(Arc<HashMap<Arc<str>, Arc<Stage>>>);

impl ApiStages {
    /// The stage of that name.
    pub fn get(&self, stage: &str) -> Option<&Arc<Stage>> {
        self.0.get(stage)
    }

    /// Whether it is an HTTP API.
    pub fn are_http(&self) -> bool {
        let first = self.all().next();
        first.is_some_and(|stage| matches!(stage.api.protocol, Protocol::Http))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Stage>> + Clone {
        self.0.values()
    }
}

/// The account level of throttling; `None` lifts a limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AccountLimits {
    /// Requests of every kind: messages, handshakes, pushes.
    pub requests: Option<RateLimit>,
    /// New connections.
    pub connects: Option<RateLimit>,
}

impl Plan {
    /// A plan of `stages`; a later stage of the same API and name replaces an earlier one.
    pub fn new(
        stages: impl IntoIterator<Item = Stage>,
        credentials: Credentials,
        usage: UsagePlans,
        account: AccountLimits,
    ) -> Self {
        let mut plan = Self {
            stages: HashMap::default(),
            credentials,
            usage: Arc::new(usage),
            domains: Domains::default(),
            truststores: Truststores::default(),
            account,
        };
        for stage in stages {
            plan.insert(Arc::new(stage));
        }
        plan
    }

    /// The same with custom domain names.
    #[must_use]
    pub fn with_domains(mut self, domains: Domains, truststores: Truststores) -> Self {
        self.domains = domains;
        self.truststores = truststores;
        self
    }

    /// Puts a stage in, in place of one of the same API and name.
    pub fn insert(&mut self, stage: Arc<Stage>) {
        let stages = self.stages.entry(Arc::clone(&stage.api.id)).or_default();
        Arc::make_mut(&mut stages.0).insert(Arc::clone(&stage.name), stage);
    }

    /// Takes a stage out.
    pub fn remove(&mut self, api: &str, stage: &str) {
        if let Some(stages) = self.stages.get_mut(api) {
            Arc::make_mut(&mut stages.0).remove(stage);
            if stages.0.is_empty() {
                self.stages.remove(api);
            }
        }
    }

    /// The stages of an API; `None` when there is no such API, or it has none.
    pub fn api(&self, api: &str) -> Option<&ApiStages> {
        self.stages.get(api)
    }

    /// The stage of that name.
    pub fn stage(&self, api: &str, stage: &str) -> Option<&Arc<Stage>> {
        self.stages.get(api)?.get(stage)
    }

    /// The API that every host means, when there is just one.
    pub fn only_api(&self) -> Option<(&Arc<str>, &ApiStages)> {
        match self.stages.len() {
            1 => self.stages.iter().next(),
            _ => None,
        }
    }

    /// Whose tokens its routes take.
    pub fn issuers(&self) -> HashSet<Arc<str>> {
        self.each_stage().flat_map(|stage| issuers(stage)).collect()
    }

    /// Stages of the plan `before` that this one does not have, or not as they were.
    pub fn changed_since<'p>(&'p self, before: &'p Self) -> impl Iterator<Item = &'p Arc<Stage>> {
        let same = |now: Option<&ApiStages>, stages: &ApiStages| {
            now.is_some_and(|now| Arc::ptr_eq(&now.0, &stages.0))
        };
        let changed = before.stages.iter();
        let changed = changed.filter(move |(api, stages)| !same(self.api(api), stages));
        changed
            .flat_map(|(_, stages)| stages.all())
            .filter(|stage| {
                let now = self.stage(&stage.api.id, &stage.name);
                now.is_none_or(|now| !Arc::ptr_eq(now, stage))
            })
    }

    /// All stages, in no order.
    pub fn each_stage(&self) -> impl Iterator<Item = &Arc<Stage>> + Clone {
        self.stages.values().flat_map(ApiStages::all)
    }

    /// All stages, ordered by API and name.
    pub fn stages(&self) -> Vec<&Arc<Stage>> {
        let mut all: Vec<_> = self.each_stage().collect();
        all.sort_by(|a, b| (&a.api.id, &a.name).cmp(&(&b.api.id, &b.name)));
        all
    }
}

/// Whose tokens the routes of a stage take.
pub fn issuers(stage: &Stage) -> impl Iterator<Item = Arc<str>> {
    let routes = stage.routes.all().into_iter();
    routes.filter_map(|route| match &route.authorization {
        Authorization::Jwt(authorizer, _) => Some(Arc::clone(&authorizer.issuer)),
        _ => None,
    })
}
