//! The control plane: the API Gateway V2 API itself, so that whatever configures Amazon's gateway configures this one.
//!
//! Source: API Gateway V2 API Reference. There is one truth. A resource of a call and a resource of the definition file are checked
//! by the same tables ([`crate::definition`]), compiled by the same code ([`crate::plan::compile`]) and run in the same plan; callers see
//! both, and may change those that are not the file's.
//!
//! A call is authorized (`access`), found in the one table of operations (`operations`) and run against a `view::View`: what there
//! is, with the call's changes laid over it. Then conclusions are drawn from what changed (`deploy`): the APIs that it touched are
//! put together to the form of a definition (`assemble`) and checked, what deploys by itself is deployed, stages are compiled. Then
//! everything goes to disk at once (`store`), and then the plan is swapped. So nothing is half-written, nothing runs that would not
//! survive, and what is acknowledged does.
//!
//! Calls that write run one after the other, on threads that may block and give way: whoever serves clients never waits for them.

mod access;
mod around;
mod assemble;
mod complete;
mod definition;
mod deploy;
mod domains;
mod endpoint;
mod file;
mod kind;
mod links;
mod openapi;
mod operations;
mod record;
mod resources;
mod rules;
mod shown;
mod store;
mod tags;
mod template;
mod view;
mod ways;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::sync::Semaphore;
use tracing::error;

use crate::base::aside::aside;
use crate::base::body::Payload;
use crate::base::clock::{EpochMillis, within};
use crate::base::ids::RequestId;
use crate::definition::{Diagnostic, Loaded, render};
use crate::error::{ServiceException, stamp};
use crate::management::ServiceCall;
use crate::pipeline::Services;
use crate::plan::Plan;
use crate::plan::truststore::Truststores;
use access::Caller;
pub use definition::{Exported, exported};
use endpoint::Endpoint;
use file::{FILED, FileSide};
pub use operations::serves;
use operations::{Found, Operation, Outcome};
use store::Store;
pub use store::StoreError;
use view::View;
use wire::{Call, Content, Reply};

/// Largest body of a call, in bytes: that of an import on AWS.
const BODY_BYTES: usize = 6 * 1024 * 1024;
/// How much of a body that is too large is read all the same, so that the caller sees the answer.
const DRAINED_BYTES: usize = 16 * 1024 * 1024;
/// Bodies that may be read at a time; more wait.
const BODIES: usize = 16;
/// Longest wait for the turn of a body.
const BODY_WAIT: Duration = Duration::from_secs(30);
/// Calls that may run or wait at a time.
const CALLS: usize = 256;

/// What a control plane is told about its gateway.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region in ARNs and signatures.
    pub region: String,
    /// Where it keeps what it is told.
    pub directory: PathBuf,
    /// Where clients connect.
    pub clients: SocketAddr,
    /// Whether clients may speak TLS there.
    pub secure: bool,
    /// Functions that the embedding program brings.
    pub in_process: Vec<String>,
}

/// The control plane of one gateway.
#[derive(Debug)]
pub struct Control {
    inside: Arc<Inside>,
    calls: Arc<Semaphore>,
    bodies: Semaphore,
}

/// What calls run on.
#[derive(Debug)]
struct Inside {
    services: Arc<Services>,
    settings: Settings,
    store: Store,
    file: ArcSwap<FileSide>,
    /// Held by whoever changes what runs: a call, or another definition.
    writing: Mutex<()>,
    /// Whether something else may run than what is stored: after a commit that failed, its changes may be on disk or not.
    doubtful: AtomicBool,
}

impl Control {
    /// A control plane beside a definition that is in force already. What was stored runs from now on; a stage that does not
    /// compile any more is logged and left out.
    ///
    /// # Errors
    /// What was stored cannot be read.
    pub fn new(
        services: Arc<Services>,
        loaded: &Loaded,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let plan = Plan::clone(&services.plan());
        let inside = Inside {
            store: Store::open(&settings.directory)?,
            services,
            settings,
            file: ArcSwap::from_pointee(FileSide::new(loaded, plan)),
            writing: Mutex::new(()),
            doubtful: AtomicBool::new(true),
        };
        inside.agree()?;
        Ok(Self {
            inside: Arc::new(inside),
            calls: Arc::new(Semaphore::new(CALLS)),
            bodies: Semaphore::new(BODIES),
        })
    }

    /// The gateway's region.
    pub fn region(&self) -> &str {
        &self.inside.settings.region
    }

