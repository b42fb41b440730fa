//! From a definition to a running gateway.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aws_credential_types::Credentials;
use bytes::Bytes;
use connection_store::{ConnectionStore, IdMint, MemoryStore, Owner};
use futures_util::future::BoxFuture;
use rand::RngCore as _;
use serde_json::Value;

use crate::base::clock::{Clock, SystemClock};
use crate::base::tasks::{Shutdown, Tasks};
use crate::client::http::{ClientError, HttpClient};
use crate::client::lambda::LambdaClient;
use crate::client::proxy::ProxyClient;
use crate::control::{Control, Settings as ControlSettings, StoreError};
use crate::definition::{self, Diagnostic, Loaded, Machine};
use crate::function::{FunctionError, Functions, HostSettings, InProcess};
use crate::gateway::minted::Minted;
use crate::gateway::upkeep::{self, UsageKeeper};
use crate::gateway::{Gateway, settings};
use crate::integration::Backends;
use crate::limit::JournalError;
use crate::model::definition::Server;
use crate::observe::access_log::AccessLogs;
use crate::pipeline::{Parts, Services};
use crate::transport::acceptor::Acceptor;
use crate::transport::edge::Face;
use crate::transport::listener::{self, Capacity};
use crate::transport::tls::{BUNDLE_FILE, CA_FILE, Otherwise, Tls, TlsError, TlsSettings};
use crate::transport::ws::wheel::Wheel;
use crate::transport::{Background, Front, FrontSettings};

/// Sockets that the administration listener may hold.
const ADMIN_SOCKETS: usize = 1024;
/// Variables of the gateway's own environment that functions get too.
const PASSED_ON: [&str; 2] = ["PATH", "HOME"];
/// Variables by which Node.js, the AWS SDKs and OpenSSL trust a CA. Node.js adds the file to what it trusts already; the
/// others trust the file and nothing else, so theirs has the system's authorities too.
const CA_VARIABLES: [(&str, &str); 3] = [
    ("NODE_EXTRA_CA_CERTS", CA_FILE),
    ("AWS_CA_BUNDLE", BUNDLE_FILE),
    ("SSL_CERT_FILE", BUNDLE_FILE),
];

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The definition has problems.
    #[error("{}", definition::render(.0))]
    Definition(Vec<Diagnostic>),
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {problem}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        problem: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error("server.tls: {0}")]
    Tls(#[from] TlsError),
    /// What was used of quotas cannot be kept.
    #[error("server.stateDirectory: {0}")]
    Usage(#[from] JournalError),
    /// Resources of the control plane cannot be read.
    #[error("server.stateDirectory: {0}")]
    Store(#[from] StoreError),
    /// The client for backends cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
}

enum Source {
    File(PathBuf),
    Text { text: String, directory: PathBuf },
    Loaded(Box<Loaded>),
}

/// Describes a gateway that is to be started.
pub struct GatewayBuilder {
    source: Source,
    variables: BTreeMap<String, String>,
    functions: BTreeMap<String, InProcess>,
    clock: Option<Arc<dyn Clock>>,
    store: Option<Arc<dyn ConnectionStore>>,
    aws_credentials: Option<Credentials>,
}

impl fmt::Debug for GatewayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayBuilder").finish_non_exhaustive()
    }
}

impl GatewayBuilder {
    pub(super) fn new() -> Self {
        Self {
            source: Source::File(PathBuf::from("tidegate.yaml")),
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
            clock: None,
            store: None,
            aws_credentials: None,
        }
    }

