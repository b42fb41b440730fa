//! From the definition's words to what the parts of a gateway are made with.

use std::net::SocketAddr;

use crate::definition::{Diagnostic, Loaded, child};
use crate::function::FunctionSettings;
use crate::limit::JournalError;
use crate::model::definition::{
    Connections, ConnectionsWord, Definition, Server, Tls as TlsDefinition, TlsFiles,
};
use crate::plan::{self, Plan};
use crate::transport::tls::{Otherwise, PemFiles, TlsError, TlsSettings};

/// Descriptors that are kept back for backends, files and functions: this share of the limit, as a divisor.
const RESERVE_SHARE: u64 = 20;
const RESERVE_AT_LEAST: u64 = 64;

/// Compiles a definition and tries the files it names; `in_process` names functions that the embedding program brings.
pub(super) fn compile(loaded: &Loaded, in_process: &[String]) -> Result<Plan, Vec<Diagnostic>> {
    let compiled = plan::compile::compile(loaded, in_process);
    let unusable = tls(&loaded.definition.server).and_then(|tls| tls.try_files().err());
    match (compiled, unusable) {
        (compiled, None) => compiled,
        (compiled, Some(error)) => {
            let mut problems = compiled.err().unwrap_or_default();
            problems.push(unusable_tls(loaded, &error));
            Err(problems)
        }
    }
}

