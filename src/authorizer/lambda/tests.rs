use super::*;

const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/$connect";
const WEBSOCKET: AuthorizerFormat = AuthorizerFormat::WebSocket;
const SIMPLE: AuthorizerFormat = AuthorizerFormat::V2 { simple: true };
const POLICY: AuthorizerFormat = AuthorizerFormat::V2 { simple: false };

fn judged(output: &str, format: AuthorizerFormat, arns: &[&str]) -> Result<Identified, u16> {
    let refuse = |error: &GatewayError| error.http_status().as_u16();
    let verdict = Verdict::read(output.as_bytes(), format);
    let verdict = verdict.map_err(|refusal| refuse(&GatewayError::from(&refusal)))?;
    let arns: Vec<_> = arns.iter().map(|arn| (*arn).to_owned()).collect();
    let judged = verdict.judge(&arns, &Facts::new());
    judged.map_err(|error| refuse(&error))?;
    Ok(match format {
        WEBSOCKET => verdict.for_connection(Duration::from_millis(7)),
        _ => verdict.for_request(),
    })
}

fn status(output: &str, format: AuthorizerFormat) -> Option<u16> {
    judged(output, format, &[ARN]).err()
}

fn output(effect: &str, resource: &str, more: &str) -> String {
    format!(
        r#"{{"principalId":"u","policyDocument":{{"Version":"2012-10-17","Statement":[{{"Action":"execute-api:Invoke","Effect":"{effect}","Resource":"{resource}"}}]}}{more}}}"#
    )
}

