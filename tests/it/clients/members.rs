//! Every member that the service's model has for a new resource: it is read back as it was said, or refused by its name. Never silence.

use serde_json::{Map, Value, json};

use super::control::{Desk, Tool};
use super::private::LISTENER;

/// What becomes of a member.
enum Fate {
    /// The answer has it.
    Kept(Value),
    /// It is refused with this value, which AWS would take.
    Refused(Value),
}

use Fate::{Kept, Refused};

/// One kind of resource: the operation that makes it, what a body must have, and every other member.
struct Check {
    operation: &'static str,
    base: Value,
    members: Vec<(&'static str, Fate)>,
}

/// What bodies refer to.
struct Ids {
    api: String,
    integration: String,
    /// An integration that answers by itself; only WebSocket APIs have one.
    mock: String,
    authorizer: String,
    route: String,
    link: String,
}

/// An API of a protocol with one resource of each kind that others refer to.
async fn prepared(desk: &mut Desk, protocol: &str) -> Ids {
    let mut body = json!({ "Name": "a", "ProtocolType": protocol });
    let source = match protocol {
        "HTTP" => "$request.header.a",
        _ => {
            body["RouteSelectionExpression"] = json!("$request.body.action");
            "route.request.header.a"
        }
    };
    let id = |answer: Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let api = id(desk.call("CreateApi", body).await, "ApiId");
    let body = json!({ "ApiId": api, "IntegrationType": "AWS_PROXY", "IntegrationUri": "function:backend" });
    let integration = id(desk.call("CreateIntegration", body).await, "IntegrationId");
    let mut body = json!({
        "ApiId": api, "Name": "a", "AuthorizerType": "REQUEST", "AuthorizerUri": "function:backend", "IdentitySource": [source],
    });
    if protocol == "HTTP" {
        body["AuthorizerPayloadFormatVersion"] = json!("2.0");
    }
    let authorizer = id(desk.call("CreateAuthorizer", body).await, "AuthorizerId");
    let mut mock = String::new();
    if protocol == "WEBSOCKET" {
        let body = json!({ "ApiId": api, "Name": "Order", "Schema": "{}" });
        desk.call("CreateModel", body).await;
        let body = json!({
            "ApiId": api, "IntegrationType": "MOCK", "RequestTemplates": { "a": "{\"statusCode\":200}" },
            "TemplateSelectionExpression": "a",
        });
        mock = id(desk.call("CreateIntegration", body).await, "IntegrationId");
    }
    let key = if protocol == "HTTP" {
        "GET /first"
    } else {
        "first"
    };
    let body =
        json!({ "ApiId": api, "RouteKey": key, "Target": format!("integrations/{integration}") });
    let route = id(desk.call("CreateRoute", body).await, "RouteId");
    let body = json!({ "Name": "inner", "SubnetIds": ["subnet-1"] });
    let link = id(desk.call("CreateVpcLink", body).await, "VpcLinkId");
    Ids {
        api,
        integration,
        mock,
        authorizer,
        route,
        link,
    }
}

/// Sends each member with the rest that a body must have.
async fn run(desk: &mut Desk, checks: Vec<Check>) {
    let mut number = 0;
    for check in checks {
        let known = desk
            .call("members", json!({ "operation": check.operation }))
            .await;
        for member in known.as_array().unwrap() {
            let member = member.as_str().unwrap();
            let listed = check.members.iter().any(|(name, _)| *name == member);
            let based = check.base.get(member).is_some();
            assert!(
                listed || based,
                "{} has {member}, which nobody looked at",
                check.operation
            );
        }
        for (member, fate) in check.members {
            number += 1;
            let mut input = numbered(&check.base, number);
            let (Kept(value) | Refused(value)) = &fate;
            // `also` is what the member needs beside it.
            let (value, also) = match value.get("also") {
                Some(also) => (value["value"].clone(), also.clone()),
                None => (value.clone(), json!({})),
            };
            input[member] = numbered(&value, number);
            for (name, value) in also.as_object().unwrap_or(&Map::new()) {
                input[name] = numbered(value, number);
            }
            let seen = desk.seen(check.operation, input.clone()).await;
            let what = format!("{} {input}: {seen}", check.operation);
            if let Kept(_) = fate {
                assert_eq!(seen.get("exception"), None, "{what}");
                assert_eq!(seen["answer"][member], input[member], "{what}");
                continue;
            }
            assert_eq!(seen["exception"], "BadRequestException", "{what}");
            let message = seen["message"].as_str().unwrap();
            let (first, rest) = member.split_at(1);
            let name = format!("{}{rest}", first.to_lowercase());
            assert!(message.contains(&name), "{what}");
        }
    }
}

/// The same with the number of the call where a text has `#`.
fn numbered(value: &Value, number: usize) -> Value {
    let text = value.to_string().replace('#', &number.to_string());
    serde_json::from_str(&text).unwrap()
}

fn http(ids: &Ids) -> Vec<Check> {
    let arn = json!("arn:aws:iam::000000000000:role/a");
    let (api, link) = (&ids.api, &ids.link);
    let private =
        json!({ "ConnectionType": "VPC_LINK", "ConnectionId": link, "IntegrationUri": LISTENER });
    let target = format!("integrations/{}", ids.integration);
    let cors = json!({
        "AllowCredentials": false, "AllowHeaders": ["a"], "AllowMethods": ["GET"], "AllowOrigins": ["https://a.example"],
        "ExposeHeaders": ["b"], "MaxAge": 5,
    });
    let logs = json!({ "DestinationArn": "stdout", "Format": "$context.requestId" });
    let settings = json!({ "DetailedMetricsEnabled": true, "ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2.5 });
    vec![
        Check {
            operation: "CreateApi",
            base: json!({ "Name": "a#", "ProtocolType": "HTTP" }),
            members: vec![
                (
                    "ApiKeySelectionExpression",
                    Kept(json!("$context.authorizer.usageIdentifierKey")),
                ),
                ("CorsConfiguration", Kept(cors)),
                ("CredentialsArn", Refused(arn.clone())),
                ("Description", Kept(json!("said"))),
                ("DisableSchemaValidation", Refused(json!(true))),
                ("DisableExecuteApiEndpoint", Kept(json!(true))),
                ("IpAddressType", Kept(json!("ipv4"))),
                ("IpAddressType", Kept(json!("dualstack"))),
                ("IpAddressType", Refused(json!("ipv6"))),
                ("RouteKey", Refused(json!("GET /a"))),
                (
                    "RouteSelectionExpression",
                    Kept(json!("$request.method $request.path")),
                ),
                ("Tags", Kept(json!({ "a": "b" }))),
                ("Target", Refused(json!(""))),
                ("Version", Kept(json!("7"))),
            ],
        },
        // Their other members stand in the query; `openapi` of `control.rs` says them all.
        Check {
            operation: "ImportApi",
            base: json!({ "Body": "" }),
            members: Vec::new(),
        },
        Check {
            operation: "ReimportApi",
            base: json!({ "Body": "" }),
            members: Vec::new(),
        },
        Check {
            operation: "CreateRoute",
            base: json!({ "ApiId": api, "RouteKey": "GET /r#" }),
            members: vec![
                ("ApiKeyRequired", Kept(json!(true))),
                ("AuthorizationScopes", Refused(json!(["a"]))),
                ("AuthorizationType", Kept(json!("AWS_IAM"))),
                (
                    "AuthorizerId",
                    Kept(
                        json!({ "value": ids.authorizer, "also": { "AuthorizationType": "CUSTOM" } }),
                    ),
                ),
                (
                    "ModelSelectionExpression",
                    Refused(json!("$request.body.a")),
                ),
                ("OperationName", Kept(json!("Name"))),
                ("RequestModels", Refused(json!({ "a": "Order" }))),
                (
                    "RequestParameters",
                    Refused(json!({ "route.request.header.a": { "Required": true } })),
                ),
                (
                    "RouteResponseSelectionExpression",
                    Refused(json!("$default")),
                ),
                ("Target", Kept(json!(target))),
            ],
        },
        Check {
            operation: "CreateIntegration",
            base: json!({ "ApiId": api, "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "GET", "IntegrationUri": "https://a.example/" }),
            members: vec![
                ("ConnectionId", Refused(json!("abcdef"))),
                (
                    "ConnectionId",
                    Kept(json!({ "value": link, "also": private })),
                ),
                ("ConnectionType", Kept(json!("INTERNET"))),
                (
                    "ConnectionType",
                    Kept(json!({ "value": "VPC_LINK", "also": private })),
                ),
                ("ContentHandlingStrategy", Refused(json!("CONVERT_TO_TEXT"))),
                ("CredentialsArn", Refused(arn.clone())),
                ("Description", Kept(json!("said"))),
                ("IntegrationSubtype", Refused(json!("SQS-SendMessage"))),
                ("PassthroughBehavior", Refused(json!("NEVER"))),
                ("PayloadFormatVersion", Kept(json!("1.0"))),
                ("RequestParameters", Kept(json!({ "append:header.a": "b" }))),
                ("RequestTemplates", Refused(json!({ "a": "b" }))),
                (
                    "ResponseParameters",
                    Kept(json!({ "404": { "overwrite:statuscode": "410" } })),
                ),
                ("TemplateSelectionExpression", Refused(json!("a"))),
                ("TimeoutInMillis", Kept(json!(500))),
                (
                    "TlsConfig",
                    Kept(json!({ "ServerNameToVerify": "b.example" })),
                ),
                (
                    "TlsConfig",
                    Kept(
                        json!({ "value": { "ServerNameToVerify": "b.example" }, "also": private }),
                    ),
                ),
            ],
        },
        Check {
            operation: "CreateAuthorizer",
            base: json!({
                "ApiId": api, "Name": "a", "AuthorizerType": "REQUEST", "AuthorizerUri": "function:backend",
                "IdentitySource": ["$request.header.a"], "AuthorizerPayloadFormatVersion": "2.0",
            }),
            members: vec![
                ("AuthorizerCredentialsArn", Refused(arn)),
                ("AuthorizerResultTtlInSeconds", Kept(json!(60))),
                ("EnableSimpleResponses", Kept(json!(true))),
                ("IdentityValidationExpression", Refused(json!(".*"))),
                (
                    "JwtConfiguration",
                    Refused(json!({ "Audience": ["a"], "Issuer": "https://a.example" })),
                ),
            ],
        },
        Check {
            operation: "CreateStage",
            base: json!({ "ApiId": api, "StageName": "s#" }),
            members: vec![
                ("AccessLogSettings", Kept(logs)),
                ("AutoDeploy", Kept(json!(true))),
                ("ClientCertificateId", Refused(json!("a"))),
                ("DefaultRouteSettings", Kept(settings.clone())),
                (
                    "DeploymentId",
                    Refused(json!({ "value": "abcdef", "also": { "AutoDeploy": true } })),
                ),
                ("Description", Kept(json!("said"))),
                ("RouteSettings", Kept(json!({ "GET /first": settings }))),
                ("StageVariables", Kept(json!({ "a": "b" }))),
                ("Tags", Kept(json!({ "a": "b" }))),
            ],
        },
        Check {
            operation: "CreateDomainName",
            base: json!({ "DomainName": "d#.example.com" }),
            members: vec![
                (
                    "DomainNameConfigurations",
                    Refused(json!([{ "CertificateArn": "arn:aws:acm:a" }])),
                ),
                (
                    "MutualTlsAuthentication",
                    Refused(json!({ "TruststoreUri": "s3://a/b" })),
                ),
                ("RoutingMode", Kept(json!("API_MAPPING_ONLY"))),
                ("RoutingMode", Kept(json!("ROUTING_RULE_ONLY"))),
                ("RoutingMode", Kept(json!("ROUTING_RULE_THEN_API_MAPPING"))),
                ("RoutingMode", Refused(json!("ROUTING_RULES"))),
                ("Tags", Kept(json!({ "a": "b" }))),
            ],
        },
        Check {
            operation: "CreateVpcLink",
            base: json!({ "Name": "v#", "SubnetIds": ["subnet-1"] }),
            members: vec![
                ("SecurityGroupIds", Kept(json!(["sg-1"]))),
                ("Tags", Kept(json!({ "a": "b" }))),
            ],
        },
        Check {
            operation: "CreateDeployment",
            base: json!({ "ApiId": api }),
            members: vec![
                ("Description", Kept(json!("said"))),
                ("StageName", Refused(json!("s2"))),
            ],
        },
    ]
}

/// The action of a routing rule.
fn invoked(api: &str, strips: bool) -> Value {
    json!([{ "InvokeApi": { "ApiId": api, "Stage": "live", "StripBasePath": strips } }])
}

fn web_socket(ids: &Ids) -> Vec<Check> {
    let conditions = json!([
        { "MatchBasePaths": { "AnyOf": ["a/b"] } },
        { "MatchHeaders": { "AnyOf": [{ "Header": "X-A", "ValueGlob": "*b*" }] } },
    ]);
    let (api, link) = (&ids.api, &ids.link);
    let (integration, route) = (&ids.integration, &ids.route);
    let settings = json!({
        "DataTraceEnabled": false, "DetailedMetricsEnabled": true, "LoggingLevel": "OFF", "ThrottlingBurstLimit": 5,
        "ThrottlingRateLimit": 2.5,
    });
    vec![
        Check {
            operation: "CreateApi",
            base: json!({ "Name": "a#", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action" }),
            members: vec![
                (
                    "ApiKeySelectionExpression",
                    Kept(json!("$request.header.x-api-key")),
                ),
                (
                    "CorsConfiguration",
                    Refused(json!({ "AllowOrigins": ["*"] })),
                ),
                (
                    "CredentialsArn",
                    Refused(json!("arn:aws:iam::000000000000:role/a")),
                ),
                ("Description", Kept(json!("said"))),
                ("DisableSchemaValidation", Kept(json!(true))),
                ("DisableExecuteApiEndpoint", Kept(json!(true))),
                ("IpAddressType", Kept(json!("ipv4"))),
                (
                    "RouteKey",
                    Refused(json!({ "value": "a", "also": { "Target": "function:backend" } })),
                ),
                ("Tags", Kept(json!({ "a": "b" }))),
                ("Target", Refused(json!("function:backend"))),
                ("Version", Kept(json!("7"))),
            ],
        },
        Check {
            operation: "CreateRoute",
            base: json!({ "ApiId": api, "RouteKey": "r#", "Target": format!("integrations/{integration}") }),
            members: vec![
                (
                    "ApiKeyRequired",
                    Kept(json!({ "value": true, "also": { "RouteKey": "$connect" } })),
                ),
                ("AuthorizationScopes", Refused(json!(["a"]))),
                ("AuthorizationType", Refused(json!("AWS_IAM"))),
                ("AuthorizerId", Refused(json!(ids.authorizer))),
                (
                    "ModelSelectionExpression",
                    Kept(
                        json!({ "value": "$request.body.a", "also": { "RequestModels": { "$default": "Order" } } }),
                    ),
                ),
                ("OperationName", Kept(json!("Name"))),
                (
                    "RequestModels",
                    Kept(
                        json!({ "value": { "x": "Order" }, "also": { "ModelSelectionExpression": "$request.body.a" } }),
                    ),
                ),
                (
                    "RequestParameters",
                    Refused(json!({ "route.request.header.a": { "Required": true } })),
                ),
                ("RouteResponseSelectionExpression", Kept(json!("$default"))),
            ],
        },
        Check {
            operation: "CreateIntegration",
            base: json!({ "ApiId": api, "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "POST", "IntegrationUri": "https://a.example/" }),
            members: vec![
                ("ConnectionId", Refused(json!("abcdef"))),
                (
                    "ConnectionId",
                    Kept(json!({ "value": link, "also": { "ConnectionType": "VPC_LINK" } })),
                ),
                ("ConnectionType", Kept(json!("INTERNET"))),
                (
                    "ConnectionType",
                    Kept(json!({ "value": "VPC_LINK", "also": { "ConnectionId": link } })),
                ),
                ("ContentHandlingStrategy", Kept(json!("CONVERT_TO_TEXT"))),
                (
                    "CredentialsArn",
                    Refused(json!("arn:aws:iam::000000000000:role/a")),
                ),
                ("Description", Kept(json!("said"))),
                ("IntegrationSubtype", Refused(json!("SQS-SendMessage"))),
                ("PassthroughBehavior", Refused(json!("NEVER"))),
                ("PayloadFormatVersion", Kept(json!("1.0"))),
                (
                    "RequestParameters",
                    Kept(json!({ "integration.request.header.a": "context.connectionId" })),
                ),
                ("RequestTemplates", Refused(json!({ "a": "b" }))),
                (
                    "ResponseParameters",
                    Refused(json!({ "404": { "overwrite:statuscode": "410" } })),
                ),
                ("TemplateSelectionExpression", Refused(json!("a"))),
                ("TimeoutInMillis", Kept(json!(500))),
                (
                    "TlsConfig",
                    Refused(json!({ "ServerNameToVerify": "b.example" })),
                ),
            ],
        },
        Check {
            operation: "CreateIntegrationResponse",
            base: json!({ "ApiId": api, "IntegrationId": ids.mock, "IntegrationResponseKey": "/#/" }),
            members: vec![
                ("ContentHandlingStrategy", Refused(json!("CONVERT_TO_TEXT"))),
                ("ResponseParameters", Refused(json!({ "a": "b" }))),
                ("ResponseTemplates", Kept(json!({ "a": "b" }))),
                (
                    "TemplateSelectionExpression",
                    Kept(json!({ "value": "a", "also": { "ResponseTemplates": { "a": "b" } } })),
                ),
            ],
        },
        Check {
            operation: "CreateRouteResponse",
            base: json!({ "ApiId": api, "RouteId": route, "RouteResponseKey": "$default" }),
            members: vec![
                (
                    "ModelSelectionExpression",
                    Refused(json!("$request.body.a")),
                ),
                ("ResponseModels", Refused(json!({ "a": "Order" }))),
                (
                    "ResponseParameters",
                    Refused(json!({ "a": { "Required": true } })),
                ),
            ],
        },
        Check {
            operation: "CreateModel",
            base: json!({ "ApiId": api, "Name": "M#", "Schema": "{}" }),
            members: vec![
                ("ContentType", Kept(json!("application/json"))),
                ("ContentType", Refused(json!("text/plain"))),
                ("Description", Kept(json!("said"))),
            ],
        },
        Check {
            operation: "CreateStage",
            base: json!({ "ApiId": api, "StageName": "s#" }),
            members: vec![
                (
                    "AccessLogSettings",
                    Kept(json!({ "DestinationArn": "stderr", "Format": "$context.requestId" })),
                ),
                ("AutoDeploy", Kept(json!(true))),
                ("ClientCertificateId", Refused(json!("a"))),
                ("DefaultRouteSettings", Kept(settings)),
                (
                    "DeploymentId",
                    Refused(json!({ "value": "abcdef", "also": { "AutoDeploy": true } })),
                ),
                ("Description", Kept(json!("said"))),
                (
                    "RouteSettings",
                    Kept(json!({ "first": { "ThrottlingRateLimit": 1.5 } })),
                ),
                ("StageVariables", Kept(json!({ "a": "b" }))),
                ("Tags", Kept(json!({ "a": "b" }))),
            ],
        },
        Check {
            operation: "CreateApiMapping",
            base: json!({ "DomainName": "d.example.com", "ApiId": api, "Stage": "live" }),
            members: vec![("ApiMappingKey", Kept(json!("k#")))],
        },
        Check {
            operation: "CreateRoutingRule",
            base: json!({ "DomainName": "r.example.com", "Priority": 1, "Conditions": [], "Actions": invoked(api, false) }),
            members: vec![
                ("Priority", Kept(json!(2))),
                ("Priority", Refused(json!(1_000_001))),
                (
                    "Conditions",
                    Kept(
                        json!({ "value": conditions, "also": { "Priority": 3, "Actions": invoked(api, true) } }),
                    ),
                ),
                ("Conditions", Refused(json!([{}]))),
                (
                    "Actions",
                    Kept(
                        json!({ "value": invoked(api, true), "also": { "Priority": 4, "Conditions": conditions } }),
                    ),
                ),
                ("Actions", Refused(json!([]))),
            ],
        },
    ]
}

#[tokio::test]
async fn every_member_for_http_apis_is_kept_or_refused_by_name() {
    let targets =
        format!("upstreams: {{ \"{LISTENER}\": \"127.0.0.1:9\", a.example: \"127.0.0.1:9\" }}");
    let mut desk = Desk::with(Tool::Boto3, &targets).await;
    let ids = prepared(&mut desk, "HTTP").await;
    desk.call(
        "CreateStage",
        json!({ "ApiId": ids.api, "StageName": "s2", "AutoDeploy": true }),
    )
    .await;
    run(&mut desk, http(&ids)).await;
    desk.close().await;
}

#[tokio::test]
async fn every_member_for_websocket_apis_is_kept_or_refused_by_name() {
    let targets =
        format!("upstreams: {{ \"{LISTENER}\": \"127.0.0.1:9\", a.example: \"127.0.0.1:9\" }}");
    let mut desk = Desk::with(Tool::Boto3, &targets).await;
    let ids = prepared(&mut desk, "WEBSOCKET").await;
    desk.call(
        "CreateStage",
        json!({ "ApiId": ids.api, "StageName": "live" }),
    )
    .await;
    desk.call("CreateDomainName", json!({ "DomainName": "d.example.com" }))
        .await;
    let input = json!({ "DomainName": "r.example.com", "RoutingMode": "ROUTING_RULE_ONLY" });
    desk.call("CreateDomainName", input).await;
    run(&mut desk, web_socket(&ids)).await;
    desk.close().await;
}
