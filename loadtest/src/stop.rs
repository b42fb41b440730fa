//! The wish to end early: set once by Ctrl-C, seen by every loop of a run.

use tokio::sync::watch;

/// Sets the wish; kept by whoever listens for signals.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<bool>);

/// Sees the wish. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A connected pair, not yet asked to stop.
pub fn pair() -> (StopSwitch, Stop) {
    let (sender, receiver) = watch::channel(false);
    (StopSwitch(sender), Stop(receiver))
}

impl StopSwitch {
    /// Asks every holder of the other half to end. Asking twice is the same as asking once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether the run was asked to end.
    pub fn requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the run is asked to end; never if the switch is gone without having been used.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
