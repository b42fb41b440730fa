//! The moments of a run, at which its processes are looked at.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::measure::{Looks, Moment};

/// A worker's word that it has come to a moment, and whom to tell that all others have too.
pub type Arrived = (Moment, oneshot::Sender<()>);

/// Who looks at the processes when a scenario reaches a moment.
#[derive(Debug, Clone)]
pub enum Moments {
    /// This process: it is the only one.
    Alone(Arc<Mutex<Looks>>),
    /// The process that started this one, when every worker has come this far.
    Worker(mpsc::Sender<Arrived>),
    /// Nobody: the whole, of which this run is a part, has moments of its own.
    Part,
}

impl Moments {
    /// Moments at which this process looks at itself and at `servers`.
    pub fn alone(servers: &[u32]) -> Self {
        Moments::Alone(Arc::new(Mutex::new(Looks::of(servers))))
    }

    /// Returns when the processes have been looked at.
    pub async fn reach(&self, moment: Moment) {
        match self {
            Moments::Alone(looks) => lock(looks).take(moment),
            Moments::Worker(arrivals) => {
                let (sender, looked) = oneshot::channel();
                // Whoever started this process may have ended; then the wish to stop comes as well.
                if arrivals.send((moment, sender)).await.is_ok() {
                    looked.await.ok();
                }
            }
            Moments::Part => {}
        }
    }

    /// What was seen; nothing if another process looks.
    pub fn looks(&self) -> Looks {
        match self {
            Moments::Alone(looks) => lock(looks).clone(),
            Moments::Worker(_) | Moments::Part => Looks::default(),
        }
    }

    /// Adds processes of this program that are to be looked at.
    pub fn add_clients(&self, pids: &[u32]) {
        if let Moments::Alone(looks) = self {
            lock(looks).clients.extend(pids);
        }
    }
}

fn lock(looks: &Mutex<Looks>) -> MutexGuard<'_, Looks> {
    looks.lock().unwrap_or_else(PoisonError::into_inner)
}
