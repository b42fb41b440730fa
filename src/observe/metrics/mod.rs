//! Metrics with Amazon's names and dimensions, for Prometheus.
//!
//! The numbers live here, outside of the plan, so that a new definition does not set them to zero. Which series there are
//! follows from the plan in force: a stage has one for all of its events, and one more for each route with
//! `detailedMetricsEnabled`. A stage that is gone keeps its series while it has connections, and then until the next
//! definition comes: series are bounded by what definitions say, not by how many of them there were.
//!
//! Counting an event takes no lock and no allocation. We keep the numbers ourselves because the client libraries either
//! lock a histogram when it is written to or keep every observation until the next scrape.

mod cells;
mod page;
pub mod process;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use foldhash::{HashMap, HashSet};
use http::StatusCode;

pub use page::{CONTENT_TYPE, Kind, Page};

use self::cells::Cells;
use super::names::{
    API_ID, Apis, BUCKETS, Counter, Name, OPEN_CONNECTIONS, REASON, ROUTE, STAGE, STRAY_REQUESTS,
    Stray, Timer,
};
use crate::exchange::{Event, Exchange, Phase};
use crate::plan::stage::{Protocol, Stage};

/// The metrics of this process.
#[derive(Debug)]
pub struct Metrics {
    rows: usize,
    table: ArcSwap<Table>,
    strays: [AtomicU64; Stray::ALL.len()],
}

/// Series by API and stage.
#[derive(Debug, Clone, Default)]
struct Table(HashMap<Arc<str>, Arc<ApiSeries>>);

/// The series of one API's stages.
type ApiSeries = HashMap<Arc<str>, Arc<StageSeries>>;

/// The series of one stage.
#[derive(Debug)]
struct StageSeries {
    /// Whose they are: as long as it is the same, so are they.
    stage: Arc<Stage>,
    apis: Apis,
    connections: Arc<AtomicU64>,
    /// Of everything that has no series of its own.
    rest: Arc<Cells>,
    /// Of routes with detailed metrics, by key.
    routes: HashMap<Arc<str>, Arc<Cells>>,
}

impl Metrics {
    /// No series yet.
    pub fn new() -> Self {
        Self {
            rows: cells::rows(),
            table: ArcSwap::default(),
            strays: Default::default(),
        }
    }

