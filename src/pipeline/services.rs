//! The live capabilities, built once by the gateway and handed to every phase.

use std::collections::HashSet;
use std::num::NonZero;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use connection_store::{Connection, ConnectionStore, Outgoing};

use crate::authorizer::Verdicts;
use crate::authorizer::iam::SignatureVerifier;
use crate::authorizer::jwt::VerifiedTokens;
use crate::base::clock::{Clock, EpochMillis, Tick};
use crate::base::ids::{self, RequestId};
use crate::base::pace::Crowds;
use crate::base::tasks::Tasks;
use crate::client::issuer::Issuers;
use crate::error::CloseReason;
use crate::exchange::{Event, Exchange, GatewayRequest, Party, Reply, RequestContext, Timeline};
use crate::integration::Backends;
use crate::lang::trace::Trace;
use crate::limit::{Guesses, Holder, RateLimiter, UsageCounters};
use crate::observe::Observers;
use crate::observe::access_log::AccessLogs;
use crate::pipeline;
use crate::plan::route::Authorization;
use crate::plan::stage::Stage;
use crate::plan::{Plan, issuers};

/// Everything that is alive while the gateway runs.
#[derive(Debug)]
pub struct Services {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Every task is spawned here.
    pub tasks: Tasks,
    /// Turns for what clients do in crowds.
    pub crowds: Crowds,
    /// Who is connected.
    pub store: Arc<dyn ConnectionStore>,
    /// Token buckets.
    pub limiter: RateLimiter,
    /// Wrong API keys, by the addresses that showed them.
    pub guesses: Guesses,
    /// What was used of quotas.
    pub usage: Arc<UsageCounters>,
    /// Signature checks.
    pub signatures: SignatureVerifier,
    /// Verdicts of Lambda authorizers.
    pub verdicts: Verdicts,
    /// The keys of token issuers.
    pub issuers: Issuers,
    /// Tokens that were found good.
    pub tokens: VerifiedTokens,
    /// Calls to backends.
    pub backends: Backends,
    /// Who is told about exchanges.
    pub observers: Arc<Observers>,
    plans: ArcSwap<Plans>,
}

/// The plan in force, and stages that are gone from it but may still have connections.
#[derive(Debug)]
struct Plans {
    current: Arc<Plan>,
    retired: Vec<Arc<Stage>>,
}

/// What [`Services`] are made of besides the plan.
#[derive(Debug)]
pub struct Parts {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Every task is spawned here.
    pub tasks: Tasks,
    /// Who is connected.
    pub store: Arc<dyn ConnectionStore>,
    /// Calls to backends.
    pub backends: Backends,
    /// Access logs.
    pub access_logs: AccessLogs,
}

/// When an event arrived, by both clocks. Messages that were read together arrived together.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    time: EpochMillis,
    nanos: u64,
}

impl Moment {
    /// The same on the clock of timeouts.
    pub fn tick(self) -> Tick {
        Tick(self.nanos / 1_000_000)
    }
}

struct Current(Guard<Arc<Plans>>);

impl Deref for Current {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0.current
    }
}

impl Services {
    /// Services that run by `plan`, with full buckets.
    pub fn new(parts: Parts, plan: Plan) -> Self {
        let clock = Arc::clone(&parts.clock);
        let http = parts.backends.http.clone();
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let services = Self {
            issuers: Issuers::new(http, Arc::clone(&parts.clock), parts.tasks.clone()),
            tokens: VerifiedTokens::new(),
            clock: parts.clock,
            tasks: parts.tasks,
            crowds: Crowds::new(threads),
            store: parts.store,
            limiter: RateLimiter::new(),
            guesses: Guesses::new(),
            usage: Arc::default(),
            signatures: SignatureVerifier::new(),
            verdicts: Verdicts::new(),
            backends: parts.backends,
            observers: Arc::new(Observers::new(clock, parts.access_logs)),
            plans: ArcSwap::from_pointee(Plans {
                current: Arc::new(plan),
                retired: Vec::new(),
            }),
        };
        services.cover();
        services
    }

