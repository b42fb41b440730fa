//! What many APIs cost: the way from a host's API to a route, compiling one API, and putting it among the others.
//!
//! `cargo bench --bench apis`. The first group is to be the same for every number of APIs. `loadtest/apis.py` measures the
//! rest from outside: cold start, memory, deploys.

#![allow(
    missing_docs,
    reason = "a benchmark has no readers of its documentation"
)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion};
use http::Method;
use serde_json::{Value, json};
use tidegate::definition::{Machine, load_text, write};
use tidegate::lang::http_path::RoutePath;
use tidegate::plan::Plan;
use tidegate::plan::compile::{self, compile};
use tidegate::plan::stage::Stage;

const ROUTES: usize = 50;
const APIS: [usize; 3] = [1, 100, 1000];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    lookups(&mut criterion);
    changes(&mut criterion);
    criterion.final_summary();
}

fn api() -> Value {
    let routes = (0..ROUTES).map(|route| {
        let target = format!("integrations/i{}", route % 5);
        (format!("GET /r{route}/{{id}}"), json!({ "target": target }))
    });
    let integrations = (0..5).map(|number| {
        let uri = format!("http://127.0.0.1:9/{number}");
        let members = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": uri });
        (format!("i{number}"), members)
    });
    json!({
        "protocolType": "HTTP",
        "routes": routes.collect::<serde_json::Map<_, _>>(),
        "integrations": integrations.collect::<serde_json::Map<_, _>>(),
        "stages": { "dev": {} },
    })
}

/// One API by itself, ready to run.
fn stage(id: &str) -> Arc<Stage> {
    let text = write(&json!({ "apis": { id: api() } }));
    let loaded = load_text(&text, Path::new("."), &Machine::default());
    let stages = loaded.and_then(|loaded| compile::stages(&loaded, &[]));
    let stage = stages.expect("a good definition").into_iter().next();
    Arc::new(stage.expect("a stage"))
}

fn plan(apis: usize) -> Plan {
    let nothing = load_text("", Path::new("."), &Machine::default());
    let nothing = nothing.and_then(|nothing| compile(&nothing, &[]));
    let mut plan = nothing.expect("a definition may be empty");
    for api in 0..apis {
        plan.insert(stage(&format!("api-{api}")));
    }
    plan
}

fn lookups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route_of_a_request");
    for apis in APIS {
        let plan = plan(apis);
        let id = format!("api-{}", apis / 2);
        group.bench_function(BenchmarkId::from_parameter(apis), |bencher| {
            bencher.iter(|| {
                let stage = plan.stage(black_box(&id), "dev").expect("a stage");
                let routes = stage.routes.http().expect("an HTTP API");
                let path = RoutePath::parse("/r37/5".to_owned()).expect("a path");
                let found = routes.select(&Method::GET, &path);
                assert!(black_box(found).is_some());
            });
        });
    }
    group.finish();
}

fn changes(criterion: &mut Criterion) {
    criterion.bench_function("compile_an_api_of_50_routes", |bencher| {
        bencher.iter(|| black_box(stage("api-0")));
    });
    let mut group = criterion.benchmark_group("put_a_stage_into_a_plan");
    for apis in APIS {
        let plan = plan(apis);
        let changed = stage("api-0");
        group.bench_function(BenchmarkId::from_parameter(apis), |bencher| {
            bencher.iter(|| {
                let mut next = plan.clone();
                next.insert(Arc::clone(&changed));
                black_box(next)
            });
        });
    }
    group.finish();
}
