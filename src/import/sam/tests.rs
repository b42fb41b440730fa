use serde_json::{Value, json};

use crate::definition::write;

use super::*;

fn run(text: &str, parameters: &[(&str, &str)]) -> Result<Imported, Vec<Diagnostic>> {
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let files = |path: &str| match path {
        "api/openapi.yaml" => Ok(DOCUMENT.to_owned()),
        _ => Err("no such file".to_owned()),
    };
    import(text, "t.yaml", &parameters.collect(), &files)
}

fn check(text: &str, expected: &str, warnings: &[&str]) {
    let imported = run(text, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(write(&imported.definition), expected);
    let told: Vec<_> = imported.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told, warnings);
    assert_eq!(imported.problems, []);
}

fn refused(text: &str, parameters: &[(&str, &str)], expected: &[&str]) {
    let problems = run(text, parameters).map(|imported| write(&imported.definition));
    let told: Vec<_> = problems
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, expected, "{text}");
}

/// A document beside a template.
const DOCUMENT: &str = r#"
openapi: 3.0.1
info: { title: from a file, version: "1" }
paths:
  /file:
    get:
      responses: { default: { description: any } }
      x-amazon-apigateway-integration: { type: HTTP_PROXY, httpMethod: GET, uri: "http://127.0.0.1:9/", payloadFormatVersion: "1.0" }
"#;

