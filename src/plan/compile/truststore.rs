//! Truststores of domain names with mutual TLS.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Bench;
use crate::definition::child;
use crate::model::definition::{Definition, Server, Truststore as WrittenTruststore};
use crate::model::v2::{DomainName, MutualTlsAuthentication};
use crate::plan::truststore::{NoTruststore, Truststore, Truststores, Versions};

/// All truststores; what is wrong with them is noted.
pub(super) fn compile(bench: &mut Bench<'_>) -> Truststores {
    let server = &bench.definition.server;
    let mut all = BTreeMap::new();
    for (uri, truststore) in &server.truststores {
        let path = child("server.truststores", uri);
        let versions = truststore.versions.iter();
        let versions = versions.map(|(version, text)| {
            let path = child(&child(&path, "versions"), version);
            (Some(version.clone()), text, path)
        });
        let plain = (None, &truststore.file, child(&path, "file"));
        let mut read = Versions::new();
        for (version, text, path) in versions.chain([plain]) {
            match Truststore::parse(text) {
                Ok(truststore) => drop(read.insert(version, Arc::new(truststore))),
                Err(what) => {
                    let remedy = "write a file with every certificate from those that sign for clients to the root, in PEM";
                    bench.scribe.problem(&path, what, remedy);
                }
            }
        }
        all.insert(uri.clone(), read);
    }
    Truststores::new(all)
}

/// Whether the definition has the truststore that a domain name wants, whatever is wrong with it.
pub(super) fn is_there(definition: &Definition, domain: &DomainName) -> bool {
    let server = &definition.server;
    let wanted = domain.mutual_tls_authentication.as_ref();
    wanted.is_some_and(|wanted| {
        let there = server.truststores.get(&wanted.truststore_uri);
        let version = wanted.truststore_version.as_ref();
        let has = |there: &WrittenTruststore| {
            version.is_none_or(|version| there.versions.contains_key(version))
        };
        server.tls.is_some() && there.is_some_and(has)
    })
}

/// The truststore that a domain name wants.
///
/// # Errors
/// There is none: the member that is wrong, what is wrong, and what can be done.
pub(super) fn find<'t>(
    server: &Server,
    truststores: &'t Truststores,
    wanted: &MutualTlsAuthentication,
) -> Result<&'t Arc<Truststore>, (&'static str, &'static str, &'static str)> {
    const URI: &str = "truststoreUri";
    if server.tls.is_none() {
        let what = "TLS is off, so that no client can show a certificate";
        return Err((
            URI,
            what,
            "turn it on with `server.tls`, and add the file to `server.truststores`",
        ));
    }
    let version = wanted.truststore_version.as_deref();
    let found = truststores.find(&wanted.truststore_uri, version);
    found.map_err(|none| match none {
        NoTruststore::Uri => (
            URI,
            "there is no such truststore",
            "add its file to `server.truststores`",
        ),
        NoTruststore::Version => (
            "truststoreVersion",
            "the truststore has no such version",
            "add its file to `versions` in `server.truststores`, or leave this out",
        ),
    })
}
