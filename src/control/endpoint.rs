//! The address of an API that answers tell: one that works.

use std::net::SocketAddr;

use super::shown::Protocol;

/// Where clients connect, as callers can reach it.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    secure: bool,
    /// Host and port.
    pub(super) authority: String,
}

impl Endpoint {
    /// The listener of clients, for somebody who has reached the gateway by the name `host`.
    pub(super) fn new(clients: SocketAddr, secure: bool, host: &str) -> Self {
        let authority = match clients.ip().is_unspecified() {
            true => format!("{}:{}", name(host), clients.port()),
            false => clients.to_string(),
        };
        Self { secure, authority }
    }

    /// The same without the port.
    pub(super) fn host(&self) -> &str {
        name(&self.authority)
    }

    /// The scheme of an API's address.
    pub(super) fn scheme(&self, protocol: Option<Protocol>) -> &'static str {
        match (protocol, self.secure) {
            (Some(Protocol::WebSocket), false) => "ws",
            (Some(Protocol::WebSocket), true) => "wss",
            (_, false) => "http",
            (_, true) => "https",
        }
    }
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_everywhere_is_where_the_caller_found_it() {
        let check = |clients: &str, host, expected| {
            let endpoint = Endpoint::new(clients.parse().unwrap(), false, host);
            assert_eq!(endpoint.authority, expected);
        };
        check("127.0.0.1:8080", "gateway.test:8081", "127.0.0.1:8080");
        check("0.0.0.0:8080", "gateway.test:8081", "gateway.test:8080");
        check("[::]:8080", "[::1]:8081", "[::1]:8080");
        check("0.0.0.0:8080", "gateway.test", "gateway.test:8080");
    }
}
