//! What is written and read again is written as before, for every API.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{HOW, section};
use crate::definition::read_document;
use crate::openapi::{Server, Writing, read, to_yaml, write};

const WRITING: Writing<'_> = Writing {
    server: Some(Server {
        url: "https://a.example",
        stage: "prod",
    }),
    version: "2026-03-12T08:15:30Z",
    extensions: true,
};

/// A text as people and tools write them: anything but control characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,12}",
        "\\PC{1,8}",
        Just("yes".to_owned()),
        Just("1.0".to_owned())
    ]
}

fn mapping() -> impl Strategy<Value = Value> {
    btree_map(
        "(append|overwrite|remove):header\\.[a-z]{1,5}",
        text(),
        0..3,
    )
    .prop_map(|map| json!(map))
}

fn integration() -> impl Strategy<Value = Value> {
    let proxy = (
        text(),
        option::of(1_u32..30_000),
        option::of(mapping()),
        option::of(text()),
        any::<bool>(),
    );
    let proxy = proxy.prop_map(|(uri, timeout, mapping, description, idle)| {
        let mut set = json!({ "integrationType": "HTTP_PROXY", "integrationUri": uri, "integrationMethod": "ANY" });
        let members = [
            ("timeoutInMillis", timeout.map(Value::from)),
            ("requestParameters", mapping.clone()),
            ("responseParameters", mapping.map(|mapping| json!({ "404": mapping }))),
            ("description", description.map(Value::from)),
            ("tidegate", idle.then(|| json!({ "bodyIdleTimeout": "5s" }))),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                set[name] = value;
            }
        }
        set
    });
    let private = (text(), text(), option::of(text())).prop_map(|(uri, link, name)| {
        let mut set = json!({ "integrationType": "HTTP_PROXY", "integrationUri": uri, "integrationMethod": "ANY",
            "connectionType": "VPC_LINK", "connectionId": link });
        if let Some(name) = name {
            set["tlsConfig"] = json!({ "serverNameToVerify": name });
        }
        set
    });
    let function = (text(), prop_oneof!["1.0", "2.0"]).prop_map(|(uri, format)| {
        json!({ "integrationType": "AWS_PROXY", "integrationUri": uri, "payloadFormatVersion": format })
    });
    let service = mapping().prop_map(|mapping| {
        json!({ "integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage", "requestParameters": mapping })
    });
    prop_oneof![proxy, private, function, service]
}

fn authorizer() -> impl Strategy<Value = Value> {
    let source = "\\$request\\.(header|querystring)\\.[a-z]{1,5}";
    let jwt = (text(), source, text(), vec(text(), 1..3));
    let jwt = jwt.prop_map(|(name, source, issuer, audience)| {
        json!({
            "name": name, "authorizerType": "JWT", "identitySource": [source],
            "jwtConfiguration": { "issuer": issuer, "audience": audience },
        })
    });
    let request = (text(), vec(source, 0..3), 0_u32..3600, any::<bool>());
    let request = request.prop_map(|(name, sources, ttl, simple)| {
        json!({
            "name": name, "authorizerType": "REQUEST", "identitySource": sources, "authorizerUri": "function:a",
            "authorizerPayloadFormatVersion": "2.0", "authorizerResultTtlInSeconds": ttl, "enableSimpleResponses": simple,
        })
    });
    prop_oneof![jwt, request]
}

/// A route, with numbers that choose among the integrations and authorizers that there are.
fn route() -> impl Strategy<Value = (Value, usize, usize)> {
    let plain = (option::of("[A-Za-z]{1,9}"), any::<bool>(), any::<bool>());
    let plain = plain.prop_map(|(name, signed, keyed)| {
        let mut route = json!({});
        if let Some(name) = name {
            route["operationName"] = name.into();
        }
        if signed {
            route["authorizationType"] = "AWS_IAM".into();
        }
        if keyed {
            route["apiKeyRequired"] = true.into();
        }
        route
    });
    (plain, 0_usize..6, 0_usize..6)
}

fn key() -> impl Strategy<Value = String> {
    let segment = prop_oneof!["[a-z~. -]{1,5}", "\\{[a-z]{1,4}\\}"];
    let path = (vec(segment, 0..4), any::<bool>()).prop_map(|(segments, greedy)| {
        let mut path = format!("/{}", segments.join("/"));
        if greedy {
            path = format!("{}/{{proxy+}}", path.trim_end_matches('/'));
        }
        path
    });
    let method = prop_oneof![
        "GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "ANY"
    ];
    prop_oneof![
        9 => (method, path).prop_map(|(method, path)| format!("{method} {path}")),
        1 => Just("$default".to_owned()),
    ]
}

