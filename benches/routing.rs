//! What it costs to find the route of a message or a request.
//!
//! `cargo bench --bench routing` measures; with `-- --test` everything runs once.

#![allow(
    missing_docs,
    reason = "a benchmark has no readers of its documentation"
)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::Criterion;
use http::Method;
use tidegate::definition::{Machine, load_text};
use tidegate::lang::http_path::RoutePath;
use tidegate::lang::selection::{RouteKeyChoice, SelectionExpression};
use tidegate::plan::compile::compile;
use tidegate::plan::stage::Stage;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    selection(&mut criterion);
    messages(&mut criterion);
    requests(&mut criterion);
    criterion.final_summary();
}

/// The stage of a definition with one API.
fn stage(api: &str) -> Arc<Stage> {
    let text = format!("apis:\n  bench:\n{api}");
    let loaded = load_text(&text, Path::new(""), &Machine::default()).expect("it can be read");
    let plan = compile(&loaded, &[]).expect("it can be compiled");
    Arc::clone(plan.stages().first().expect("a stage"))
}

fn websocket(routes: usize) -> Arc<Stage> {
    let mut text = "    protocolType: WEBSOCKET\n    routeSelectionExpression: $request.body.action\n    routes:\n      $default: { target: integrations/mock }\n".to_owned();
    for number in 1..routes {
        text += &format!("      action{number}: {{ target: integrations/mock }}\n");
    }
    text += "    integrations: { mock: { integrationType: MOCK, requestTemplates: { $default: '{\"statusCode\":200}' } } }\n";
    stage(&(text + "    stages: { dev: {} }\n"))
}

fn http(routes: usize) -> Arc<Stage> {
    let mut text = "    protocolType: HTTP\n    routes:\n".to_owned();
    for number in 0..routes {
        let key = match number % 4 {
            0 => format!("GET /collection{number}"),
            1 => format!("GET /collection{number}/{{id}}"),
            2 => format!("ANY /collection{number}/{{id}}/parts/{{part}}"),
            _ => format!("POST /collection{number}/{{rest+}}"),
        };
        text += &format!("      \"{key}\": {{ target: integrations/backend }}\n");
    }
    text += "    integrations:\n      backend: { integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"http://127.0.0.1:9\", payloadFormatVersion: \"1.0\" }\n";
    stage(&(text + "    stages: { $default: {} }\n"))
}

fn message(bytes: usize) -> String {
    let message = |pad: &str| format!(r#"{{"pad":"{pad}","action":"action7","to":{{"n":[1]}}}}"#);
    message(&"x".repeat(bytes.saturating_sub(message("").len())))
}

fn selection(criterion: &mut Criterion) {
    let expressions = [
        ("member", "$request.body.action"),
        ("nested", "$request.body.to.n[0]"),
        ("two", "${request.body.action}/${request.body.to.n[0]}"),
    ];
    for (name, text) in expressions {
        let expression = SelectionExpression::parse(text).expect("an expression");
        for bytes in [64, 4096] {
            let message = message(bytes);
            criterion.bench_function(&format!("selection/{name}, {bytes} bytes"), |bencher| {
                bencher.iter(|| {
                    black_box(expression.route_key(black_box(&message))) == RouteKeyChoice::NotJson
                });
            });
        }
    }
}

fn messages(criterion: &mut Criterion) {
    for count in [10, 300] {
        let stage = websocket(count);
        let routes = stage.routes.messages().expect("messages");
        for (name, key) in [("custom", "action7"), ("default", "nothing")] {
            assert_eq!(
                &*routes.for_message(Some(key)).expect("a route").key == "$default",
                name == "default"
            );
            criterion.bench_function(&format!("message route/{name} of {count}"), |bencher| {
                bencher.iter(|| routes.for_message(black_box(Some(key))).is_some());
            });
        }
    }
}

fn requests(criterion: &mut Criterion) {
    for count in [8, 300] {
        let stage = http(count);
        let routes = stage.routes.http().expect("requests");
        let last = count - 4;
        let paths = [
            ("fixed", Method::GET, format!("/collection{last}")),
            (
                "variable",
                Method::GET,
                format!("/collection{}/7", last + 1),
            ),
            (
                "two variables",
                Method::PUT,
                format!("/collection{}/7/parts/8", last + 2),
            ),
            (
                "greedy",
                Method::POST,
                format!("/collection{}/a/b/c/d", last + 3),
            ),
            ("none", Method::GET, "/elsewhere/7".to_owned()),
        ];
        for (name, method, path) in paths {
            let select = |path: &str| {
                let path = RoutePath::parse(path).expect("a path");
                routes.select(&method, &path).is_some()
            };
            assert_eq!(select(&path), name != "none", "{path}");
            criterion.bench_function(&format!("request route/{name} of {count}"), |bencher| {
                bencher.iter(|| select(black_box(&path)));
            });
        }
    }
}