    /// Reads the definition from a file; without this it is `./tidegate.yaml`.
    #[must_use]
    pub fn definition_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Source::File(path.into());
        self
    }

    /// Takes the definition as YAML or JSON text; relative paths in it follow the working directory.
    #[must_use]
    pub fn definition(mut self, text: impl Into<String>) -> Self {
        self.source = Source::Text {
            text: text.into(),
            directory: PathBuf::from("."),
        };
        self
    }

    /// Takes a definition that was read before.
    #[must_use]
    pub fn loaded(mut self, loaded: Loaded) -> Self {
        self.source = Source::Loaded(Box::new(loaded));
        self
    }

    /// Sets a variable that the definition uses as `${env:NAME}`, in place of one of the environment. A definition that was read
    /// before has used its variables already.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Makes a closure the function of this name: `function:NAME` in the definition then calls it with the event that
    /// Lambda would get, and reads its output as it reads Lambda's. An error is an unhandled error of the function.
    #[must_use]
    pub fn function<F, Fut, E>(mut self, name: impl Into<String>, handler: F) -> Self
    where
        F: Fn(Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, E>> + Send + 'static,
        E: fmt::Display,
    {
        self.functions.insert(name.into(), in_process(handler));
        self
    }

    /// Runs the gateway on another clock. For tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Keeps connections in another store.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn ConnectionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Signs calls of the Lambda Invoke API and of AWS services with these credentials. Without them functions are invoked
    /// unsigned, and services are called only at `server.awsEndpoint`, unsigned too.
    #[must_use]
    pub fn aws_credentials(mut self, credentials: Credentials) -> Self {
        self.aws_credentials = Some(credentials);
        self
    }

    /// Starts the gateway; when this returns, its addresses are bound.
    ///
    /// # Errors
    /// Why it cannot start. Nothing keeps running then.
    pub async fn start(self) -> Result<Gateway, StartError> {
        let loaded = self.source.load(self.variables);
        let loaded = loaded.map_err(StartError::Definition)?;
        let in_process: Vec<_> = self.functions.keys().cloned().collect();
        let plan = settings::compile(&loaded, &in_process).map_err(StartError::Definition)?;
        let server = loaded.definition.server.clone();
        let minted = Minted::new(&server.region, &server.account_id);
        let tls = settings::tls(&server);
        let mut clients = Vec::new();
        for address in &server.listen {
            clients.push(bind(*address)?);
        }
        let admin = bind(server.admin)?;

        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let background = Background::default();
        let http = HttpClient::new(Arc::clone(&clock))?;
        let host = host_settings(&server, &minted, tls.as_ref());
        let functions = Functions::new(
            Arc::clone(&clock),
            background.tasks.clone(),
            host,
            settings::functions(&loaded.definition),
        );
        for (name, function) in self.functions {
            functions.register(name, function);
        }
        let parts = Parts {
            clock: Arc::clone(&clock),
            tasks: Tasks::new(),
            store: self.store.unwrap_or_else(|| Arc::new(MemoryStore::new())),
            backends: Backends {
                clock: Arc::clone(&clock),
                functions,
                lambda: LambdaClient::new(http.clone(), Arc::clone(&clock)),
                aws_credentials: self.aws_credentials,
                http,
                proxy: ProxyClient::new(
                    Arc::clone(&clock),
                    background.tasks.clone(),
                    background.stop.clone(),
                )?,
            },
            access_logs: AccessLogs::new(Arc::clone(&clock), background.tasks.clone()),
        };
        let services = Arc::new(Services::new(parts, minted.admit(plan)));
        let tls = tls
            .map(|tls| Tls::new(&tls, Arc::clone(&services)).map(Arc::new))
            .transpose()?;
        let usage = UsageKeeper::new(server.state_directory.clone());
        usage.begin(&services.plan(), &services, &background)?;
        let settings = ControlSettings {
            region: server.region.clone(),
            directory: server.state_directory.clone(),
            // A gateway does not start without a listener.
            clients: clients.first().map_or(server.admin, Acceptor::address),
            secure: tls.is_some(),
            in_process: in_process.clone(),
        };
        let control = Arc::new(Control::new(Arc::clone(&services), &loaded, settings)?);
        let mut gateway = Gateway {
            front: front(&services, control, &server, background.clone()),
            services,
            background,
            tls,
            minted,
            usage,
            in_process,
            clients: Vec::new(),
            admin: server.admin,
            server,
        };
        gateway.listen(clients, admin);
        Ok(gateway)
    }
}

impl Gateway {
    fn listen(&mut self, clients: Vec<Acceptor>, admin: Acceptor) {
        let sockets = settings::sockets(&self.server);
        let per_address = self
            .server
            .limits
            .connections_per_address
            .bound()
            .map(|most| most as usize);
        let capacity = Arc::new(Capacity::new(sockets, per_address));
        for acceptor in clients {
            self.clients.push(acceptor.address());
            self.run(Face::Clients, acceptor, &capacity);
        }
        self.admin = admin.address();
        let capacity = Arc::new(Capacity::new(ADMIN_SOCKETS, None));
        self.run(Face::Administration, admin, &capacity);
        let wheel = Arc::clone(&self.front.wheel);
        let clock = Arc::clone(&self.services.clock);
        let turning = wheel.turn(clock, self.background.stop.clone());
        self.background.tasks.spawn("wheel", turning);
        let sweeping = upkeep::sweep(Arc::clone(&self.services), self.background.clone());
        self.background.tasks.spawn("sweep", sweeping);
    }