#[test]
fn a_document_in_a_template_joins_what_the_template_says() {
    let text = r#"
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Runtime: provided
      CodeUri: src
      Events:
        Known: { Type: HttpApi, Properties: { ApiId: !Ref Shop, Path: /things, Method: get } }
        More: { Type: HttpApi, Properties: { ApiId: !Ref Shop, Path: /more, Method: post } }
  Shop:
    Type: AWS::Serverless::HttpApi
    Properties:
      Name: shop
      StageName: live
      CorsConfiguration: { AllowOrigins: ["https://a.example"] }
      Auth:
        DefaultAuthorizer: Own
        Authorizers:
          Own: { IdentitySource: $request.header.Authorization, JwtConfiguration: { issuer: https://id.example/, audience: [a] } }
      DefinitionBody:
        openapi: 3.0.1
        info: { title: !Sub "${AWS::StackName}", version: 1.0 }
        x-amazon-apigateway-cors: { allowOrigins: ["*"] }
        paths:
          /things:
            get:
              security: [{ Other: [read] }]
              responses: { default: { description: any } }
              x-amazon-apigateway-integration: &i
                type: aws_proxy
                httpMethod: POST
                payloadFormatVersion: "2.0"
                uri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"
          /open:
            get: { responses: { default: { description: any } }, x-amazon-apigateway-integration: *i }
        components:
          securitySchemes:
            Other:
              type: oauth2
              flows: {}
              x-amazon-apigateway-authorizer: { type: jwt, identitySource: $request.header.Other, jwtConfiguration: { issuer: https://other.example/, audience: [b] } }
  Beside:
    Type: AWS::Serverless::HttpApi
    Properties: { DefinitionUri: api/openapi.yaml }
  Wire:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Body: { openapi: 3.0.1, info: { title: wire, version: "2" }, paths: { /w: { get: { responses: { default: { description: any } }, x-amazon-apigateway-integration: { type: AWS_PROXY, uri: !GetAtt F.Arn, payloadFormatVersion: "2.0" } } } } }
  WireStage: { Type: AWS::ApiGatewayV2::Stage, Properties: { ApiId: !Ref Wire, StageName: $default, AutoDeploy: true } }
"#;
    let imported = run(text, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(imported.problems, []);
    let told: Vec<_> = imported.warnings.iter().map(ToString::to_string).collect();
    let unused = |at: &str, pointer: &str| {
        format!(
            "t.yaml:{at}: #/paths/{pointer}: HTTP APIs do not use responses; it is ignored; nothing"
        )
    };
    assert_eq!(
        told,
        [
            unused(
                "23:9: Shop.DefinitionBody",
                "~1things/get/responses (and 1 more like it)"
            ),
            unused("46:34: Beside.DefinitionUri", "~1file/get/responses"),
            unused("50:13: Wire.Body", "~1w/get/responses"),
        ]
    );
    let apis = &imported.definition["apis"];
    let (shop, beside, wire) = (&apis["shop"], &apis["beside"], &apis["wire"]);
    assert_eq!(shop["name"], "shop", "not that of the document");
    assert_eq!(
        shop["corsConfiguration"],
        json!({ "allowOrigins": ["https://a.example"] })
    );
    assert_eq!(shop["version"], "1.0");
    assert_eq!(shop["stages"], json!({ "live": {} }));
    let caller = |key: &str| {
        let route = &shop["routes"][key];
        (
            route["authorizationType"].clone(),
            route["authorizerId"].clone(),
        )
    };
    assert_eq!(caller("GET /things"), ("JWT".into(), "Other".into()));
    // SAM: the default authorizer is that of the document's routes, too.
    assert_eq!(caller("GET /open"), ("JWT".into(), "Own".into()));
    assert_eq!(caller("POST /more"), ("JWT".into(), "Own".into()));
    let target = |api: &Value, key: &str| {
        let target = api["routes"][key]["target"].as_str().unwrap_or_default();
        let integration = target.strip_prefix("integrations/").unwrap_or_default();
        api["integrations"][integration]["integrationUri"].clone()
    };
    for key in ["GET /things", "GET /open", "POST /more"] {
        assert_eq!(target(shop, key), "function:F", "{key}");
    }
    assert_eq!(beside["name"], "from a file");
    assert_eq!(target(beside, "GET /file"), "http://127.0.0.1:9/");
    assert_eq!(target(wire, "GET /w"), "function:F");
    assert_eq!(wire["name"], "wire");
}

#[test]
fn documents_that_cannot_be_taken_over_are_told() {
    let api = |properties: &str| {
        format!(
            "Resources: {{ Shop: {{ Type: \"AWS::Serverless::HttpApi\", Properties: {{ {properties} }} }} }}"
        )
    };
    refused(
        &api("DefinitionUri: none.yaml"),
        &[],
        &[
            "t.yaml:1:85: Shop.DefinitionUri: `none.yaml` cannot be read: no such file; name a file beside the template",
        ],
    );
    let problems = run(&api("DefinitionBody: { openapi: 2.0.0 }"), &[]).unwrap_err();
    let told = problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(told.contains("Shop.DefinitionBody: #"), "{told}");
    let bucket = run(&api("DefinitionUri: \"s3://a/b\""), &[]).unwrap();
    let told = bucket.warnings.first().map(ToString::to_string);
    assert!(told.unwrap_or_default().contains("is in a bucket"));
    let event = r#"
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Runtime: provided
      CodeUri: src
      Events:
        Known: { Type: HttpApi, Properties: { ApiId: !Ref Shop, Path: /file, Method: get, Auth: { Authorizer: AWS_IAM } } }
  Shop: { Type: AWS::Serverless::HttpApi, Properties: { DefinitionUri: api/openapi.yaml } }
"#;
    let problems = run(event, &[]).unwrap_err();
    let told = problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(
        told.contains("F.Events.Known.Auth: is said of a route"),
        "{told}"
    );
}

#[test]
fn events_of_functions_are_routes() {
    let text = r#"
Globals:
  Function: { Runtime: python3.13, Timeout: 5, Environment: { Variables: { A: "1", B: x } } }
  HttpApi: { StageVariables: { tier: gold } }
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      CodeUri: orders/
      MemorySize: 256
      Environment: { Variables: { B: "2", TABLE: !Ref Table } }
      Events:
        Get: { Type: HttpApi, Properties: { Path: "/orders/{id}", Method: get } }
        Post: { Type: HttpApi, Properties: { Path: /orders, Method: POST, PayloadFormatVersion: "1.0", TimeoutInMillis: 1000 } }
        Rest: { Type: HttpApi }
        Tick: { Type: Schedule, Properties: { Schedule: rate(1 minute) } }
  Table: { Type: "AWS::DynamoDB::Table" }
"#;
    let expected = r#"functions:
  Orders:
    command: [python3, "-m", awslambdaric, app.handler]
    handler: app.handler
    workingDirectory: orders
    environment: { A: "1", B: "2", TABLE: "${env:TABLE}" }
    timeout: 5s
    memorySize: 256
apis:
  serverless-http-api:
    protocolType: HTTP
    routes:
      "GET /orders/{id}": { target: integrations/Orders }
      "POST /orders": { target: integrations/Orders-1-0-1000ms }
      $default: { target: integrations/Orders }
    integrations:
      Orders: { integrationType: AWS_PROXY, integrationUri: "function:Orders", payloadFormatVersion: "2.0" }
      Orders-1-0-1000ms:
        integrationType: AWS_PROXY
        integrationUri: function:Orders
        timeoutInMillis: 1000
    stages:
      $default: { stageVariables: { tier: gold } }
"#;
    check(
        text,
        expected,
        &[
            "t.yaml:12:50: `Table` is known only where the template is deployed; set the variable TABLE for the gateway, or write the value",
            "t.yaml:17:9: Orders.Events.Tick: an event of type `Schedule` is not taken over; only requests and messages reach functions here",
            "t.yaml:18:3: Table: AWS::DynamoDB::Table is no part of a gateway; provide it elsewhere: at AWS, or in an emulator of it",
        ],
    );
}

#[test]
fn authorizers_of_an_api_are_those_of_its_routes() {
    let text = r#"
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: prod
      CorsConfiguration: true
      DisableExecuteApiEndpoint: false
      Auth:
        DefaultAuthorizer: Pool
        Authorizers:
          Pool: { IdentitySource: $request.header.Authorization, JwtConfiguration: { issuer: "https://id.example", audience: [web] }, AuthorizationScopes: [read] }
          Own: { FunctionArn: !GetAtt F.Arn, EnableSimpleResponses: true, Identity: { Headers: [X-Token], ReauthorizeEvery: 60 } }
  F:
    Type: AWS::Lambda::Function
    Properties: { Runtime: nodejs22.x, Handler: index.handler, Code: { ZipFile: "x" }, Role: r }
  G:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: .
      Events:
        A: { Type: HttpApi, Properties: { ApiId: !Ref Api, Path: /a, Method: any } }
        B: { Type: HttpApi, Properties: { ApiId: !Ref Api, Path: /b, Method: get, Auth: { Authorizer: Own }, RouteSettings: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 5 } } }
        C: { Type: HttpApi, Properties: { ApiId: !Ref Api, Path: /c, Method: get, Auth: { Authorizer: NONE } } }
        D: { Type: HttpApi, Properties: { ApiId: !Ref Other, Path: /c, Method: get } }
  Other: { Type: "AWS::ApiGateway::RestApi" }
"#;
    let expected = r#"functions:
  F: { command: [node_modules/.bin/aws-lambda-ric, index.handler], handler: index.handler }
  G: { command: [node_modules/.bin/aws-lambda-ric, index.handler], handler: index.handler }
apis:
  api:
    protocolType: HTTP
    corsConfiguration: { allowOrigins: ["*"] }
    routes:
      "ANY /a":
        target: integrations/G
        authorizationType: JWT
        authorizerId: Pool
        authorizationScopes: [read]
      "GET /b": { target: integrations/G, authorizationType: CUSTOM, authorizerId: Own }
      "GET /c": { target: integrations/G }
    integrations:
      G: { integrationType: AWS_PROXY, integrationUri: "function:G", payloadFormatVersion: "2.0" }
    authorizers:
      Pool:
        authorizerType: JWT
        identitySource: [$request.header.Authorization]
        jwtConfiguration: { issuer: "https://id.example", audience: [web] }
      Own:
        authorizerType: REQUEST
        authorizerUri: function:F
        identitySource: [$request.header.X-Token]
        authorizerPayloadFormatVersion: "2.0"
        authorizerResultTtlInSeconds: 60
        enableSimpleResponses: true
    stages:
      prod: { routeSettings: { "GET /b": { throttlingRateLimit: 5, throttlingBurstLimit: 5 } } }
"#;
    check(
        text,
        expected,
        &[
            "t.yaml:16:70: F: the code of the function is not in a directory; put it into one, and write that under `workingDirectory`",
            "t.yaml:16:88: F.Role: is not taken over; nothing: functions run as the user of the gateway",
            "t.yaml:27:9: G.Events.D: belongs to an API that is not in this template, and is not taken over; let `ApiId` be a `!Ref`",
            "t.yaml:28:3: Other: AWS::ApiGateway::RestApi is a REST API, which this gateway does not have; make it an AWS::Serverless::HttpApi",
        ],
    );
}

/// Every resource of a WebSocket API.
const SOCKETS: &str = r#"
Parameters: { Name: { Type: String, Default: chat }, Gold: { Type: String, Default: "yes" }, Scopes: { Type: CommaDelimitedList, Default: "a, b" } }
Conditions: { IsGold: !Equals [!Ref Gold, "yes"], Never: !Not [!Condition IsGold] }
Mappings: { Limits: { gold: { Rate: 5 } } }
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: !Ref Name, ProtocolType: WEBSOCKET, RouteSelectionExpression: "${request.body.action}", Tags: { Team: x }, Description: !Ref "AWS::NoValue" }
  F: { Type: "AWS::Lambda::Function", Properties: { Runtime: ruby3.4, Handler: a.b, Code: ./src } }
  Live: { Type: "AWS::Lambda::Alias", Properties: { FunctionName: !Ref F, Name: live } }
  Back:
    Type: AWS::ApiGatewayV2::Integration
    Properties: { ApiId: !Ref Chat, IntegrationType: AWS_PROXY, IntegrationUri: !Sub ["arn:aws:lambda:${AWS::Region}:${Account}:${Live}", { Account: !Ref "AWS::AccountId" }] }
  Web:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Chat
      IntegrationType: HTTP_PROXY
      IntegrationMethod: POST
      IntegrationUri: !Sub "http://${Name}.example/${!stageVariables.x}"
      ConnectionType: INTERNET
      RequestParameters: { integration.request.header.id: context.connectionId }
  Token: { Type: "AWS::ApiGatewayV2::Authorizer", Properties: { ApiId: !Ref Chat, Name: Token, AuthorizerType: REQUEST, AuthorizerUri: !GetAtt F.Arn, IdentitySource: [route.request.header.Auth] } }
  Order: { Type: "AWS::ApiGatewayV2::Model", Properties: { ApiId: !Ref Chat, Name: Order, ContentType: application/json, Schema: { type: object, Title: X } } }
  Connect: { Type: "AWS::ApiGatewayV2::Route", Properties: { ApiId: !Ref Chat, RouteKey: $connect, AuthorizationType: CUSTOM, AuthorizerId: !Ref Token, Target: !Sub "integrations/${Back}" } }
  Ask:
    Type: AWS::ApiGatewayV2::Route
    Properties: { ApiId: !Ref Chat, RouteKey: ask, Target: !Join ["", ["integrations/", !Ref Web]], ModelSelectionExpression: $request.body.action, RequestModels: { ask: !Ref Order } }
  Gone: { Type: "AWS::ApiGatewayV2::Route", Condition: Never, Properties: { ApiId: !Ref Chat, RouteKey: gone } }
  Deployed: { Type: "AWS::ApiGatewayV2::Deployment", DependsOn: [Ask], Properties: { ApiId: !Ref Chat } }
  Prod:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Chat
      StageName: prod
      DeploymentId: !Ref Deployed
      StageVariables: { x: !Select [1, !Ref Scopes], tier: !If [IsGold, gold, !Ref "AWS::NoValue"] }
      DefaultRouteSettings: { ThrottlingRateLimit: !FindInMap [Limits, !Ref Y0, Rate], DetailedMetricsEnabled: true }
      AccessLogSettings: { DestinationArn: !GetAtt Log.Arn, Format: $context.requestId }
  Log: { Type: "AWS::Logs::LogGroup" }
  Domain: { Type: "AWS::ApiGatewayV2::DomainName", Properties: { DomainName: WS.example, DomainNameConfigurations: [{ CertificateArn: x }] } }
  Mapping: { Type: "AWS::ApiGatewayV2::ApiMapping", Properties: { ApiId: !Ref Chat, DomainName: !Ref Domain, Stage: !Ref Prod, ApiMappingKey: v1 } }
  Link: { Type: "AWS::ApiGatewayV2::VpcLink", Properties: { Name: x, SubnetIds: [subnet-1] } }
"#;

const SOCKETS_DEFINITION: &str = r#"functions:
  F: { command: [bundle, exec, aws_lambda_ric, a.b], handler: a.b, workingDirectory: src }
apis:
  chat:
    protocolType: WEBSOCKET
    name: chat
    tags: { Team: x }
    routeSelectionExpression: ${request.body.action}
    routes:
      $connect: { target: integrations/Back, authorizationType: CUSTOM, authorizerId: Token }
      ask:
        target: integrations/Web
        modelSelectionExpression: $request.body.action
        requestModels: { ask: Order }
    integrations:
      Back: { integrationType: AWS_PROXY, integrationUri: "function:F" }
      Web:
        integrationType: HTTP_PROXY
        integrationUri: http://chat.example/${stageVariables.x}
        integrationMethod: POST
        requestParameters: { integration.request.header.id: context.connectionId }
    authorizers:
      Token:
        authorizerType: REQUEST
        authorizerUri: function:F
        identitySource: [route.request.header.Auth]
    stages:
      prod:
        stageVariables: { x: b, tier: gold }
        defaultRouteSettings: { throttlingRateLimit: 5, detailedMetricsEnabled: true }
        accessLogSettings: { destinationArn: stdout, format: $context.requestId }
    models:
      Order: { schema: { type: object, Title: X } }
domainNames:
  ws.example:
    apiMappings:
      v1: { apiId: chat, stage: prod }
vpcLinks:
  Link: { name: x }
"#;

#[test]
fn a_websocket_api_is_taken_over_resource_by_resource() {
    let text = SOCKETS.replace("!Ref Y0", "gold");
    check(
        &text,
        SOCKETS_DEFINITION,
        &[
            "t.yaml:10:3: Live: AWS::Lambda::Alias is not taken over; nothing: references to it mean the function",
            "t.yaml:39:28: DestinationArn: lines of the access log go to `stdout`; nothing, or write `stderr` or `file:PATH`",
            "t.yaml:40:3: Log: AWS::Logs::LogGroup is not taken over; nothing: functions and access logs write to the gateway's own output",
            "t.yaml:41:116: domainNames.\"ws.example\".domainNameConfigurations: is not taken over: certificates are no resources of a template; add the certificate's files to `server.certificates`, and its ARN to the domain name",
            "t.yaml:43:81: Link.SubnetIds: is not taken over; nothing: `server.upstreams` says where private backends are",
        ],
    );
}

/// Private backends of either kind of API.
const PRIVATE: &str = r#"
Resources:
  Shop: { Type: "AWS::ApiGatewayV2::Api", Properties: { ProtocolType: HTTP } }
  Inner: { Type: "AWS::ApiGatewayV2::VpcLink", Properties: { Name: Inner, SubnetIds: [subnet-1], SecurityGroupIds: [] } }
  Listener: { Type: "AWS::ElasticLoadBalancingV2::Listener", Properties: { Port: 80 } }
  Back:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Shop
      IntegrationType: HTTP_PROXY
      IntegrationMethod: ANY
      IntegrationUri: !Ref Listener
      ConnectionType: VPC_LINK
      ConnectionId: !Ref Inner
      PayloadFormatVersion: "1.0"
      TlsConfig: { ServerNameToVerify: inner.example }
  Route: { Type: "AWS::ApiGatewayV2::Route", Properties: { ApiId: !Ref Shop, RouteKey: "ANY /", Target: !Sub "integrations/${Back}" } }
  Stage: { Type: "AWS::ApiGatewayV2::Stage", Properties: { ApiId: !Ref Shop, StageName: $default, AutoDeploy: true } }
"#;

#[test]
fn private_backends_are_taken_over_and_want_targets() {
    let expected = r#"apis:
  shop:
    protocolType: HTTP
    routes:
      "ANY /": { target: integrations/Back }
    integrations:
      Back:
        integrationType: HTTP_PROXY
        integrationUri: ARN
        integrationMethod: ANY
        connectionType: VPC_LINK
        connectionId: Inner
        tlsConfig: { serverNameToVerify: inner.example }
    stages: { $default: {} }
vpcLinks:
  Inner: {}
"#;
    let taken = |text: &str| {
        let imported = run(text, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let told = |told: &[Diagnostic]| told.iter().map(ToString::to_string).collect::<Vec<_>>();
        (
            write(&imported.definition),
            told(&imported.warnings),
            told(&imported.problems),
        )
    };
    let (written, warnings, problems) = taken(PRIVATE);
    assert_eq!(written, expected.replace("ARN", "${env:LISTENER}"));
    assert_eq!(
        warnings,
        [
            "t.yaml:4:86: Inner.SubnetIds: is not taken over; nothing: `server.upstreams` says where private backends are",
            "t.yaml:4:116: Inner.SecurityGroupIds: is not taken over; nothing: `server.upstreams` says where private backends are",
            "t.yaml:5:3: Listener: AWS::ElasticLoadBalancingV2::Listener is not taken over; where it is a private backend, write its targets to `server.upstreams`, by its ARN",
            "t.yaml:12:23: `Listener` is known only where the template is deployed; set the variable LISTENER for the gateway, or write the value",
        ]
    );
    let uri = "t.yaml:12:23: apis.shop.integrations.Back.integrationUri";
    let wanted = format!(
        "{uri}: For VpcLink VPC_LINK, integration uri should be a valid ELB listener ARN or a valid Cloud Map service ARN; write the ARN of one that `server.upstreams` has"
    );
    assert_eq!(problems, [wanted]);
    let arn = "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-7";
    let (written, _, problems) =
        taken(&PRIVATE.replace("!Ref Listener", &format!("{arn}?slot=green")));
    assert_eq!(
        written,
        expected.replace("ARN", &format!("{arn}?slot=green"))
    );
    let wanted = format!(
        "{uri}: nothing stands for `{arn}` here; add it to `server.upstreams`, with targets such as `10.0.0.5:8080`"
    );
    assert_eq!(problems, [wanted]);
}

/// A closed API with throttles, whose one route wants a key.
fn guarded(parameters: &str, closed: &str, key: &str, rate: &str, burst: &str) -> String {
    format!(
        r#"
Parameters: {parameters}
Resources:
  Shop: {{ Type: "AWS::ApiGatewayV2::Api", Properties: {{ ProtocolType: HTTP, DisableExecuteApiEndpoint: {closed} }} }}
  Back: {{ Type: "AWS::ApiGatewayV2::Integration", Properties: {{ ApiId: !Ref Shop, IntegrationType: HTTP_PROXY, IntegrationMethod: GET, IntegrationUri: "http://127.0.0.1:9", PayloadFormatVersion: "1.0" }} }}
  Root: {{ Type: "AWS::ApiGatewayV2::Route", Properties: {{ ApiId: !Ref Shop, RouteKey: GET /, Target: !Sub "integrations/${{Back}}", ApiKeyRequired: {key} }} }}
  Prod: {{ Type: "AWS::ApiGatewayV2::Stage", Properties: {{ ApiId: !Ref Shop, StageName: prod, DefaultRouteSettings: {{ ThrottlingRateLimit: {rate}, ThrottlingBurstLimit: {burst} }} }} }}
  Domain: {{ Type: "AWS::ApiGatewayV2::DomainName", Properties: {{ DomainName: shop.example }} }}
  Mapping: {{ Type: "AWS::ApiGatewayV2::ApiMapping", Properties: {{ ApiId: !Ref Shop, DomainName: !Ref Domain, Stage: !Ref Prod }} }}
"#
    )
}

#[test]
fn booleans_and_numbers_may_be_texts_as_in_cloudformation() {
    let parameters =
        r#"{ Closed: { Type: String, Default: "true" }, Rate: { Type: Number, Default: "5" } }"#;
    for text in [
        guarded(parameters, "!Ref Closed", "\"true\"", "!Ref Rate", "'7'"),
        guarded(
            parameters,
            "!Sub \"${Closed}\"",
            "!Ref Closed",
            "!Join ['', [5]]",
            "7",
        ),
    ] {
        let imported = run(&text, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(
            (&*imported.warnings, &*imported.problems),
            (&[][..], &[][..])
        );
        let shop = &imported.definition["apis"]["shop"];
        assert_eq!(shop["disableExecuteApiEndpoint"], true);
        assert_eq!(shop["routes"]["GET /"]["apiKeyRequired"], true);
        let settings = &shop["stages"]["prod"]["defaultRouteSettings"];
        assert_eq!(settings["throttlingRateLimit"].as_f64(), Some(5.0));
        assert_eq!(settings["throttlingBurstLimit"], 7);
    }
}

#[test]
fn what_is_left_out_and_may_have_kept_somebody_out_is_a_problem() {
    let text = guarded("{}", "\"yes\"", "maybe", "many", "[]").replace(
        "RouteKey: GET /,",
        "RouteKey: GET /, AuthorizationType: COGNITO, AuthorizationScopes: { a: b },",
    );
    let imported = run(&text, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let told: Vec<&str> = imported.problems.iter().map(|told| &*told.path).collect();
    for path in [
        "apis.shop.disableExecuteApiEndpoint",
        "apis.shop.routes.\"GET /\".authorizationType",
        "apis.shop.routes.\"GET /\".authorizationScopes",
        "apis.shop.routes.\"GET /\".apiKeyRequired",
        "apis.shop.stages.prod.defaultRouteSettings.throttlingRateLimit",
        "apis.shop.stages.prod.defaultRouteSettings.throttlingBurstLimit",
    ] {
        assert!(told.contains(&path), "{path}: {told:#?}");
    }
    assert_eq!(imported.warnings, []);
    let mutual_tls = |setting: &str| {
        let setting = format!("DomainName: shop.example, MutualTlsAuthentication: {setting}");
        text.replace("DomainName: shop.example", &setting)
    };
    let mutual = mutual_tls("{ TruststoreUri: s3://a/b.pem, TruststoreVersion: c }");
    let imported = run(&mutual, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let around = "domainNames.\"shop.example\"";
    let is_told = |all: &[Diagnostic], member: &str| {
        all.iter()
            .any(|told| told.path == format!("{around}.{member}"))
    };
    assert!(is_told(
        &imported.problems,
        "mutualTlsAuthentication.truststoreUri"
    ));
    let mutual = &imported.definition["domainNames"]["shop.example"]["mutualTlsAuthentication"];
    let expected = serde_json::json!({ "truststoreUri": "s3://a/b.pem", "truststoreVersion": "c" });
    assert_eq!(*mutual, expected);
    let wrong = mutual_tls("{ TruststoreUri: x }");
    let imported = run(&wrong, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(is_told(
        &imported.problems,
        "mutualTlsAuthentication.truststoreUri"
    ));
}

#[test]
fn a_domain_of_a_serverless_api_keeps_its_mutual_tls() {
    let text = r#"
Transform: AWS::Serverless-2016-10-31
Resources:
  Shop:
    Type: AWS::Serverless::HttpApi
    Properties:
      Domain: { DomainName: shop.example, CertificateArn: x, MutualTlsAuthentication: { TruststoreUri: s3://a/b.pem } }
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: .
      Events: { Get: { Type: HttpApi, Properties: { ApiId: !Ref Shop, Path: /, Method: get } } }
"#;
    let imported = run(text, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let domain = &imported.definition["domainNames"]["shop.example"];
    let expected = serde_json::json!({ "truststoreUri": "s3://a/b.pem" });
    assert_eq!(domain["mutualTlsAuthentication"], expected);
    let told: Vec<_> = imported.problems.iter().map(ToString::to_string).collect();
    let [told] = &*told else { panic!("{told:#?}") };
    assert!(
        told.contains("mutualTlsAuthentication.truststoreUri: TLS is off"),
        "{told}"
    );
    assert_eq!(imported.warnings.len(), 1, "{:#?}", imported.warnings);
}

#[test]
fn what_cannot_be_worked_out_is_refused_with_its_place() {
    refused(
        "Resources: {}",
        &[],
        &["t.yaml:1:1: Resources: has 0 resources; name a template with 1 to 500"],
    );
    refused(
        "a: [",
        &[],
        &[
            "t.yaml:2:1: while parsing a node, did not find expected node content; correct the YAML here; a value with `{`, `}`, `[`, `]`, `,`, `: ` or ` #` in it needs quotes",
        ],
    );
    let one = |value: &str| {
        format!(
            "Parameters: {{ P: {{ Type: String }} }}\nResources: {{ A: {{ Type: \"AWS::Lambda::Alias\", Properties: {{ a: {value} }} }} }}\n"
        )
    };
    refused(
        &one("1"),
        &[],
        &["t.yaml:1:15: P: has no default; give it one: --parameter P=VALUE"],
    );
    refused(
        &one("1"),
        &[("P", "1"), ("Q", "1")],
        &["--parameter: `Q` is no parameter of this template; correct the name"],
    );
    let check = |value: &str, expected: &str| {
        refused(
            &one(value),
            &[("P", "1")],
            &[&format!("t.yaml:2:{expected}")],
        );
    };
    check(
        "!Ref Nobody",
        "64: `Nobody` is neither a parameter nor a resource of this template; correct the name",
    );
    check(
        "!ImportValue x",
        "64: `Fn::ImportValue` cannot be worked out from a template alone; write the value out",
    );
    check("!Sub \"${x\"", "64: `${` is not closed; add the `}`");
    check(
        "!If [Nobody, 1, 2]",
        "64: there is no condition `Nobody`; add it under `Conditions`",
    );
    check(
        "!Select [7, [a]]",
        "64: selects what the list does not have; write the value out",
    );
    check(
        "!FindInMap [A, B, C]",
        "64: finds nothing in `Mappings`; correct the keys, or write the value out",
    );
    check(
        "!Join [a]",
        "64: does not have two arguments; write a list of two",
    );
}

#[test]
fn an_authorizer_that_is_no_name_opens_no_route() {
    let check = |of_api: &str, of_event: &str, expected: &str| {
        let text = format!(
            r#"
Resources:
  Api: {{ Type: "AWS::Serverless::HttpApi", Properties: {{ Auth: {of_api} }} }}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: a.b
      CodeUri: .
      Events:
        A: {{ Type: HttpApi, Properties: {{ ApiId: !Ref Api, Path: /a, Method: get, Auth: {of_event} }} }}
"#
        );
        let problems = run(&text, &[]).map(|imported| write(&imported.definition));
        let told: Vec<_> = problems
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].contains(expected), "{told:#?}");
    };
    let pool = "Authorizers: { Pool: { JwtConfiguration: { issuer: x, audience: [a] } } }";
    let apart = format!("{{ {pool} }}");
    let no_name = "Authorizer: is not the name of an authorizer; name one of";
    check(&apart, "{ Authorizer: [Pool] }", no_name);
    check(&apart, "{ Authorizer: { Name: Pool } }", no_name);
    let default = format!("{{ {pool}, DefaultAuthorizer: [Pool] }}");
    check(&default, "{}", no_name);
    check(&apart, "[Pool]", "Auth: is not a map");
    check("[Pool]", "{}", "Auth: is not a map");
}

#[test]
fn aliases_that_mean_each_other_mean_no_function() {
    let text = r#"
Resources:
  A: { Type: "AWS::Lambda::Alias", Properties: { FunctionName: !Ref B } }
  B: { Type: "AWS::Lambda::Alias", Properties: { FunctionName: !Ref A } }
  Shop: { Type: "AWS::ApiGatewayV2::Api", Properties: { ProtocolType: HTTP, Target: !Ref A } }
"#;
    let imported = run(text, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(imported.definition.get("functions"), None);
    let told: Vec<_> = imported.warnings.iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|told| told.contains("`A` is known only where")),
        "{told:#?}"
    );
}

#[test]
fn what_functions_make_is_bounded() {
    let told = |text: &str| {
        let problems = run(text, &[]).map(|imported| write(&imported.definition));
        let first = problems.unwrap_err().first().map(ToString::to_string);
        first.unwrap_or_default()
    };
    let expected =
        "functions make more than 4194304 bytes of this template; make its values shorter";
    let one = |value: &str| {
        let value = value.replace("LONG", &"x".repeat(1 << 20));
        format!(
            "Parameters: {{ P: {{ Type: String, Default: {} }} }}\nResources: {{ A: {{ Type: \"AWS::Lambda::Alias\", Properties: {{ a: {value} }} }} }}\n",
            "p".repeat(1 << 20)
        )
    };
    let at = |column: usize| format!("t.yaml:2:{column}: {expected}");
    assert_eq!(told(&one("!Sub '${P}${P}${P}${P}${P}'")), at(64));
    assert_eq!(told(&one("!Join [LONG, [a, b, c, d, e]]")), at(64));
    assert!(told(&one("[!Ref P, !Ref P, !Ref P, !Ref P, !Ref P]")).ends_with(expected));

    // Each level doubles what the one below makes.
    let mut doubled = "x".repeat(64);
    for _ in 0..18 {
        doubled = format!("!Sub ['${{a}}${{a}}', {{ a: {doubled} }}]");
    }
    assert!(told(&one(&doubled)).ends_with(expected));
}

#[test]
fn a_condition_is_worked_out_once() {
    // Each is twice what the next is: 2 to the 28 altogether.
    let mut text = "Conditions:\n".to_owned();
    for level in 0..28 {
        let below = level + 1;
        text.push_str(&format!(
            "  C{level}: !And [!Condition C{below}, !Condition C{below}]\n"
        ));
    }
    text.push_str("  C28: !Equals [a, a]\n");
    text.push_str("Resources: { Shop: { Type: \"AWS::ApiGatewayV2::Api\", Properties: { ProtocolType: HTTP, Target: !If [C0, \"http://127.0.0.1:9\", x] } } }\n");
    let imported = run(&text, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let integration = &imported.definition["apis"]["shop"]["integrations"]["target"];
    assert_eq!(integration["integrationUri"], "http://127.0.0.1:9");
    let circle = text.replace(
        "C28: !Equals [a, a]",
        "C28: !And [!Condition C0, !Condition C1]",
    );
    let problems = run(&circle, &[]).map(|imported| write(&imported.definition));
    assert!(!problems.unwrap_err().is_empty());
}

#[test]
fn what_is_no_part_of_a_gateway_is_not_worked_out() {
    let text = r#"
Resources:
  A: { Type: "AWS::ApiGatewayV2::Api", Properties: { ProtocolType: HTTP, Target: "http://127.0.0.1:9" } }
  Net: { Type: "AWS::EC2::VPC", Properties: { CidrBlock: !ImportValue net, Zone: !Select [0, !GetAZs ""] } }
"#;
    let expected = r#"apis:
  a:
    protocolType: HTTP
    routes:
      $default: { target: integrations/target }
    integrations:
      target: { integrationType: HTTP_PROXY, integrationUri: "http://127.0.0.1:9", integrationMethod: ANY }
    stages: { $default: {} }
"#;
    let told = "t.yaml:4:3: Net: AWS::EC2::VPC is no part of a gateway; provide it elsewhere: at AWS, or in an emulator of it";
    check(text, expected, &[told]);
}

#[test]
fn json_is_a_template_too() {
    let text = r#"{ "Resources": { "Site": { "Type": "AWS::ApiGatewayV2::Api", "Properties": { "ProtocolType": "HTTP", "Name": { "Fn::Sub": "a-${AWS::Region}" }, "Target": { "Fn::GetAtt": ["F", "Arn"] } } },
      "F": { "Type": "AWS::Lambda::Function", "Properties": { "Runtime": "provided.al2023", "Handler": "x" } } } }"#;
    let expected = r#"functions:
  F: { command: [./bootstrap], handler: x }
apis:
  site:
    protocolType: HTTP
    name: a-us-east-1
    routes:
      $default: { target: integrations/target }
    integrations:
      target: { integrationType: AWS_PROXY, integrationUri: "function:F", payloadFormatVersion: "2.0" }
    stages: { $default: {} }
"#;
    check(text, expected, &[]);
}

#[test]
fn any_text_is_imported_or_refused() {
    use proptest::prelude::*;
    let words = prop::sample::select(vec![
        "Resources:",
        "\n",
        "  ",
        "A:",
        "Type:",
        "AWS::ApiGatewayV2::Api",
        "AWS::Serverless::Function",
        "AWS::ApiGatewayV2::Route",
        "Properties:",
        "!Ref A",
        "!Sub \"${A}\"",
        "!GetAtt A.B",
        "{",
        "}",
        "[",
        "]",
        ",",
        "ApiId:",
        "Events:",
        "Type: HttpApi",
        "x",
        "\"",
        "!If",
        "Conditions:",
    ]);
    let text = prop::collection::vec(words, 0..40).prop_map(|words| words.join(" "));
    proptest!(|(text in text)| {
        match run(&text, &[]) {
            Ok(imported) => drop(write(&imported.definition)),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    });
}

/// Two APIs behind a domain name with rules.
const RULES: &str = r#"
Parameters: { Turn: { Type: Number, Default: 20 } }
Resources:
  Shop: { Type: "AWS::ApiGatewayV2::Api", Properties: { ProtocolType: HTTP } }
  Prod: { Type: "AWS::ApiGatewayV2::Stage", Properties: { ApiId: !Ref Shop, StageName: prod } }
  Root: { Type: "AWS::ApiGatewayV2::Route", Properties: { ApiId: !Ref Shop, RouteKey: $default, Target: !Sub "integrations/${Back}" } }
  Back: { Type: "AWS::ApiGatewayV2::Integration", Properties: { ApiId: !Ref Shop, IntegrationType: HTTP_PROXY, IntegrationMethod: GET, IntegrationUri: "http://127.0.0.1:9", PayloadFormatVersion: "1.0" } }
  Domain: { Type: "AWS::ApiGatewayV2::DomainName", Properties: { DomainName: Shop.example, RoutingMode: ROUTING_RULE_ONLY } }
  ByHeader:
    Type: AWS::ApiGatewayV2::RoutingRule
    Properties:
      DomainNameArn: !GetAtt Domain.DomainNameArn
      Priority: 10
      Conditions: [{ MatchHeaders: { AnyOf: [{ Header: X-Version, ValueGlob: "b*" }] } }]
      Actions: [{ InvokeApi: { ApiId: !Ref Shop, Stage: !Ref Prod } }]
  ByPath:
    Type: AWS::ApiGatewayV2::RoutingRule
    Properties:
      DomainNameArn: !Sub "arn:aws:apigateway:${AWS::Region}::/domainnames/${Domain}"
      Priority: !Ref Turn
      Conditions: [{ MatchBasePaths: { AnyOf: [old] } }]
      Actions: [{ InvokeApi: { ApiId: !Ref Shop, Stage: prod, StripBasePath: true } }]
"#;

#[test]
fn routing_rules_are_taken_over() {
    let imported = run(RULES, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(
        (&*imported.warnings, &*imported.problems),
        (&[][..], &[][..])
    );
    let expected = json!({ "shop.example": { "routingMode": "ROUTING_RULE_ONLY", "routingRules": {
        "10": {
            "conditions": [{ "matchHeaders": { "anyOf": [{ "header": "X-Version", "valueGlob": "b*" }] } }],
            "actions": [{ "invokeApi": { "apiId": "shop", "stage": "prod" } }],
        },
        "20": {
            "conditions": [{ "matchBasePaths": { "anyOf": ["old"] } }],
            "actions": [{ "invokeApi": { "apiId": "shop", "stage": "prod", "stripBasePath": true } }],
        },
    } } });
    let written = write(&imported.definition);
    let short = crate::definition::concise(&imported.definition);
    assert_eq!(short["domainNames"], expected, "{written}");
    refused(
        RULES,
        &[("Turn", "10")],
        &["t.yaml:16:3: ByPath: has the priority of another rule; choose another"],
    );
    refused(
        &RULES.replace(
            "DomainNameArn: !GetAtt Domain.DomainNameArn",
            "DomainName: !Ref Domain",
        ),
        &[],
        &[
            "t.yaml:9:3: ByHeader: names no domain or priority; add `DomainNameArn: !GetAtt DOMAIN.DomainNameArn` and `Priority`",
        ],
    );
}

/// Files beside a template that are included.
fn included(path: &str) -> Result<String, String> {
    let text = match path {
        "./paths.yaml" => {
            "/file:\n  get:\n    responses: { default: { description: any } }\n    x-amazon-apigateway-integration: { type: aws_proxy, httpMethod: POST, uri: { Fn::GetAtt: [F, Arn] }, payloadFormatVersion: \"2.0\" }\n"
        }
        "api.yaml" => {
            "openapi: 3.0.1\ninfo: { title: { Ref: Title }, version: \"1\" }\npaths:\n  /a:\n    get:\n      responses: { default: { description: any } }\n      x-amazon-apigateway-integration: { type: HTTP_PROXY, httpMethod: GET, uri: \"http://127.0.0.1:9/\", payloadFormatVersion: \"1.0\" }\n"
        }
        "resources.yaml" => {
            "F:\n  Type: AWS::Serverless::Function\n  Properties: { Handler: a.b, Runtime: provided, CodeUri: src }\n"
        }
        "whole.yaml" => "Parameters: { Title: { Type: String, Default: included } }\n",
        "again.yaml" => {
            "openapi: 3.0.1\nFn::Transform: { Name: AWS::Include, Parameters: { Location: again.yaml } }\n"
        }
        "wrong.yaml" => "a: [\n",
        "list.yaml" => "- a\n",
        _ => return Err("no such file".to_owned()),
    };
    Ok(text.to_owned())
}

fn including(text: &str) -> Result<Imported, Vec<String>> {
    import(text, "t.yaml", &BTreeMap::new(), &included)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn what_a_template_includes_stands_in_its_place() {
    let text = r#"
Transform: [AWS::Serverless-2016-10-31, { Name: AWS::Include, Parameters: { Location: whole.yaml } }]
Resources:
  Fn::Transform: { Name: AWS::Include, Parameters: { Location: resources.yaml } }
  Alone:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        Fn::Transform: { Name: AWS::Include, Parameters: { Location: api.yaml } }
  Inside:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Body:
        openapi: 3.0.1
        info: { title: inside, version: "1" }
        paths:
          /own: { get: { responses: { default: { description: any } }, x-amazon-apigateway-integration: { type: HTTP_PROXY, httpMethod: GET, uri: "http://127.0.0.1:9/", payloadFormatVersion: "1.0" } } }
          Fn::Transform: { Name: AWS::Include, Parameters: { Location: ./paths.yaml } }
  Live: { Type: "AWS::ApiGatewayV2::Stage", Properties: { ApiId: !Ref Inside, StageName: live } }
  Other: { Type: "AWS::S3::Bucket", Properties: { Fn::Transform: { Name: AWS::Include, Parameters: { Location: "s3://a/b" } } } }
"#;
    let imported = including(text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(imported.problems, []);
    let apis = &imported.definition["apis"];
    assert_eq!(apis["alone"]["name"], "included");
    assert!(apis["alone"]["routes"]["GET /a"].is_object(), "{apis}");
    let routes = apis["inside"]["routes"].as_object().unwrap();
    let keys: Vec<_> = routes.keys().map(String::as_str).collect();
    assert_eq!(keys, ["GET /own", "GET /file"]);
    let integrations = apis["inside"]["integrations"].to_string();
    assert!(integrations.contains("function:F"), "{integrations}");
}

#[test]
fn what_cannot_be_included_is_refused_with_what_to_write() {
    let check = |call: &str, expected: &[&str]| {
        let text = format!(
            "Resources: {{ A: {{ Type: AWS::Serverless::HttpApi, Properties: {{ DefinitionBody: {{ Fn::Transform: {call} }} }} }} }}"
        );
        let told = including(&text).err().unwrap_or_default();
        for expected in expected {
            let is_told = told.iter().any(|told| told.contains(expected));
            assert!(is_told, "{call}: {expected}: {told:#?}");
        }
    };
    let at = |location: &str| {
        format!("{{ Name: AWS::Include, Parameters: {{ Location: {location} }} }}")
    };
    let write = "write `Location: ./FILE.yaml`, a file beside the template";
    check(
        &at("\"s3://a/b.yaml\""),
        &[&format!(
            "t.yaml:1:144: Fn::Transform: is in a bucket, which is not read; {write}"
        )],
    );
    let no_path = format!("Fn::Transform: is no path that is written out; {write}");
    check(&at("!Sub \"s3://${B}/b.yaml\""), &[&no_path]);
    check(&at("\"https://a/b.yaml\""), &[&no_path]);
    check(
        &at("none.yaml"),
        &["`none.yaml` cannot be read: no such file; name a file beside the template"],
    );
    check(&at("wrong.yaml"), &["wrong.yaml:"]);
    check(
        &at("again.yaml"),
        &[
            "again.yaml:2:16: Fn::Transform: stands in a file that is included itself; include it in the template",
        ],
    );
    check("{ Name: AWS::Include }", &["names no `Location`"]);
    check(
        "{ Name: Mine }",
        &["`Mine` is a macro, which only AWS can run; write out what it makes"],
    );
    check(
        &format!("{}, openapi: 3.0.1", at("list.yaml")),
        &["includes no map, although it has neighbours"],
    );
    check(
        &format!("{}, openapi: 3.0.1", at("./paths.yaml")).replace("openapi", "/file"),
        &["./paths.yaml:1:1: /file: is included, and stands in t.yaml"],
    );
    let sections = "Transform: { Name: AWS::Include, Parameters: { Location: \"s3://a/b\" } }\nResources: { A: { Type: AWS::Serverless::HttpApi } }";
    let told = including(sections).err().unwrap_or_default();
    assert!(
        told.first()
            .is_some_and(|told| told.contains("is in a bucket")),
        "{told:?}"
    );
}

#[test]
fn two_stages_cannot_have_one_base_path() {
    let text = r#"
Resources:
  One: { Type: AWS::Serverless::HttpApi, Properties: { StageName: prod, Domain: { DomainName: a.example, CertificateArn: c } } }
  Two: { Type: AWS::Serverless::HttpApi, Properties: { StageName: prod, Domain: { DomainName: A.example, CertificateArn: c } } }
"#;
    let what = "t.yaml:4:81: a.example: / leads to another API or stage already; give one of them another base path";
    refused(text, &[], &[what]);
}
