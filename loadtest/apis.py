#!/usr/bin/env python3
"""What many APIs cost: 1 000 of 50 routes each, made through the control plane of a gateway that the script starts.

    loadtest/apis.py target/release/tidegate [--apis 1000] [--routes 50]

Measures the cold start to `/readyz`, resident memory then, a request's time with one API and with all of them, the time from a
deploy's call to the first request that sees it, and how long requests to another API take meanwhile. Python 3, Linux, nothing
else; the times of requests contain Python's own.
"""

import argparse
import http.client
import json
import pathlib
import subprocess
import tempfile
import threading
import time

DEFINITION = "server: { listen: '127.0.0.1:0', admin: '127.0.0.1:0', adminAuth: none, stateDirectory: ./state, limits: { requestRate: off, requestBurst: off } }\n"
CHUNK = 50


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


def preflight(connection, name):
    connection.request("OPTIONS", f"/_apis/{name}/dev/r7/1", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def times(connection, name, count):
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        assert preflight(connection, name) == 204
        taken.append((time.perf_counter() - begun) * 1e6)
    taken.sort()
    return f"p50 {taken[count // 2]:.0f} us, p99 {taken[count * 99 // 100]:.0f} us, max {taken[-1]:.0f} us"


def fill(gateway, first, last, routes):
    connection = gateway.connect()
    for begin in range(first, last, CHUNK):
        apis = {f"api-{number}": api(routes) for number in range(begin, min(begin + CHUNK, last))}
        status, answer = ask(connection, "PUT", "/v2/tidegate/definition", {"apis": apis})
        assert status == 200, answer


def deploys(gateway, name, count):
    """Milliseconds from the call of a deploy to the first request that sees it."""
    control, client = gateway.connect(), gateway.connect()
    status, found = ask(control, "GET", f"/v2/apis/{name}/integrations")
    assert status == 200, found
    target = "integrations/" + found["items"][0]["integrationId"]
    seen, calls = [], []
    for number in range(count):
        begun = time.perf_counter()
        status, made = ask(control, "POST", f"/v2/apis/{name}/routes", {"routeKey": f"GET /new{number}", "target": target})
        assert status == 201, made
        calls.append((time.perf_counter() - begun) * 1e3)
        while ask(client, "GET", f"/_apis/{name}/dev/new{number}")[0] == 404:
            pass
        seen.append((time.perf_counter() - begun) * 1e3)
    return f"call p50 {sorted(calls)[count // 2]:.1f} ms, seen p50 {sorted(seen)[count // 2]:.1f} ms, max {max(seen):.1f} ms"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program", type=pathlib.Path)
    options.add_argument("--apis", type=int, default=1000)
    options.add_argument("--routes", type=int, default=50)
    options = options.parse_args()
    program = options.program.resolve()
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "tidegate.yaml").write_text(DEFINITION)
        gateway = Gateway(program, directory)
        print(f"start, empty: {gateway.started * 1000:.0f} ms, {gateway.resident()} MiB")
        fill(gateway, 0, 1, options.routes)
        print("request, one API:", times(gateway.connect(), "api-0", 2000))
        begun = time.perf_counter()
        fill(gateway, 1, options.apis, options.routes)
        print(f"made {options.apis} APIs in {time.perf_counter() - begun:.1f} s")
        print(f"request, {options.apis} APIs:", times(gateway.connect(), "api-0", 2000))
        gateway.kill()
        gateway = Gateway(program, directory)
        print(f"start, {options.apis} APIs of {options.routes} routes: {gateway.started * 1000:.0f} ms, {gateway.resident()} MiB")
        print(f"request, {options.apis} APIs:", times(gateway.connect(), "api-0", 2000))
        told = []
        other = threading.Thread(target=lambda: told.append(deploys(gateway, "api-1", 50)))
        other.start()
        meanwhile = times(gateway.connect(), "api-0", 2000)
        other.join()
        print("deploy:", *told)
        print("request to another API meanwhile:", meanwhile)
        print(f"resident at the end: {gateway.resident()} MiB")
        gateway.kill()


main()
