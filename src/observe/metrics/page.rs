//! The text that Prometheus reads: families of samples, each family with what it is in front.
//!
//! Source: Prometheus documentation, "Exposition formats", version 0.0.4.

use std::fmt::{Display, Write as _};

/// Media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// Counts by upper bound, with sum and number.
    Histogram,
}

/// A page that is being written.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Begins a family; its samples follow at once.
    pub fn family(&mut self, name: &str, help: &str, kind: Kind) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.0.push_str("# HELP ");
        self.0.push_str(name);
        self.0.push(' ');
        escape(help, &['\\', '\n'], &mut self.0);
        self.0.push_str("\n# TYPE ");
        self.0.push_str(name);
        self.0.push(' ');
        self.0.push_str(kind);
        self.0.push('\n');
    }

    /// One number of the family. `suffix` is what a histogram's samples have behind their name.
    pub fn sample(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[(&str, &str)],
        value: impl Display,
    ) {
        self.0.push_str(name);
        self.0.push_str(suffix);
        for (position, (label, value)) in labels.iter().enumerate() {
            self.0.push(if position == 0 { '{' } else { ',' });
            self.0.push_str(label);
            self.0.push_str("=\"");
            escape(value, &['\\', '\n', '"'], &mut self.0);
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        // Writing to a string cannot fail.
        writeln!(self.0, " {value}").ok();
    }

    /// A family of one number without labels.
    pub fn number(&mut self, (name, help): (&str, &str), kind: Kind, value: impl Display) {
        self.family(name, help, kind);
        self.sample(name, "", &[], value);
    }

    /// The text so far.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Adds `text` with a backslash in front of each of these characters; a line end becomes `\n`.
fn escape(text: &str, special: &[char], out: &mut String) {
    for character in text.chars() {
        if special.contains(&character) {
            out.push('\\');
        }
        out.push(match character {
            '\n' if special.contains(&'\n') => 'n',
            other => other,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_written_as_documented() {
        let mut page = Page::default();
        page.family("requests_total", "How many: a\\b\nc \"d\".", Kind::Counter);
        page.sample("requests_total", "", &[("route", "GET /a\"b\\c\nd")], 3);
        page.sample("requests_total", "", &[("route", ""), ("stage", "ä")], 0);
        page.family("time", "Time.", Kind::Histogram);
        page.sample("time", "_bucket", &[("le", "+Inf")], 1);
        page.sample("time", "_sum", &[], 0.25);
        page.number(("open", "Open."), Kind::Gauge, 7);
        let expected = concat!(
            "# HELP requests_total How many: a\\\\b\\nc \"d\".\n",
            "# TYPE requests_total counter\n",
            "requests_total{route=\"GET /a\\\"b\\\\c\\nd\"} 3\n",
            "requests_total{route=\"\",stage=\"ä\"} 0\n",
            "# HELP time Time.\n",
            "# TYPE time histogram\n",
            "time_bucket{le=\"+Inf\"} 1\n",
            "time_sum 0.25\n",
            "# HELP open Open.\n",
            "# TYPE open gauge\n",
            "open 7\n",
        );
        assert_eq!(page.into_text(), expected);
    }
}