fn api() -> impl Strategy<Value = Map<String, Value>> {
    let members = (
        text(),
        option::of(text()),
        option::of(text()),
        btree_map(text(), text(), 0..3),
        option::of((vec(text(), 0..2), any::<bool>(), option::of(-1_i32..9))),
        any::<bool>(),
    );
    let parts = (
        btree_map("[a-z]{3}", integration(), 0..4),
        btree_map("[a-z]{3}", authorizer(), 0..4),
        btree_map(key(), route(), 0..8),
    );
    (members, parts).prop_map(|(members, (integrations, authorizers, routes))| {
        let (name, description, version, tags, cors, closed) = members;
        let mut api = json!({ "protocolType": "HTTP", "name": name });
        for (name, value) in [("description", description), ("version", version)] {
            if let Some(value) = value {
                api[name] = value.into();
            }
        }
        if !tags.is_empty() {
            api["tags"] = json!(tags);
        }
        if let Some((origins, credentials, age)) = cors {
            api["corsConfiguration"] =
                json!({ "allowOrigins": origins, "allowCredentials": credentials, "maxAge": age });
        }
        if closed {
            api["disableExecuteApiEndpoint"] = true.into();
            api["ipAddressType"] = "ipv4".into();
            api["apiKeySelectionExpression"] = "$request.querystring.x-api-key".into();
        }
        let routes = routes.into_iter().map(|(key, (mut route, target, guard))| {
            if let Some(id) = integrations.keys().nth(target) {
                route["target"] = format!("integrations/{id}").into();
            }
            if let Some((id, authorizer)) = authorizers.iter().nth(guard) {
                let jwt = authorizer["authorizerType"] == "JWT";
                route["authorizerId"] = id.as_str().into();
                route["authorizationType"] = if jwt { "JWT" } else { "CUSTOM" }.into();
                if jwt {
                    route["authorizationScopes"] = json!(["a", "b:c"]);
                }
            }
            (key, route)
        });
        api["routes"] = Value::Object(routes.collect());
        api["integrations"] = json!(integrations);
        api["authorizers"] = json!(authorizers);
        api.as_object().cloned().unwrap_or_default()
    })
}

/// What a route comes to, with the resources it names in place of their ids.
fn meaning(api: &Map<String, Value>, key: &str) -> Value {
    let mut route = section(api, "routes")[key].clone();
    let target = route["target"].as_str().map(str::to_owned);
    if let Some(target) = target {
        let id = target.trim_start_matches("integrations/");
        let mut set = section(api, "integrations")[id].clone();
        for (name, default) in [
            ("payloadFormatVersion", json!("1.0")),
            ("connectionType", json!("INTERNET")),
            ("timeoutInMillis", json!(30_000)),
        ] {
            let members = set.as_object_mut().expect("a map");
            members.entry(name).or_insert(default);
            members.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
            members.sort_keys();
        }
        if set["integrationType"] == "AWS_PROXY" && set.get("integrationSubtype").is_none() {
            set["integrationMethod"] = "POST".into();
        }
        route["target"] = set;
    }
    if let Some(id) = route["authorizerId"].as_str().map(str::to_owned) {
        let mut set = section(api, "authorizers")[&id].clone();
        let members = set.as_object_mut().expect("a map");
        // Names need not tell authorizers apart; those of documents do.
        members.shift_remove("name");
        members.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
        members.sort_keys();
        route["authorizerId"] = set;
    }
    if let Some(members) = route.as_object_mut() {
        members.sort_keys();
    }
    route
}

proptest! {
    #[test]
    fn export_import_export_is_a_fixed_point(api in api()) {
        let first = write(&api, &WRITING);
        let imported = read(&first.to_string(), &HOW);
        prop_assert!(imported.is_ok(), "{first:#}: {imported:?}");
        let imported = imported.expect("it is");
        prop_assert_eq!(write(&imported.api, &WRITING), first.clone());
        for name in ["routes", "integrations", "authorizers"] {
            let counts = (section(&api, name).len(), section(&imported.api, name).len());
            prop_assert_eq!(counts.0, counts.1, "{}", name);
        }
        for name in ["name", "description", "tags", "disableExecuteApiEndpoint", "ipAddressType"] {
            prop_assert_eq!(imported.api.get(name), api.get(name));
        }
        for key in section(&api, "routes").keys() {
            prop_assert_eq!(meaning(&imported.api, key), meaning(&api, key), "{}", key);
        }
    }

    #[test]
    fn yaml_says_what_json_says(api in api()) {
        let document = write(&api, &WRITING);
        let yaml = to_yaml(&document);
        prop_assert_eq!(read_document(&yaml, "body").ok(), Some(document), "{}", yaml);
    }
}

#[test]
fn a_document_for_clients_has_no_extensions() {
    let api = json!({
        "name": "shop",
        "routes": {
            "ANY /a": { "target": "integrations/a", "operationName": "Any" },
            "GET /a": { "authorizationType": "JWT", "authorizerId": "p", "apiKeyRequired": true },
            "$default": {},
        },
        "integrations": { "a": { "integrationType": "HTTP_PROXY" } },
        "authorizers": { "p": { "authorizerType": "JWT", "jwtConfiguration": { "issuer": "https://id.example" } } },
        "tags": { "a": "b" },
        "corsConfiguration": {},
    });
    let how = Writing {
        server: None,
        version: "1",
        extensions: false,
    };
    let document = write(api.as_object().expect("a map"), &how);
    assert!(!document.to_string().contains("x-"), "{document:#}");
    let methods: Vec<_> = section(document["paths"].as_object().expect("paths"), "/a")
        .keys()
        .cloned()
        .collect();
    let expected = ["get", "put", "post", "delete", "options", "head", "patch"];
    assert_eq!(methods, expected);
    assert_eq!(
        document["paths"]["/a"]["get"]["security"],
        json!([{ "p": [] }])
    );
    let scheme = json!({ "type": "openIdConnect", "openIdConnectUrl": "https://id.example/.well-known/openid-configuration" });
    assert_eq!(document["components"]["securitySchemes"]["p"], scheme);
}
