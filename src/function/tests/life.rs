//! How processes start, fail, are killed and are replaced.

use super::*;

#[tokio::test]
async fn a_process_that_dies_at_work_fails_its_event_and_is_replaced() {
    let rig = Rig::new(vec![chat()]);
    for (event, message) in [
        (
            json!({"do": "die", "code": 3}),
            "RequestId: ID Error: Runtime exited with error: exit status 3",
        ),
        (
            json!({"do": "die", "code": 0}),
            "RequestId: ID Error: Runtime exited without providing a reason",
        ),
        (
            json!({"do": "kill"}),
            "RequestId: ID Error: Runtime exited with error: signal: 9 (SIGKILL)",
        ),
    ] {
        let before = rig.pid("chat").await;
        let outcome = rig.invoke("chat", event).await;
        assert_eq!(failure(outcome), failed("Runtime.ExitError", message));
        assert_ne!(rig.pid("chat").await, before);
    }
    rig.finish().await;
}

#[tokio::test]
async fn a_process_that_exits_between_events_costs_none() {
    let rig = Rig::new(vec![chat()]);
    for _ in 0..3 {
        let event = json!({"do": "echo", "then": "exit"});
        assert_eq!(rig.invoke("chat", event.clone()).await, Ok(event));
    }
    rig.finish().await;
}

