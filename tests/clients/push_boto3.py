"""boto3 on @connections: push_boto3.py ENDPOINT STEP...

    post=ID,TEXT  post-binary=ID,BASE64  post-size=ID,BYTES  get=ID  delete=ID

Credentials and region come from the usual AWS_ variables, a development CA from AWS_CA_BUNDLE. Each step prints
{"step":"post","status":200} with what `get` returned, or {"step":"post","exception":"GoneException","status":410,...}, where
the exception is the class that was raised and "code" the service's name for it.
"""

import base64
import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def steps_of(client):
    def post(data):
        return lambda identity, argument: client.post_to_connection(ConnectionId=identity, Data=data(argument))

    return {
        "post": post(lambda text: text.encode()),
        "post-binary": post(base64.b64decode),
        "post-size": post(lambda size: b"x" * int(size)),
        "get": lambda identity, _: client.get_connection(ConnectionId=identity),
        "delete": lambda identity, _: client.delete_connection(ConnectionId=identity),
    }


def seen_by(call, identity, argument):
    try:
        answer = call(identity, argument)
    except ClientError as error:
        return {
            "exception": type(error).__name__,
            "code": error.response["Error"]["Code"],
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "message": error.response["Error"].get("Message", ""),
        }
    return {"status": answer.pop("ResponseMetadata")["HTTPStatusCode"], **answer}


def main(endpoint, words):
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        region_name=os.environ.get("AWS_REGION", "us-east-1"),
        # A retry would hide a 429, and a proxy does not lead to loopback.
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=20, read_timeout=20, proxies={}),
    )
    steps = steps_of(client)
    for word in words:
        name, _, argument = word.partition("=")
        identity, _, rest = argument.partition(",")
        print(json.dumps({"step": name, **seen_by(steps[name], identity, rest)}, default=str), flush=True)


try:
    main(sys.argv[1], sys.argv[2:])
except Exception as error:  # whatever went wrong is what the caller asked to see
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
    sys.exit(1)
