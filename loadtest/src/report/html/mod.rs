//! The result as a page that needs nothing but a browser: no script, no font, no network.

mod chart;

use serde_json::{Map, Value};

use chart::{Chart, Series, Unit, time_axis};

const STYLE: &str = include_str!("style.css");

/// The page of one result.
///
/// # Errors
///
/// The value is no result of this program.
pub fn page(result: &Value) -> Result<String, String> {
    let text = |name: &str| result.get(name).and_then(Value::as_str);
    let scenario = text("scenario").ok_or("no result of loadtest: it names no scenario")?;
    let title = text("name").unwrap_or(scenario);
    let url = result.pointer("/config/url").and_then(Value::as_str);
    let passed = result.get("passed").and_then(Value::as_bool);
    let verdict = if passed == Some(true) {
        "passed"
    } else {
        "failed"
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title} <span class=\"{verdict}\">{verdict}</span></h1>\n\
         <p>{scenario} {} · {} · {}</p>\n",
        escape(url.unwrap_or_default()),
        escape(text("started_at").unwrap_or_default()),
        escape(text("tool").unwrap_or_default()),
        title = escape(title),
        scenario = escape(scenario),
    );
    let problems = result.get("problems").and_then(Value::as_array);
    for problem in problems.into_iter().flatten().filter_map(Value::as_str) {
        put(
            &mut page,
            format!("<p class=\"problem\">{}</p>\n", escape(problem)),
        );
    }
    page += "<div class=\"charts\">\n";
    for chart in charts(result) {
        page += &chart.html();
    }
    page += "</div>\n";
    page += &latency_table(result);
    for (title, pointer) in [
        ("Connections", "/connections"),
        ("Counts", "/counts"),
        ("Errors", "/errors"),
        ("Details", "/details"),
        ("Options", "/config"),
    ] {
        page += &table(title, result.pointer(pointer));
    }
    Ok(page + "</html>\n")
}

/// Text as HTML shows it.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

fn put(page: &mut String, text: String) {
    page.push_str(&text);
}

fn charts(result: &Value) -> Vec<Chart> {
    let Some(timeline) = result.get("timeline") else {
        return Vec::new();
    };
    let seconds: Vec<f64> = column(timeline, "seconds").into_iter().flatten().collect();
    let (ticks, labels) = time_axis(&seconds);
    let over_time = |title: &str, unit: Unit, series: Vec<Series>| Chart {
        title: title.to_owned(),
        unit,
        places: seconds.clone(),
        ticks: ticks.clone(),
        labels: labels.clone(),
        series,
    };
    let lines = |names: &[(&str, &str)]| -> Vec<Series> {
        let line = |(name, title): &(&str, &str)| Series {
            name: (*title).to_owned(),
            values: column(timeline, name),
        };
        names.iter().map(line).collect()
    };
    let latency = [
        ("p50_us", "p50"),
        ("p99_us", "p99"),
        ("p99_9_us", "p99.9"),
        ("max_us", "max"),
    ];
    let rates = [
        ("sent_per_second", "sent"),
        ("received_per_second", "received"),
        ("errors_per_second", "errors"),
    ];
    let mut memory = servers(timeline, "rss_bytes", "server");
    memory.extend(servers(timeline, "rss_anon_bytes", "user space of server"));
    memory.extend(lines(&[("client_bytes", "loadtest")]));
    vec![
        over_time("Latency", Unit::Micros, lines(&latency)),
        percentiles(result),
        over_time("Messages a second", Unit::Number, lines(&rates)),
        over_time(
            "Open connections",
            Unit::Number,
            lines(&[("connections", "open")]),
        ),
        over_time(
            "Connects a second",
            Unit::Number,
            lines(&[("connects_per_second", "connects")]),
        ),
        over_time("Memory", Unit::Bytes, memory),
        over_time("CPUs", Unit::Number, servers(timeline, "cores", "server")),
        over_time(
            "Open files",
            Unit::Number,
            servers(timeline, "open_files", "server"),
        ),
        over_time(
            "Threads",
            Unit::Number,
            servers(timeline, "threads", "server"),
        ),
    ]
}

/// One line for each of the gateway's processes.
fn servers(timeline: &Value, name: &str, title: &str) -> Vec<Series> {
    let all = timeline.get("servers").and_then(Value::as_array);
    let line = |server: &Value| Series {
        name: format!("{title} {}", server.get("pid").unwrap_or(&Value::Null)),
        values: column(server, name),
    };
    all.into_iter().flatten().map(line).collect()
}

fn column(table: &Value, name: &str) -> Vec<Option<f64>> {
    let values = table.get(name).and_then(Value::as_array);
    values.into_iter().flatten().map(Value::as_f64).collect()
}

