//! What is measured, remembered and told to the pages. No sockets in here.

use std::collections::{BTreeSet, VecDeque};
use std::f64::consts::TAU;

use serde_json::{Value, json};

/// How many samples a chart shows: two minutes.
const HISTORY: usize = 120;
/// From one high tide to the next, in seconds. The sea takes 44 714.
const TIDE: f64 = 150.0;

/// The values of one moment, in the order of [`Board::metrics`].
type Values = [f64; 4];

struct Metric {
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    /// Beyond this, people want to know.
    threshold: f64,
}

/// Everything that the pages show.
pub(crate) struct Board {
    metrics: [Metric; 4],
    history: VecDeque<(u64, Values)>,
    watchers: BTreeSet<String>,
    /// Calls that got through to the backend since the last sample.
    calls: u32,
}

impl Board {
    /// A board whose tide has been watched for a while when it starts.
    pub(crate) fn new(now: u64) -> Self {
        let metric = |name, title, unit, threshold| Metric {
            name,
            title,
            unit,
            threshold,
        };
        let mut board = Self {
            metrics: [
                metric("level", "Water level", "m", 3.0),
                metric("flow", "Flow through the gate", "m³/s", 45.0),
                metric("calls", "REST calls that got through", "/s", 6.0),
                metric("sockets", "Open sockets", "", 3.0),
            ],
            history: VecDeque::new(),
            watchers: BTreeSet::new(),
            calls: 0,
        };
        for second in (1..HISTORY as u64).rev() {
            board.measure(now.saturating_sub(second * 1000), 0);
        }
        board
    }

    /// Takes one sample, `now` being in milliseconds since 1970, and says what to tell the watchers.
    pub(crate) fn sample(&mut self, now: u64, sockets: usize) -> Value {
        let before = self.values();
        let values = self.measure(now, sockets);
        let mut alerts = Vec::new();
        for (metric, (value, before)) in self.metrics.iter().zip(values.iter().zip(before)) {
            let beyond = *value > metric.threshold;
            if beyond != (before > metric.threshold) {
                alerts.push(json!({
                    "metric": metric.name, "beyond": beyond, "value": value, "threshold": metric.threshold,
                }));
            }
        }
        json!({ "type": "sample", "at": now, "values": values, "alerts": alerts })
    }

    /// Level and flow are made up; calls and sockets are those of this very process.
    fn measure(&mut self, now: u64, sockets: usize) -> Values {
        let seconds = now as f64 / 1000.0;
        let tide = (seconds / TIDE * TAU).sin();
        let waves = (seconds / 3.1).sin() * 0.04 + (seconds / 1.7).cos() * 0.03;
        let ebb = (seconds / TIDE * TAU).cos().abs();
        let values = [
            round(2.0 + 1.3 * tide + waves),
            round((12.0 + 30.0 * ebb + 40.0 * waves).max(0.0)),
            f64::from(std::mem::take(&mut self.calls)),
            sockets as f64,
        ];
        self.history.push_back((now, values));
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
        values
    }

    fn values(&self) -> Values {
        self.history.back().map_or([0.0; 4], |(_, values)| *values)
    }

    /// A call got through.
    pub(crate) fn count(&mut self) {
        self.calls += 1;
    }

    /// The metrics as they are now.
    pub(crate) fn metrics(&self) -> Value {
        let values = self.values();
        let list = self.metrics.iter().zip(values).map(|(metric, value)| {
            json!({
                "name": metric.name, "title": metric.title, "unit": metric.unit, "value": value,
                "threshold": metric.threshold,
            })
        });
        json!({ "metrics": list.collect::<Vec<_>>() })
    }

    /// Moves a threshold; gives what to tell the watchers, or status and text of a refusal.
    pub(crate) fn set_threshold(
        &mut self,
        name: &str,
        body: &Value,
        by: &str,
    ) -> Result<Value, (u16, &'static str)> {
        let metric = self.metrics.iter_mut().find(|metric| metric.name == name);
        let metric = metric.ok_or((404, "There is no such metric."))?;
        let wanted = body["threshold"].as_f64();
        let wanted = wanted.filter(|value| (0.0..=1000.0).contains(value));
        let threshold = wanted.ok_or((400, "A threshold is a number from 0 to 1000."))?;
        metric.threshold = threshold;
        Ok(json!({ "type": "threshold", "metric": name, "threshold": threshold, "by": by }))
    }

    /// The history as comma-separated values, for spreadsheets.
    pub(crate) fn report(&self) -> String {
        let names = self.metrics.iter().map(|metric| metric.name);
        let mut text = format!("at,{}\n", names.collect::<Vec<_>>().join(","));
        for (at, values) in &self.history {
            let values = values.map(|value| value.to_string());
            text.push_str(&format!("{at},{}\n", values.join(",")));
        }
        text
    }

    /// A page wants to be told from now on; gives what it has missed.
    pub(crate) fn watch(&mut self, connection: &str) -> Value {
        self.watchers.insert(connection.to_owned());
        let history = self.history.iter();
        let samples = history.map(|(at, values)| json!({ "at": at, "values": values }));
        json!({
            "type": "history", "metrics": self.metrics()["metrics"], "samples": samples.collect::<Vec<_>>(),
        })
    }

    /// A page is gone.
    pub(crate) fn forget(&mut self, connection: &str) {
        self.watchers.remove(connection);
    }

    /// Who wants to be told.
    pub(crate) fn watchers(&self) -> Vec<String> {
        self.watchers.iter().cloned().collect()
    }
}

/// Two decimals are enough for a chart.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
