//! How a run went, moment after moment: what the charts are drawn from.

use serde::Serialize;

use super::process::Sample;

/// Points kept; when there are more, neighbours are joined and the timeline goes on half as fine.
const MAX_POINTS: usize = 1200;

/// One interval of a run. Counts are of the interval, the rest is as it was at its end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// End of the interval, in seconds since the start.
    pub at: f64,
    /// Length of the interval, in seconds.
    pub length: f64,
    /// Connections that are open.
    pub connections: u64,
    /// Connections opened.
    pub connected: u64,
    /// Messages or requests sent.
    pub sent: u64,
    /// Replies, receipts or answers.
    pub received: u64,
    /// Failures.
    pub errors: u64,
    /// Median, 99th and 99.9th percentile and longest of the main latency, in microseconds; absent when nothing
    /// was received. Of joined intervals the longest is kept.
    pub latency: Option<[f64; 4]>,
    /// The gateway's processes, in the order of their ids on the command line; absent once one has ended.
    pub servers: Vec<Option<Sample>>,
    /// CPUs each of them kept busy.
    pub cores: Vec<f64>,
    /// User-space memory of this program, all its processes together, in bytes.
    pub client_bytes: u64,
}

impl Point {
    fn join(&mut self, later: Point) {
        let cores = self.cores.iter().zip(&later.cores);
        let length = self.length + later.length;
        let mean = |(a, b): (&f64, &f64)| (a * self.length + b * later.length) / length;
        let cores = cores.map(mean).collect();
        let latency = match (self.latency, later.latency) {
            (Some(mut a), Some(b)) => {
                a.iter_mut().zip(b).for_each(|(a, b)| *a = a.max(b));
                Some(a)
            }
            (a, b) => a.or(b),
        };
        *self = Point {
            length,
            connected: self.connected + later.connected,
            sent: self.sent + later.sent,
            received: self.received + later.received,
            errors: self.errors + later.errors,
            latency,
            cores,
            ..later
        };
    }
}

/// The points of a run, bounded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    points: Vec<Point>,
    /// Intervals that make one point.
    stride: usize,
    /// Intervals in the last point.
    filled: usize,
}

impl Timeline {
    /// Adds the next interval.
    pub fn push(&mut self, point: Point) {
        self.stride = self.stride.max(1);
        match self.points.last_mut() {
            Some(last) if self.filled < self.stride => {
                last.join(point);
                self.filled += 1;
            }
            _ => {
                self.points.push(point);
                self.filled = 1;
            }
        }
        if self.points.len() > MAX_POINTS {
            self.halve();
        }
    }

    /// Adds the last interval. A short one is joined to the one before, as its rates would say little.
    pub fn finish(&mut self, point: Point) {
        match self.points.last_mut() {
            Some(last) if point.length < last.length / 2.0 => last.join(point),
            _ => self.push(point),
        }
    }

