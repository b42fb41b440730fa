//! Wiring: builds the services of a gateway, starts its listeners, swaps its definition, drains and stops it.
//!
//! This is also the surface for programs that embed the gateway; the command line and the tests use nothing else.

mod builder;
mod drain;
mod minted;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use connection_store::{Address, ConnectionId, Delivery, Outgoing};
use tracing::{info, warn};

pub use builder::{GatewayBuilder, StartError};

use crate::base::tasks::{Shutdown, Tasks};
use crate::definition::{Diagnostic, Loaded};
use crate::error::CloseReason;
use crate::gateway::minted::Minted;
use crate::model::definition::Server;
use crate::pipeline::Services;
use crate::transport::Front;
use crate::transport::tls::Tls;

/// A running gateway. Dropping it without [`Gateway::shutdown`] leaves it running until the runtime ends.
#[derive(Debug)]
pub struct Gateway {
    services: Arc<Services>,
    front: Arc<Front>,
    /// Tasks that serve no client: the wheel, access logs, functions.
    background: Tasks,
    background_stop: Shutdown,
    tls: Option<Arc<Tls>>,
    server: Server,
    minted: Minted,
    in_process: Vec<String>,
    clients: Vec<SocketAddr>,
    admin: SocketAddr,
}

/// Why a message could not be pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// There is no such connection; what `@connections` answers with 410.
    #[error("there is no such connection")]
    Gone,
    /// The connection's queue is full; what `@connections` answers with 429.
    #[error("the connection's send buffer is full")]
    Full,
    /// The connection store does not answer.
    #[error("the connection cannot be reached now")]
    Unreachable,
}

impl Gateway {
    /// Begins to describe a gateway.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::new()
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

    /// Where `/livez` and `/readyz` answer.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// One line for each stage, with addresses that work: what `tidegate serve` prints.
    pub fn banner(&self) -> String {
        let plan = self.services.plan();
        let mut text = String::new();
        for stage in plan.stages() {
            let (api, name) = (&stage.api.id, &stage.name);
            let path = match plan.only_api() {
                Some(_) => format!("/{name}"),
                None => format!("/_apis/{api}/{name}"),
            };
            for address in &self.clients {
                let secure = self.tls.as_ref().map_or("", |_| "s");
                text.push_str(&format!(
                    "{api}/{name}  ws{secure}://{address}{path}  push: http{secure}://{address}{path}/@connections/{{connectionId}}\n"
                ));
            }
        }
        text.push_str(&format!("health  http://{}/readyz\n", self.admin));
        text
    }

    /// The services behind the gateway, for programs that look deeper.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.services.store.local_count()
    }

    /// Sends a message to one connection, as `POST @connections` does: text if it is UTF-8, binary otherwise.
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
        let id: ConnectionId = connection_id.parse().map_err(|_| PushError::Gone)?;
        let address = Address { id, api, stage };
        let message = Outgoing::from_bytes(payload.into());
        let now = self.services.clock.now().0;
        settle(self.services.store.deliver(address, message, now).await)
    }

    /// Closes one connection, as `DELETE @connections` does: with code 1000, after what is queued.
    ///
    /// # Errors
    /// [`PushError::Gone`] when it is not open.
    pub async fn close(
        &self,
        api: &str,
        stage: &str,
        connection_id: &str,
    ) -> Result<(), PushError> {
        let id: ConnectionId = connection_id.parse().map_err(|_| PushError::Gone)?;
        let address = Address { id, api, stage };
        settle(
            self.services
                .store
                .close(address, CloseReason::DELETE)
                .await,
        )
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
        let functions = settings::functions(&loaded.definition);
        if let (Some(tls), Some(wanted)) = (&self.tls, settings::tls(&loaded.definition.server))
            && let Err(error) = tls.reload(&wanted)
        {
            return Err(vec![settings::unusable_tls(&error)]);
        }
        self.services.backends.functions.reload(functions);
        self.services.current.store(Arc::new(plan));
        self.services.access_logs.reopen();
        self.services.close_orphans();
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
        self.services.access_logs.flush().await;
        self.background_stop.begin();
        self.services.access_logs.reopen();
        let clock = self.services.clock.as_ref();
        let rest = crate::base::clock::within(clock, drain::LAST_WAIT, self.background.idle());
        if rest.await.is_none() {
            warn!(
                left = self.background.live(),
                "background tasks did not end in time"
            );
        }
    }
}

fn settle(delivery: Result<Delivery, connection_store::StoreError>) -> Result<(), PushError> {
    match delivery {
        Ok(Delivery::Queued) => Ok(()),
        Ok(Delivery::Full) => Err(PushError::Full),
        Ok(Delivery::Gone) => Err(PushError::Gone),
        Ok(Delivery::Unreachable) | Err(_) => Err(PushError::Unreachable),
    }
}
