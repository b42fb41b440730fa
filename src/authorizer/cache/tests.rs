use super::*;

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::base::clock::{EpochMillis, ManualClock};
use crate::function::FunctionError;
use crate::lang::policy::Facts;
use crate::plan::authorizer::AuthorizerFormat;

const SIMPLE: AuthorizerFormat = AuthorizerFormat::V2 { simple: true };
const TTL: Duration = Duration::from_secs(60);

/// Kept verdicts, and an authorizer that counts how often it is asked.
struct Desk {
    verdicts: Verdicts,
    clock: Arc<ManualClock>,
    asked: AtomicUsize,
}

impl Desk {
    fn new() -> Self {
        Self {
            verdicts: Verdicts::new(),
            clock: ManualClock::new(EpochMillis(0)),
            asked: AtomicUsize::new(0),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The verdict about `values`; should it be needed, the authorizer gives `output`.
    async fn verdict(
        &self,
        scope: u8,
        values: &[&[&str]],
        output: impl Future<Output = Result<&str, FunctionError>>,
    ) -> Result<Arc<Verdict>, Arc<Refusal>> {
        let caching = ResultCaching {
            ttl: TTL,
            scope: [scope; SHA256_OUTPUT_LEN],
        };
        let values = identities(values);
        let ask = async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            Verdict::read(output.await?.as_bytes(), SIMPLE)
        };
        let clock = self.clock.as_ref();
        self.verdicts.about(&caching, &values, clock, ask).await
    }

    /// Whether that verdict is a yes.
    async fn about(&self, scope: u8, values: &[&[&str]], output: &str) -> bool {
        let verdict = self.verdict(scope, values, async { Ok(output) }).await;
        let verdict = verdict.expect("a verdict");
        verdict.judge(&[], &Facts::new()).is_ok()
    }
}

fn identities(values: &[&[&str]]) -> Identities {
    let owned = |values: &&[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    Identities(values.iter().map(owned).collect())
}

const YES: &str = r#"{"isAuthorized":true}"#;
const NO: &str = r#"{"isAuthorized":false}"#;

#[tokio::test]
async fn a_verdict_counts_for_its_time() {
    let desk = Desk::new();
    let about = async |output: &str| desk.about(1, &[&["a"]], output).await;
    assert!(about(YES).await);
    desk.clock.advance(TTL - Duration::from_millis(1));
    assert!(about(NO).await, "still that of before");
    assert_eq!(desk.asked(), 1);
    desk.clock.advance(Duration::from_millis(1));
    assert!(!about(NO).await);
    // Also a verdict of no is kept.
    assert!(!about(YES).await);
    assert_eq!(desk.asked(), 2);
}

/// What a request has for each source.
type Values = &'static [&'static [&'static str]];

/// Pairs of requests whose values look alike, but are not the same.
const ALIKE: [(Values, Values); 24] = [
    // Moved boundaries between two sources.
    (&[&["ab"], &["c"]], &[&["a"], &["bc"]]),
    (&[&["a,b"], &["c"]], &[&["a"], &["b,c"]]),
    (&[&["a;"], &["b"]], &[&["a"], &[";b"]]),
    (&[&["a\0"], &["b"]], &[&["a"], &["\0b"]]),
    (&[&["a"], &["b"]], &[&["b"], &["a"]]),
    (&[&["a"], &["a"]], &[&["aa"], &["aa"]]),
    (&[&["1"], &["1:1"]], &[&["1:1"], &["1"]]),
    (
        &[&["a"], &["\0\0\0\0\0\0\0\u{1}b"]],
        &[&["a\0\0\0\0\0\0\0\u{1}"], &["b"]],
    ),
    // Case and spaces.
    (&[&["Token"]], &[&["token"]]),
    (&[&["TOKEN"]], &[&["token"]]),
    (&[&["Bearer a"]], &[&["bearer a"]]),
    (&[&["ß"]], &[&["ss"]]),
    (&[&["İ"]], &[&["i̇"]]),
    (&[&["a"]], &[&["a "]]),
    (&[&["a"]], &[&[" a"]]),
    (&[&["é"]], &[&["e\u{301}"]]),
    // Repeated fields, and commas in one.
    (&[&["a", "b"]], &[&["a,b"]]),
    (&[&["a", "b"]], &[&["a, b"]]),
    (&[&["a", "b"]], &[&["b", "a"]]),
    (&[&["a", "a"]], &[&["a"]]),
    (&[&["", "a"]], &[&["a"]]),
    (&[&["a", "b"], &["c"]], &[&["a"], &["b", "c"]]),
    (&[&["a", "b", "c"]], &[&["a", "b"], &["c"]]),
    (&[&["a", "b"]], &[&["a"], &["b"]]),
];

#[tokio::test]
async fn requests_that_look_alike_share_nothing() {
    for (one, other) in ALIKE {
        let desk = Desk::new();
        assert!(desk.about(1, one, YES).await);
        let shared = desk.about(1, other, NO).await;
        assert!(!shared, "{one:?} {other:?}");
        assert_eq!(desk.asked(), 2, "{one:?} {other:?}");
        // And each finds its own.
        assert!(desk.about(1, one, NO).await);
        assert_eq!(desk.asked(), 2, "{one:?} {other:?}");
    }
}

#[tokio::test]
async fn authorizers_share_nothing() {
    let desk = Desk::new();
    assert!(desk.about(1, &[&["a"]], YES).await);
    assert!(!desk.about(2, &[&["a"]], NO).await);
    assert_eq!(desk.asked(), 2);
}

#[tokio::test]
async fn failures_are_not_kept() {
    let desk = Desk::new();
    let failures = [
        FunctionError::failed("Error", "Unauthorized"),
        FunctionError::TimedOut,
    ];
    for failure in failures {
        let expected = Refusal::from(failure.clone());
        let refused = desk.verdict(1, &[&["a"]], async { Err(failure) }).await;
        assert_eq!(*refused.expect_err("a refusal"), expected);
    }
    let malformed = desk.verdict(1, &[&["a"]], async { Ok("{}") }).await;
    assert!(malformed.is_err());
    assert!(desk.about(1, &[&["a"]], YES).await);
    assert_eq!(desk.asked(), 4);
}

#[tokio::test]
async fn a_crowd_asks_once() {
    let desk = Desk::new();
    let gate = Semaphore::new(0);
    let crowd = async |output: Result<&str, FunctionError>| {
        let slowly = async |output| {
            gate.acquire().await.expect("open for ever").forget();
            output
        };
        let all = (0..50).map(|_| desk.verdict(1, &[&["a"]], slowly(output.clone())));
        let (answers, ()) = tokio::join!(join_all(all), async { gate.add_permits(1) });
        answers.iter().filter(|answer| answer.is_ok()).count()
    };
    assert_eq!(crowd(Err(FunctionError::TimedOut)).await, 0);
    assert_eq!(desk.asked(), 1);
    assert_eq!(crowd(Ok(YES)).await, 50);
    assert_eq!(desk.asked(), 2);
}

#[tokio::test]
async fn who_asks_may_go_away() {
    let desk = Desk::new();
    let mut waiting = Box::pin(desk.verdict(1, &[&["a"]], std::future::pending()));
    let polled = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending()));
    assert!(polled.await);
    drop(waiting);
    assert!(desk.about(1, &[&["a"]], YES).await);
}