    /// The points so far, the last of which may still grow.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    fn halve(&mut self) {
        let mut joined: Vec<Point> = Vec::with_capacity(MAX_POINTS);
        for (number, point) in std::mem::take(&mut self.points).into_iter().enumerate() {
            match joined.last_mut() {
                Some(last) if number % 2 == 1 => last.join(point),
                _ => joined.push(point),
            }
        }
        // The newest point has no neighbour yet: it is the one too many, and their number is odd.
        self.stride *= 2;
        self.points = joined;
    }

    /// The timeline as the result has it: one list for each value.
    pub fn columns(&self, pids: &[u32]) -> Columns {
        let each = |value: fn(&Point) -> f64| self.points.iter().map(value).collect();
        let latency = |place: usize| {
            let value = |point: &Point| point.latency.and_then(|all| all.get(place).copied());
            self.points.iter().map(value).collect()
        };
        let server = |(place, pid): (usize, &u32)| self.server(place, *pid);
        Columns {
            seconds: each(|p| rounded(p.at)),
            connections: each(|p| p.connections as f64),
            connects_per_second: each(|p| per_second(p, p.connected)),
            sent_per_second: each(|p| per_second(p, p.sent)),
            received_per_second: each(|p| per_second(p, p.received)),
            errors_per_second: each(|p| per_second(p, p.errors)),
            p50_us: latency(0),
            p99_us: latency(1),
            p99_9_us: latency(2),
            max_us: latency(3),
            client_bytes: each(|p| p.client_bytes as f64),
            servers: pids.iter().enumerate().map(server).collect(),
        }
    }

    fn server(&self, place: usize, pid: u32) -> ServerColumns {
        let each = |value: fn(&Sample) -> Option<u64>| {
            let sample = |point: &Point| point.servers.get(place).copied().flatten();
            let value = |point| sample(point).as_ref().and_then(value);
            self.points.iter().map(value).collect()
        };
        let cores = |point: &Point| point.cores.get(place).copied().unwrap_or_default();
        ServerColumns {
            pid,
            rss_bytes: each(|sample| Some(sample.rss_bytes)),
            rss_anon_bytes: each(|sample| Some(sample.rss_anon_bytes)),
            open_files: each(|sample| sample.open_files),
            threads: each(|sample| Some(sample.threads)),
            cores: self.points.iter().map(|p| rounded(cores(p))).collect(),
        }
    }
}

/// The timeline in the result: lists of the same length.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it, and Point says more")]
pub struct Columns {
    pub seconds: Vec<f64>,
    pub connections: Vec<f64>,
    pub connects_per_second: Vec<f64>,
    pub sent_per_second: Vec<f64>,
    pub received_per_second: Vec<f64>,
    pub errors_per_second: Vec<f64>,
    pub p50_us: Vec<Option<f64>>,
    pub p99_us: Vec<Option<f64>>,
    pub p99_9_us: Vec<Option<f64>>,
    pub max_us: Vec<Option<f64>>,
    pub client_bytes: Vec<f64>,
    pub servers: Vec<ServerColumns>,
}

/// One of the gateway's processes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it, and Sample says more")]
pub struct ServerColumns {
    pub pid: u32,
    pub rss_bytes: Vec<Option<u64>>,
    pub rss_anon_bytes: Vec<Option<u64>>,
    pub open_files: Vec<Option<u64>>,
    pub threads: Vec<Option<u64>>,
    pub cores: Vec<f64>,
}

fn per_second(point: &Point, count: u64) -> f64 {
    if point.length > 0.0 {
        rounded(count as f64 / point.length)
    } else {
        0.0
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(points: usize) -> Timeline {
        let mut timeline = Timeline::default();
        for number in 1..=points {
            timeline.push(Point {
                at: number as f64,
                length: 1.0,
                connections: number as u64,
                received: 1,
                latency: Some([number as f64; 4]),
                ..Point::default()
            });
        }
        timeline
    }

    #[test]
    fn nothing_is_lost_when_points_are_joined() {
        for points in [1, 2, MAX_POINTS, MAX_POINTS + 1, MAX_POINTS + 2, 10_001] {
            let timeline = filled(points);
            let kept = timeline.points();
            assert!(kept.len() <= MAX_POINTS, "{points}");
            assert_eq!(kept.iter().map(|p| p.received).sum::<u64>(), points as u64);
            let length: f64 = kept.iter().map(|p| p.length).sum();
            assert_eq!(length, points as f64);
            let last = kept.last().unwrap();
            assert_eq!((last.at, last.connections), (points as f64, points as u64));
            assert_eq!(last.latency, Some([points as f64; 4]));
        }
    }

    #[test]
    fn columns_have_one_length() {
        let columns = filled(3).columns(&[7]);
        assert_eq!(columns.seconds, [1.0, 2.0, 3.0]);
        assert_eq!(columns.received_per_second, [1.0, 1.0, 1.0]);
        assert_eq!(columns.p99_us, [Some(1.0), Some(2.0), Some(3.0)]);
        assert_eq!(columns.servers[0].rss_bytes, [None, None, None]);
        assert_eq!(columns.servers[0].pid, 7);
    }
}
