//! Mutual TLS that comes, changes and goes while clients are connected.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::definition::{Machine, load_text};

use super::people::{Authority, Line, authority, below, client, config, status};
use super::{DEFINITION, URI, forget, truststores};
use crate::control::{call, exception, works};
use crate::harness::{Rig, Setup, answers};

const NAMES: &str = "/v2/domainnames";

/// The APIs of [`DEFINITION`], without its domain names.
fn apis() -> String {
    let (apis, _) = DEFINITION.split_once("domainNames:").unwrap();
    apis.replace("STAGE", "{}")
}

fn server(state: &Path) -> [String; 4] {
    [
        "tls: development".to_owned(),
        "adminAuth: none".to_owned(),
        format!("stateDirectory: '{}'", state.display()),
        truststores(state),
    ]
}

async fn started(state: &Path) -> Rig {
    let mut setup = Setup::new(apis())
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("guard", answers(json!({})))
        .manual();
    for line in server(state) {
        setup = setup.server(&line);
    }
    setup.start().await
}

fn write(state: &Path, own: &str, other: &str) {
    std::fs::write(state.join("own.pem"), own).unwrap();
    std::fs::write(state.join("other.pem"), other).unwrap();
}

/// Reads the definition and the files that it names again.
fn reload(rig: &Rig, server: &[String]) -> Result<(), String> {
    let server = server.join(", ");
    let text = format!(
        "server: {{ listen: 127.0.0.1:0, admin: 127.0.0.1:0, adminHosts: gateway.test, {server} }}\n{}",
        apis()
    );
    let loaded = load_text(&text, Path::new("."), &Machine::default());
    let told = |problems: Vec<tidegate::definition::Diagnostic>| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let loaded = loaded.map_err(told)?;
    rig.gateway.reload(&loaded).map_err(told)
}

async fn mapped(rig: &Rig, name: &str, mutual: Value) {
    let body = json!({ "domainName": name, "mutualTlsAuthentication": mutual });
    works(rig, 201, "POST", NAMES, body).await;
    let path = format!("{NAMES}/{name}/apimappings");
    let mapping = json!({ "apiId": "shop", "stage": "$default" });
    works(rig, 201, "POST", &path, mapping).await;
}

async fn patched(rig: &Rig, mutual: Value) -> Value {
    let body = json!({ "mutualTlsAuthentication": mutual });
    works(rig, 200, "PATCH", &format!("{NAMES}/shop.test"), body).await
}

