//! What limits cost, and whether they keep what they say.
//!
//! `cargo bench --bench limits` measures; `cargo bench --bench limits -- accuracy` runs only the ten seconds of real time
//! at fifty thousand attempts a second, and fails when what is admitted is more than two percent off. It gives no verdict
//! when the machine stalled for so long that a bucket overflowed.

#![allow(
    missing_docs,
    reason = "a benchmark has no readers of its documentation"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::{BatchSize, Criterion};
use tidegate::base::clock::{Clock as _, EpochMillis, SystemClock};
use tidegate::limit::{Holder, RateLimiter, UsageCounters};
use tidegate::plan::route::RateLimit;
use tidegate::plan::throttle::{BucketId, Throttle};
use tidegate::plan::usage::{ApiKey, Period, Quota, UsagePlan, UsagePlans};

const ATTEMPTS_A_SECOND: u64 = 50_000;
const SECONDS: u64 = 10;
const NANOS: u64 = 1_000_000_000;
const KEYS: usize = 10_000;

fn main() {
    let only_accuracy = std::env::args().any(|argument| argument == "accuracy");
    // `cargo test --benches` runs everything once, and quickly.
    let quick = std::env::args().any(|argument| argument == "--test");
    if !quick {
        accuracy(10_000.0, 5_000);
        accuracy(25_000.0, 2_500);
    }
    if only_accuracy {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    buckets(&mut criterion);
    keys(&mut criterion);
    quotas(&mut criterion);
    criterion.final_summary();
}

fn throttle(name: usize, rate: f64, burst: u32) -> Throttle {
    Throttle {
        bucket: BucketId::of("route", &[&name.to_string()]),
        limit: RateLimit { rate, burst },
    }
}

/// Two threads that keep a pace by the clock for ten seconds.
fn accuracy(rate: f64, burst: u32) {
    let limiter = RateLimiter::new();
    let throttle = throttle(0, rate, burst);
    let clock = SystemClock::new();
    let start = clock.nanos();
    let run = |offset: u64| {
        let gap = 2 * NANOS / ATTEMPTS_A_SECOND;
        let (mut admitted, mut late) = (0u64, 0u64);
        for attempt in 0..ATTEMPTS_A_SECOND * SECONDS / 2 {
            let due = start + offset + attempt * gap;
            while clock.nanos() < due {
                std::hint::spin_loop();
            }
            let now = clock.nanos();
            late = late.max(now - due);
            admitted += u64::from(limiter.take(&throttle, Holder::Everybody, now));
        }
        (admitted, late)
    };
    let (admitted, late) = std::thread::scope(|scope| {
        let offsets = [0, NANOS / ATTEMPTS_A_SECOND];
        let threads = offsets.map(|offset| scope.spawn(move || run(offset)));
        let threads = threads.map(|thread| thread.join().expect("a thread that counts"));
        let total = |(admitted, late): (u64, u64), (more, later): (u64, u64)| {
            (admitted + more, late.max(later))
        };
        threads.into_iter().fold((0, 0), total)
    });
    let elapsed = (clock.nanos() - start) as f64 / NANOS as f64;
    let expected = rate * elapsed + f64::from(burst);
    let off = admitted as f64 / expected - 1.0;
    println!(
        "accuracy: {rate}/s, burst {burst}: {ATTEMPTS_A_SECOND} attempts/s for {elapsed:.2} s, admitted {admitted} of {expected:.0} ({:+.3} %)",
        off * 100.0
    );
    let overflow = f64::from(burst) / rate * NANOS as f64;
    if late as f64 > overflow {
        println!("accuracy: no verdict: stalled for {} ms", late / 1_000_000);
        return;
    }
    assert!(off.abs() < 0.02, "more than two percent off");
}

fn buckets(criterion: &mut Criterion) {
    let clock = SystemClock::new();
    let limiter = RateLimiter::new();
    let open = throttle(0, 1e9, 1_000_000_000);
    let shut = throttle(1, 1.0, 1);
    criterion.bench_function("bucket/admits", |bencher| {
        bencher.iter(|| limiter.take(black_box(&open), Holder::Everybody, clock.nanos()));
    });
    criterion.bench_function("bucket/refuses", |bencher| {
        bencher.iter(|| limiter.take(black_box(&shut), Holder::Everybody, clock.nanos()));
    });
    let many: Vec<_> = (0..KEYS).map(|name| throttle(name, 1e9, 1000)).collect();
    criterion.bench_function("bucket/one of 10000", |bencher| {
        let mut turn = many.iter().cycle();
        bencher.iter(|| {
            let throttle = turn.next().expect("a cycle has no end");
            limiter.take(throttle, Holder::Everybody, clock.nanos())
        });
    });
    for threads in [1, 2, 4] {
        let name = format!("bucket/contended by {threads} threads");
        criterion.bench_function(&name, |bencher| {
            bencher.iter_custom(|count| contended(threads, count, &open));
        });
    }
    criterion.bench_function("bucket/sweep of 10000", |bencher| {
        let fill = || {
            let limiter = RateLimiter::new();
            for throttle in &many {
                limiter.take(throttle, Holder::Everybody, 0);
            }
            limiter
        };
        bencher.iter_batched(
            fill,
            |limiter| limiter.sweep(NANOS),
            BatchSize::PerIteration,
        );
    });
}

/// The time in which each of so many threads has taken `count` tokens of one bucket.
fn contended(threads: usize, count: u64, throttle: &Throttle) -> Duration {
    let limiter = RateLimiter::new();
    let clock = SystemClock::new();
    let go = AtomicBool::new(false);
    let nanos = std::thread::scope(|scope| {
        let run = || {
            while !go.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let start = clock.nanos();
            for _ in 0..count {
                black_box(limiter.take(throttle, Holder::Everybody, clock.nanos()));
            }
            clock.nanos() - start
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        go.store(true, Ordering::Release);
        let times = threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread that counts"));
        times.max().unwrap_or(0)
    });
    Duration::from_nanos(nanos)
}

fn plan() -> Arc<UsagePlan> {
    let stages = HashMap::from([("prod".into(), HashMap::new())]);
    Arc::new(UsagePlan {
        id: "gold".into(),
        counter: UsagePlan::counter_of("gold"),
        throttle: None,
        quota: None,
        stages: HashMap::from([("chat".into(), stages)]),
    })
}

fn value(number: usize) -> String {
    format!("key-{number:0>36}")
}

/// A good key, and the ways of not being one, which take the same time.
fn keys(criterion: &mut Criterion) {
    let plan = plan();
    let key = |number: usize| {
        let enabled = number != 1;
        let plans = vec![Arc::clone(&plan)];
        ApiKey::new(&number.to_string(), &value(number), enabled, plans)
    };
    let plans = UsagePlans::new((0..KEYS).map(key));
    let (good, disabled, unknown) = (value(7), value(1), value(KEYS));
    let cases = [
        ("good", Some(&good), "prod"),
        ("missing", None, "prod"),
        ("unknown", Some(&unknown), "prod"),
        ("disabled", Some(&disabled), "prod"),
        ("of another stage", Some(&good), "beta"),
    ];
    for (name, value, stage) in cases {
        criterion.bench_function(&format!("key/{name}"), |bencher| {
            let value = value.map(|value| value.as_bytes());
            bencher.iter(|| plans.showing(black_box(value), "chat", stage).is_some());
        });
    }
}

fn quotas(criterion: &mut Criterion) {
    let plan = plan();
    let plans = vec![Arc::clone(&plan)];
    let key = ApiKey::new("acme", &value(0), true, plans);
    let plans = UsagePlans::new([key]);
    let subscriber = plans.holding("acme", "chat", "prod").expect("the key");
    for period in [Period::Day, Period::Week(1), Period::Month(14)] {
        let counters = UsageCounters::new();
        let quota = Quota {
            limit: 1_000_000_000_000,
            period,
        };
        let now = EpochMillis(1_773_303_330_101);
        criterion.bench_function(&format!("quota/{period:?}"), |bencher| {
            bencher.iter(|| counters.count(black_box(&subscriber), &quota, now));
        });
    }
}
