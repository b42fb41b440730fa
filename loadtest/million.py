#!/usr/bin/env python3
"""One million idle connections at once on one machine, any of them pushed to at random.

    loadtest/million.py                                       some ten minutes, 16 GB of free memory, 2 000 000 open files
    loadtest/million.py --sockets 20000 --each 5000 --hold 10 whether it runs

Starts as many gateways and clients as the limit of open files of one process asks for; each client learns the ids of its
connections, and posts signed payloads to random ones of them until all connections are there, and for a while after.
Every payload is followed to its receipt. Prints Markdown. Builds Tidegate and loadtest in release unless --tidegate and
--loadtest name them. Exit status: 0, or 1 when a connection could not be opened or was lost, or a push was.
"""

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from compare.build import build
from compare.loads import cpu_seconds
from compare.subjects import Tidegate, say
from compare.table import machine

ROOT = Path(__file__).resolve().parent.parent
# Files of a process beside its sockets.
SPARE_FILES = 1_000
# Packets that may wait for a CPU on loopback; not to be seen in a network namespace.
BACKLOG = Path("/proc/sys/net/core/netdev_max_backlog")
FAULTS = ("lost", "duplicated", "reordered", "misdelivered", "corrupted", "uncertain")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    parser.add_argument("--sockets", type=int, default=1_000_000, help="connections in all")
    parser.add_argument("--each", type=int, default=min(limit, 20_000) - SPARE_FILES, help="connections of one gateway and its client")
    parser.add_argument("--at-once", type=int, default=4, help="clients that open connections at the same time")
    parser.add_argument("--hold", type=int, default=60, help="seconds with all connections open")
    parser.add_argument("--rate", type=int, default=2, help="pushes a second of each client")
    parser.add_argument("--tidegate", metavar="PROGRAM", help="instead of building it")
    parser.add_argument("--loadtest", metavar="PROGRAM", help="instead of building it")
    settings = parser.parse_args()
    settings.server_core = f"0-{os.cpu_count() - 1}"
    settings.backend_url = "http://127.0.0.1:9/"  # nothing is sent there
    return settings


class Lasting(Tidegate):
    """A gateway whose connections may be silent for as long as it takes to open the others."""

    def api(self):
        api = super().api()
        api["stages"]["dev"]["tidegate"]["limits"] |= {"idleTimeout": "off", "connectionDuration": "off"}
        return api


class Client:
    """A loadtest that connects, pushes until it is told to stop, and then says what it saw."""

    def __init__(self, settings, server, count):
        self.count = count
        self.told = server.folder / "result.json"
        command = [
            settings.loadtest, "push", server.url("push"), "--connections", str(count), "--publishers", "1",
            "--rate", str(settings.rate), "--duration", "1h", "--connect-timeout", "60s", "--reply-timeout", "60s",
            "--threads", "1", "--quiet", "--json", str(self.told), *server.options("push"),
        ]
        self.server = server
        with open(server.folder / "client.log", "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def await_connections(self, patience=300):
        end = time.monotonic() + patience
        while open_files(self.server.process.pid) < self.count:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"not every connection was opened: {(self.server.folder / 'client.log').read_text()[-2000:]}")
            time.sleep(0.2)

    def interrupt(self):
        """Ends the run, and not the account of it."""
        self.process.send_signal(signal.SIGINT)

    def result(self):
        self.process.wait(300)
        return json.loads(self.told.read_text())


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def short_queue(sockets, path=BACKLOG):
    """What is to be said where keep-alive probes will be dropped: those of connections opened together come in one burst."""
    try:
        packets = int(path.read_text())
    except OSError:
        return None
    if packets >= sockets:
        return None
    return (
        f"net.core.netdev_max_backlog is {packets}: connections may be lost, as keep-alive probes of those opened together come at once"
        f" and a connection that loses three ends; sysctl -w net.core.netdev_max_backlog={sockets}"
    )


def kernel_bytes():
    """What the kernel keeps in slabs: sockets, files, watches. Idle sockets have nothing beside."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["Slab"].split()[0]) * 1024


def resident_bytes(pids):
    """Resident memory of the processes alone, what they share counted once."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(rollup.split("Pss:")[1].split()[0]) * 1024
    return total


