"""A function for the official Python runtime client (PyPI awslambdaric): `python3 -m awslambdaric handler.handler` in this folder.

It answers as index.mjs does, and does what index.mjs can be asked to do.
"""

import json
import os
import sys
import threading

SHOWN = [
    "_HANDLER", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_ACCESS_KEY_ID", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT",
    "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "TZ", "GREETING",
]


def throw(_asked):
    raise TypeError("thrown on purpose")


def leave(_asked):
    os._exit(3)


def hang(_asked):
    threading.Event().wait()


def large(asked):
    return {"statusCode": 200, "body": "x" * int(asked["bytes"])}


def log(_asked):
    print("to stdout on purpose", flush=True)
    print("to stderr on purpose", file=sys.stderr, flush=True)
    return {"statusCode": 200, "body": "logged"}


def status(asked):
    return {"statusCode": int(asked["status"]), "body": f"status {asked['status']}"}


DO = {"throw": throw, "exit": leave, "hang": hang, "large": large, "log": log, "status": status}


def parse(body):
    try:
        return json.loads(body)
    except ValueError:
        return None


def record(event):
    if "RECORD" in os.environ:
        with open(os.environ["RECORD"], "a") as file:
            file.write(json.dumps(event) + "\n")


def handler(event, context):
    record(event)
    asked = parse(event["body"]) if event.get("body") else event.get("queryStringParameters")
    if isinstance(asked, dict) and asked.get("do") in DO:
        return DO[asked["do"]](asked)
    body = {
        "runtime": "python",
        "event": event,
        "environment": {name: os.environ.get(name) for name in SHOWN},
        "context": {
            "awsRequestId": context.aws_request_id,
            "functionName": context.function_name,
            "memoryLimitInMB": context.memory_limit_in_mb,
            "invokedFunctionArn": context.invoked_function_arn,
            "remaining": context.get_remaining_time_in_millis(),
        },
    }
    return {"statusCode": 200, "body": json.dumps(body)}
