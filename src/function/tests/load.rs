//! Concurrency, queues, payloads and output at their bounds.

use super::*;

#[tokio::test]
async fn events_run_in_parallel_up_to_the_reserved_concurrency() {
    let rig = Rig::new(vec![FunctionSettings {
        reserved_concurrency: 2,
        ..chat()
    }]);
    let meeting = Meeting::new().await;
    let first = rig.begin("chat", meeting.event());
    let second = rig.begin("chat", meeting.event());
    let (one, two) = (meeting.guest().await, meeting.guest().await);
    assert_ne!(one.said, two.said);
    let third = rig.begin("chat", meeting.event());
    let before = one.said.clone();
    one.release().await;
    // It could only come once a process was free, and that is the one that was released.
    let three = meeting.guest().await;
    assert_eq!(three.said, before);
    two.release().await;
    three.release().await;
    for outcome in [first, second, third] {
        outcome.await.unwrap().unwrap().unwrap();
    }
    rig.finish().await;
}

/// Lets one event occupy the only process and many others of this payload wait; gives back how many are let in.
async fn crowd(payload: usize, arrivals: usize) -> usize {
    let rig = Rig::new(vec![chat()]);
    let meeting = Meeting::new().await;
    let busy = rig.begin("chat", meeting.event());
    let guest = meeting.guest().await;
    let payload = Bytes::from(vec![b' '; payload]);
    let mut waiting = Vec::new();
    for _ in 0..arrivals {
        let invocation = invocation(payload.clone(), LONG);
        let functions = rig.functions.clone();
        let mut call = Box::pin(async move { functions.invoke("chat", invocation).await });
        match poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await {
            Poll::Pending => waiting.push(call),
            Poll::Ready(result) => {
                let error = result.unwrap_err();
                assert!(matches!(error, FunctionError::Throttled { .. }), "{error}");
            }
        }
    }
    let admitted = waiting.len();
    drop(waiting);
    guest.release().await;
    busy.await.unwrap().unwrap().unwrap();
    // Nobody waits any more, so that there is room again.
    rig.invoke("chat", json!({})).await.unwrap();
    rig.finish().await;
    admitted
}

#[tokio::test]
async fn the_queue_is_bounded_in_events_and_bytes() {
    assert_eq!(crowd(2, 1100).await, pool::WAITING_EVENTS);
    assert_eq!(crowd(LAMBDA_PAYLOAD_BYTES, 20).await, 10);
}

#[tokio::test]
async fn payloads_are_limited_both_ways() {
    let rig = Rig::new(vec![chat()]);
    let warm = rig.pid("chat").await;
    // Two bytes are the quotation marks of a JSON string.
    let most = json!({"do": "size", "bytes": LAMBDA_PAYLOAD_BYTES - 2});
    let answer = rig.invoke("chat", most).await.unwrap();
    assert_eq!(
        answer.as_str().map(str::len),
        Some(LAMBDA_PAYLOAD_BYTES - 2)
    );
    for bytes in [LAMBDA_PAYLOAD_BYTES - 1, 5 * LAMBDA_PAYLOAD_BYTES] {
        let outcome = rig
            .invoke("chat", json!({"do": "size", "bytes": bytes}))
            .await;
        assert_eq!(outcome, Err(FunctionError::ResponseTooLarge));
    }
    let event = json!("x".repeat(LAMBDA_PAYLOAD_BYTES - 2));
    assert_eq!(rig.invoke("chat", event.clone()).await, Ok(event));
    let outcome = rig
        .invoke("chat", json!("x".repeat(LAMBDA_PAYLOAD_BYTES - 1)))
        .await;
    assert_eq!(outcome, Err(FunctionError::RequestTooLarge));
    assert_eq!(rig.pid("chat").await, warm);
    rig.finish().await;
}

/// A log that keeps only figures.
#[derive(Clone, Default)]
struct Figures {
    lines: Arc<AtomicUsize>,
    truncated: Arc<AtomicUsize>,
    longest: Arc<AtomicUsize>,
}

impl std::io::Write for Figures {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        if text.contains(r#""target":"function""#) {
            assert!(
                text.contains(r#""function":"chat","request_id":"gateway-request","stream":"std"#),
                "{text}"
            );
            self.lines.fetch_add(1, Ordering::Relaxed);
            self.truncated.fetch_add(
                usize::from(text.contains(r#""truncated":true"#)),
                Ordering::Relaxed,
            );
            self.longest.fetch_max(event.len(), Ordering::Relaxed);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn output_goes_to_the_log_in_bounded_lines() {
    let figures = Figures::default();
    let writer = figures.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let rig = Rig::new(vec![chat()]);
    let answer = rig.invoke("chat", json!({"do": "flood"})).await;
    assert_eq!(answer, Ok(json!("done")));
    rig.finish().await;
    drop(guard);
    assert_eq!(figures.lines.load(Ordering::Relaxed), 20_001);
    assert_eq!(figures.truncated.load(Ordering::Relaxed), 1);
    assert!(figures.longest.load(Ordering::Relaxed) < 17 * 1024);
}
