//! What a function is told, what it may answer, and what the runtime API refuses.

use super::*;

#[tokio::test]
async fn a_process_stays_warm_through_answers_and_errors() {
    let rig = Rig::new(vec![chat()]);
    let first = rig.pid("chat").await;
    for event in [json!({"a": [1, "ü"]}), json!([]), json!(null)] {
        assert_eq!(rig.invoke("chat", event.clone()).await, Ok(event));
    }
    let raise = json!({"do": "raise", "message": "Unauthorized"});
    let error = rig.invoke("chat", raise).await.unwrap_err();
    assert!(error.says_unauthorized());
    let FunctionError::Unhandled(failure) = error else {
        panic!("{error}")
    };
    assert_eq!(failure.error_type, "Error");
    assert!(failure.payload.ends_with(br#""trace": ["here"]}"#));
    assert_eq!(rig.pid("chat").await, first);
    rig.finish().await;
    assert!(!alive(first));
}

#[tokio::test]
async fn a_function_is_told_what_lambda_tells_and_nothing_of_the_gateway() {
    let rig = Rig::new(vec![chat()]);
    let told = rig.invoke("chat", json!({"do": "told"})).await.unwrap();
    let environment = &told["environment"];
    assert_eq!(environment["_HANDLER"], "index.handler");
    assert_eq!(environment["LOG_LEVEL"], "info");
    assert_eq!(environment["AWS_ACCESS_KEY_ID"], "AKIDMINTED");
    assert_eq!(environment["LAMBDA_TASK_ROOT"], env!("CARGO_MANIFEST_DIR"));
    let log_stream = environment["AWS_LAMBDA_LOG_STREAM_NAME"].as_str().unwrap();
    assert_eq!(
        log_stream.len(),
        "2026/11/21/[$LATEST]".len() + 32,
        "{log_stream}"
    );
    // Cargo sets the last two for every test, a login the others.
    for name in ["HOME", "USER", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR"] {
        assert_eq!(environment[name], Value::Null, "{name}");
    }
    assert_eq!(told["directory"], env!("CARGO_MANIFEST_DIR"));
    let headers = &told["headers"];
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(
        headers["lambda-runtime-invoked-function-arn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:chat"
    );
    assert_eq!(
        headers["lambda-runtime-trace-id"],
        "Root=1-66a1b2c3-0123456789abcdef01234567"
    );
    let id = headers["lambda-runtime-aws-request-id"].as_str().unwrap();
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(id.as_bytes()[14], b'4', "{id}");
    let deadline: f64 = headers["lambda-runtime-deadline-ms"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let left = deadline - told["now"].as_f64().unwrap();
    assert!(left > 0.0 && left <= LONG.as_millis() as f64, "{left}");
    rig.finish().await;
}

#[tokio::test]
async fn a_trace_id_that_is_no_header_value_is_left_out() {
    let rig = Rig::new(vec![chat()]);
    let mut invocation = invocation(Bytes::from(r#"{"do":"told"}"#), LONG);
    invocation.trace_id = Some("Root=1\r\nx-evil: 1".to_owned());
    let answer = rig.functions.invoke("chat", invocation).await.unwrap();
    let told: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(told["headers"]["lambda-runtime-trace-id"], Value::Null);
    assert_eq!(told["headers"]["x-evil"], Value::Null);
    rig.finish().await;
}

#[tokio::test]
async fn a_caller_that_stops_waiting_does_not_stop_the_function() {
    let clock = ManualClock::new(EpochMillis(0));
    let rig = Rig::timed(clock.clone(), vec![chat()]);
    let warm = rig.pid("chat").await;
    let meeting = Meeting::new().await;
    let (caller, event) = (rig.clone(), meeting.event());
    let outcome = Tasks::new().spawn("caller", async move {
        caller
            .invoke_within(Duration::from_secs(1), "chat", event)
            .await
    });
    let guest = meeting.guest().await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        outcome.await.unwrap().unwrap(),
        Err(FunctionError::TimedOut)
    );
    guest.release().await;
    assert_eq!(rig.pid("chat").await, warm);
    rig.finish().await;
}

#[tokio::test]
async fn wrong_calls_of_the_runtime_api_are_refused_and_disturb_nothing() {
    let rig = Rig::new(vec![chat()]);
    let seen = rig.invoke("chat", json!({"do": "garbage"})).await.unwrap();
    let expected = json!([
        [403, "InvalidStateTransition"],
        [400, "InvalidRequestID"],
        [400, "InvalidRequestID"],
        [400, "InvalidRequestID"],
        [403, "InvalidStateTransition"],
        [405, "MethodNotAllowed"],
        [405, "MethodNotAllowed"],
        [404, "NotFound"],
        [404, "NotFound"],
    ]);
    assert_eq!(seen, expected);
    rig.finish().await;
}

#[tokio::test]
async fn streamed_answers_are_collected() {
    let rig = Rig::new(vec![chat()]);
    let whole = json!({"do": "stream", "chunks": ["{\"a\"", ":1}"]});
    assert_eq!(rig.invoke("chat", whole).await, Ok(json!({"a": 1})));
    // {"errorMessage":"midway","errorType":"Broken"} in base64.
    let trailers = json!({
        "Lambda-Runtime-Function-Error-Type": "Fallback",
        "Lambda-Runtime-Function-Error-Body": "eyJlcnJvck1lc3NhZ2UiOiJtaWR3YXkiLCJlcnJvclR5cGUiOiJCcm9rZW4ifQ==",
    });
    let broken = json!({"do": "stream", "chunks": ["{\"a\""], "trailers": trailers});
    assert_eq!(
        failure(rig.invoke("chat", broken).await),
        failed("Broken", "midway")
    );
    rig.finish().await;
}

#[tokio::test]
async fn closures_are_functions_too() {
    let rig = Rig::new(vec![chat()]);
    let register =
        |name: &str, call: fn(Bytes) -> BoxFuture<'static, Result<Bytes, FunctionError>>| {
            rig.functions.register(name, Arc::new(call));
        };
    register("chat", |event| Box::pin(async { Ok(event) }));
    register("fails", |_| {
        Box::pin(async { Err(FunctionError::failed("Error", "Unauthorized")) })
    });
    register("panics", |event| {
        Box::pin(async move { panic!("{} bytes", event.len()) })
    });
    register("hangs", |_| Box::pin(std::future::pending()));
    register("large", |_| {
        Box::pin(async { Ok(Bytes::from(vec![0; LAMBDA_PAYLOAD_BYTES + 1])) })
    });
    assert_eq!(rig.invoke("chat", json!([1])).await, Ok(json!([1])));
    assert!(
        rig.invoke("fails", json!({}))
            .await
            .unwrap_err()
            .says_unauthorized()
    );
    assert_eq!(
        failure(rig.invoke("panics", json!({})).await),
        failed("Runtime.ExitError", "the function panicked")
    );
    let outcome = rig.invoke_within(Duration::ZERO, "hangs", json!({})).await;
    assert_eq!(outcome, Err(FunctionError::TimedOut));
    assert_eq!(
        rig.invoke("large", json!({})).await,
        Err(FunctionError::ResponseTooLarge)
    );
    rig.finish().await;
}
