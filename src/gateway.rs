//! Wiring: builds the services of a gateway, starts its listeners, swaps its definition, drains and stops it.
//!
//! This is also the surface for programs that embed the gateway; the command line and the tests use nothing else.

mod builder;
mod drain;
mod minted;
mod pusher;
mod settings;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tracing::{info, warn};

pub use builder::{GatewayBuilder, StartError};
pub use pusher::{PushError, Pusher};
pub use settings::{files_for, sockets_within};

use crate::base::clock::within;
use crate::definition::{Diagnostic, Loaded};
use crate::exchange::DEFAULT_STAGE;
use crate::gateway::minted::Minted;
use crate::gateway::upkeep::UsageKeeper;
use crate::model::definition::Server;
use crate::pipeline::Services;
use crate::plan::Plan;
use crate::plan::stage::{Protocol, Stage};
use crate::transport::tls::Tls;
use crate::transport::{Background, Front};

/// A running gateway. Dropping it without [`Gateway::shutdown`] leaves it running until the runtime ends.
#[derive(Debug)]
pub struct Gateway {
    services: Arc<Services>,
    front: Arc<Front>,
    /// What serves no client: the wheel, access logs, functions, the administration listener.
    background: Background,
    tls: Option<Arc<Tls>>,
    server: Server,
    minted: Minted,
    usage: UsageKeeper,
    in_process: Vec<String>,
    clients: Vec<SocketAddr>,
    admin: SocketAddr,
}

impl Gateway {
    /// Begins to describe a gateway.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::new()
    }

    /// Does with a definition what starting a gateway does before it listens: what `tidegate check` says comes from here.
    ///
    /// # Errors
    /// Every problem of the definition.
    pub fn check(loaded: &Loaded) -> Result<Plan, Vec<Diagnostic>> {
        settings::compile(loaded, &[])
    }

    /// Where clients connect: the addresses that are really bound, so port 0 shows its port.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.clients
    }

    /// The first of [`Gateway::addresses`].
    pub fn address(&self) -> SocketAddr {
        // A gateway does not start without a listener.
        self.clients.first().copied().unwrap_or(self.admin)
    }

    /// Where `/livez`, `/readyz` and `/metrics` answer.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// One line for each stage, with addresses that work: what `tidegate serve` prints.
    pub fn banner(&self) -> String {
        let plan = self.services.plan();
        let mut text = String::new();
        for stage in plan.stages() {
            let path = address(&plan, stage);
            for client in &self.clients {
                text.push_str(&self.line(stage, client, &path));
            }
        }
        text.push_str(&format!("health  http://{}/readyz\n", self.admin));
        text
    }

    fn line(&self, stage: &Stage, address: &SocketAddr, path: &str) -> String {
        let secure = self.tls.as_ref().map_or("", |_| "s");
        let (api, name) = (&stage.api.id, &stage.name);
        if stage.api.closed {
            return format!("{api}/{name}  at its domain names only\n");
        }
        if matches!(stage.api.protocol, Protocol::Http) {
            return format!("{api}/{name}  http{secure}://{address}{path}\n");
        }
        let mut line = format!("{api}/{name}  ws{secure}://{address}{path}");
        line.push_str(&format!(
            "  push: http{secure}://{address}{path}/@connections/{{connectionId}}"
        ));
        if stage.page.is_some() {
            line.push_str(&format!("  page: http://{address}{path}"));
        }
        line.push('\n');
        line
    }

    /// The services behind the gateway, for programs that look deeper.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.services.store.local_count()
    }

    /// Sends a message to one connection; see [`Pusher::push`].
    ///
    /// # Errors
    /// Why the message is not in the connection's queue.
    pub async fn push(
        &self,
        api: &str,
        stage: &str,
        connection_id: &str,
        payload: impl Into<Bytes>,
    ) -> Result<(), PushError> {
        self.pusher().push(api, stage, connection_id, payload).await
    }

    /// Closes one connection; see [`Pusher::close`].
    ///
    /// # Errors
    /// [`PushError::Gone`] when it is not open.
    pub async fn close(
        &self,
        api: &str,
        stage: &str,
        connection_id: &str,
    ) -> Result<(), PushError> {
        self.pusher().close(api, stage, connection_id).await
    }

    /// A handle that reaches connections, for the program's own backends.
    pub fn pusher(&self) -> Pusher {
        Pusher(Arc::clone(&self.services))
    }

    /// Puts a new definition in force at once: messages from now on run by it, no socket is closed but those of stages
    /// that are gone.
    ///
    /// # Errors
    /// Every problem of the definition; the one in force then stays.
    pub fn reload(&self, loaded: &Loaded) -> Result<(), Vec<Diagnostic>> {
        let plan = self
            .minted
            .admit(settings::compile(loaded, &self.in_process)?);
        let strangers = settings::open_to_strangers(loaded, &self.clients, self.admin);
        if let Some(problem) = strangers {
            return Err(vec![problem]);
        }
        let services = &self.services;
        if let Err(error) = self.usage.begin(&plan, services, &self.background) {
            return Err(vec![settings::unusable_state(loaded, &error)]);
        }
        let adoption = self.front.control.consider(loaded, plan)?;
        let functions = settings::functions(&loaded.definition);
        if let (Some(tls), Some(wanted)) = (&self.tls, settings::tls(&loaded.definition.server))
            && let Err(error) = tls.reload(&wanted)
        {
            return Err(vec![settings::unusable_tls(loaded, &error)]);
        }
        self.services.backends.functions.reload(functions);
        self.services.observers.access_logs.reopen();
        adoption.put_in_force();
        for key in settings::needs_restart(&self.server, &loaded.definition.server) {
            warn!(
                key,
                "a changed server setting takes effect at the next start"
            );
        }
        info!("the definition has been replaced");
        Ok(())
    }

    /// Stops: nothing new is accepted, sockets are closed with 1001 bit by bit, their `$disconnect`s are delivered.
    /// Takes at most the definition's `shutdownTimeout`.
    pub async fn shutdown(self) {
        drain::drain(
            &self.services,
            &self.front.stop,
            self.server.shutdown_timeout,
        )
        .await;
        self.services.backends.functions.shutdown().await;
        let clock = self.services.clock.as_ref();
        // Whoever reads standard output may have stopped reading: lines must not keep the process from ending.
        let written = within(
            clock,
            drain::LAST_WAIT,
            self.services.observers.access_logs.flush(),
        );
        if written.await.is_none() {
            warn!("access log lines could not be written in time");
        }
        self.background.stop.begin();
        self.services.observers.access_logs.reopen();
        let rest = within(clock, drain::LAST_WAIT, self.background.tasks.idle());
        if rest.await.is_none() {
            warn!(
                left = self.background.tasks.live(),
                "background tasks did not end in time"
            );
        }
    }
}

/// The path under which a stage answers on every listener.
fn address(plan: &Plan, stage: &Stage) -> String {
    let (api, name) = (&stage.api.id, &stage.name);
    match (plan.only_api(), &**name) {
        // AWS: only HTTP APIs have a stage of this name, and it has no segment of its own.
        (Some(_), DEFAULT_STAGE) => "/".to_owned(),
        (Some(_), name) => format!("/{name}"),
        (None, name) => format!("/_apis/{api}/{name}"),
    }
}
