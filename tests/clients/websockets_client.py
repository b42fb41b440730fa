"""PyPI websockets as a client: websockets_client.py URL [--subprotocol=NAME] [--header=NAME,VALUE] STEP...

    send=TEXT  send-binary=BASE64  ping  receive  close  close=CODE,REASON  closed  drop

Steps and lines are those of ws_client.mjs.
"""

import asyncio
import base64
import json
import sys

import websockets

STEP_WITHIN_SECONDS = 20


def saw(seen):
    print(json.dumps(seen), flush=True)


async def send(socket, argument):
    await socket.send(argument)


async def send_binary(socket, argument):
    await socket.send(base64.b64decode(argument))


async def ping(socket, _argument):
    await (await socket.ping("tide"))


async def receive(socket, _argument):
    frame = await socket.recv()
    if isinstance(frame, str):
        return {"text": frame}
    return {"binary": base64.b64encode(frame).decode()}


async def close(socket, argument):
    code, _, reason = argument.partition(",")
    await (socket.close(int(code), reason) if code else socket.close())
    return await closed(socket, "")


async def closed(socket, _argument):
    await socket.wait_closed()
    return {"code": socket.close_code, "reason": socket.close_reason}


async def drop(socket, _argument):
    socket.transport.abort()


STEPS = {
    "send": send,
    "send-binary": send_binary,
    "ping": ping,
    "receive": receive,
    "close": close,
    "closed": closed,
    "drop": drop,
}


def refusal(error):
    response = error.response
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    return {"status": response.status_code, "headers": headers, "body": (response.body or b"").decode()}


async def main(url, words):
    options = [word[2:].partition("=") for word in words if word.startswith("--")]
    steps = [word.partition("=") for word in words if not word.startswith("--")]
    connecting = websockets.connect(
        url,
        subprotocols=[value for name, _, value in options if name == "subprotocol"] or None,
        additional_headers=[tuple(value.split(",", 1)) for name, _, value in options if name == "header"],
        compression=None,
        ping_interval=None,
        proxy=None,
        max_size=None,
    )
    try:
        socket = await asyncio.wait_for(connecting, STEP_WITHIN_SECONDS)
    except websockets.InvalidStatus as error:
        saw({"step": "open", **refusal(error)})
        return
    saw({"step": "open", "subprotocol": socket.subprotocol or ""})
    for name, _, argument in steps:
        if name not in STEPS:
            raise ValueError(f"no such step: {name}")
        try:
            seen = await asyncio.wait_for(STEPS[name](socket, argument), STEP_WITHIN_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"timed out: {name}") from None
        saw({"step": name, **(seen or {})})


try:
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
except Exception as error:  # whatever went wrong is what the caller asked to see
    saw({"error": str(error) or type(error).__name__})
    sys.exit(1)