#[tokio::test]
async fn callers_turn_it_on_change_it_and_turn_it_off() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    write(state.path(), &own.pem(), &other.pem());
    let rig = started(state.path()).await;
    let open = |authority: Option<&Authority>| {
        let identity = authority.map(client);
        Arc::new(config(state.path(), identity.as_ref()))
    };
    let (nobody, mine, theirs) = (open(None), open(Some(&own)), open(Some(&other)));
    let statuses = async || {
        let mut found = Vec::new();
        for who in [&nobody, &mine, &theirs] {
            let config = rustls::ClientConfig::clone(who);
            found.push(status(rig.address(), "shop.test", "shop.test", config).await);
        }
        found
    };
    mapped(&rig, "shop.test", json!({ "truststoreUri": "" })).await;
    let made = works(&rig, 200, "GET", &format!("{NAMES}/shop.test"), Value::Null).await;
    assert_eq!(made.get("mutualTlsAuthentication"), None);
    assert_eq!(statuses().await, [Some(200); 3]);

    // Turned on: who is connected already has shown nothing.
    let mut early = Line::open(rig.address(), "shop.test", &mine).await.unwrap();
    assert_eq!(early.ask("shop.test", "/v2").await.unwrap().status, 200);
    let shown = patched(&rig, json!({ "truststoreUri": URI })).await;
    let expected = json!({ "truststoreUri": URI, "truststoreWarnings": [] });
    assert_eq!(shown["mutualTlsAuthentication"], expected);
    assert_eq!(early.ask("shop.test", "/v2").await.unwrap().status, 403);
    assert_eq!(statuses().await, [None, Some(200), None]);

    // Another version, of the truststore that is there: what was verified by the old one does not count.
    let mut line = Line::open(rig.address(), "shop.test", &mine).await.unwrap();
    assert_eq!(line.ask("shop.test", "/v2").await.unwrap().status, 200);
    let shown = patched(&rig, json!({ "truststoreVersion": "other" })).await;
    let expected =
        json!({ "truststoreUri": URI, "truststoreVersion": "other", "truststoreWarnings": [] });
    assert_eq!(shown["mutualTlsAuthentication"], expected);
    assert_eq!(line.ask("shop.test", "/v2").await.unwrap().status, 403);
    assert_eq!(statuses().await, [None, None, Some(200)]);
    // A URI alone is the truststore without a version, and so is an empty version.
    for change in [
        json!({ "truststoreUri": URI }),
        json!({ "truststoreVersion": "" }),
    ] {
        patched(&rig, json!({ "truststoreVersion": "other" })).await;
        let shown = patched(&rig, change).await;
        assert_eq!(
            shown["mutualTlsAuthentication"].get("truststoreVersion"),
            None
        );
        assert_eq!(statuses().await, [None, Some(200), None]);
    }

    // Beside it the API's own endpoint can be switched off.
    let shut = json!({ "disableExecuteApiEndpoint": true });
    let refused = call(&rig, "PATCH", "/v2/apis/shop", shut).await;
    exception(&refused, 409, "ConflictException");

    // It lasts.
    forget(&rig).await;
    drop((early, line));
    rig.close().await;
    let rig = started(state.path()).await;
    let config = rustls::ClientConfig::clone(&nobody);
    assert_eq!(
        status(rig.address(), "shop.test", "shop.test", config).await,
        None
    );
    let shown = patched(&rig, json!({ "truststoreUri": "" })).await;
    assert_eq!(shown.get("mutualTlsAuthentication"), None);
    let config = rustls::ClientConfig::clone(&nobody);
    let open = status(rig.address(), "shop.test", "shop.test", config).await;
    assert_eq!(open, Some(200));
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn a_truststore_that_changes_judges_again_who_is_connected() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    write(state.path(), &own.pem(), &other.pem());
    let rig = started(state.path()).await;
    mapped(&rig, "shop.test", json!({ "truststoreUri": URI })).await;
    let mine = Arc::new(config(state.path(), Some(&client(&own))));
    let theirs = Arc::new(config(state.path(), Some(&client(&other))));
    let mut line = Line::open(rig.address(), "shop.test", &mine).await.unwrap();
    let mut ask = async || {
        line.ask("shop.test", "/v2")
            .await
            .map(|answer| answer.status)
    };
    assert_eq!(ask().await, Some(200));
    // Nothing changes, or another authority is added: whoever is connected stays.
    reload(&rig, &server(state.path())).unwrap();
    assert_eq!(ask().await, Some(200));
    write(state.path(), &(own.pem() + &other.pem()), &other.pem());
    reload(&rig, &server(state.path())).unwrap();
    assert_eq!(ask().await, Some(200));
    let second = Line::open(rig.address(), "shop.test", &theirs).await;
    let answer = second.unwrap().ask("shop.test", "/v2").await.unwrap();
    assert_eq!(answer.status, 200);
    // The first is taken out.
    write(state.path(), &other.pem(), &other.pem());
    reload(&rig, &server(state.path())).unwrap();
    assert_eq!(ask().await, Some(403));
    assert_eq!(ask().await, None, "the connection is closed");
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn a_definition_without_what_a_stored_name_needs_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    write(state.path(), &own.pem(), &other.pem());
    let rig = started(state.path()).await;
    mapped(
        &rig,
        "shop.test",
        json!({ "truststoreUri": URI, "truststoreVersion": "other" }),
    )
    .await;
    let all = server(state.path());
    let told = reload(&rig, &all[..3]).unwrap_err();
    assert!(
        told.contains("mutualTlsAuthentication.truststoreUri: there is no such truststore"),
        "{told}"
    );
    let mut without = all.clone();
    without[3] = all[3].replace("other:", "third:");
    let told = reload(&rig, &without).unwrap_err();
    let expected = "mutualTlsAuthentication.truststoreVersion: the truststore has no such version";
    assert!(told.contains(expected), "{told}");
    // What cannot be read as a truststore is no truststore.
    std::fs::write(state.path().join("other.pem"), "nothing").unwrap();
    let told = reload(&rig, &all).unwrap_err();
    assert!(
        told.contains("has no root certificate that can be used"),
        "{told}"
    );
    let (one, two) = (below("both", &own), below("both", &other));
    let conflict = own.pem() + &other.pem() + &one.pem() + &two.pem();
    std::fs::write(state.path().join("other.pem"), conflict).unwrap();
    let told = reload(&rig, &all).unwrap_err();
    let expected = "The certificate subject O=Shop,CN=both conflicts with an existing certificate from a different issuer.";
    assert!(told.contains(expected), "{told}");
    let config = config(state.path(), None);
    assert_eq!(
        status(rig.address(), "shop.test", "shop.test", config).await,
        None
    );
    rig.close().await;

    // A gateway that starts without it leaves the name out rather than open, whatever else is changed.
    std::fs::write(state.path().join("other.pem"), other.pem()).unwrap();
    let mut setup = Setup::new(apis())
        .function("backend", answers(json!({ "statusCode": 200 })))
        .function("guard", answers(json!({})));
    for line in &all[..3] {
        setup = setup.server(line);
    }
    let rig = setup.start().await;
    let config = || self::config(state.path(), None);
    let ask = async || status(rig.address(), "shop.test", "shop.test", config()).await;
    assert_eq!(ask().await, Some(403));
    let path = format!("{NAMES}/shop.test/apimappings");
    let mapping = json!({ "apiId": "shop", "stage": "$default", "apiMappingKey": "x" });
    works(&rig, 201, "POST", &path, mapping).await;
    assert_eq!(ask().await, Some(403));
    // The list of what is left out ends with an empty line.
    rig.close_after(&["are left out", "there is no such truststore", ""])
        .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_truststore_is_shown() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let lost = below("lost", &below("gone", &other));
    write(state.path(), &(own.pem() + &lost.pem()), &other.pem());
    let rig = started(state.path()).await;
    mapped(&rig, "shop.test", json!({ "truststoreUri": URI })).await;
    let all = works(&rig, 200, "GET", NAMES, Value::Null).await;
    let warnings = &all["items"][0]["mutualTlsAuthentication"]["truststoreWarnings"];
    let expected = "certificate 2 (O=Shop,CN=lost) leads to no root: its issuer, O=Shop,CN=gone, is not in the truststore";
    assert_eq!(*warnings, json!([expected]));
    rig.close().await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    write(state.path(), &own.pem(), &other.pem());
    let rig = started(state.path()).await;
    let arn = "arn:aws:acm:us-east-1:000000000000:certificate/shop";
    for (mutual, expected) in [
        (
            json!({}),
            "mutualTlsAuthentication.truststoreUri: is missing",
        ),
        (json!("on"), "mutualTlsAuthentication: "),
        (json!({ "truststoreUri": "https://a/b" }), "truststoreUri: "),
        (json!({ "truststoreUri": "s3://a" }), "truststoreUri: "),
        (
            json!({ "truststoreUri": "s3://shop-keys/none.pem" }),
            "truststoreUri: there is no such truststore",
        ),
        (
            json!({ "truststoreUri": URI, "truststoreVersion": "none" }),
            "truststoreVersion: the truststore has no such version",
        ),
        (
            json!({ "truststoreUri": URI, "truststoreWarnings": [] }),
            "truststoreWarnings: is not supported",
        ),
        (json!({ "truststoreUri": URI, "more": 1 }), "more: unknown"),
    ] {
        let body = json!({ "domainName": "a.test", "mutualTlsAuthentication": mutual });
        let refused = call(&rig, "POST", NAMES, body).await;
        let message = exception(&refused, 400, "BadRequestException");
        assert!(message.contains(expected), "{message}");
    }
    let body = json!({ "domainName": "a.test", "domainNameConfigurations": [{ "ownershipVerificationCertificateArn": arn }] });
    let refused = call(&rig, "POST", NAMES, body.clone()).await;
    let message = exception(&refused, 400, "BadRequestException");
    let expected = "domainNameConfigurations[0].ownershipVerificationCertificateArn: means something with mutual TLS only";
    assert!(message.starts_with(expected), "{message}");
    let mut body = body;
    body["mutualTlsAuthentication"] = json!({ "truststoreUri": URI });
    let made = works(&rig, 201, "POST", NAMES, body).await;
    let shown = &made["domainNameConfigurations"][0]["ownershipVerificationCertificateArn"];
    assert_eq!(shown, arn);
    rig.close().await;
}

