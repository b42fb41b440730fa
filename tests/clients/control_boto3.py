"""boto3 on the control plane: control_boto3.py, with one call on each line of its input.

    OPERATION JSON

OPERATION is Amazon's name, e.g. CreateApi, and JSON its input. Or `post` with {"id": ..., "data": ...}, a push to a connection,
`operations` with {}, what the service's model has, and `members` with {"operation": ...}, what bodies of an operation may have. Endpoint, credentials and region come from the usual AWS_ variables. Each
line is answered by one: {"status":201,"answer":{...}}, or {"exception":"NotFoundException","status":404,"message":...}, where the
exception is the class that was raised.
"""

import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

# A retry would hide a refusal, and a proxy does not lead to loopback.
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=20, read_timeout=20, proxies={})


def operations(client):
    model = client.meta.service_model
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        uri = http["requestUri"].split("?")[0]
        found.append({"name": name, "method": http["method"], "uri": uri, "status": http["responseCode"]})
    return {"status": 200, "answer": found}


def members(client, operation):
    shape = client.meta.service_model.operation_model(operation).input_shape
    found = [name for name, member in shape.members.items() if "location" not in member.serialization]
    return {"status": 200, "answer": found}


def called(call, **given):
    try:
        answer = call(**given)
    except ClientError as error:
        return {
            "exception": type(error).__name__,
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "message": error.response["Error"].get("Message", ""),
        }
    status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
    # A document comes as a stream.
    answer = {name: value.read().decode() if hasattr(value, "read") else value for name, value in answer.items()}
    return {"status": status, "answer": answer}


def main():
    control = boto3.client("apigatewayv2", config=CONFIG)
    connections = boto3.client("apigatewaymanagementapi", config=CONFIG)
    for line in sys.stdin:
        name, _, given = line.partition(" ")
        given = json.loads(given)
        if name == "operations":
            seen = operations(control)
        elif name == "members":
            seen = members(control, given["operation"])
        elif name == "post":
            seen = called(connections.post_to_connection, ConnectionId=given["id"], Data=given["data"])
        else:
            seen = called(getattr(control, xform_name(name)), **given)
        print(json.dumps(seen, default=str), flush=True)


try:
    main()
except Exception as error:  # whatever went wrong is what the caller asked to see
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
    sys.exit(1)
