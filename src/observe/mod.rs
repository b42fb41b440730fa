//! What is told about exchanges afterwards.

pub mod access_log;
pub mod metrics;
pub mod names;

use std::sync::Arc;

use self::access_log::AccessLogs;
use self::metrics::{Kind, Metrics, Page, process};
use crate::base::clock::{Clock, EpochMillis};

/// Everyone who is told about exchanges.
#[derive(Debug)]
pub struct Observers {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Access logs.
    pub access_logs: Arc<AccessLogs>,
    /// Metrics.
    pub metrics: Metrics,
    started: EpochMillis,
}

impl Observers {
    /// Observers that have seen nothing yet.
    pub fn new(clock: Arc<dyn Clock>, access_logs: AccessLogs) -> Self {
        Self {
            started: clock.wall(),
            clock,
            access_logs: Arc::new(access_logs),
            metrics: Metrics::new(),
        }
    }

    /// The page that Prometheus reads.
    pub fn page(&self) -> String {
        let mut page = Page::default();
        self.metrics.expose(&mut page);
        let logs = &self.access_logs;
        page.number(names::ACCESS_LOG_LINES_WAITING, Kind::Gauge, logs.waiting());
        page.number(names::ACCESS_LOG_LINES_LOST, Kind::Counter, logs.lost());
        process::expose(&mut page, self.started);
        page.into_text()
    }
}
