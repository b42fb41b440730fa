#!/usr/bin/env python3
"""What many APIs cost: 1 000 of 50 routes each, made through the control plane of a gateway that the script starts.

    loadtest/apis.py target/release/tidegate [--loadtest target/release/loadtest] [--apis 1000] [--routes 50] [--json FILE]

Measures the cold start to `/readyz`, resident memory then, and the time from a deploy's call to the first request that sees it.
Requests to another API are measured by `loadtest http` at a fixed rate, each from the instant it was due: with one API and with all
of them, and then three times in turn: nothing else going on, deploys going on in another gateway on the same machine, deploys
going on in this one. The second tells what the machine is to blame for, the third what the gateway adds. Python 3, Linux.
"""

import argparse
import http.client
import itertools
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

DEFINITION = "server: { listen: '127.0.0.1:0', admin: '127.0.0.1:0', adminAuth: none, stateDirectory: ./state, limits: { requestRate: off, requestBurst: off } }\n"
CHUNK = 50
# Requests a second while deploys go on, and the pause between two deploys, in seconds.
RATE = 2000
PAUSE = 0.05


class Gateway:
    def __init__(self, program, directory):
        begun = time.perf_counter()
        self.process = subprocess.Popen([program, "serve"], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.startswith("health  http://"):
                self.admin = line.split("//")[1].split("/")[0]
                break
        connection = self.connect()
        assert ask(connection, "GET", "/readyz")[0] == 200
        self.started = time.perf_counter() - begun
        # What it goes on to say must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def connect(self):
        return http.client.HTTPConnection(self.admin)

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) // 1024

    def cost(self):
        return {"ms": round(self.started * 1000), "MiB": self.resident()}

    def kill(self):
        self.process.kill()
        self.process.wait()


def ask(connection, method, path, body=None):
    connection.request(method, path, None if body is None else json.dumps(body))
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text.startswith(b"{") else text


def api(routes):
    keys = [f"GET /r{route}/{{id}}" for route in range(routes)]
    return {
        "protocolType": "HTTP",
        "routes": {key: {"target": f"integrations/i{number % 5}"} for number, key in enumerate(keys)},
        "integrations": {
            f"i{number}": {"integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": f"http://127.0.0.1:9/{number}"}
            for number in range(5)
        },
        # Answered by the gateway itself, so that no backend is part of what is measured.
        "corsConfiguration": {"allowOrigins": ["https://a.example"], "allowMethods": ["GET"]},
        "stages": {"dev": {}},
    }


class Load:
    """`loadtest http` at a fixed rate: times count from the instant a request was due, so a stall shows in all that it held up."""

    def __init__(self, program, gateway, name, seconds):
        # Answered by the gateway itself.
        self.running = subprocess.Popen(
            [program, "http", f"http://{gateway.admin}/_apis/{name}/dev/r7/1", "--quiet", "--method", "OPTIONS", "--rate", str(RATE), "--connections", "8"]
            + ["--duration", f"{seconds}s", "--header", "origin: https://a.example", "--header", "access-control-request-method: GET", "--threads", "1"],
            stdout=subprocess.PIPE,
            text=True,
        )

    def result(self):
        told = json.loads(self.running.communicate()[0])
        assert told["passed"], told["problems"]
        latency = told["latency_us"]["answer"]
        return {name: round(latency[name]) for name in ("p50", "p99", "p99_9", "max")} | {"requests": latency["count"]}


def fill(gateway, first, last, routes):
    connection = gateway.connect()
    for begin in range(first, last, CHUNK):
        apis = {f"api-{number}": api(routes) for number in range(begin, min(begin + CHUNK, last))}
        status, answer = ask(connection, "PUT", "/v2/tidegate/definition", {"apis": apis})
        assert status == 200, answer


