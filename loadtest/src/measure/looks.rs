//! What the processes of a run used at its four moments.

use std::collections::BTreeMap;

use super::process::{self, Sample, Usage};

/// The moments at which processes are looked at, in their order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Nothing is open yet.
    Before,
    /// Every connection is open; what is measured begins.
    Opened,
    /// What is measured has ended; connections are still open.
    Measured,
    /// Everything is closed.
    Closed,
}

/// The processes of a run and what each used at each moment.
#[derive(Debug, Default, Clone)]
pub struct Looks {
    /// Processes of the gateway.
    pub servers: Vec<u32>,
    /// Processes of this program.
    pub clients: Vec<u32>,
    samples: BTreeMap<(Moment, u32), Sample>,
}

impl Looks {
    /// Looks that are still to be taken.
    pub fn of(servers: &[u32]) -> Self {
        Self {
            servers: servers.to_vec(),
            clients: vec![std::process::id()],
            samples: BTreeMap::new(),
        }
    }

    /// Looks at every process. One that has ended has no sample from then on.
    pub fn take(&mut self, moment: Moment) {
        for pid in self.servers.iter().chain(&self.clients) {
            if let Ok(sample) = process::sample(*pid) {
                self.samples.insert((moment, *pid), sample);
            }
        }
    }

    /// The gateway's processes at one moment; none unless all were there.
    pub fn at(&self, moment: Moment) -> Option<Vec<Sample>> {
        let sample = |pid: &u32| self.samples.get(&(moment, *pid)).copied();
        self.servers.iter().map(sample).collect()
    }

    /// As [`Looks::at`], for this program.
    pub fn clients_at(&self, moment: Moment) -> Option<Vec<Sample>> {
        let sample = |pid: &u32| self.samples.get(&(moment, *pid)).copied();
        self.clients.iter().map(sample).collect()
    }

    /// What the gateway's processes used while it was measured.
    pub fn server_usage(&self) -> Vec<Usage> {
        self.servers.iter().map(|pid| self.usage(*pid)).collect()
    }

    /// What this program's processes used while it was measured.
    pub fn client_usage(&self) -> Vec<Usage> {
        self.clients.iter().map(|pid| self.usage(*pid)).collect()
    }

    fn usage(&self, pid: u32) -> Usage {
        let at = |moment| self.samples.get(&(moment, pid)).copied();
        Usage::between(
            pid,
            at(Moment::Opened).unwrap_or_default(),
            at(Moment::Measured),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_looked_at() {
        let own = std::process::id();
        let mut looks = Looks::of(&[own]);
        looks.take(Moment::Opened);
        looks.take(Moment::Measured);
        assert_eq!(looks.at(Moment::Before), None);
        assert_eq!(looks.at(Moment::Opened).map(|all| all.len()), Some(1));
        let usage = looks.server_usage();
        assert_eq!((usage.len(), looks.client_usage().len()), (1, 1));
        assert!(usage[0].after.is_some());
    }

    #[test]
    fn a_process_that_has_ended_has_no_sample() {
        let mut looks = Looks::of(&[u32::MAX]);
        looks.take(Moment::Opened);
        assert_eq!(looks.at(Moment::Opened), None);
        assert_eq!(looks.server_usage()[0].after, None);
    }
}
