//! Line charts as inline SVG.

use std::fmt::Write as _;

use super::escape;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;
/// Colors of lines in the style sheet, `c0` and so on.
const COLORS: usize = 9;

/// What the values of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Times, drawn on a logarithmic scale.
    Micros,
    Bytes,
    Number,
}

/// One line.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) values: Vec<Option<f64>>,
}

/// A chart: all lines have a value for each place on the horizontal axis.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) unit: Unit,
    pub(super) places: Vec<f64>,
    /// What is written under which place.
    pub(super) ticks: Vec<(f64, String)>,
    /// How a place is called when the pointer is on it.
    pub(super) labels: Vec<String>,
    pub(super) series: Vec<Series>,
}

impl Chart {
    /// The chart as HTML; nothing when there is nothing to draw.
    pub(super) fn html(&self) -> String {
        let drawn = |series: &&Series| series.values.iter().flatten().next().is_some();
        let series: Vec<&Series> = self.series.iter().filter(drawn).collect();
        if series.is_empty() || self.places.len() < 2 {
            return String::new();
        }
        let axis = Axis::over(self.unit, series.iter().copied());
        let mut svg = format!("<figure><figcaption>{}", escape(&self.title));
        for (number, one) in series.iter().enumerate() {
            let (name, color) = (escape(&one.name), number % COLORS);
            write!(svg, " <span class=\"key c{color}\">{name}</span>").expect("a String takes it");
        }
        write!(
            svg,
            "</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escape(&self.title)
        )
        .expect("a String takes it");
        self.draw_axes(&mut svg, &axis);
        for (number, one) in series.iter().enumerate() {
            let (path, color) = (self.path(one, &axis), number % COLORS);
            write!(svg, "<path class=\"c{color}\" d=\"{path}\"/>").expect("a String takes it");
        }
        self.draw_hints(&mut svg, &series);
        svg + "</svg></figure>\n"
    }

    fn draw_axes(&self, svg: &mut String, axis: &Axis) {
        for value in axis.ticks() {
            let y = axis.y(value);
            write!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                self.unit.text(value)
            )
            .expect("a String takes it");
        }
        for (place, label) in &self.ticks {
            let x = self.x(*place).min(WIDTH - RIGHT - 6.0);
            write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - 8.0,
                escape(label)
            )
            .expect("a String takes it");
        }
    }

    /// A line that is interrupted where there is no value.
    fn path(&self, series: &Series, axis: &Axis) -> String {
        let mut path = String::new();
        let mut pen = 'M';
        for (place, value) in self.places.iter().zip(&series.values) {
            let Some(value) = value else {
                pen = 'M';
                continue;
            };
            let (x, y) = (self.x(*place), axis.y(*value));
            // A point between two gaps is still a dot: the line's ends are round.
            write!(path, "{pen}{x:.1} {y:.1}h0").expect("a String takes it");
            pen = 'L';
        }
        path
    }

    /// Invisible columns that tell their values when the pointer rests on them.
    fn draw_hints(&self, svg: &mut String, series: &[&Series]) {
        let width = (WIDTH - LEFT - RIGHT) / self.places.len() as f64;
        for (number, (place, label)) in self.places.iter().zip(&self.labels).enumerate() {
            let mut text = label.clone();
            for one in series {
                if let Some(Some(value)) = one.values.get(number) {
                    let value = self.unit.text(*value);
                    write!(text, "\n{}: {value}", one.name).expect("a String takes it");
                }
            }
            write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{TOP}\" width=\"{width:.2}\" height=\"{}\"><title>{}</title></rect>",
                self.x(*place) - width / 2.0,
                HEIGHT - TOP - BOTTOM,
                escape(&text)
            )
            .expect("a String takes it");
        }
    }

    fn x(&self, place: f64) -> f64 {
        let first = self.places.first().copied().unwrap_or_default();
        let last = self.places.last().copied().unwrap_or_default();
        let span = (last - first).max(f64::MIN_POSITIVE);
        LEFT + (place - first) / span * (WIDTH - LEFT - RIGHT)
    }
}

/// The vertical axis: logarithmic for times, else from zero.
#[derive(Debug)]
struct Axis {
    logarithmic: bool,
    low: f64,
    high: f64,
    /// What marks are round multiples of.
    scale: f64,
}

