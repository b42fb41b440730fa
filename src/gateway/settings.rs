//! From the definition's words to what the parts of a gateway are made with.

use crate::definition::{Diagnostic, Loaded};
use crate::function::FunctionSettings;
use crate::model::definition::{
    Connections, ConnectionsWord, Definition, Server, Tls as TlsDefinition,
};
use crate::plan::{self, Plan};
use crate::transport::tls::{TlsError, TlsSettings};

/// Descriptors that are kept back for backends, files and functions: this share of the limit, as a divisor.
const RESERVE_SHARE: u64 = 20;
const RESERVE_AT_LEAST: u64 = 64;

/// Compiles a definition; `in_process` names functions that the embedding program brings.
pub(super) fn compile(loaded: &Loaded, in_process: &[String]) -> Result<Plan, Vec<Diagnostic>> {
    plan::compile::compile(loaded, in_process)
}

/// The functions that the gateway hosts.
pub(super) fn functions(definition: &Definition) -> Vec<FunctionSettings> {
    let functions = definition.functions.iter();
    functions
        .map(|(name, function)| FunctionSettings {
            name: name.clone(),
            command: function.command.clone(),
            handler: Some(function.handler.clone()).filter(|handler| !handler.is_empty()),
            working_directory: function.working_directory.clone(),
            environment: function
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
                .collect(),
            timeout: function.timeout,
            memory_size: function.memory_size,
            reserved_concurrency: function.reserved_concurrency as usize,
        })
        .collect()
}

/// Where certificates come from, if TLS is on.
pub(super) fn tls(server: &Server) -> Option<TlsSettings> {
    server.tls.as_ref().map(|tls| match tls {
        TlsDefinition::Development(_) => TlsSettings::Development {
            state_directory: server.state_directory.clone(),
        },
        TlsDefinition::Files(files) => TlsSettings::Files {
            certificate: files.certificate_file.clone(),
            key: files.key_file.clone(),
        },
    })
}

/// A TLS problem found while reloading, as a diagnostic.
pub(super) fn unusable_tls(error: &TlsError) -> Diagnostic {
    Diagnostic {
        place: None,
        path: "server.tls".to_owned(),
        what: error.to_string(),
        remedy: "mend the files; the old certificates stay in use".to_owned(),
    }
}

/// How many sockets may be open: as the definition says, or as many as the process may hold less a reserve.
pub(super) fn sockets(server: &Server) -> usize {
    let most = match server.limits.connections {
        Connections::At(count) => u64::from(count),
        Connections::Word(ConnectionsWord::Off) => u64::MAX,
        Connections::Word(ConnectionsWord::Auto) => {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
            let files = limit.current.unwrap_or(u64::MAX);
            files.saturating_sub((files / RESERVE_SHARE).max(RESERVE_AT_LEAST))
        }
    };
    usize::try_from(most).unwrap_or(usize::MAX).max(1)
}

/// Settings that differ but cannot be changed while running.
pub(super) fn needs_restart(running: &Server, wanted: &Server) -> Vec<&'static str> {
    let differs = [
        ("listen", running.listen != wanted.listen),
        ("admin", running.admin != wanted.admin),
        ("tls", running.tls.is_some() != wanted.tls.is_some()),
        ("region", running.region != wanted.region),
        ("accountId", running.account_id != wanted.account_id),
        (
            "stateDirectory",
            running.state_directory != wanted.state_directory,
        ),
        (
            "trustedProxies",
            running.trusted_proxies != wanted.trusted_proxies,
        ),
        (
            "shutdownTimeout",
            running.shutdown_timeout != wanted.shutdown_timeout,
        ),
        (
            "limits.connections",
            running.limits.connections != wanted.limits.connections
                || running.limits.connections_per_address != wanted.limits.connections_per_address,
        ),
    ];
    differs
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
}