/// Every latency at ever higher percentiles: each mark halves, then tenths, what is slower.
fn percentiles(result: &Value) -> Chart {
    let curves = result.get("curves_us").and_then(Value::as_object);
    let pairs = |curve: &Value| -> Vec<(f64, f64)> {
        serde_json::from_value(curve.clone()).unwrap_or_default()
    };
    let curves: Vec<(&String, Vec<(f64, f64)>)> = curves
        .into_iter()
        .flatten()
        .map(|(name, curve)| (name, pairs(curve)))
        .filter(|(_, curve)| !curve.is_empty())
        .collect();
    let names: Vec<f64> = curves.first().map_or_else(Vec::new, |(_, curve)| {
        curve.iter().map(|(percentile, _)| *percentile).collect()
    });
    let place = |percentile: f64| -((1.0 - percentile / 100.0).max(1e-6)).log10();
    let shown = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 100.0];
    let label = |percentile: &f64| format!("p{percentile}");
    Chart {
        title: "Percentiles".to_owned(),
        unit: Unit::Micros,
        places: names.iter().map(|p| place(*p)).collect(),
        ticks: shown.iter().map(|p| (place(*p), label(p))).collect(),
        labels: names.iter().map(label).collect(),
        series: curves
            .into_iter()
            .map(|(name, curve)| Series {
                name: name.clone(),
                values: curve.into_iter().map(|(_, micros)| Some(micros)).collect(),
            })
            .collect(),
    }
}

fn latency_table(result: &Value) -> String {
    let columns = ["count", "min", "mean", "p50", "p90", "p99", "p99_9", "max"];
    let mut html = String::from("<table><caption>Latency</caption><tr><th>");
    for name in columns {
        put(&mut html, format!("<th>{}", name.replace('_', ".")));
    }
    let latencies = result.get("latency_us").and_then(Value::as_object);
    for (name, summary) in latencies.into_iter().flatten() {
        put(&mut html, format!("<tr><th>{}", escape(name)));
        for column in columns {
            let value = summary
                .get(column)
                .and_then(Value::as_f64)
                .unwrap_or_default();
            let unit = if column == "count" {
                Unit::Number
            } else {
                Unit::Micros
            };
            put(&mut html, format!("<td>{}", unit.text(value)));
        }
    }
    html + "</table>\n"
}

fn table(title: &str, members: Option<&Value>) -> String {
    let mut rows = String::new();
    if let Some(members) = members.and_then(Value::as_object) {
        add_rows(&mut rows, "", members);
    }
    if rows.is_empty() {
        return rows;
    }
    format!("<table><caption>{title}</caption>{rows}</table>\n")
}

fn add_rows(rows: &mut String, prefix: &str, members: &Map<String, Value>) {
    for (name, value) in members {
        let name = format!("{prefix}{name}");
        match value {
            Value::Null => {}
            Value::Object(members) => add_rows(rows, &format!("{name} "), members),
            Value::String(text) => put(rows, row(&name, text)),
            other => put(rows, row(&name, &other.to_string())),
        }
    }
}

fn row(name: &str, value: &str) -> String {
    format!("<tr><th>{}<td>{}\n", escape(name), escape(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_holds_everything_and_reaches_for_nothing() {
        let result = json!({
            "tool": "loadtest", "scenario": "echo", "name": "<script>", "passed": false,
            "problems": ["3 <lost>"], "started_at": "2026-11-21T14:00:00Z",
            "config": {"url": "ws://h/?a&b", "rate": null, "max_p99": 0.5},
            "counts": {"sent": 3}, "errors": {"reset": 1}, "details": {"statuses": {"200": 7}},
            "latency_us": {"reply": {"count": 3, "p50": 12.0, "p99_9": 2000.0}},
            "curves_us": {"reply": [[0.0, 1.0], [50.0, 12.0], [100.0, 3000.0]]},
            "timeline": {
                "seconds": [0.5, 1.0], "connections": [1, 2], "p50_us": [10.0, null], "max_us": [10.0, 20.0],
                "servers": [{"pid": 7, "rss_bytes": [1000, null], "cores": [0.5, 0.5]}],
            },
        });
        let page = page(&result).unwrap();
        for part in [
            "&lt;script&gt;",
            "failed",
            "3 &lt;lost&gt;",
            "statuses 200<td>7",
            "server 7",
            "2 ms",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        for figure in [
            "Latency",
            "Percentiles",
            "Open connections",
            "Memory",
            "CPUs",
        ] {
            assert!(
                page.contains(&format!("<figure><figcaption>{figure}")),
                "{figure}"
            );
        }
        for absent in ["<script", "http:", "https:", "src=", "@import", "Threads"] {
            assert!(!page.contains(absent), "{absent}");
        }
    }

    #[test]
    fn what_is_no_result_is_refused() {
        assert!(page(&json!({"a": 1})).is_err());
        assert!(page(&json!([])).is_err());
    }
}
