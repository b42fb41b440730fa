//! The control plane: the API Gateway V2 API itself, so that whatever configures Amazon's gateway configures this one.
//!
//! Source: API Gateway V2 API Reference. A call is authorized ([`access`]), found in the one table of operations
//! ([`operations`]) and run against a [`view::View`]: what is stored, with the call's changes laid over it. The members of a
//! resource are checked by the tables that check a definition file ([`crate::definition`]). What a call changes reaches the disk before
//! it is acknowledged ([`store`]).
//!
//! Calls run one after the other where they write, on threads that may block: whoever serves clients never waits for them.

mod access;
mod kind;
mod operations;
mod record;
mod resources;
mod store;
mod tags;
mod view;
mod wire;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use tokio::sync::Semaphore;
use tracing::error;

use crate::base::body::Payload;
use crate::base::clock::EpochMillis;
use crate::base::ids::RequestId;
use crate::error::{ServiceException, stamp};
use crate::management::ServiceCall;
use crate::pipeline::Services;
pub use operations::serves;
use store::Store;
pub use store::StoreError;
use view::View;
use wire::{Call, Reply};

/// Largest body of a call, in bytes: that of an import on AWS.
const BODY_BYTES: usize = 6 * 1024 * 1024;
/// How much of a body that is too large is read all the same, so that the caller sees the answer.
const DRAINED_BYTES: usize = 16 * 1024 * 1024;
/// Calls that may run or wait at a time.
const CALLS: usize = 256;

/// The control plane of one gateway.
#[derive(Debug)]
pub struct Control {
    services: Arc<Services>,
    inside: Arc<Inside>,
    calls: Semaphore,
}

/// What calls run on.
#[derive(Debug)]
struct Inside {
    region: String,
    store: Store,
    /// Held by the call that writes.
    writing: Mutex<()>,
}

impl Control {
    /// A control plane that keeps what it is told in `directory`.
    ///
    /// # Errors
    /// What was kept there before cannot be read.
    pub fn new(
        services: Arc<Services>,
        region: String,
        directory: &Path,
    ) -> Result<Self, StoreError> {
        let inside = Inside {
            region,
            store: Store::open(directory)?,
            writing: Mutex::new(()),
        };
        Ok(Self {
            services,
            inside: Arc::new(inside),
            calls: Semaphore::new(CALLS),
        })
    }

    /// Answers one call.
    pub async fn answer<B>(&self, call: ServiceCall<B>) -> Response<Payload>
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let outcome = self.handle(call).await;
        let mut response = outcome.map_or_else(|refused| refused.response(), Reply::response);
        stamp(response.headers_mut(), &RequestId::mint());
        response
    }

    async fn handle<B>(&self, mut call: ServiceCall<B>) -> Result<Reply, ServiceException>
    where
        B: hyper::body::Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // The body comes first: its hash is part of what is signed.
        let body = call
            .read_body(&self.services, BODY_BYTES, DRAINED_BYTES)
            .await?;
        access::authorize(&self.services, &self.inside.region, &call, &body)?;
        let Ok(_running) = self.calls.try_acquire() else {
            return Err(ServiceException::too_many("Too Many Requests", "Calls"));
        };
        let found = operations::find(&call.method, &call.path)?;
        let call = Call::new(found.ids, call.query.as_deref(), &body)?;
        let (operation, inside) = (found.operation, Arc::clone(&self.inside));
        let now = self.services.clock.wall();
        // A caller that hangs up does not stop what has begun.
        let running = tokio::task::spawn_blocking(move || inside.run(operation, &call, now));
        running.await.unwrap_or_else(|problem| {
            error!(%problem, "a call of the control plane did not end");
            Err(ServiceException::internal())
        })
    }
}

impl Inside {
    fn run(
        &self,
        operation: &operations::Operation,
        call: &Call,
        now: EpochMillis,
    ) -> Result<Reply, ServiceException> {
        // A call that panicked has changed nothing: it is the commit that changes.
        let _turn = (operation.method != Method::GET)
            .then(|| self.writing.lock().unwrap_or_else(PoisonError::into_inner));
        let mut view = View::new(self.store.snapshot().map_err(|error| failed(&error))?);
        let context = Context {
            region: &self.region,
            now,
        };
        let body = operation.run(&context, &mut view, call)?;
        let changes = view.into_changes();
        if !changes.is_empty() {
            self.store
                .commit(&changes)
                .map_err(|error| failed(&error))?;
        }
        Ok(Reply {
            status: StatusCode::from_u16(operation.status).unwrap_or_default(),
            body,
        })
    }
}

/// What an operation knows of the gateway.
struct Context<'a> {
    region: &'a str,
    now: EpochMillis,
}

/// The caller learns that it is not its doing; the log has the reason.
fn failed(problem: &StoreError) -> ServiceException {
    error!(%problem, "resources of the control plane cannot be read or written");
    ServiceException::internal()
}