#[tokio::test]
async fn a_function_that_cannot_start_says_why() {
    for (way, expected) in [
        (
            "exit",
            failed(
                "Runtime.ExitError",
                "RequestId: ID Error: Runtime exited with error: exit status 7",
            ),
        ),
        (
            "init-error",
            failed("Runtime.ImportModuleError", "No module named index"),
        ),
        ("init-error-and-stay", failed("Runtime.Stubborn", "")),
    ] {
        let rig = Rig::new(vec![function("chat", &[way])]);
        assert_eq!(
            failure(rig.invoke("chat", json!({})).await),
            expected,
            "{way}"
        );
        rig.finish().await;
    }
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_unavailable() {
    let nowhere = PathBuf::from("/nonexistent/directory");
    for (broken, reason) in [
        (
            FunctionSettings {
                command: vec!["no-such-program".to_owned()],
                ..chat()
            },
            "no-such-program",
        ),
        (
            FunctionSettings {
                command: vec!["./no/such/file".to_owned()],
                ..chat()
            },
            "./no/such/file",
        ),
        (
            FunctionSettings {
                command: vec![],
                ..chat()
            },
            "command is empty",
        ),
        (
            FunctionSettings {
                working_directory: nowhere,
                ..chat()
            },
            "not a directory",
        ),
    ] {
        let rig = Rig::new(vec![broken]);
        let error = rig.invoke("chat", json!({})).await.unwrap_err();
        assert!(
            matches!(error, FunctionError::Unavailable { status: None, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(reason), "{error}");
        rig.finish().await;
    }
}

#[tokio::test]
async fn a_function_is_started_again_after_a_pause() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("started");
    let rig = Rig::new(vec![function(
        "chat",
        &["once-fail", mark.to_str().unwrap()],
    )]);
    failure(rig.invoke("chat", json!({})).await);
    assert_eq!(rig.invoke("chat", json!(1)).await, Ok(json!(1)));
    rig.finish().await;
}

#[tokio::test]
async fn an_event_that_cannot_outlast_the_pause_fails_at_once() {
    let clock = ManualClock::new(EpochMillis(0));
    let rig = Rig::timed(clock, vec![function("chat", &["exit"])]);
    failure(rig.invoke("chat", json!({})).await);
    let hasty = Duration::from_millis(99);
    let error = rig
        .invoke_within(hasty, "chat", json!({}))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("keeps failing"), "{error}");
    rig.finish().await;
}

#[tokio::test]
async fn a_function_that_runs_into_its_timeout_is_killed() {
    let clock = ManualClock::new(EpochMillis(0));
    let timeout = Duration::from_millis(2500);
    let rig = Rig::timed(clock.clone(), vec![FunctionSettings { timeout, ..chat() }]);
    let meeting = Meeting::new().await;
    let outcome = rig.begin("chat", meeting.event());
    let guest = meeting.guest().await;
    clock.advance(timeout);
    assert_eq!(
        failure(outcome.await.unwrap().unwrap()),
        failed(
            "Sandbox.Timedout",
            "RequestId: ID Error: Task timed out after 2.50 seconds"
        )
    );
    guest.gone().await;
    assert_eq!(rig.invoke("chat", json!(1)).await, Ok(json!(1)));
    rig.finish().await;
}

#[tokio::test]
async fn a_short_timeout_works_on_the_real_clock() {
    let timeout = Duration::from_millis(200);
    let rig = Rig::new(vec![FunctionSettings { timeout, ..chat() }]);
    let outcome = rig.invoke("chat", json!({"do": "hang"})).await;
    let expected = "RequestId: ID Error: Task timed out after 0.20 seconds";
    assert_eq!(failure(outcome), failed("Sandbox.Timedout", expected));
    rig.finish().await;
}

#[tokio::test]
async fn a_process_that_never_asks_for_an_event_is_killed() {
    let clock = ManualClock::new(EpochMillis(0));
    let meeting = Meeting::new().await;
    let silent = function("chat", &["silent", &meeting.port.to_string()]);
    let timeout = Duration::from_secs(3);
    let rig = Rig::timed(clock.clone(), vec![FunctionSettings { timeout, ..silent }]);
    let outcome = rig.begin("chat", json!({}));
    let guest = meeting.guest().await;
    clock.advance(Duration::from_millis(9_999));
    assert!(!outcome.is_finished());
    clock.advance(Duration::from_millis(1));
    assert_eq!(
        failure(outcome.await.unwrap().unwrap()),
        failed(
            "Sandbox.Timedout",
            "RequestId: ID Error: Task timed out after 10.00 seconds"
        )
    );
    guest.gone().await;
    rig.finish().await;
}

#[tokio::test]
async fn a_group_dies_with_its_leader() {
    for then in ["exit", "be killed"] {
        let rig = Rig::new(vec![chat()]);
        let (meeting, leaders) = (Meeting::new().await, Meeting::new().await);
        let event = json!({"do": "fork", "port": meeting.port, "meet": leaders.port, "then": then});
        let outcome = rig.begin("chat", event);
        let grandchild = meeting.guest().await;
        assert_eq!(grandchild.said, "here");
        if then == "exit" {
            leaders.guest().await.release().await;
            let how = "RequestId: ID Error: Runtime exited without providing a reason";
            assert_eq!(
                failure(outcome.await.unwrap().unwrap()),
                failed("Runtime.ExitError", how)
            );
            grandchild.gone().await;
            rig.finish().await;
        } else {
            rig.finish().await;
            let error = outcome.await.unwrap().unwrap().unwrap_err();
            assert_eq!(error, shutting_down());
            grandchild.gone().await;
        }
    }
}

#[tokio::test]
async fn those_who_wait_are_told_of_the_shutdown() {
    let rig = Rig::new(vec![chat()]);
    let meeting = Meeting::new().await;
    let busy = rig.begin("chat", meeting.event());
    let guest = meeting.guest().await;
    let mut waiting = pin!(rig.invoke("chat", json!({})));
    let pending = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await;
    assert!(pending);
    rig.functions.shutdown().await;
    assert_eq!(waiting.await, Err(shutting_down()));
    assert_eq!(busy.await.unwrap().unwrap(), Err(shutting_down()));
    guest.gone().await;
    rig.clone().finish().await;
}

#[tokio::test]
async fn a_reload_keeps_what_has_not_changed() {
    let (kept, changed, removed) = (
        function("kept", &[]),
        function("changed", &[]),
        function("removed", &[]),
    );
    let rig = Rig::new(vec![kept.clone(), changed.clone(), removed]);
    let before = (rig.pid("kept").await, rig.pid("changed").await);
    let meeting = Meeting::new().await;
    let at_work = rig.begin("removed", meeting.event());
    let guest = meeting.guest().await;
    let louder = FunctionSettings {
        memory_size: 512,
        ..changed
    };
    rig.functions.reload(vec![kept, louder]);
    let after = (rig.pid("kept").await, rig.pid("changed").await);
    assert_eq!(after.0, before.0);
    assert_ne!(after.1, before.1);
    let told = rig.invoke("changed", json!({"do": "told"})).await.unwrap();
    assert_eq!(
        told["environment"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        "512"
    );
    let gone = rig.invoke("removed", json!({})).await.unwrap_err();
    assert!(
        gone.to_string()
            .contains("there is no function named removed"),
        "{gone}"
    );
    let (functions, worker) = (
        &rig.functions,
        pid(&guest.said.trim().parse::<i64>().unwrap().into()),
    );
    assert!(functions.contains("kept") && !functions.contains("removed"));
    guest.release().await;
    at_work.await.unwrap().unwrap().unwrap();
    // Both replaced processes end by themselves; only the two in use are left.
    functions.host.processes.at_most(2).await;
    assert!(!alive(worker) && !alive(before.1));
    rig.finish().await;
}
