#!/usr/bin/env python3
"""Counts the instructions that Tidegate takes for one operation, function by function, and keeps them in loadtest/profiles.

    loadtest/profile.py                      builds with symbols (the profile `profiling`), and counts for every row
    loadtest/profile.py push connect         … for these rows: echo echo8 push forward connect proxy
    loadtest/profile.py --tidegate PROGRAM --loadtest PROGRAM …

The gateway runs with one worker thread under valgrind's callgrind, from when it serves: what it does to start is left out. Callgrind knows no
SHA instructions, so hashes cost more here than they do. Needs valgrind. Nothing is left behind but the files it is made for.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEY = ["--access-key-id", "AKIDPROFILE", "--secret-access-key", "profile-secret-profile-secret"]
FORWARD = ["--message-template", '{"action":"forward","id":"{id}","pad":"{pad}"}']
DEFINITION = """
server: {{ listen: "127.0.0.1:{port}", admin: "127.0.0.1:0", stateDirectory: "{folder}/state", limits: {{ requestRate: off, connectRate: off }} }}
credentials: [{{ accessKeyId: AKIDPROFILE, secretAccessKey: profile-secret-profile-secret }}]
apis:
  sockets:
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      ask: {{ target: integrations/mock, routeResponseSelectionExpression: $default, routeResponses: {{ $default: {{}} }} }}
      forward: {{ target: integrations/backend, routeResponseSelectionExpression: $default, routeResponses: {{ $default: {{}} }} }}
    integrations:
      mock:
        integrationType: MOCK
        requestTemplates: {{ $default: '{{"statusCode":200}}' }}
        integrationResponses: {{ $default: {{ responseTemplates: {{ $default: '{{"type":"pong"}}' }} }} }}
      backend: {{ integrationType: HTTP_PROXY, integrationMethod: POST, integrationUri: "http://127.0.0.1:{backend}/" }}
    stages: {{ dev: {{ tidegate: {{ limits: {{ framesPerSecond: 1000000, inFlight: 64 }} }} }} }}
  requests:
    protocolType: HTTP
    routes: {{ GET /: {{ target: integrations/backend }} }}
    integrations:
      backend: {{ integrationType: HTTP_PROXY, integrationMethod: GET, integrationUri: "http://127.0.0.1:{backend}/", payloadFormatVersion: "1.0" }}
    stages: {{ $default: {{}} }}
"""
SOCKETS, REQUESTS = "ws://127.0.0.1:{port}/_apis/sockets/dev", "http://127.0.0.1:{port}/_apis/requests/"
# What each row asks of `loadtest`, and where.
ROWS = {
    "echo": ("a reply in process, one in flight", ["echo", SOCKETS, "--connections", "16", "--in-order"]),
    "echo8": ("a reply in process, 8 in flight", ["echo", SOCKETS, "--connections", "16", "--in-flight", "8", "--in-order"]),
    "push": ("a signed push", ["push", SOCKETS, "--connections", "100", "--publishers", "16", *KEY]),
    "forward": ("a message to an HTTP backend and back", ["forward", SOCKETS, "--connections", "64", *FORWARD]),
    "connect": ("a connect, from accept to the end", ["churn", SOCKETS, "--connections", "50", "--rate", "200"]),
    "proxy": ("a proxied GET", ["http", REQUESTS, "--connections", "64"]),
}
SHOWN = 40


def main():
    settings = arguments()
    folder = ROOT / "loadtest/profiles"
    for row in settings.rows or ROWS:
        text = counted(settings, row)
        (folder / f"{row}.txt").write_text(text)
        print(text.split("\n\n")[0])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW")
    parser.add_argument("--tidegate", type=Path)
    parser.add_argument("--loadtest", type=Path)
    parser.add_argument("--seconds", type=int, default=6)
    settings = parser.parse_args()
    if not settings.tidegate or not settings.loadtest:
        subprocess.run(["cargo", "build", "--locked", "--profile", "profiling", "--workspace", "--bins"], cwd=ROOT, check=True)
        built = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "profiling"
        settings.tidegate = settings.tidegate or built / "tidegate"
        settings.loadtest = settings.loadtest or built / "loadtest"
    return settings


def counted(settings, row):
    what, load = ROWS[row]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port, backend = free_port(), free_port()
        definition = folder / "tidegate.yaml"
        definition.write_text(DEFINITION.format(port=port, backend=backend, folder=folder))
        out = folder / "callgrind.out"
        answering = [settings.loadtest, "backend", "--threads", "1", "--listen", f"127.0.0.1:{backend}"]
        watched = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", settings.tidegate, "serve", definition]
        environment = {**os.environ, "TOKIO_WORKER_THREADS": "1"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with running(answering, **quiet), running(watched, env=environment, **quiet) as gateway:
            reached(port, 60)
            command = [settings.loadtest, *(part.format(port=port) if part in (SOCKETS, REQUESTS) else part for part in load)]
            command += ["--duration", f"{settings.seconds}s", "--threads", "1", "--quiet"]
            # Once before, so that what is made at first is made.
            subprocess.run([*command[:-4], "1s", *command[-3:]], check=True, **quiet)
            subprocess.run(["callgrind_control", "-i", "on", str(gateway.pid)], check=True, **quiet)
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            subprocess.run(["callgrind_control", "-i", "off", str(gateway.pid)], check=True, **quiet)
        result = json.loads(done.stdout)
        operations = round(result["operations_per_second"] * result["measured_seconds"])
        own, inclusive = table(out, operations, False), table(out, operations, True)
    total = sum(count for count, _ in own)
    head = f"{row}: {what}: {total:.0f} instructions each, of {operations} ({commit()}, one thread, no link-time optimization)"
    sections = [head, "With all that they call:", lines(inclusive[:SHOWN]), "By themselves:", lines(own[:SHOWN])]
    return "\n\n".join(sections) + "\n"


def table(out, operations, inclusive):
    """Instructions of an operation by function, the largest first."""
    command = ["callgrind_annotate", f"--inclusive={'yes' if inclusive else 'no'}", "--threshold=100", "--show-percs=no", out]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found = {}
    for line in text.split("file:function", 1)[1].splitlines():
        match = re.match(r"\s*([\d,]+)\s+(.*)", line)
        if not match:
            continue
        name = re.sub(r"\s*\[[^\]]*\]$", "", match[2])
        name = re.sub(r"^\S*?:(?=\S)", "", name) if not name.startswith("<") else name
        count = int(match[1].replace(",", "")) / operations
        found[name] = max(found.get(name, 0), count) if inclusive else found.get(name, 0) + count
    if inclusive:
        # What only leads to the pipeline says nothing.
        found = {name: count for name, count in found.items() if "tidegate::" in name}
    return sorted(((count, name) for name, count in found.items()), reverse=True)


def lines(rows):
    return "\n".join(f"{count:8.0f}  {name[:150]}" for count, name in rows)


def commit():
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def reached(port, seconds):
    late = time.monotonic() + seconds
    while time.monotonic() < late:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit("the gateway does not start")


class running:
    """A program while the block lasts."""

    def __init__(self, command, **options):
        self.program = subprocess.Popen([str(part) for part in command], **options)

    def __enter__(self):
        return self.program

    def __exit__(self, *_):
        self.program.terminate()
        self.program.wait()


if __name__ == "__main__":
    sys.exit(main())