    /// The plan in force now.
    pub fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plans.load().current)
    }

    /// The plan in force, for a look at it and no longer: cheaper than [`Services::plan`].
    pub fn plan_now(&self) -> impl Deref<Target = Plan> {
        Current(self.plans.load())
    }

    /// Puts another plan in force, and closes the connections of stages that it does not have. What stayed as it was costs
    /// next to nothing.
    pub fn replace(&self, plan: Plan) {
        let plan = Arc::new(plan);
        let before = self.plans.rcu(|before| Plans {
            current: Arc::clone(&plan),
            retired: self.retired(before, &plan),
        });
        self.cover();
        let changed: Vec<_> = plan.changed_since(&before.current).collect();
        if changed.iter().any(|stage| issuers(stage).next().is_some()) {
            let issuers = plan.issuers();
            self.issuers.retain(|url| issuers.contains(url));
        }
        if changed.into_iter().any(|stage| lacks(&plan, stage)) {
            self.close_orphans();
        }
    }

    /// Stages that are gone when `plan` comes.
    fn retired(&self, before: &Plans, plan: &Plan) -> Vec<Arc<Stage>> {
        let fresh = plan.changed_since(&before.current);
        let fresh = fresh.filter(|stage| lacks(plan, stage));
        if before.retired.is_empty() {
            return fresh.cloned().collect();
        }
        // What was retired before is kept only while somebody is still connected to it.
        let open = self.store.local().into_iter();
        let in_use: HashSet<_> = open
            .map(|connection| {
                let record = &connection.record;
                (Arc::clone(&record.api), Arc::clone(&record.stage))
            })
            .collect();
        let older = before.retired.iter().filter(|stage| {
            let key = (Arc::clone(&stage.api.id), Arc::clone(&stage.name));
            lacks(plan, stage) && in_use.contains(&key)
        });
        fresh.chain(older).cloned().collect()
    }

    /// Forgets what the Lambda authorizers of a stage have decided.
    pub fn forget_verdicts(&self, api: &str, stage: &str) {
        let plan = self.plan();
        let routes = plan.stage(api, stage).map(|stage| stage.routes.all());
        for route in routes.into_iter().flatten() {
            if let Authorization::Custom(authorizer) = &route.authorization
                && let Some(caching) = &authorizer.caching
            {
                self.verdicts.reset(&caching.scope);
            }
        }
    }

    /// Keeps metrics for the stages that there are.
    fn cover(&self) {
        let plans = self.plans.load();
        let stages = plans.current.each_stage().chain(&plans.retired);
        self.observers.metrics.cover(stages);
    }

    /// The stage that a connection belongs to, as it is now; `None` when it was taken away.
    pub fn stage_of(&self, connection: &Connection) -> Option<Arc<Stage>> {
        let record = &connection.record;
        let plans = self.plans.load();
        plans.current.stage(&record.api, &record.stage).cloned()
    }

    /// The stage of an open connection, by its id alone.
    pub fn stage_by_connection(&self, id: &str) -> Option<Arc<Stage>> {
        let (api, stage) = self.store.place(id.parse().ok()?)?;
        self.plan().stage(&api, &stage).cloned()
    }

    /// The last form of a connection's stage that is gone from the plan.
    fn retired_stage_of(&self, connection: &Connection) -> Option<Arc<Stage>> {
        let record = &connection.record;
        let plans = self.plans.load();
        let mut retired = plans.retired.iter();
        let found = retired.find(|stage| stage.api.id == record.api && stage.name == record.stage);
        found.cloned()
    }

    /// The present, for events that arrive now.
    pub fn moment(&self) -> Moment {
        Moment {
            time: self.clock.wall(),
            nanos: self.clock.nanos(),
        }
    }

    /// Runs a message through the pipeline; gives the reply for its sender, if there is one.
    pub async fn message(
        &self,
        stage: Arc<Stage>,
        connection: Arc<Connection>,
        payload: Outgoing,
        arrived: Moment,
    ) -> Option<Outgoing> {
        let event = Event::Message {
            id: RequestId::mint(),
            payload,
        };
        let exchange = exchange(stage, event, Party::Open(connection), arrived);
        match pipeline::run(self, exchange).await {
            Reply::Frame(frame) => Some(frame),
            Reply::Nothing | Reply::Accept(_) | Reply::Http(_) => None,
        }
    }

    /// Runs `$disconnect` for a connection that has ended. Called exactly once for each accepted connection.
    pub async fn disconnect(&self, connection: Arc<Connection>, code: u16, reason: String) {
        let stage = self.stage_of(&connection);
        if let Some(stage) = stage.or_else(|| self.retired_stage_of(&connection)) {
            self.forget(&connection, &stage);
            let event = Event::Disconnect { code, reason };
            let exchange = exchange(stage, event, Party::Open(connection), self.moment());
            pipeline::run(self, exchange).await;
        }
    }

    /// Drops the buckets that were the connection's own.
    fn forget(&self, connection: &Connection, stage: &Stage) {
        let rates = stage.routes.all().into_iter();
        for rate in rates.filter_map(|route| route.message_rate.as_ref()) {
            let holder = Holder::Connection(connection.record.id);
            self.limiter.forget(rate.bucket, holder);
        }
    }

    fn close_orphans(&self) {
        for connection in self.store.local() {
            if self.stage_of(&connection).is_none() {
                connection.outbox.close(CloseReason::AWAY);
            }
        }
    }
}

fn lacks(plan: &Plan, stage: &Stage) -> bool {
    plan.stage(&stage.api.id, &stage.name).is_none()
}

fn exchange(stage: Arc<Stage>, event: Event, party: Party, arrived: Moment) -> Box<Exchange> {
    let Moment { time, nanos } = arrived;
    let trace = Trace::begin(time.seconds(), ids::random());
    Box::new(Exchange {
        stage,
        event,
        request: GatewayRequest::default(),
        context: RequestContext::new(RequestId::mint(), time, trace, party),
        timeline: Timeline::new(nanos),
    })
}