def deploys(gateway, name, seconds):
    """Milliseconds of the call of a deploy, and from its begin to the first request that sees it."""
    control, client = gateway.connect(), gateway.connect()
    status, found = ask(control, "GET", f"/v2/apis/{name}/integrations")
    assert status == 200, found
    target = "integrations/" + found["items"][0]["integrationId"]
    calls, seen = [], []
    end = time.monotonic() + seconds
    for number in itertools.count():
        begun = time.perf_counter()
        status, made = ask(control, "POST", f"/v2/apis/{name}/routes", {"routeKey": f"GET /new{number}", "target": target})
        assert status == 201, made
        calls.append((time.perf_counter() - begun) * 1e3)
        # Nothing listens at the integration's address: seen is whatever is not 404.
        while ask(client, "GET", f"/_apis/{name}/dev/new{number}")[0] == 404:
            pass
        seen.append((time.perf_counter() - begun) * 1e3)
        status, gone = ask(control, "DELETE", f"/v2/apis/{name}/routes/{made['routeId']}")
        assert status == 204, gone
        left = end - time.monotonic()
        if left <= 0:
            return {"deploys": 2 * len(seen), "call": spread(calls), "seen": spread(seen)}
        time.sleep(min(left, PAUSE))


def spread(taken):
    taken = sorted(taken)
    pick = lambda share: round(taken[min(int(len(taken) * share), len(taken) - 1)], 1)
    return {"p50": pick(0.5), "p99": pick(0.99), "max": round(taken[-1], 1)}


def report(told, what, figures):
    told[what] = figures
    print(f"{what}: {json.dumps(figures)}".replace('"', ""), flush=True)


def with_deploys(program, gateway, other, name, rounds, seconds, told):
    """Requests to `name` while nothing else goes on, while another gateway deploys, while this one does; in turn."""
    found = {"quiet": [], "deploys in another gateway": [], "deploys in this gateway": []}
    deployed = []
    for _ in range(rounds):
        for situation, deploying in zip(found, (None, other, gateway)):
            load = Load(program, gateway, name, seconds)
            if deploying:
                deployed.append(deploys(deploying, "api-1", seconds - 1))
            found[situation].append(load.result())
    report(told, "deploys, ms", deployed[1::2])
    for situation, figures in found.items():
        report(told, f"requests to another API, {situation}, us", figures)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program", type=pathlib.Path)
    options.add_argument("--loadtest", type=pathlib.Path, help="default: beside the program")
    options.add_argument("--apis", type=int, default=1000)
    options.add_argument("--routes", type=int, default=50)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=10, help="of each measurement of requests")
    options.add_argument("--json", type=pathlib.Path, help="where the figures go as well")
    options = options.parse_args()
    program = options.program.resolve()
    loadtest = (options.loadtest or program.with_name("loadtest")).resolve()
    told = {}
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as twin:
        pathlib.Path(directory, "tidegate.yaml").write_text(DEFINITION)
        gateway = Gateway(program, directory)
        report(told, "start, empty", gateway.cost())
        fill(gateway, 0, 1, options.routes)
        report(told, "requests, one API, us", Load(loadtest, gateway, "api-0", options.seconds).result())
        begun = time.perf_counter()
        fill(gateway, 1, options.apis, options.routes)
        report(told, f"seconds to make {options.apis} APIs", round(time.perf_counter() - begun, 1))
        gateway.kill()
        shutil.copytree(directory, twin, dirs_exist_ok=True)
        starts = []
        for _ in range(options.rounds):
            gateway = Gateway(program, directory)
            starts.append(gateway.cost())
            gateway.kill()
        report(told, f"start, {options.apis} APIs of {options.routes} routes", starts)
        gateway, other = Gateway(program, directory), Gateway(program, twin)
        report(told, f"requests, {options.apis} APIs, us", Load(loadtest, gateway, "api-0", options.seconds).result())
        with_deploys(loadtest, gateway, other, "api-0", options.rounds, options.seconds, told)
        report(told, "MiB at the end", gateway.resident())
        gateway.kill()
        other.kill()
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n")


main()
