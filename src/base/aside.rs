//! Work that may block or take its time, on threads that give way to whoever serves clients.

use std::thread;

use tokio::sync::oneshot;
use tracing::error;

/// By how much such a thread is nicer than the others: on a busy machine it gets about a quarter of what one of them gets, and none
/// of them waits until it has done.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Does `work` on a thread of its own, which callers bound the number of. It is done even when nobody waits for it any more.
///
/// # Errors
/// It panicked, or there is no thread to be had; the log says so.
pub async fn aside<T, W>(name: &'static str, work: W) -> Result<T, Undone>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    let (done, waiting) = oneshot::channel();
    let thread = thread::Builder::new().name(name.to_owned());
    let started = thread.spawn(move || {
        give_way();
        // Whoever waited may have gone.
        done.send(work()).ok();
    });
    if let Err(problem) = started {
        error!(%problem, thread = name, "a thread does not start");
        return Err(Undone);
    }
    waiting.await.map_err(|_| {
        error!(thread = name, "a thread panicked");
        Undone
    })
}

/// Work has not been done to its end.
#[derive(Debug, thiserror::Error)]
#[error("the work was not done")]
pub struct Undone;

/// Where threads cannot be told apart by the scheduler, they stay as they are.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(problem) = rustix::process::nice(NICER) {
        tracing::debug!(%problem, "a thread cannot be made to give way");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_aside() {
        let here = thread::current().id();
        let there = aside("test", || thread::current().id()).await.unwrap();
        assert_ne!(here, there);
    }

    #[tokio::test]
    async fn a_panic_is_told() {
        assert!(aside("test", || panic!("on purpose")).await.is_err());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn others_go_first() {
        let niceness = || rustix::process::nice(0).unwrap();
        let before = niceness();
        assert_eq!(aside("test", niceness).await.unwrap(), before + NICER);
        assert_eq!(niceness(), before);
    }
}