    /// Keeps series for these stages and no others; `stages` may be asked more than once. Numbers that are there stay.
    pub fn cover<'s>(&self, stages: impl Iterator<Item = &'s Arc<Stage>> + Clone) {
        self.table.rcu(|before| {
            let mut table = Table::clone(before);
            let mut count = 0;
            for stage in stages.clone() {
                count += 1;
                let (api, name) = (&stage.api.id, &stage.name);
                let known = before.stage(api, name);
                if !known.is_some_and(|known| Arc::ptr_eq(&known.stage, stage)) {
                    let series = Arc::new(self.series(stage, known));
                    let of_api = table.0.entry(Arc::clone(api)).or_default();
                    Arc::make_mut(of_api).insert(Arc::clone(name), series);
                }
            }
            if table.0.values().map(|of_api| of_api.len()).sum::<usize>() > count {
                table.keep(stages.clone());
            }
            table
        });
    }

    fn series(&self, stage: &Arc<Stage>, before: Option<&StageSeries>) -> StageSeries {
        let apis = match stage.api.protocol {
            Protocol::WebSocket { .. } => Apis::WebSocket,
            Protocol::Http => Apis::Http,
        };
        let before = before.filter(|before| before.apis == apis);
        let or_new = |known: Option<&Arc<Cells>>| match known {
            Some(known) => Arc::clone(known),
            None => Arc::new(Cells::new(self.rows)),
        };
        let routes = stage.routes.all().into_iter();
        let detailed = routes.filter(|route| route.detailed_metrics);
        StageSeries {
            stage: Arc::clone(stage),
            apis,
            connections: before.map_or_else(Arc::default, |before| Arc::clone(&before.connections)),
            rest: or_new(before.map(|before| &before.rest)),
            routes: detailed
                .map(|route| {
                    let known = before.and_then(|before| before.routes.get(&route.key));
                    (Arc::clone(&route.key), or_new(known))
                })
                .collect(),
        }
    }

    /// Counts an exchange that has ended; `replies` are messages for the client that came of it.
    pub fn concluded(&self, exchange: &Exchange, replies: u64) {
        let table = self.table.load();
        let (api, stage) = (&exchange.stage.api.id, &exchange.stage.name);
        let Some(series) = table.stage(api, stage) else {
            return;
        };
        let route = exchange.context.route_key.as_deref();
        let cells = series.cells(route);
        match exchange.event {
            Event::Http => of_request(cells, exchange),
            Event::Connect | Event::Message { .. } | Event::Disconnect { .. } => {
                of_connection(cells, exchange, replies);
            }
        }
        if let Some(latency) = exchange.context.integration.latency {
            cells.observe(Timer::IntegrationLatency, latency);
        }
        let authorizer = &exchange.context.authorizer;
        match (authorizer.latency, authorizer.status) {
            (Some(latency), _) => cells.observe(Timer::AuthorizerLatency, latency),
            (None, Some(_)) => cells.add(Counter::AuthorizerCacheHits, 1),
            (None, None) => {}
        }
        let error = exchange.context.error.as_ref();
        if error.is_some_and(|error| error.status == StatusCode::TOO_MANY_REQUESTS) {
            cells.add(Counter::Throttled, 1);
        }
    }

    /// Counts something that came of no exchange: a push.
    pub fn count(&self, api: &str, stage: &str, counter: Counter) {
        if let Some(series) = self.table.load().stage(api, stage) {
            series.rest.add(counter, 1);
        }
    }

    /// Counts a request that met no stage.
    pub fn stray(&self, reason: Stray) {
        if let Some(count) = self.strays.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a connection as open until what this returns is dropped.
    pub fn opened(&self, api: &str, stage: &str) -> OpenConnection {
        let table = self.table.load();
        let open = table.stage(api, stage);
        let open = open.map(|series| Arc::clone(&series.connections));
        if let Some(open) = &open {
            open.fetch_add(1, Ordering::Relaxed);
        }
        OpenConnection(open)
    }

    /// Writes every family.
    pub fn expose(&self, page: &mut Page) {
        let table = self.table.load();
        let all = table.sorted();
        for counter in Counter::ALL {
            let name = counter.name();
            page.family(name.name, name.help, Kind::Counter);
            for series in all.iter().filter(|series| series.has(name)) {
                page.sample(
                    name.name,
                    "",
                    &series.labels(),
                    series.cells.count(*counter),
                );
            }
        }
        for timer in Timer::ALL {
            let name = timer.name();
            page.family(name.name, name.help, Kind::Histogram);
            for series in all.iter().filter(|series| series.has(name)) {
                expose_timer(page, name.name, series, *timer);
            }
        }
        let (name, help) = OPEN_CONNECTIONS;
        page.family(name, help, Kind::Gauge);
        for series in &all {
            if let Some(open) = series.connections {
                page.sample(name, "", &series.labels(), open);
            }
        }
        let (name, help) = STRAY_REQUESTS;
        page.family(name, help, Kind::Counter);
        for (reason, count) in Stray::ALL.iter().zip(&self.strays) {
            let count = count.load(Ordering::Relaxed);
            page.sample(name, "", &[(REASON, reason.label())], count);
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A connection that counts as open.
#[derive(Debug)]
pub struct OpenConnection(Option<Arc<AtomicU64>>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if let Some(open) = &self.0 {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// AWS: every request counts, whoever answered it.
fn of_request(cells: &Cells, exchange: &Exchange) {
    cells.add(Counter::Count, 1);
    match exchange.context.status {
        Some(400..=499) => cells.add(Counter::Status4xx, 1),
        Some(500..=599) => cells.add(Counter::Status5xx, 1),
        _ => {}
    }
    if let Some(latency) = exchange.timeline.latency() {
        cells.observe(Timer::Latency, latency);
    }
    cells.add(Counter::DataProcessed, exchange.context.data_processed());
}

/// AWS: what the gateway refused is a client's error, what it could not do its own; what an integration answered is neither.
fn of_connection(cells: &Cells, exchange: &Exchange, replies: u64) {
    match exchange.event {
        Event::Connect if exchange.timeline.entered(Phase::Integrate) => {
            cells.add(Counter::ConnectCount, 1);
        }
        Event::Message { .. } => cells.add(Counter::MessageCount, 1 + replies),
        Event::Connect | Event::Disconnect { .. } | Event::Http => {}
    }
    let context = &exchange.context;
    match (&context.error, context.integration.status) {
        (Some(error), _) if error.status.is_client_error() => cells.add(Counter::ClientError, 1),
        (Some(_), _) => cells.add(Counter::ExecutionError, 1),
        (None, Some(400..)) => cells.add(Counter::IntegrationError, 1),
        (None, _) => {}
    }
}

fn expose_timer(page: &mut Page, name: &str, series: &Series<'_>, timer: Timer) {
    let spread = series.cells.spread(timer);
    let bounds = BUCKETS.iter().map(|(bound, _)| *bound);
    for (bound, up_to) in bounds.chain(["+Inf"]).zip(spread.up_to) {
        let mut labels = series.labels();
        labels.push(("le", bound));
        page.sample(name, "_bucket", &labels, up_to);
    }
    let labels = series.labels();
    page.sample(name, "_sum", &labels, spread.seconds());
    page.sample(name, "_count", &labels, spread.count());
}

/// One series on its way to the page.
struct Series<'a> {
    api: &'a str,
    stage: &'a str,
    route: Option<&'a str>,
    apis: Apis,
    cells: &'a Cells,
    /// The number of open connections, in the series of a stage of a WebSocket API.
    connections: Option<u64>,
}

impl Series<'_> {
    fn has(&self, name: Name) -> bool {
        name.apis == Apis::Both || name.apis == self.apis
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        let mut labels = vec![(API_ID, self.api), (STAGE, self.stage)];
        labels.extend(self.route.map(|route| (ROUTE, route)));
        labels
    }
}

impl Table {
    fn stage(&self, api: &str, stage: &str) -> Option<&StageSeries> {
        self.0.get(api)?.get(stage).map(Arc::as_ref)
    }

    /// Forgets the series of all other stages.
    fn keep<'s>(&mut self, stages: impl Iterator<Item = &'s Arc<Stage>>) {
        let mut kept: HashMap<&str, HashSet<&str>> = HashMap::default();
        for stage in stages {
            kept.entry(&stage.api.id).or_default().insert(&stage.name);
        }
        self.0.retain(|api, of_api| {
            let Some(names) = kept.get(&**api) else {
                return false;
            };
            if of_api.keys().any(|name| !names.contains(&**name)) {
                Arc::make_mut(of_api).retain(|name, _| names.contains(&**name));
            }
            true
        });
    }

    /// Every series, ordered by its labels.
    fn sorted(&self) -> Vec<Series<'_>> {
        let mut all = Vec::new();
        for (api, stages) in &self.0 {
            for (stage, of_stage) in stages.iter() {
                let series = |route, cells, connections| Series {
                    api,
                    stage,
                    route,
                    apis: of_stage.apis,
                    cells,
                    connections,
                };
                let open = of_stage.connections.load(Ordering::Relaxed);
                let open = (of_stage.apis == Apis::WebSocket).then_some(open);
                all.push(series(None, &of_stage.rest, open));
                let routes = of_stage.routes.iter();
                all.extend(routes.map(|(key, cells)| series(Some(&**key), &**cells, None)));
            }
        }
        all.sort_by(|a, b| (a.api, a.stage, a.route).cmp(&(b.api, b.stage, b.route)));
        all
    }
}

impl StageSeries {
    fn cells(&self, route: Option<&str>) -> &Cells {
        let detailed = route.filter(|_| !self.routes.is_empty());
        let detailed = detailed.and_then(|route| self.routes.get(route));
        detailed.unwrap_or(&self.rest)
    }
}
