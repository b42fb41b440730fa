//! What all sockets of the gateway share.

use std::net::IpAddr;
use std::sync::Arc;

use connection_store::IdMint;
use ipnet::IpNet;
use tokio::sync::Semaphore;

use crate::base::tasks::{Shutdown, Tasks};
use crate::control::Control;
use crate::pipeline::Services;
use crate::transport::edge::Face;
use crate::transport::ws::wheel::Wheel;

/// Settings of the sockets' side.
#[derive(Debug, Clone)]
pub struct FrontSettings {
    /// Handshakes that may wait for their `$connect` at a time.
    pub pending_handshakes: usize,
    /// Networks whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Hosts that the administration listener answers to besides its own, without a port.
    pub admin_hosts: Vec<String>,
}

/// What serves no client: its tasks, and the signal that ends them when all else has ended.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// The tasks.
    pub tasks: Tasks,
    /// Thrown last of all.
    pub stop: Shutdown,
}

/// What all sockets share.
#[derive(Debug)]
pub struct Front {
    /// The live capabilities.
    pub services: Arc<Services>,
    /// Answers on the administration listener.
    pub control: Arc<Control>,
    /// Gives out connection ids.
    pub mint: IdMint,
    /// Deadlines of open connections.
    pub wheel: Arc<Wheel>,
    /// Thrown when the gateway stops: nothing new is accepted.
    pub stop: Shutdown,
    /// Places for handshakes whose `$connect` has not answered.
    pub handshakes: Arc<Semaphore>,
    settings: FrontSettings,
    background: Background,
}

impl Front {
    /// A front for these services.
    pub fn new(
        services: Arc<Services>,
        control: Arc<Control>,
        mint: IdMint,
        wheel: Arc<Wheel>,
        stop: Shutdown,
        settings: FrontSettings,
        background: Background,
    ) -> Self {
        let places = settings.pending_handshakes.min(Semaphore::MAX_PERMITS);
        Self {
            services,
            control,
            mint,
            wheel,
            stop,
            handshakes: Arc::new(Semaphore::new(places)),
            settings,
            background,
        }
    }

    /// The tasks that serve a listener's sockets, and the signal that ends them.
    ///
    /// Operators are served until all else has ended: they want to watch a gateway drain.
    pub fn lifetime(&self, face: Face) -> (&Tasks, &Shutdown) {
        match face {
            Face::Clients => (&self.services.tasks, &self.stop),
            Face::Administration => (&self.background.tasks, &self.background.stop),
        }
    }

    /// The client's address: the peer's, or the right-most one in `X-Forwarded-For` that no trusted proxy owns.
    pub fn source_ip(&self, peer: IpAddr, forwarded_for: Option<&str>) -> IpAddr {
        let peer = peer.to_canonical();
        let mut nearest = peer;
        if !self.trusts(peer) {
            return peer;
        }
        let hops = forwarded_for.into_iter().flat_map(|hops| hops.rsplit(','));
        for hop in hops {
            let Ok(address) = hop.trim().parse::<IpAddr>() else {
                break;
            };
            nearest = address.to_canonical();
            if !self.trusts(nearest) {
                break;
            }
        }
        nearest
    }

    /// Whether the administration listener was told to answer to this host, given without a port.
    pub fn administers(&self, host: &str) -> bool {
        let hosts = &self.settings.admin_hosts;
        hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether that address belongs to a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let proxies = &self.settings.trusted_proxies;
        proxies.iter().any(|network| network.contains(&address))
    }
}
