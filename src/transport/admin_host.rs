//! Which hosts the administration listener answers to.
//!
//! A page in an operator's browser may come from a name whose owner makes it lead to this machine (DNS rebinding): to the browser
//! the listener is then that page's own server. Such a request names the stranger's host; nothing else tells it apart.

use std::net::IpAddr;

use http::{Request, StatusCode};

use crate::transport::arrival;
use crate::transport::edge::{self, Answer};
use crate::transport::front::Front;
use crate::transport::http::Socket;

const MISDIRECTED: &str = "the administration listener does not answer to this host: use localhost or the address it listens on, \
                           or name the host in server.adminHosts";

/// Refuses a request that names no host (400), or one that is not the listener's (421).
pub(super) fn refuse<B>(front: &Front, socket: &Socket, request: &Request<B>) -> Option<Answer> {
    let Some(host) = arrival::host(request) else {
        return Some(edge::message(StatusCode::BAD_REQUEST, "Bad Request"));
    };
    let own = is_own(&host, socket.local.ip())
        || front.administers(without_port(&host))
        || front.services.plan().domains.find(&host).is_some();
    (!own).then(|| edge::message(StatusCode::MISDIRECTED_REQUEST, MISDIRECTED))
}

/// Whether a host, with or without a port, is this machine's to whoever names it: `localhost` and names below it (RFC 6761
/// section 6.3), a loopback address, or the address that the client reached.
fn is_own(host: &str, reached: IpAddr) -> bool {
    let name = without_port(host);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        let address = address.to_canonical();
        return address.is_loopback() || address == reached.to_canonical();
    }
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_no_other() {
        let check = |host: &str, reached: &str, expected: bool| {
            let own = is_own(host, reached.parse().unwrap());
            assert_eq!(own, expected, "{host} at {reached}");
        };
        check("localhost", "10.0.0.1", true);
        check("a.b.localhost:1", "10.0.0.1", true);
        check("127.0.0.2:1", "10.0.0.1", true);
        check("[::1]", "10.0.0.1", true);
        check("10.0.0.1:8081", "10.0.0.1", true);
        check("10.0.0.1", "::ffff:10.0.0.1", true);
        check("[fd00::1]:1", "fd00::1", true);
        check("[fd00:0::1]", "fd00::1", true);
        check("10.0.0.2", "10.0.0.1", false);
        check("[fd00::2]", "fd00::1", false);
        check("notlocalhost", "127.0.0.1", false);
        check("localhost.evil.example", "127.0.0.1", false);
        check("2130706433", "127.0.0.1", false);
        check("0.0.0.0", "127.0.0.1", false);
    }
}