    fn run(&self, face: Face, acceptor: Acceptor, capacity: &Arc<Capacity>) {
        let accepting = listener::run(
            Arc::clone(&self.front),
            face,
            acceptor,
            self.tls.clone(),
            Arc::clone(capacity),
        );
        let (tasks, _) = self.front.lifetime(face);
        tasks.spawn("listener", accepting);
    }
}

impl Source {
    fn load(self, variables: BTreeMap<String, String>) -> Result<Loaded, Vec<Diagnostic>> {
        let mut environment = environment();
        environment.extend(variables);
        let machine = Machine::new(environment);
        match self {
            Self::File(path) => definition::load(&path, &machine),
            Self::Text { text, directory } => definition::load_text(&text, &directory, &machine),
            Self::Loaded(loaded) => Ok(*loaded),
        }
    }
}

/// The environment, for `${env:NAME}` and the overrides of `server`.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn bind(address: SocketAddr) -> Result<Acceptor, StartError> {
    Acceptor::bind(address).map_err(|problem| StartError::Listen { address, problem })
}

fn front(
    services: &Arc<Services>,
    control: Arc<Control>,
    server: &Server,
    background: Background,
) -> Arc<Front> {
    // A single node: the key lives as long as the process, as its connections do.
    let mut key = [0; 32];
    rand::rng().fill_bytes(&mut key);
    let owner = Owner { slot: 0, epoch: 0 };
    let settings = FrontSettings {
        pending_handshakes: settings::pending_handshakes(server),
        trusted_proxies: server.trusted_proxies.clone(),
        admin_hosts: server.admin_hosts.clone(),
    };
    Arc::new(Front::new(
        Arc::clone(services),
        control,
        IdMint::new(&key, owner),
        Arc::new(Wheel::new()),
        Shutdown::new(),
        settings,
        background,
    ))
}

fn host_settings(server: &Server, minted: &Minted, tls: Option<&TlsSettings>) -> HostSettings {
    let mut environment = self::environment();
    // Functions find their programs and their user's files; the rest of our environment is not theirs.
    environment.retain(|name, _| PASSED_ON.contains(&name.as_str()));
    if let Some(Otherwise::Development { state_directory }) = tls.map(|tls| &tls.otherwise) {
        for (name, file) in CA_VARIABLES {
            let path = state_directory.join(file);
            let path = std::path::absolute(&path).unwrap_or(path);
            environment.insert(name.to_owned(), path.to_string_lossy().into_owned());
        }
    }
    HostSettings {
        region: server.region.clone(),
        account_id: server.account_id.clone(),
        credentials: Some(minted.credentials()),
        environment,
    }
}

fn in_process<F, Fut, E>(handler: F) -> InProcess
where
    F: Fn(Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, E>> + Send + 'static,
    E: fmt::Display,
{
    let handler = Arc::new(handler);
    Arc::new(
        move |event: Bytes| -> BoxFuture<'static, Result<Bytes, FunctionError>> {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let failed = |problem: String| FunctionError::failed("Error", problem);
                let event = serde_json::from_slice(&event)
                    .map_err(|problem| failed(problem.to_string()))?;
                let output = handler(event)
                    .await
                    .map_err(|problem| failed(problem.to_string()))?;
                let output =
                    serde_json::to_vec(&output).map_err(|problem| failed(problem.to_string()))?;
                Ok(output.into())
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn variables_stand_in_front_of_the_environment() {
        let text = r#"
server: { listen: "${env:PATH}", admin: "127.0.0.1:0" }
apis:
  api:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes: { $connect: {} }
    stages: { dev: {} }
"#;
        let builder = Gateway::builder().definition(text);
        let gateway = builder.variable("PATH", "127.0.0.1:0").start().await;
        let gateway = gateway.expect("it starts");
        assert!(gateway.address().ip().is_loopback());
        gateway.shutdown().await;
    }
}
