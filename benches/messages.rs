//! What it costs to read and write frames, and to build the events that functions get.
//!
//! `cargo bench --bench messages` measures; with `-- --test` everything runs once.

#![allow(
    missing_docs,
    reason = "a benchmark has no readers of its documentation"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use connection_store::{Connection, ConnectionRecord, IdMint, Outgoing, Owner};
use criterion::{BatchSize, Criterion, Throughput};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tidegate::base::clock::{EpochMillis, Tick};
use tidegate::base::ids::RequestId;
use tidegate::definition::{Machine, load_text};
use tidegate::exchange::{
    Event, Exchange, Forwarding, GatewayRequest, Party, RequestContext, Requester, Timeline,
};
use tidegate::integration::event::{http_v2, websocket};
use tidegate::lang::http_path::RoutePath;
use tidegate::lang::trace::Trace;
use tidegate::plan::compile::compile;
use tidegate::plan::integration::ContentHandling;
use tidegate::plan::stage::{ConnectionSettings, Stage};
use tidegate::transport::ws::decoder::{Decoder, Incoming};
use tidegate::transport::ws::encoder;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
const NOW: EpochMillis = EpochMillis(1_773_303_330_000);
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    frames(&mut criterion);
    events(&mut criterion);
    criterion.final_summary();
}

/// A text frame of a client.
fn masked(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(0x80 | length as u8),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

fn frames(criterion: &mut Criterion) {
    let settings = ConnectionSettings {
        frames_per_second: None,
        ..ConnectionSettings::default()
    };
    let mut group = criterion.benchmark_group("frame");
    for bytes in [64, 1024, 32 * 1024] {
        let payload = vec![b'x'; bytes];
        let frame = masked(&payload);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("decode {bytes} bytes"), |bencher| {
            let mut decoder = Decoder::default();
            bencher.iter(|| {
                let mut input = black_box(frame.as_slice());
                match decoder.next(&settings, Tick(1), &mut input) {
                    Ok(Some(Incoming::Message(message))) => message,
                    other => panic!("{other:?}"),
                }
            });
        });
        let message = Outgoing::Text(Bytes::from(payload));
        group.bench_function(format!("encode {bytes} bytes"), |bencher| {
            let mut out = Vec::with_capacity(2 * bytes);
            bencher.iter(|| {
                out.clear();
                encoder::message(black_box(&message), &mut out);
                out.len()
            });
        });
    }
    group.finish();
}

fn stage(api: &str) -> Arc<Stage> {
    let text = format!("apis:\n  bench:\n{api}");
    let loaded = load_text(&text, Path::new(""), &Machine::default()).expect("it can be read");
    let plan = compile(&loaded, &[]).expect("it can be compiled");
    Arc::clone(plan.stages().first().expect("a stage"))
}

fn exchange(stage: Arc<Stage>, event: Event, request: GatewayRequest, party: Party) -> Exchange {
    let trace = Trace::begin(NOW.seconds(), [7; 20]);
    let mut context = RequestContext::new(RequestId::mint(), NOW, trace, party);
    let routes = stage.routes.all();
    context.route_key = routes.last().map(|route| Arc::clone(&route.key));
    Exchange {
        stage,
        event,
        request,
        context,
        timeline: Timeline::new(0),
    }
}

/// A message of an open connection.
fn message(bytes: usize) -> Exchange {
    let stage = stage(
        "    protocolType: WEBSOCKET\n    routeSelectionExpression: $request.body.action\n    routes: { $default: { target: integrations/mock } }\n    integrations: { mock: { integrationType: MOCK, requestTemplates: { $default: '{\"statusCode\":200}' } } }\n    stages: { dev: { stageVariables: { tier: gold } } }\n",
    );
    let mint = IdMint::new(&[7; 32], Owner { slot: 0, epoch: 1 });
    let record = ConnectionRecord {
        id: mint.mint(42),
        api: Arc::clone(&stage.api.id),
        stage: Arc::clone(&stage.name),
        connected_at_epoch_ms: NOW.0,
        source_ip: CLIENT,
        user_agent: Some("bench/1.0".into()),
        domain_name: "ws.example.com".into(),
        identity: None,
        authorizer: None,
        expires_at_epoch_ms: None,
        api_key: None,
    };
    let limits = ConnectionSettings::default().outbox;
    let party = Party::Open(Arc::new(Connection::new(record, limits, 0)));
    let event = Event::Message {
        id: RequestId::mint(),
        payload: Outgoing::Text(vec![b'x'; bytes].into()),
    };
    exchange(stage, event, GatewayRequest::default(), party)
}

/// A request with a dozen header fields and a JSON body.
fn request() -> Exchange {
    let stage = stage(
        "    protocolType: HTTP\n    routes: { \"POST /users/{id}\": { target: integrations/backend } }\n    integrations: { backend: { integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"http://127.0.0.1:9\", payloadFormatVersion: \"1.0\" } }\n    stages: { $default: {} }\n",
    );
    let mut fields = HeaderMap::new();
    for number in 0..10 {
        let name = HeaderName::try_from(format!("x-header-{number}")).expect("a name");
        fields.insert(
            name,
            HeaderValue::from_static("a value of twenty-six bytes"),
        );
    }
    fields.insert("host", HeaderValue::from_static("shop.example.com"));
    fields.insert("content-type", HeaderValue::from_static("application/json"));
    let mut request = GatewayRequest::default();
    request.method = Method::POST;
    request.path = "/users/7".to_owned();
    request.query = Some("expand=orders&page=2".to_owned());
    request.route_path = RoutePath::parse("/users/7").expect("a path").into_owned();
    request.path_parameters = vec![("id".to_owned(), "7".to_owned())];
    request.fields = fields;
    request.forwarding = Some(Forwarding {
        host: "shop.example.com".to_owned(),
        peer: CLIENT,
        port: 443,
        secure: true,
        trace: Trace::begin(NOW.seconds(), [7; 20]),
    });
    request.body = Bytes::from_static(br#"{"name":"Ada","born":1815}"#).into();
    let party = Party::Requesting(Box::new(Requester {
        source_ip: CLIENT,
        user_agent: Some("bench/1.0".into()),
        domain_name: "shop.example.com".into(),
        authorized: None,
        api_key: None,
        certificate: None,
    }));
    exchange(stage, Event::Http, request, party)
}

fn events(criterion: &mut Criterion) {
    for bytes in [64, 4096] {
        let message = message(bytes);
        criterion.bench_function(
            &format!("event/websocket message, {bytes} bytes"),
            |bencher| {
                bencher.iter(|| websocket::proxy(black_box(&message), ContentHandling::Unchanged));
            },
        );
    }
    // Header fields are put together when first asked for, so each event is of a new exchange.
    criterion.bench_function("event/http 2.0", |bencher| {
        bencher.iter_batched(
            request,
            |request| http_v2::proxy(&request),
            BatchSize::SmallInput,
        );
    });
}
