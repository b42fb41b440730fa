//! The live capabilities, built once by the gateway and handed to every phase.

use std::sync::Arc;

use arc_swap::ArcSwap;
use connection_store::{Connection, ConnectionStore, Outgoing};

use crate::authorizer::iam::SignatureVerifier;
use crate::base::clock::Clock;
use crate::base::ids::RequestId;
use crate::base::tasks::Tasks;
use crate::error::CloseReason;
use crate::exchange::{Event, Exchange, GatewayRequest, Party, Reply, RequestContext, Timeline};
use crate::integration::Backends;
use crate::limit::RateLimiter;
use crate::observe::access_log::AccessLogs;
use crate::pipeline::{self, route};
use crate::plan::Plan;
use crate::plan::route::Ordering;
use crate::plan::stage::Stage;

/// Everything that is alive while the gateway runs.
#[derive(Debug)]
pub struct Services {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Every task is spawned here.
    pub tasks: Tasks,
    /// Who is connected.
    pub store: Arc<dyn ConnectionStore>,
    /// Token buckets.
    pub limiter: RateLimiter,
    /// Signature checks.
    pub signatures: SignatureVerifier,
    /// Calls to backends.
    pub backends: Backends,
    /// Access logs.
    pub access_logs: AccessLogs,
    /// The plan that is in force.
    pub current: ArcSwap<Plan>,
}

impl Services {
    /// The plan in force now.
    pub fn plan(&self) -> Arc<Plan> {
        self.current.load_full()
    }

    /// The stage that a connection belongs to, as it is now.
    fn stage_of(&self, connection: &Connection) -> Option<Arc<Stage>> {
        let record = &connection.record;
        self.current
            .load()
            .stage(&record.api, &record.stage)
            .cloned()
    }

    /// Whether the message's route takes one message at a time.
    pub fn runs_serially(&self, connection: &Connection, message: &Outgoing) -> bool {
        self.stage_of(connection)
            .filter(|stage| stage.routes.any_serial())
            .is_some_and(|stage| {
                route::for_message(&stage, message)
                    .is_some_and(|route| route.ordering == Ordering::Serial)
            })
    }

    /// Runs a message through the pipeline and queues what comes of it.
    pub async fn message(&self, connection: Arc<Connection>, payload: Outgoing) {
        let Some(stage) = self.stage_of(&connection) else {
            // The stage was taken away under an open connection.
            connection.outbox.close(CloseReason::AWAY);
            return;
        };
        let event = Event::Message {
            id: RequestId::mint(),
            payload,
        };
        let exchange = self.exchange(stage, event, Party::Open(Arc::clone(&connection)));
        if let Reply::Frame(frame) = pipeline::run(self, exchange).await {
            connection.outbox.push_reply(frame);
        }
    }

    /// Runs `$disconnect` for a connection that has ended. Called exactly once for each accepted connection.
    pub async fn disconnect(&self, connection: Arc<Connection>, code: u16, reason: String) {
        if let Some(stage) = self.stage_of(&connection) {
            let event = Event::Disconnect { code, reason };
            let exchange = self.exchange(stage, event, Party::Open(connection));
            pipeline::run(self, exchange).await;
        }
    }

    /// Closes every connection whose stage is no longer in the plan.
    pub fn close_orphans(&self) {
        for connection in self.store.local() {
            if self.stage_of(&connection).is_none() {
                connection.outbox.close(CloseReason::AWAY);
            }
        }
    }

    fn exchange(&self, stage: Arc<Stage>, event: Event, party: Party) -> Exchange {
        Exchange {
            stage,
            event,
            request: GatewayRequest::default(),
            context: RequestContext::new(RequestId::mint(), self.clock.wall(), party),
            timeline: Timeline::new(self.clock.now()),
        }
    }
}