    /// Looks at another definition: what was stored must go on with it. Calls that write wait until that is decided.
    ///
    /// # Errors
    /// What would not go on.
    pub fn consider(&self, loaded: &Loaded, plan: Plan) -> Result<Adoption<'_>, Vec<Diagnostic>> {
        let turn = self.inside.turn();
        let file = Arc::new(FileSide::new(loaded, plan));
        let (plan, problems) = self.inside.complete(&file).map_err(|problem| {
            let remedy = "look after the state directory";
            vec![Diagnostic::new(None, "", problem.to_string(), remedy)]
        })?;
        match problems.is_empty() {
            true => Ok(Adoption {
                inside: &self.inside,
                file,
                plan,
                _turn: turn,
            }),
            false => Err(problems),
        }
    }

    /// Answers one call.
    pub async fn answer(&self, call: ServiceCall) -> Response<Payload> {
        let outcome = self.handle(call).await;
        let mut response = outcome.map_or_else(|refused| refused.response(), Reply::response);
        stamp(response.headers_mut(), &RequestId::mint());
        response
    }

    async fn handle(&self, mut call: ServiceCall) -> Result<Reply, ServiceException> {
        let services = &self.inside.services;
        let region = &self.inside.settings.region;
        access::admit(services, region, &call)?;
        // The hash of the body is part of what is signed.
        let body = self.read_body(&mut call).await?;
        let account_id = self.inside.file.load().definition.server.account_id.clone();
        let caller = access::authorize(services, region, &account_id, &call, &body)?;
        let Ok(permit) = Arc::clone(&self.calls).try_acquire_owned() else {
            return Err(ServiceException::too_many("Too Many Requests", "Calls"));
        };
        let Found { operation, ids } = operations::find(&call.method, call.uri.path())?;
        let settings = &self.inside.settings;
        let endpoint = Endpoint::new(settings.clients, settings.secure, &call.host);
        let (uri, inside) = (call.uri, Arc::clone(&self.inside));
        let now = services.clock.wall();
        // A caller that hangs up does not stop what has begun, and what has begun counts until it ends. A large body takes
        // its time to read, too.
        let running = aside("control", move || {
            let _permit = permit;
            let request = Call::new(ids, uri.query(), &body)?;
            inside.run(operation, &request, &caller, endpoint, now)
        });
        running
            .await
            .unwrap_or_else(|_| Err(ServiceException::internal()))
    }

    async fn read_body(&self, call: &mut ServiceCall) -> Result<Bytes, ServiceException> {
        if hyper::body::Body::is_end_stream(&call.body) {
            return Ok(Bytes::new());
        }
        let services = &self.inside.services;
        let turn = within(services.clock.as_ref(), BODY_WAIT, self.bodies.acquire());
        // Nobody closes the semaphore.
        let Some(Ok(_reading)) = turn.await else {
            return Err(ServiceException::too_many("Too Many Requests", "Bodies"));
        };
        call.read_body(services, BODY_BYTES, DRAINED_BYTES).await
    }
}

impl Inside {
    fn turn(&self) -> MutexGuard<'_, ()> {
        // A call that panicked has changed nothing: it is the commit that changes.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(
        &self,
        operation: &Operation,
        call: &Call,
        caller: &Caller,
        endpoint: Endpoint,
        now: EpochMillis,
    ) -> Result<Reply, ServiceException> {
        let writes = operation.method != Method::GET;
        let _turn = writes.then(|| self.turn());
        if writes {
            self.agree().map_err(|error| failed(&error))?;
        }
        let file = self.file.load_full();
        if operation.changes_resources() {
            for kind in FILED {
                file.leaves_free(&kind.path(call))?;
            }
        }
        let stored = self.store.snapshot().map_err(|error| failed(&error))?;
        let mut view = View::new(file, stored);
        let account_id = view.file().definition.server.account_id.clone();
        let context = Context {
            region: &self.settings.region,
            account_id: &account_id,
            in_process: &self.settings.in_process,
            caller,
            endpoint,
            now,
            truststores: view.file().plan.truststores.clone(),
        };
        let outcome = operation.run(&context, &mut view, call)?;
        let live = deploy::settle(&context, &mut view)?;
        let body = match outcome {
            Outcome::Resource(kind, path) => {
                let shown = resources::present(&context, &view, kind, path)?;
                Some(Value::Object(shown).into())
            }
            Outcome::Body(body) => Some(body.into()),
            Outcome::Document(text, media_type) => Some(Content::Text(text, media_type)),
            Outcome::Forgotten(stage) => {
                let api = stage.api().unwrap_or_default();
                self.services.forget_verdicts(api, &stage.id);
                None
            }
            Outcome::Nothing => None,
            Outcome::Tried(body) => {
                return Ok(Reply {
                    status: StatusCode::OK,
                    body: Some(body.into()),
                });
            }
        };
        if !view.changes().is_empty() {
            self.store.commit(view.changes()).map_err(|error| {
                self.doubtful.store(true, Ordering::Relaxed);
                failed(&error)
            })?;
        }
        if !live.is_empty() {
            let mut plan = Plan::clone(&self.services.plan());
            live.apply(&mut plan);
            self.services.replace(plan);
        }
        Ok(Reply {
            status: StatusCode::from_u16(operation.status).unwrap_or_default(),
            body,
        })
    }

    /// Makes sure that what runs is what is stored; whoever asks has the turn. A stage that does not compile any more is logged and
    /// left out.
    fn agree(&self) -> Result<(), StoreError> {
        if !self.doubtful.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (plan, problems) = self.complete(&self.file.load_full())?;
        if !problems.is_empty() {
            error!(
                "stages or domain names of the control plane are left out:\n{}",
                render(&problems)
            );
        }
        self.services.replace(plan);
        self.doubtful.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// Another definition that can be put in force.
#[derive(Debug)]
pub struct Adoption<'a> {
    inside: &'a Inside,
    file: Arc<FileSide>,
    plan: Plan,
    _turn: MutexGuard<'a, ()>,
}

impl Adoption<'_> {
    /// Puts it in force.
    pub fn put_in_force(self) {
        self.inside.file.store(self.file);
        self.inside.services.replace(self.plan);
        self.inside.doubtful.store(false, Ordering::Relaxed);
    }
}

/// What an operation knows of the gateway.
struct Context<'a> {
    region: &'a str,
    account_id: &'a str,
    in_process: &'a [String],
    caller: &'a Caller,
    endpoint: Endpoint,
    now: EpochMillis,
    truststores: Truststores,
}

/// The caller learns that it is not its doing; the log has the reason.
fn failed(problem: &StoreError) -> ServiceException {
    error!(%problem, "resources of the control plane cannot be read or written");
    ServiceException::internal()
}
