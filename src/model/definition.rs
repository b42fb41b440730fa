//! The definition file around its APIs: server, credentials, functions.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::v1::{ApiKey, UsagePlan};
use super::v2::{Api, DomainName, VpcLink};
use super::{Limit, Secret};

/// A whole definition.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// The process itself.
    pub server: Server,
    /// Who may sign requests.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// Functions that the gateway runs itself, by name.
    pub functions: BTreeMap<String, Function>,
    /// APIs by id.
    pub apis: BTreeMap<String, Api>,
    /// API keys by id.
    pub api_keys: BTreeMap<String, ApiKey>,
    /// Usage plans by id.
    pub usage_plans: BTreeMap<String, UsagePlan>,
    /// Custom domain names.
    pub domain_names: BTreeMap<String, DomainName>,
    /// VPC links by id.
    pub vpc_links: BTreeMap<String, VpcLink>,
}

/// The `server` section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// Where clients connect; at least one address.
    pub listen: Vec<SocketAddr>,
    /// Where `/livez`, `/readyz` and `/metrics` answer, and whatever clients may ask for.
    pub admin: SocketAddr,
    /// Host names and addresses that the administration listener answers to besides its own.
    pub admin_hosts: Vec<String>,
    /// TLS on the listeners of clients, if any.
    pub tls: Option<Tls>,
    /// Certificates of domain names, by the ARN that these know them by.
    pub certificates: BTreeMap<String, TlsFiles>,
    /// Targets of private backends, as `HOST:PORT` with attributes behind a `?`, by what integrations through VPC links name.
    pub upstreams: Arc<BTreeMap<String, Vec<String>>>,
    /// Truststores of domain names, by the URI that these know them by.
    pub truststores: BTreeMap<String, Truststore>,
    /// Region in ARNs, host names and signatures.
    pub region: String,
    /// Twelve digits, in ARNs and events.
    pub account_id: String,
    /// What must survive a restart.
    pub state_directory: PathBuf,
    /// Limits over all APIs together.
    pub limits: ServerLimits,
    /// Where Lambda ARNs are invoked, in place of [`Self::aws_endpoint`] and the region's endpoint; an http or https URL without a final slash.
    pub lambda_endpoint: Option<String>,
    /// Where AWS services are called, in place of the region's endpoints; of the same form.
    pub aws_endpoint: Option<String>,
    /// Whether `@connections` may be called without a signature.
    pub management_auth: Option<Auth>,
    /// Whether the control plane may be called without a signature.
    pub admin_auth: Option<Auth>,
    /// Networks whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a stop may take.
    pub shutdown_timeout: Duration,
}

/// `server.tls`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Tls {
    /// A certificate of the development CA.
    Development(Development),
    /// A certificate of the user's own.
    Files(TlsFiles),
}

/// The word `development`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Development {
    /// The word `development`.
    Development,
}

/// A certificate chain and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate_file: PathBuf,
    /// The private key of the leaf.
    pub key_file: PathBuf,
}

/// One of `server.truststores`: certificates in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Truststore {
    /// What is there without a version.
    pub file: String,
    /// What is there by version.
    pub versions: BTreeMap<String, String>,
}

/// `server.limits`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerLimits {
    /// Requests per second.
    pub request_rate: Limit<f64>,
    /// Requests at once above the rate.
    pub request_burst: Limit<u32>,
    /// New WebSocket connections per second.
    pub connect_rate: Limit<f64>,
    /// Open connections.
    pub connections: Connections,
    /// Open connections from one source address.
    pub connections_per_address: Limit<u32>,
    /// Handshakes that wait for their `$connect` at a time.
    pub pending_handshakes: Limit<u32>,
}

/// `server.limits.connections`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Connections {
    /// A word.
    Word(ConnectionsWord),
    /// So many.
    At(u32),
}

/// A word in place of a number of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionsWord {
    /// The open-file limit less a reserve.
    Auto,
    /// As many as come.
    Off,
}

/// `server.managementAuth` and `server.adminAuth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Anyone on this machine may call.
    None,
}

/// One of `credentials`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token that must come with the key.
    pub session_token: Option<Secret>,
    /// The IAM user; the access key id when absent.
    pub user_name: Option<String>,
    /// An IAM policy document; everything on this gateway when absent.
    pub policy: Option<Value>,
}

/// One of `functions`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Function {
    /// The program and its arguments; at least the program.
    pub command: Vec<String>,
    /// Becomes `_HANDLER`; empty when absent.
    #[serde(default)]
    pub handler: String,
    /// Where the program starts.
    pub working_directory: PathBuf,
    /// Further environment variables.
    pub environment: BTreeMap<String, Secret>,
    /// How long one event may take.
    pub timeout: Duration,
    /// Told to the function, in MB.
    pub memory_size: u32,
    /// Processes kept at most.
    pub reserved_concurrency: u32,
}