impl Axis {
    fn over<'a>(unit: Unit, series: impl Iterator<Item = &'a Series>) -> Self {
        let values = series.flat_map(|one| one.values.iter().flatten().copied());
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values {
            low = low.min(value);
            high = high.max(value);
        }
        if unit == Unit::Micros {
            let low = low.max(0.1).log10().floor();
            let high = high.max(1.0).log10().ceil().max(low + 1.0);
            return Self {
                logarithmic: true,
                low,
                high,
                scale: 1.0,
            };
        }
        Self {
            logarithmic: false,
            low: 0.0,
            high: if high > 0.0 { high * 1.05 } else { 1.0 },
            scale: match unit {
                Unit::Bytes if high >= 1_073_741_824.0 => 1_073_741_824.0,
                Unit::Bytes if high >= 1_048_576.0 => 1_048_576.0,
                Unit::Bytes => 1024.0,
                Unit::Micros | Unit::Number => 1.0,
            },
        }
    }

    fn y(&self, value: f64) -> f64 {
        let value = if self.logarithmic {
            value.max(0.1).log10()
        } else {
            value
        };
        let part = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let (low, high) = (self.low as i32, self.high as i32);
            return (low..=high).map(|power| 10_f64.powi(power)).collect();
        }
        let step = step(self.high / 4.0 / self.scale) * self.scale;
        (0..=5)
            .map(|n| f64::from(n) * step)
            .filter(|value| *value <= self.high)
            .collect()
    }
}

/// The next of 1, 2, 5, 10, 20… that is not below `least`.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-9).log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let fits = factors.iter().find(|factor| power * **factor >= least);
    power * fits.copied().unwrap_or(10.0)
}

impl Unit {
    /// A value as a person reads it.
    pub(super) fn text(self, value: f64) -> String {
        let scaled = |value: f64, unit: &str| {
            let digits = if value >= 100.0 || value.fract() == 0.0 {
                0
            } else {
                1
            };
            format!("{value:.digits$}{unit}")
        };
        match self {
            Unit::Micros if value >= 1e6 => scaled(value / 1e6, " s"),
            Unit::Micros if value >= 1e3 => scaled(value / 1e3, " ms"),
            Unit::Micros => scaled(value, " µs"),
            Unit::Bytes if value >= 1_073_741_824.0 => scaled(value / 1_073_741_824.0, " GiB"),
            Unit::Bytes if value >= 1_048_576.0 => scaled(value / 1_048_576.0, " MiB"),
            Unit::Bytes => scaled(value / 1024.0, " KiB"),
            Unit::Number if value >= 1e6 => scaled(value / 1e6, " M"),
            Unit::Number if value >= 1e4 => scaled(value / 1e3, " k"),
            Unit::Number if value < 10.0 && value.fract() != 0.0 => format!("{value:.2}"),
            Unit::Number => scaled(value, ""),
        }
    }
}

/// Places, ticks and labels of a time axis.
pub(super) fn time_axis(seconds: &[f64]) -> (Vec<(f64, String)>, Vec<String>) {
    let first = seconds.first().copied().unwrap_or_default();
    let last = seconds.last().copied().unwrap_or_default();
    let step = step((last - first) / 8.0);
    let ticks = (0..=10)
        .map(|n| (first / step).ceil() * step + f64::from(n) * step)
        .filter(|second| *second <= last)
        .map(|second| (second, format!("{} s", Unit::Number.text(second))))
        .collect();
    let labels = seconds
        .iter()
        .map(|second| format!("{second:.1} s"))
        .collect();
    (ticks, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: Vec<Option<f64>>) -> Chart {
        let places: Vec<f64> = (0..values.len()).map(|n| n as f64).collect();
        let (ticks, labels) = time_axis(&places);
        Chart {
            title: "a <b>".to_owned(),
            unit: Unit::Micros,
            places,
            ticks,
            labels,
            series: vec![Series {
                name: "p99".to_owned(),
                values,
            }],
        }
    }

    #[test]
    fn values_become_a_line() {
        let html = chart(vec![Some(10.0), None, Some(1000.0), Some(100.0)]).html();
        assert!(
            html.contains("a &lt;b&gt;") && !html.contains("<b>"),
            "{html}"
        );
        assert_eq!(html.matches("<path").count(), 1);
        // Ten is at the bottom, a thousand at the top, and the gap interrupts.
        assert!(html.contains("d=\"M72.0 214.0h0M"), "{html}");
        assert!(html.contains(" 10.0h0L"), "{html}");
        assert!(html.contains("<title>2.0 s\np99: 1 ms</title>"), "{html}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(chart(vec![]).html(), "");
        assert_eq!(chart(vec![Some(1.0)]).html(), "");
        assert_eq!(chart(vec![None, None]).html(), "");
    }

    #[test]
    fn values_are_readable() {
        let check = |unit: Unit, value: f64, text: &str| assert_eq!(unit.text(value), text);
        check(Unit::Micros, 0.5, "0.5 µs");
        check(Unit::Micros, 250.0, "250 µs");
        check(Unit::Micros, 2500.0, "2.5 ms");
        check(Unit::Micros, 12e6, "12 s");
        check(Unit::Bytes, 3_367.0, "3.3 KiB");
        check(Unit::Bytes, 11.0 * 1_048_576.0, "11 MiB");
        check(Unit::Number, 0.25, "0.25");
        check(Unit::Number, 1000.0, "1000");
        check(Unit::Number, 65_000.0, "65 k");
        assert_eq!(
            (step(0.3), step(3.0), step(25.0), step(100.0)),
            (0.5, 5.0, 50.0, 100.0)
        );
    }
}