#[tokio::test]
async fn definitions_that_are_exported_and_applied_have_it() {
    const DEFINITION: &str = "/v2/tidegate/definition";
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    write(state.path(), &own.pem(), &other.pem());
    let rig = started(state.path()).await;
    mapped(&rig, "shop.test", json!({ "truststoreUri": URI })).await;
    let exported = works(&rig, 200, "GET", DEFINITION, Value::Null).await;
    let mut definition = exported["definition"].clone();
    let mutual = |definition: &Value| {
        let domain = &definition["domainNames"]["shop.test"];
        domain.get("mutualTlsAuthentication").cloned()
    };
    let plain = json!({ "truststoreUri": URI });
    assert_eq!(mutual(&definition), Some(plain));
    let theirs = || config(state.path(), Some(&client(&other)));
    let ask = async || status(rig.address(), "shop.test", "shop.test", theirs()).await;
    assert_eq!(ask().await, None);
    let versioned = json!({ "truststoreUri": URI, "truststoreVersion": "other" });
    definition["domainNames"]["shop.test"]["mutualTlsAuthentication"] = versioned.clone();
    works(&rig, 200, "PUT", DEFINITION, definition.clone()).await;
    assert_eq!(ask().await, Some(200));
    let exported = works(&rig, 200, "GET", DEFINITION, Value::Null).await;
    assert_eq!(mutual(&exported["definition"]), Some(versioned));
    // A change of nothing changes nothing.
    patched(&rig, json!({})).await;
    assert_eq!(ask().await, Some(200));
    definition["domainNames"]["shop.test"]["mutualTlsAuthentication"]["truststoreVersion"] =
        "none".into();
    let refused = call(&rig, "PUT", DEFINITION, definition.clone()).await;
    let message = exception(&refused, 400, "BadRequestException");
    let expected = "truststoreVersion: the truststore has no such version";
    assert!(message.contains(expected), "{message}");
    forget(&rig).await;
    rig.close().await;
}