#[test]
fn policies_decide() {
    let check = |effect: &str, resource: &str, expected: Option<u16>| {
        for format in [WEBSOCKET, AuthorizerFormat::V1, POLICY] {
            let actual = status(&output(effect, resource, ""), format);
            assert_eq!(actual, expected, "{effect} {resource}");
        }
    };
    check("Allow", ARN, None);
    check("Allow", "*", None);
    let api = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/*";
    check("Allow", api, None);
    check("Deny", ARN, Some(403));
    let other = "arn:aws:execute-api:eu-west-1:123456789012:other/*";
    check("Allow", other, Some(403));
}

#[test]
fn every_reading_of_a_path_must_be_allowed() {
    let check = |resource: &str, arns: &[&str], expected: Option<u16>| {
        let actual = judged(&output("Allow", resource, ""), POLICY, arns);
        assert_eq!(actual.err(), expected, "{resource} {arns:?}");
    };
    check("x/GET/a", &["x/GET/a"], None);
    check("x/GET/a", &["x/GET/a", "x/GET/b"], Some(403));
    check("x/GET/*", &["x/GET/a", "x/GET/b"], None);
}

#[test]
fn output_that_makes_no_sense_is_500() {
    let check = |output: &str| {
        for format in [WEBSOCKET, AuthorizerFormat::V1, POLICY] {
            assert_eq!(status(output, format), Some(500), "{output}");
        }
    };
    check("");
    check("null");
    check("[]");
    check("{}");
    check(r#"{"isAuthorized":true}"#);
    check(r#"{"policyDocument":{}}"#);
    check(r#"{"principalId":"u"}"#);
    check(&output("Maybe", "*", ""));
    check(&output("Allow", "*", r#","context":[]"#));
    check(&output("Allow", "*", r#","context":"x""#));
    check(&output("Allow", "*", r#","usageIdentifierKey":7"#));
    let context = |letters: usize| format!(r#","context":{{"x":"{}"}}"#, "y".repeat(letters));
    check(&output("Allow", "*", &context(OUTPUT_BYTES)));
    let large = output("Allow", "*", &context(9000));
    assert_eq!(status(&large, WEBSOCKET), Some(500));
    assert_eq!(status(&large, POLICY), None);
}

#[test]
fn simple_answers_decide() {
    let check = |output: &str, expected: Option<u16>| {
        assert_eq!(status(output, SIMPLE), expected, "{output}");
    };
    check(r#"{"isAuthorized":true}"#, None);
    check(r#"{"isAuthorized":true,"context":null}"#, None);
    check(r#"{"isAuthorized":false}"#, Some(403));
    check(r#"{"isAuthorized":"true"}"#, Some(500));
    check(r#"{"isAuthorized":1}"#, Some(500));
    check(r#"{"isAuthorized":null}"#, Some(500));
    check(r#"{"isAuthorized":true,"context":[]}"#, Some(500));
    check(
        r#"{"isAuthorized":true,"context":{"claims":{"sub":"u"}}}"#,
        Some(500),
    );
    check(r#"{"isAuthorized":true,"context":{"claims":"x"}}"#, None);
    check("{}", Some(500));
    check("true", Some(500));
    // A policy is no answer where simple ones were agreed on.
    check(&output("Allow", "*", ""), Some(500));
}

#[test]
fn context_is_flattened_to_strings_for_connections() {
    let more = r#","context":{"tenant":"acme","level":3,"beta":true,"gone":null}"#;
    let identified = judged(&output("Allow", "*", more), WEBSOCKET, &[ARN]).expect("allowed");
    let expected = serde_json::json!({
        "principalId": "u", "integrationLatency": 7, "tenant": "acme", "level": "3", "beta": "true",
    });
    let flat = identified
        .authorizer
        .map(|map| Value::Object((*map).clone()));
    assert_eq!(flat, Some(expected));
    for nested in [r#","context":{"nested":{}}"#, r#","context":{"nested":[]}"#] {
        assert_eq!(status(&output("Allow", "*", nested), WEBSOCKET), Some(500));
    }
}

#[test]
fn context_stays_as_it_is_for_requests() {
    let check = |output: &str, format, principal: Option<&str>, context: Option<Value>| {
        let identified = judged(output, format, &[ARN]).expect("allowed");
        let Some(Authorized::Lambda(facts)) = identified.authorized else {
            panic!("{output}");
        };
        assert_eq!(facts.principal_id.as_deref(), principal, "{output}");
        assert_eq!(
            facts.context.clone().map(Value::Object),
            context,
            "{output}"
        );
    };
    let more = r#","context":{"a":"x","b":3,"c":[1,{"d":null}],"e":null}"#;
    let context = serde_json::json!({"a": "x", "b": 3, "c": [1, {"d": null}], "e": null});
    check(
        &output("Allow", "*", more),
        POLICY,
        Some("u"),
        Some(context.clone()),
    );
    check(
        &output("Allow", "*", ""),
        AuthorizerFormat::V1,
        Some("u"),
        None,
    );
    check(
        r#"{"isAuthorized":true,"principalId":"u"}"#,
        SIMPLE,
        None,
        None,
    );
    let simple = format!(r#"{{"isAuthorized":true{more}}}"#);
    check(&simple, SIMPLE, None, Some(context));
}

#[test]
fn the_key_for_a_usage_plan_stands_beside_the_verdict() {
    let check = |output: &str, format, expected: Option<&str>| {
        let identified = judged(output, format, &[ARN]).expect("allowed");
        let key = identified.usage_identifier_key;
        assert_eq!(key.as_deref(), expected, "{output}");
    };
    let key = r#","usageIdentifierKey":"k""#;
    check(&output("Allow", "*", key), WEBSOCKET, Some("k"));
    check(&output("Allow", "*", key), POLICY, Some("k"));
    check(
        &output("Allow", "*", r#","usageIdentifierKey":null"#),
        POLICY,
        None,
    );
    check(
        r#"{"isAuthorized":true,"usageIdentifierKey":"k"}"#,
        SIMPLE,
        Some("k"),
    );
}

#[test]
fn larger_output_takes_more_memory() {
    let bytes = |context: &str| {
        let output = format!(r#"{{"isAuthorized":true,"context":{context}}}"#);
        Verdict::read(output.as_bytes(), SIMPLE).unwrap().bytes()
    };
    assert!(bytes("{}") < 500);
    assert!(bytes(r#"{"a":[0,0,0,0]}"#) > bytes(r#"{"a":[0]}"#) + 90);
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(1000));
    assert!((1000..2000).contains(&bytes(&long)));
}