def open_everything(settings, folder, servers, clients):
    counts = [settings.each] * (settings.sockets // settings.each)
    if settings.sockets % settings.each:
        counts.append(settings.sockets % settings.each)
    # All of them first: later on, every port that the system would choose is some client's.
    for number in range(len(counts)):
        servers.append(Lasting(folder / str(number), settings))
        servers[-1].start()
    for first in range(0, len(counts), settings.at_once):
        chosen = slice(first, first + settings.at_once)
        batch = [Client(settings, server, count) for server, count in zip(servers[chosen], counts[chosen], strict=True)]
        clients += batch
        for client in batch:
            client.await_connections()
        say(f"{sum(client.count for client in clients)} connections")


def measure(settings, folder, servers, clients):
    before, began = kernel_bytes(), time.monotonic()
    open_everything(settings, folder, servers, clients)
    opening = time.monotonic() - began
    pids = [server.process.pid for server in servers]
    at_once = sum(open_files(pid) for pid in pids)
    busy = cpu_seconds(pids)
    time.sleep(settings.hold)
    busy = (cpu_seconds(pids) - busy) / settings.hold
    in_kernel = kernel_bytes() - before
    in_servers = resident_bytes(pids)
    in_clients = resident_bytes([client.process.pid for client in clients])
    still = sum(open_files(pid) for pid in pids)
    return {
        "processes": len(pids), "opening": opening, "at_once": at_once, "still": still, "cores": busy,
        "in_kernel": in_kernel, "in_servers": in_servers, "in_clients": in_clients,
    }


def number(value):
    return f"{value:,.0f}".replace(",", " ")


def added(results, name):
    return sum(result["counts"].get(name, 0) for result in results)


def report(settings, seen, results):
    sockets = settings.sockets
    faults = {name: added(results, name) for name in FAULTS}
    failed = sum(result["connections"]["failed"] + result["connections"]["dropped"] for result in results)
    latencies = [next(iter(result["latency_us"].values())) for result in results]
    memory = seen["in_kernel"] + seen["in_servers"] + seen["in_clients"]
    medians = sorted(latency["p50"] for latency in latencies)
    rows = [
        ("connections at once", f"{number(sockets)} in {seen['processes']} gateways, opened in {number(seen['opening'])} s"),
        ("connections that failed or were lost", number(failed)),
        ("memory of a connection in the gateways", f"{number(seen['in_servers'] / sockets)} bytes, the programs' own included"),
        ("… in the clients", f"{number(seen['in_clients'] / sockets)} bytes"),
        ("… in the kernel, both ends", f"{number(seen['in_kernel'] / sockets)} bytes"),
        ("memory in all", f"{memory / 1e9:.1f} GB"),
        ("CPU of all gateways, idle but for the pushes", f"{seen['cores']:.3f} cores"),
        ("pushes to random connections, acknowledged", f"{number(added(results, 'acknowledged'))} of {number(added(results, 'posted'))}"),
        ("… received", number(added(results, "received"))),
        (f"… {', '.join(FAULTS)}", number(sum(faults.values()))),
        ("… POST to receipt, median of the clients' medians", f"{number(medians[len(medians) // 2])} µs"),
        ("… and 99th percentile of the slowest client", f"{number(max(latency['p99'] for latency in latencies))} µs"),
    ]
    print(f"{machine(ROOT)}\n\n| | |\n|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    errors = Counter()
    for result in results:
        errors.update(result["errors"])
        errors.update({f"status {status}": count for status, count in result["details"].get("statuses", {}).items() if status != "200"})
    for name, count in errors.most_common():
        say(f"{name}: {count}")
    files = seen["at_once"] >= sockets and seen["still"] >= sockets
    return failed == 0 and not any(faults.values()) and files


def run():
    settings = options()
    warning = short_queue(settings.sockets)
    if warning:
        say(warning)
    build(settings)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    servers, clients = [], []
    with tempfile.TemporaryDirectory(prefix="million-") as folder:
        try:
            seen = measure(settings, Path(folder), servers, clients)
            for client in clients:
                client.interrupt()
            results = [client.result() for client in clients]
        finally:
            for client in clients:
                with contextlib.suppress(ProcessLookupError):
                    client.process.kill()
            for server in servers:
                if server.process:
                    server.process.kill()
        return 0 if report(settings, seen, results) else 1


if __name__ == "__main__":
    sys.exit(run())
