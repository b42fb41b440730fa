//! `compare`: two or more results side by side, as ratios to the first.

use serde_json::Value;

/// What is compared: the row's name, where its value is, and whether more is better.
const ROWS: [(&str, &str, Better); 12] = [
    ("operations/s", "/operations_per_second", Better::More),
    (
        "CPU µs an operation",
        "/servers/0/cpu_us_per_operation",
        Better::Less,
    ),
    ("main p50 µs", "/latency_us/MAIN/p50", Better::Less),
    ("main p90 µs", "/latency_us/MAIN/p90", Better::Less),
    ("main p99 µs", "/latency_us/MAIN/p99", Better::Less),
    ("main p99.9 µs", "/latency_us/MAIN/p99_9", Better::Less),
    ("connect p50 µs", "/latency_us/connect/p50", Better::Less),
    ("connect p99 µs", "/latency_us/connect/p99", Better::Less),
    (
        "user bytes a connection",
        "/details/user_bytes_per_connection",
        Better::Less,
    ),
    ("bytes/s", "/details/bytes_per_second", Better::More),
    ("lost", "/counts/lost", Better::Less),
    ("connections failed", "/connections/failed", Better::Less),
];

/// Which direction is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Better {
    More,
    Less,
}

/// The table of results, each with its name; ratios are to the first.
///
/// # Errors
///
/// There are fewer than two, or they are not of the same scenario.
pub fn table(results: &[(String, Value)]) -> Result<String, String> {
    let [(first_name, first), others @ ..] = results else {
        return Err("nothing to compare".to_owned());
    };
    if others.is_empty() {
        return Err("one result alone cannot be compared".to_owned());
    }
    let scenario = |result: &Value| {
        result
            .get("scenario")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let expected = scenario(first).ok_or(format!("{first_name}: no result of loadtest"))?;
    for (name, other) in others {
        let found = scenario(other).ok_or(format!("{name}: no result of loadtest"))?;
        if found != expected {
            return Err(format!("{name} is of {found}, {first_name} of {expected}"));
        }
    }
    let mut lines = vec![header(results)];
    for (title, pointer, better) in ROWS {
        if let Some(base) = value(first, pointer) {
            lines.push(row(title, base, better, pointer, others));
        }
    }
    Ok(aligned(&lines))
}

fn header(results: &[(String, Value)]) -> Vec<String> {
    let mut cells = vec![String::new()];
    for (number, (name, _)) in results.iter().enumerate() {
        cells.push(name.clone());
        if number > 0 {
            cells.push("ratio".to_owned());
        }
    }
    cells
}

fn row(
    title: &str,
    base: f64,
    better: Better,
    pointer: &str,
    others: &[(String, Value)],
) -> Vec<String> {
    let mut cells = vec![title.to_owned(), shown(base)];
    for (_, other) in others {
        let value = value(other, pointer);
        cells.push(value.map_or("–".to_owned(), shown));
        cells.push(value.map_or("–".to_owned(), |value| ratio(value, base, better)));
    }
    cells
}

/// The value at a pointer in which `MAIN` stands for the first latency.
fn value(result: &Value, pointer: &str) -> Option<f64> {
    let latencies = result.get("latency_us")?.as_object()?;
    let (main, _) = latencies.iter().next()?;
    result.pointer(&pointer.replace("MAIN", main))?.as_f64()
}

/// A ratio, marked where it is worse by more than the noise of a machine.
fn ratio(value: f64, base: f64, better: Better) -> String {
    if base == 0.0 {
        return if value == 0.0 { "=" } else { "–" }.to_owned();
    }
    let ratio = value / base;
    let worse = match better {
        Better::More => ratio < 0.95,
        Better::Less => ratio > 1.05,
    };
    format!("{ratio:.2}{}", if worse { " worse" } else { "" })
}

fn shown(value: f64) -> String {
    if value.fract() == 0.0 || value >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|cells| cells.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for cells in lines {
        for (number, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let padded = if number == 0 {
                format!("{cell:<width$}")
            } else {
                format!("  {cell:>width$}")
            };
            text.push_str(&padded);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(scenario: &str, rate: f64, p99: f64) -> Value {
        json!({
            "scenario": scenario,
            "operations_per_second": rate,
            "latency_us": {"reply": {"p50": 10.0, "p99": p99}, "connect": {"p50": 1.0}},
            "servers": [],
            "counts": {"lost": 0},
        })
    }

    #[test]
    fn ratios_are_to_the_first() {
        let results = [
            ("a".to_owned(), result("echo", 1000.0, 50.0)),
            ("b".to_owned(), result("echo", 500.5, 25.0)),
        ];
        let table = table(&results).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["a", "b", "ratio"]
        );
        let row = |name: &str| {
            let mut cells = lines.iter().filter_map(|line| line.strip_prefix(name));
            cells.next().unwrap().split_whitespace().collect::<Vec<_>>()
        };
        assert_eq!(row("operations/s"), ["1000", "500.50", "0.50", "worse"]);
        assert_eq!(row("main p99 µs"), ["50", "25", "0.50"]);
        assert_eq!(row("lost"), ["0", "0", "="]);
        assert!(!table.contains("CPU"), "{table}");
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let one = ("a".to_owned(), result("echo", 1.0, 1.0));
        let other = ("b".to_owned(), result("push", 1.0, 1.0));
        assert!(table(&[]).is_err());
        assert!(table(std::slice::from_ref(&one)).is_err());
        assert!(
            table(&[one.clone(), other])
                .unwrap_err()
                .contains("b is of push")
        );
        assert!(
            table(&[one, ("c".to_owned(), json!({}))])
                .unwrap_err()
                .contains("no result")
        );
    }
}