/// The functions that the gateway hosts.
pub(super) fn functions(definition: &Definition) -> Vec<FunctionSettings> {
    let functions = definition.functions.iter();
    functions
        .map(|(name, function)| FunctionSettings {
            name: name.clone(),
            command: function.command.clone(),
            handler: Some(function.handler.clone()).filter(|handler| !handler.is_empty()),
            // Functions are told it too, and start in it: relative, it would lead them astray.
            working_directory: std::path::absolute(&function.working_directory)
                .unwrap_or_else(|_| function.working_directory.clone()),
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
    let files = |files: &TlsFiles| PemFiles {
        certificate: files.certificate_file.clone(),
        key: files.key_file.clone(),
    };
    let otherwise = match server.tls.as_ref()? {
        TlsDefinition::Development(_) => Otherwise::Development {
            state_directory: server.state_directory.clone(),
        },
        TlsDefinition::Files(own) => Otherwise::Files(files(own)),
    };
    let certificates = server.certificates.iter();
    let certificates = certificates.map(|(arn, own)| (arn.clone(), files(own)));
    Some(TlsSettings {
        otherwise,
        certificates: certificates.collect(),
    })
}

/// What is wrong with the certificates, as a diagnostic.
pub(super) fn unusable_tls(loaded: &Loaded, error: &TlsError) -> Diagnostic {
    let path = match error {
        TlsError::Named { arn, .. } => child("server.certificates", arn),
        TlsError::File { .. } | TlsError::Certificate(_) => "server.tls".to_owned(),
    };
    let place = loaded.places.of(&path).cloned();
    let remedy = "write the files of a certificate chain and its private key, in PEM";
    Diagnostic::new(place, path, error.to_string(), remedy)
}

/// Why what was used of quotas cannot be kept, as a diagnostic.
pub(super) fn unusable_state(loaded: &Loaded, error: &JournalError) -> Diagnostic {
    let path = "server.stateDirectory";
    let place = loaded.places.of(path).cloned();
    let remedy = "make it a directory of this gateway's own that it may write to";
    Diagnostic::new(place, path, error.to_string(), remedy)
}

/// Unsigned calls at an address that strangers reach, as a diagnostic. The definition has been checked with the addresses
/// that it names; a running gateway may listen on others until its next start.
pub(super) fn open_to_strangers(
    loaded: &Loaded,
    clients: &[SocketAddr],
    admin: SocketAddr,
) -> Option<Diagnostic> {
    let server = &loaded.definition.server;
    let strange = |address: &SocketAddr| !address.ip().is_loopback();
    let everywhere = clients.iter().copied().chain([admin]);
    let (path, what) = if server.management_auth.is_some()
        && let Some(address) = everywhere.clone().find(strange)
    {
        let what = format!("`none` would let anyone who reaches {address} push to connections");
        ("server.managementAuth", what)
    } else if server.admin_auth.is_some() && strange(&admin) {
        let what = format!("`none` would let anyone who reaches {admin} change every API");
        ("server.adminAuth", what)
    } else {
        return None;
    };
    let place = loaded.places.of(path).cloned();
    let remedy = "restart the gateway, which still listens there";
    Some(Diagnostic::new(place, path, what, remedy))
}

/// How many sockets may be open: as the definition says, or as many as the process may hold less a reserve.
pub(super) fn sockets(server: &Server) -> usize {
    let most = match server.limits.connections {
        Connections::At(count) => u64::from(count),
        Connections::Word(ConnectionsWord::Off) => u64::MAX,
        Connections::Word(ConnectionsWord::Auto) => {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
            sockets_within(limit.current.unwrap_or(u64::MAX))
        }
    };
    usize::try_from(most).unwrap_or(usize::MAX).max(1)
}

/// How many handshakes may wait for their `$connect` at a time.
pub(super) fn pending_handshakes(server: &Server) -> usize {
    let most = server.limits.pending_handshakes.bound();
    most.map_or(usize::MAX, |most| most as usize)
}

/// How many sockets a process takes that may open so many files: the rest is kept back for backends, files and functions.
pub fn sockets_within(files: u64) -> u64 {
    files.saturating_sub((files / RESERVE_SHARE).max(RESERVE_AT_LEAST))
}

/// How many files a process must be allowed to open to take so many sockets.
pub fn files_for(sockets: u64) -> u64 {
    // The share is one of the whole, so the others are one less.
    let share = sockets.saturating_sub(1) / (RESERVE_SHARE - 1);
    sockets.saturating_add(share.max(RESERVE_AT_LEAST))
}

/// Settings that differ but cannot be changed while running.
pub(super) fn needs_restart(running: &Server, wanted: &Server) -> Vec<&'static str> {
    let differs = [
        ("listen", running.listen != wanted.listen),
        ("admin", running.admin != wanted.admin),
        ("adminHosts", running.admin_hosts != wanted.admin_hosts),
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
        (
            "limits.pendingHandshakes",
            running.limits.pending_handshakes != wanted.limits.pending_handshakes,
        ),
    ];
    differs
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::definition::{Machine, load_text};

    fn loaded(text: &str) -> Loaded {
        load_text(text, Path::new(""), &Machine::default()).unwrap()
    }

    #[test]
    fn files_for_sockets_are_just_enough() {
        for sockets in [1, 100, 1_215, 1_216, 1_217, 19_000, 1_000_000] {
            let files = files_for(sockets);
            assert!(sockets_within(files) >= sockets, "{sockets}");
            assert!(sockets_within(files - 1) < sockets, "{sockets}");
        }
        assert_eq!(
            (sockets_within(20_000), files_for(19_000)),
            (19_000, 19_999)
        );
        assert_eq!(sockets_within(10), 0);
    }

    #[test]
    fn unsigned_calls_need_that_only_this_machine_reaches_the_listeners() {
        let check = |text, client: &str, admin: &str, refused: Option<&str>| {
            let clients = [client.parse().unwrap()];
            let problem = open_to_strangers(&loaded(text), &clients, admin.parse().unwrap());
            let path = problem.map(|problem| problem.path);
            assert_eq!(path.as_deref(), refused, "{text} {client} {admin}");
        };
        let management = "server: { managementAuth: none }";
        let refused = Some("server.managementAuth");
        check(management, "127.0.0.1:1", "[::1]:1", None);
        check(management, "0.0.0.0:1", "127.0.0.1:1", refused);
        check(management, "127.0.0.1:1", "10.0.0.1:1", refused);
        let control = "server: { adminAuth: none }";
        check(control, "0.0.0.0:1", "127.0.0.1:1", None);
        check(
            control,
            "127.0.0.1:1",
            "10.0.0.1:1",
            Some("server.adminAuth"),
        );
        check("server: {}", "0.0.0.0:1", "0.0.0.0:2", None);
    }

    #[test]
    fn certificates_are_tried_with_the_rest_of_the_definition() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.pem");
        std::fs::write(&file, "not PEM").unwrap();
        let file = file.display();
        let text = format!(
            "server: {{ tls: {{ certificateFile: '{file}', keyFile: '{file}' }} }}\napis: {{ a: {{}} }}"
        );
        let problems = compile(&loaded(&text), &[]).err().unwrap();
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(
            said.iter().any(|line| line.contains("apis.a.protocolType")),
            "{said:?}"
        );
        let tls = said.last().unwrap();
        assert!(
            tls.starts_with("definition:1:") && tls.contains("server.tls: "),
            "{tls}"
        );
    }

    #[test]
    fn functions_are_told_where_they_start_whatever_their_own_place_is() {
        let text = "functions: { f: { command: [x], workingDirectory: handlers } }";
        let functions = functions(&loaded(text).definition);
        let directory = &functions[0].working_directory;
        assert!(
            directory.is_absolute() && directory.ends_with("handlers"),
            "{directory:?}"
        );
    }
}
