"""The calls that Terraform's provider for AWS makes for its aws_apigatewayv2 resources, made with boto3: terraform_boto3.py

It creates with what a configuration says and the provider's own defaults, reads back, sends what changed and no more (an empty value
for what was taken away), and deletes until there is nothing. Endpoint, credentials and region come from the usual AWS_ variables.
Each step prints one line: {"step":"aws_apigatewayv2_api create","diff":{}}, where `diff` is what the next plan would change, for
it is not read back as it was written; to the provider an absent member is the same as one that is empty, false or zero, and lists are sets.
The variables CERTIFICATE_ARN, FUNCTION_ARN and LISTENER_ARN name a certificate, a function and a listener that there are.
"""

import json
import os
import sys

import boto3
from botocore import xform_name
from botocore.config import Config

REGION = os.environ["AWS_REGION"]
FUNCTION = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{os.environ['FUNCTION_ARN']}/invocations"
LISTENER = os.environ["LISTENER_ARN"]
CLIENT = boto3.client("apigatewayv2", config=Config(retries={"total_max_attempts": 1}, connect_timeout=20, read_timeout=20, proxies={}))


def tell(step, diff):
    print(json.dumps({"step": step, "diff": diff}, default=str), flush=True)


def plain(value):
    """As the provider keeps it."""
    if isinstance(value, dict):
        members = {name: plain(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not None}
    if isinstance(value, list):
        return sorted((plain(item) for item in value), key=str) or None
    return value or None


def differences(state, read):
    wanted = {name: plain(value) or None for name, value in state.items()}
    found = {name: plain(read.get(name)) or None for name in state}
    return {name: {"wanted": wanted[name], "found": found[name]} for name in wanted if wanted[name] != found[name]}


class Resource:
    """One resource in the provider's hands."""

    def __init__(self, kind, identity, **parents):
        self.kind, self.identity, self.parents = kind, identity, parents
        self.address = "aws_apigatewayv2_" + xform_name(kind)

    def call(self, verb, **given):
        return getattr(CLIENT, xform_name(verb + self.kind))(**self.parents, **given)

    def named(self):
        return {self.identity: self.id}

    def read(self):
        return self.call("Get", **self.named())

    def create(self, state, **sent):
        self.state = state
        answer = self.call("Create", **{**{name: value for name, value in state.items() if value is not None}, **sent})
        self.id = answer[self.identity]
        tell(f"{self.address} create", differences(self.state, self.read()))
        return self

    def update(self, changed, **sent):
        """`changed` is sent as it is, but for what has another form on the wire, which `sent` has; None is not sent."""
        self.state = {**self.state, **changed}
        body = {name: value for name, value in {**changed, **sent}.items() if value is not None}
        self.call("Update", **self.named(), **body)
        return self.refreshed("update")

    def refreshed(self, what):
        tell(f"{self.address} {what}", differences(self.state, self.read()))
        return self

    def tag(self, path, tags):
        arn = f"arn:aws:apigateway:{REGION}::{path}"
        old = self.state.get("Tags", {})
        gone = [name for name in old if name not in tags]
        if gone:
            CLIENT.untag_resource(ResourceArn=arn, TagKeys=gone)
        CLIENT.tag_resource(ResourceArn=arn, Tags=tags)
        self.state["Tags"] = tags
        self.refreshed("tag")
        tell(f"{self.address} list tags", differences({"Tags": tags}, CLIENT.get_tags(ResourceArn=arn)))

    def delete(self):
        self.call("Delete", **self.named())
        seen = {}
        for verb in ("Get", "Delete"):
            try:
                self.call(verb, **self.named())
                seen[verb] = "is still there"
            except CLIENT.exceptions.NotFoundException:
                pass
        tell(f"{self.address} delete", seen)


def an_api(**members):
    state = {"ProtocolType": "HTTP", "ApiKeySelectionExpression": "$request.header.x-api-key", "RouteSelectionExpression": "$request.method $request.path"}
    return Resource("Api", "ApiId").create({**state, **members})


def apis():
    cors = {"AllowCredentials": False, "AllowHeaders": [], "AllowMethods": ["PUT", "GET"], "AllowOrigins": ["https://a.example"], "ExposeHeaders": [], "MaxAge": 0}
    api = an_api(Name="shop", Description="said", Version="v1", CorsConfiguration=cors, Tags={"a": "1", "b": "2"}, DisableExecuteApiEndpoint=False)
    api.update({"CorsConfiguration": {**cors, "AllowCredentials": True, "AllowHeaders": ["X-A"], "MaxAge": 300}})
    CLIENT.delete_cors_configuration(ApiId=api.id)
    api.state["CorsConfiguration"] = {}
    api.refreshed("delete cors")
    api.update({"Description": "", "Version": "", "Name": "renamed", "DisableExecuteApiEndpoint": True, "IpAddressType": "ipv4"})
    api.tag(f"/apis/{api.id}", {"b": "3", "c": "4"})
    api.delete()

    made = CLIENT.create_api(Name="quick", ProtocolType="HTTP", Target="http://127.0.0.1:9/", RouteKey="GET /a",
                             ApiKeySelectionExpression="$request.header.x-api-key", RouteSelectionExpression="$request.method $request.path")
    stage = CLIENT.get_stage(ApiId=made["ApiId"], StageName="$default")
    managed = [item.get("ApiGatewayManaged") for item in CLIENT.get_routes(ApiId=made["ApiId"])["Items"]] + [stage.get("ApiGatewayManaged")]
    tell("aws_apigatewayv2_api quick create", {} if managed == [True, True] else {"managed": managed})
    CLIENT.delete_api(ApiId=made["ApiId"])


def imported():
    def document(path):
        integration = {"type": "HTTP_PROXY", "httpMethod": "GET", "uri": "http://127.0.0.1:9/", "payloadFormatVersion": "1.0"}
        operation = {"responses": {"default": {"description": "any"}}, "x-amazon-apigateway-integration": integration}
        return json.dumps({"openapi": "3.0.1", "info": {"title": "from the body", "version": "2.0"}, "paths": {path: {"get": operation}}})

    api = an_api(Name="body")
    for path in ("/old", "/new"):
        CLIENT.reimport_api(ApiId=api.id, Body=document(path))
        # What the configuration says, or does not say, goes before what the document says.
        CLIENT.update_api(ApiId=api.id, Description="", Name="body", Version="")
        api.state.update({"Description": "", "Version": ""})
        api.refreshed("import")
        keys = [route["RouteKey"] for route in CLIENT.get_routes(ApiId=api.id)["Items"]]
        tell("aws_apigatewayv2_api imported routes", {} if keys == [f"GET {path}"] else {"keys": keys})
    api.delete()


def http():
    api = an_api(Name="shop")
    of_api = {"ApiId": api.id}
    backend = {"ConnectionType": "INTERNET", "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "GET", "IntegrationUri": "https://127.0.0.1:9/{id}",
               "PassthroughBehavior": "WHEN_NO_MATCH", "PayloadFormatVersion": "1.0", "TimeoutInMillis": 5000, "Description": "said",
               "RequestParameters": {"append:header.a": "$request.header.b", "overwrite:path": "/x"},
               "ResponseParameters": {"403": {"append:header.c": "d"}, "404": {"overwrite:statuscode": "400"}},
               "TlsConfig": {"ServerNameToVerify": "a.example"}}
    integration = Resource("Integration", "IntegrationId", **of_api).create(backend)
    typed = {"IntegrationType": "HTTP_PROXY"}
    integration.update({"RequestParameters": {"append:header.a": "e"}}, RequestParameters={"append:header.a": "e", "overwrite:path": ""}, **typed)
    integration.update({"ResponseParameters": {"403": {"append:header.c": "f"}}}, ResponseParameters={"403": {"append:header.c": "f"}, "404": {}}, **typed)
    integration.update({"TlsConfig": {}, "Description": "", "TimeoutInMillis": 30000, "IntegrationUri": "http://127.0.0.1:9/{id}"}, **typed)
    integration.update({"RequestParameters": {}}, RequestParameters={"append:header.a": ""}, **typed)
    integration.update({"ResponseParameters": {}}, ResponseParameters={"403": {}}, **typed)
    queue = {"ConnectionType": "INTERNET", "IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage", "PayloadFormatVersion": "1.0",
             "PassthroughBehavior": "WHEN_NO_MATCH", "RequestParameters": {"QueueUrl": "$request.header.url", "MessageBody": "$request.body.a"}}
    service = Resource("Integration", "IntegrationId", **of_api).create(queue)
    parameters = {"QueueUrl": "$request.header.url", "MessageBody": "$request.body.b"}
    service.update({"RequestParameters": parameters}, IntegrationType="AWS_PROXY", IntegrationSubtype="SQS-SendMessage")
    function = {"ConnectionType": "INTERNET", "IntegrationType": "AWS_PROXY", "IntegrationMethod": "POST", "PayloadFormatVersion": "2.0",
                "PassthroughBehavior": "WHEN_NO_MATCH", "IntegrationUri": os.environ["FUNCTION_ARN"]}
    hosted = Resource("Integration", "IntegrationId", **of_api).create(function)

    source = ["$request.header.Authorization"]
    jwt = {"AuthorizerType": "JWT", "Name": "jwt", "IdentitySource": source, "JwtConfiguration": {"Audience": ["b", "a"], "Issuer": "https://id.example"}}
    tokens = Resource("Authorizer", "AuthorizerId", **of_api).create(jwt)
    tokens.update({"Name": "renamed", "JwtConfiguration": {"Audience": ["c"], "Issuer": "https://id.example/"}})
    lambdas = {"AuthorizerType": "REQUEST", "Name": "request", "IdentitySource": source, "AuthorizerUri": FUNCTION, "AuthorizerPayloadFormatVersion": "2.0",
               "AuthorizerResultTtlInSeconds": 300, "EnableSimpleResponses": True}
    custom = Resource("Authorizer", "AuthorizerId", **of_api).create(lambdas)
    custom.update({"EnableSimpleResponses": False, "AuthorizerResultTtlInSeconds": 0})
    custom.update({"IdentitySource": [], "AuthorizerPayloadFormatVersion": "1.0"})
    without = {**lambdas, "Name": "without", "IdentitySource": [], "AuthorizerResultTtlInSeconds": None}
    bare = Resource("Authorizer", "AuthorizerId", **of_api).create(without)

    target = f"integrations/{integration.id}"
    state = {"ApiKeyRequired": False, "AuthorizationType": "NONE", "RouteKey": "GET /things/{id}", "Target": target, "OperationName": "things"}
    route = Resource("Route", "RouteId", **of_api).create(state)
    route.update({"AuthorizationType": "JWT", "AuthorizerId": tokens.id, "AuthorizationScopes": ["b", "a"]})
    route.update({"AuthorizationScopes": []})
    route.update({"AuthorizationType": "CUSTOM", "AuthorizerId": custom.id})
    route.update({"AuthorizationType": "NONE", "AuthorizerId": ""})
    route.update({"RouteKey": "ANY /goods/{id}", "OperationName": "", "Target": f"integrations/{hosted.id}"})

    deployment = Resource("Deployment", "DeploymentId", **of_api).create({"Description": "first"})
    tell("aws_apigatewayv2_deployment wait", differences({"DeploymentStatus": "DEPLOYED", "AutoDeployed": False}, deployment.read()))
    deployment.update({"Description": "second"})
    logs = {"DestinationArn": f"arn:aws:logs:{REGION}:123456789012:log-group:shop", "Format": "$context.requestId"}
    settings = {"DetailedMetricsEnabled": True, "ThrottlingBurstLimit": 10, "ThrottlingRateLimit": 5.5}
    zeros = {"DetailedMetricsEnabled": True, "ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 0.0}
    state = {"AutoDeploy": False, "StageName": "live", "DeploymentId": deployment.id, "Description": "said", "AccessLogSettings": logs,
             "DefaultRouteSettings": settings, "RouteSettings": {"ANY /goods/{id}": settings}, "StageVariables": {"a": "1", "b": "2"}, "Tags": {"a": "1"}}
    stage = Resource("Stage", "StageName", **of_api).create(state)
    stage.update({"StageVariables": {"b": "3", "c": "4"}}, StageVariables={"a": "", "b": "3", "c": "4"})
    CLIENT.delete_route_settings(ApiId=api.id, StageName="live", RouteKey="ANY /goods/{id}")
    stage.update({"RouteSettings": {"ANY /goods/{id}": zeros}})
    CLIENT.delete_route_settings(ApiId=api.id, StageName="live", RouteKey="ANY /goods/{id}")
    stage.update({"RouteSettings": {}})
    stage.update({"AccessLogSettings": {}, "Description": "", "StageVariables": {}}, StageVariables={"b": "", "c": ""})
    stage.update({"DefaultRouteSettings": zeros})
    second = Resource("Deployment", "DeploymentId", **of_api).create({"Description": None})
    stage.update({"DeploymentId": second.id})
    stage.tag(f"/apis/{api.id}/stages/live", {"b": "2"})
    stage.state.pop("DeploymentId")
    stage.update({"AutoDeploy": True})
    default = Resource("Stage", "StageName", **of_api).create({"AutoDeploy": True, "StageName": "$default"})
    default.tag(f"/apis/{api.id}/stages/$default", {"b": "2"})

    state = {"DomainName": "shop.example", "Tags": {"a": "1"}, "RoutingMode": "API_MAPPING_ONLY"}
    configuration = {"CertificateArn": os.environ["CERTIFICATE_ARN"], "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
    domain = Resource("DomainName", "DomainName").create(state, DomainNameConfigurations=[configuration])

    def configured(expected):
        found = domain.read()["DomainNameConfigurations"][0]
        tell("aws_apigatewayv2_domain_name configuration", differences({**expected, "DomainNameStatus": "AVAILABLE"}, found))
        return found

    found = configured(configuration)
    # The provider sends all of it again, with what it has read of it.
    configuration = {**configuration, "IpAddressType": "dualstack"}
    domain.update({}, DomainNameConfigurations=[configuration])
    configured(configuration)
    tell("aws_apigatewayv2_domain_name target", {} if found.get("ApiGatewayDomainName") else {"target": found})
    domain.tag("/domainnames/shop.example", {"c": "2"})
    mapping = Resource("ApiMapping", "ApiMappingId", DomainName="shop.example").create({"ApiId": api.id, "Stage": "live", "ApiMappingKey": "v1/a"})
    mapping.update({"ApiMappingKey": ""}, ApiId=api.id)
    mapping.update({"Stage": "$default", "ApiMappingKey": "b"}, ApiId=api.id)
    for resource in (mapping, domain, stage, default, deployment, second, route, integration, service, hosted, tokens, custom, bare, api):
        resource.delete()


def web_socket():
    api = an_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    api.update({"RouteSelectionExpression": "$request.body.kind"})
    of_api = {"ApiId": api.id}
    schema = json.dumps({"type": "object", "title": "Order"})
    model = Resource("Model", "ModelId", **of_api).create({"ContentType": "application/json", "Name": "Order", "Schema": schema, "Description": "said"})
    model.update({"Description": "", "Schema": json.dumps({"type": "object"})})
    mock = {"ConnectionType": "INTERNET", "IntegrationType": "MOCK", "PassthroughBehavior": "WHEN_NO_MATCH", "PayloadFormatVersion": "1.0",
            "RequestTemplates": {"a": '{"statusCode":200}'}, "TemplateSelectionExpression": "a"}
    mocked = Resource("Integration", "IntegrationId", **of_api).create(mock)
    mocked.update({"RequestTemplates": {"b": '{"statusCode":200}'}, "TemplateSelectionExpression": "b"}, IntegrationType="MOCK")
    function = {"ConnectionType": "INTERNET", "IntegrationType": "AWS_PROXY", "IntegrationMethod": "POST", "PassthroughBehavior": "WHEN_NO_MATCH",
                "PayloadFormatVersion": "1.0", "IntegrationUri": FUNCTION, "ContentHandlingStrategy": "CONVERT_TO_TEXT"}
    hosted = Resource("Integration", "IntegrationId", **of_api).create(function)
    hosted.update({"Description": "said", "TimeoutInMillis": 5000}, IntegrationType="AWS_PROXY")
    hosted.update({"Description": ""}, IntegrationType="AWS_PROXY")
    plain_http = {"ConnectionType": "INTERNET", "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "POST", "IntegrationUri": "http://127.0.0.1:9/",
                  "PassthroughBehavior": "WHEN_NO_MATCH", "PayloadFormatVersion": "1.0", "RequestParameters": {"integration.request.header.a": "'b'"}}
    custom = Resource("Integration", "IntegrationId", **of_api).create(plain_http)
    state = {"IntegrationResponseKey": "/200/", "TemplateSelectionExpression": "x", "ResponseTemplates": {"x": "{}"}}
    answer = Resource("IntegrationResponse", "IntegrationResponseId", IntegrationId=mocked.id, **of_api).create(state)
    answer.update({"IntegrationResponseKey": "$default", "ResponseTemplates": {"y": "{}"}, "TemplateSelectionExpression": "y"})

    lambdas = {"AuthorizerType": "REQUEST", "Name": "request", "IdentitySource": ["route.request.header.Auth"], "AuthorizerUri": FUNCTION}
    authorizer = Resource("Authorizer", "AuthorizerId", **of_api).create(lambdas)
    authorizer.update({"IdentitySource": ["route.request.querystring.Auth"]})
    state = {"ApiKeyRequired": False, "AuthorizationType": "CUSTOM", "AuthorizerId": authorizer.id, "RouteKey": "$connect", "Target": f"integrations/{hosted.id}",
             "RequestParameters": {"route.request.header.a": {"Required": True}, "route.request.querystring.b": {"Required": False}}}
    connect = Resource("Route", "RouteId", **of_api).create(state)
    CLIENT.delete_route_request_parameter(ApiId=api.id, RouteId=connect.id, RequestParameterKey="route.request.querystring.b")
    connect.update({"RequestParameters": {"route.request.header.a": {"Required": False}}})
    connect.update({"AuthorizationType": "AWS_IAM", "AuthorizerId": ""})
    state = {"ApiKeyRequired": False, "AuthorizationType": "NONE", "RouteKey": "order", "Target": f"integrations/{mocked.id}", "OperationName": "order",
             "ModelSelectionExpression": "$request.body.kind", "RequestModels": {"order": "Order"}, "RouteResponseSelectionExpression": "$default"}
    order = Resource("Route", "RouteId", **of_api).create(state)
    reply = Resource("RouteResponse", "RouteResponseId", RouteId=order.id, **of_api).create({"RouteResponseKey": "$default"})
    order.update({"RequestModels": {}, "ModelSelectionExpression": ""})
    order.update({"RouteResponseSelectionExpression": ""})
    connect.update({"ApiKeyRequired": True})
    connect.update({"ApiKeyRequired": False})
    api.update({"ApiKeySelectionExpression": "$context.authorizer.usageIdentifierKey"})
    deployment = Resource("Deployment", "DeploymentId", **of_api).create({"Description": "first"})
    zeros = {"DataTraceEnabled": False, "DetailedMetricsEnabled": True, "ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 0.0}
    stage = Resource("Stage", "StageName", **of_api).create({"AutoDeploy": False, "StageName": "live", "DeploymentId": deployment.id}, DefaultRouteSettings=zeros)
    stage.update({}, DefaultRouteSettings={**zeros, "ThrottlingBurstLimit": 7, "ThrottlingRateLimit": 2.0})
    found = stage.read()["DefaultRouteSettings"]
    tell("aws_apigatewayv2_stage settings", differences({"ThrottlingBurstLimit": 7, "ThrottlingRateLimit": 2.0, "DetailedMetricsEnabled": True, "LoggingLevel": "OFF"}, found))
    for resource in (stage, deployment, reply, order, connect, answer, mocked, hosted, custom, authorizer, model, api):
        resource.delete()


def vpc_links():
    state = {"Name": "link", "SecurityGroupIds": ["sg-2", "sg-1"], "SubnetIds": ["subnet-1"], "Tags": {"a": "1"}}
    link = Resource("VpcLink", "VpcLinkId").create(state)
    tell("aws_apigatewayv2_vpc_link wait", differences({"VpcLinkStatus": "AVAILABLE"}, link.read()))
    link.update({"Name": "renamed"})
    link.tag(f"/vpclinks/{link.id}", {"b": "2"})
    api = an_api(Name="private")
    backend = {"ConnectionType": "VPC_LINK", "ConnectionId": link.id, "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY",
               "IntegrationUri": LISTENER, "PassthroughBehavior": "WHEN_NO_MATCH", "PayloadFormatVersion": "1.0", "TimeoutInMillis": 30000,
               "RequestParameters": {"overwrite:path": "$request.path"}, "TlsConfig": {"ServerNameToVerify": "a.example"}}
    integration = Resource("Integration", "IntegrationId", ApiId=api.id).create(backend)
    typed = {"IntegrationType": "HTTP_PROXY"}
    integration.update({"TlsConfig": {}, "Description": "said"}, **typed)
    integration.update({"ConnectionType": "INTERNET", "ConnectionId": "", "IntegrationUri": "http://127.0.0.1:9/"}, **typed)
    integration.update({"ConnectionType": "VPC_LINK", "ConnectionId": link.id, "IntegrationUri": LISTENER}, **typed)
    integration.delete()
    api.delete()
    link.delete()
    bare = Resource("VpcLink", "VpcLinkId").create({"Name": "bare", "SecurityGroupIds": [], "SubnetIds": ["subnet-1"]})
    bare.delete()


try:
    for part in (apis, imported, http, web_socket, vpc_links):
        part()
    tell("end", {})
except Exception as error:  # whatever went wrong is what the caller asked to see
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
    if os.environ.get("TRACE"):
        raise
    sys.exit(1)
