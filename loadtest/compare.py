#!/usr/bin/env python3
"""Tidegate beside the floors, nchan, Pushpin, ws and serverless-offline, in alternating rounds of one run.

    loadtest/compare.py                                 every row, full length
    loadtest/compare.py --rows echo push --rounds 1 --seconds 1 --connections 200      whether it runs
    loadtest/compare.py --subjects tidegate "echo floor" --rows echo

The server runs on one core, loadtest and the backend on another. CPU time is that of the server's processes. Builds
Tidegate and loadtest in release unless --tidegate and --loadtest name them, installs what is missing (Debian and npm
packages, the latter in a cache folder), leaves nothing else behind. A proxied HTTP request next to nginx: loadtest/nginx.sh.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "compare"))
sys.dont_write_bytecode = True
from subjects import SUBJECTS, install, say  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Row:
    """One part of the table: a load, who takes part, and whom they are compared with."""

    title: str
    scenario: str
    subjects: list
    options: list
    reference: str
    goal: str
    fresh: bool = False  # a new server for every round, as memory that was used once is never given back
    columns: list = field(default_factory=lambda: ["cpu", "rate"])


def rows(settings):
    time = f"{settings.seconds}s"
    many = str(settings.connections)
    return {
        "idle": Row(
            "user-space bytes of an idle connection", "idle",
            ["tidegate", "push floor", "nchan", "ws", "pushpin", "serverless-offline"],
            ["--connections", many, "--hold", "2s"], "push floor", "≤ 2 048 bytes; start ≤ 50 ms; ≤ 15 MB when empty", True, ["bytes", "start", "empty"],
        ),
        "connect": Row(
            "connects", "churn", ["tidegate", "echo floor", "nchan", "ws"],
            ["--connections", "200", "--rate", "500", "--duration", time], "echo floor", "≤ 1.2 × CPU",
        ),
        "echo": Row(
            "reply in process, one in flight", "echo", ["tidegate", "echo floor", "ws", "serverless-offline"],
            ["--connections", "16", "--duration", time], "echo floor", "≤ 1.2 × CPU",
        ),
        "echo8": Row(
            "reply in process, 8 in flight", "echo", ["tidegate", "echo floor", "ws"],
            ["--connections", "16", "--in-flight", "8", "--duration", time], "echo floor", "≥ 3 × msgs/s",
        ),
        "push": Row(
            "push, signed on Tidegate, as fast as accepted", "push",
            ["tidegate", "push floor", "nchan", "serverless-offline"],
            ["--connections", "100", "--publishers", "16", "--duration", time], "push floor", "≥ 0.8 × pushes/s",
        ),
        "push1000": Row(
            "push at 1 000 a second", "push", ["tidegate", "push floor", "nchan", "serverless-offline"],
            ["--connections", "100", "--publishers", "4", "--rate", "1000", "--duration", time],
            "push floor", "p50 ≤ 60 µs, p99 ≤ 250 µs", False, ["cpu", "p50", "p99"],
        ),
        "forward": Row(
            "message to an HTTP backend and back", "forward", ["tidegate", "proxy floor", "pushpin"],
            ["--connections", "64", "--duration", time], "proxy floor",
            "≥ 0.7 × the proxy floor's requests/s, ≥ 30 × Pushpin's msgs/s",
        ),
    }


COLUMNS = {
    "cpu": ("CPU µs", lambda result: sum(one["cpu_us_per_operation"] or 0 for one in result["servers"])),
    "rate": ("a second", lambda result: result["operations_per_second"]),
    "p50": ("p50 µs", lambda result: main(result)["p50"]),
    "p99": ("p99 µs", lambda result: main(result)["p99"]),
    "start": ("start ms", lambda result: result["compared"]["start_ms"]),
    "empty": ("MB empty", lambda result: result["compared"]["empty_bytes"] / 1e6),
    "bytes": ("bytes", lambda result: result["details"]["user_bytes_per_connection"] or 0),
}


def main(result):
    """The latency that the scenario is about: the first one."""
    return next(iter(result["latency_us"].values()))


def measure(settings, row, key, subject):
    """One round; its result."""
    compared = {"start_ms": subject.start_seconds * 1000, "empty_bytes": subject.resident_bytes()}
    command = [
        "taskset", "-c", str(settings.client_core), settings.loadtest, subject.scenario(key, row.scenario), subject.url(key),
        "--threads", "1", "--quiet", "--max-errors", "1000000000", *row.options, *subject.options(key),
    ]
    for pid in subject.pids():
        command += ["--server-pid", str(pid)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    if done.returncode > 1:
        raise RuntimeError(f"{subject.name}, {key}: {done.stderr.strip()}")
    result = {**json.loads(done.stdout), "compared": compared}
    if result["problems"] or result["errors"]:
        say(f"{subject.name}, {key}: {result['problems']} {result['errors']}")
    return result


def run_row(settings, key, row, folder):
    """The results of every subject, in alternating rounds. A subject that cannot be started is left out, with its reason."""
    servers, results = {}, {}
    names = [name for name in row.subjects if name in settings.subjects]
    try:
        for number in range(settings.rounds):
            for name in names:
                if name in results and results[name] is None:
                    continue
                try:
                    if name not in servers:
                        servers[name] = SUBJECTS[name](folder / f"{key}-{name}-{number}".replace(" ", "-"), settings)
                        servers[name].start()
                        if not row.fresh:
                            warm = Row(row.title, row.scenario, [], shortened(row.options), "", "")
                            measure(settings, warm, key, servers[name])
                    result = measure(settings, row, key, servers[name])
                    results.setdefault(name, []).append(result)
                    say(f"{key}, round {number + 1}, {name}: {summary(row, result)}")
                except (OSError, RuntimeError, ValueError) as error:
                    say(f"{key}, {name}: left out: {error}")
                    results[name] = None
                if row.fresh and name in servers:
                    servers.pop(name).stop()
    finally:
        for server in servers.values():
            server.stop()
    return {name: found for name, found in results.items() if found}


def shortened(options):
    options = list(options)
    if "--duration" in options:
        options[options.index("--duration") + 1] = "1s"
    return options


def summary(row, result):
    values = [f"{COLUMNS[one][0]} {COLUMNS[one][1](result):.1f}" for one in row.columns]
    return ", ".join(values)


def print_row(row, results):
    """The row's table: medians, and the median of the ratios of rounds that were next to each other."""
    heads = [COLUMNS[one][0] for one in row.columns]
    print(f"\n### {row.title}\n\nGoal: {row.goal}\n")
    print("| | " + " | ".join(f"{head} | next to {row.reference}" for head in heads) + " | lost |")
    print("|---" * (2 * len(heads) + 2) + "|")
    reference = results.get(row.reference)
    for name, found in results.items():
        cells = []
        for column in row.columns:
            value = COLUMNS[column][1]
            cells.append(f"{statistics.median(map(value, found)):,.1f}".replace(",", " "))
            pairs = zip(found, reference or [])
            ratios = [value(own) / value(other) for own, other in pairs if value(other)]
            cells.append(f"{statistics.median(ratios):.2f}" if ratios else "–")
        lost = sum(result["counts"].get("lost", 0) for result in found)
        print(f"| {name} | " + " | ".join(cells) + f" | {lost} |")
    sys.stdout.flush()


def build(settings):
    if settings.tidegate and settings.loadtest:
        return
    command = ["cargo", "build", "--release", "--locked", "--bin", "tidegate", "--package", "tidegate", "--package", "loadtest"]
    subprocess.run([*command, "--bin", "loadtest"], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    settings.tidegate = settings.tidegate or str(target / "tidegate")
    settings.loadtest = settings.loadtest or str(target / "loadtest")


def print_heading(settings):
    def said(*command):
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.strip()

    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    size = os.path.getsize(settings.tidegate) / 1e6
    print(f"{said('date', '-u', '+%F')}, commit {said('git', 'rev-parse', '--short', 'HEAD')}, {model}, "
          f"{os.cpu_count()} CPUs, Linux {said('uname', '-r')}; {settings.rounds} rounds of {settings.seconds} s, medians.")
    print(f"\nThe program has {size:.1f} MB.")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="idle connect echo echo8 push push1000 forward")
    parser.add_argument("--subjects", nargs="+", metavar="NAME", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6, help="length of a round")
    parser.add_argument("--connections", type=int, default=5000, help="of the idle row")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    parser.add_argument("--tidegate", metavar="PROGRAM", help="instead of building it")
    parser.add_argument("--loadtest", metavar="PROGRAM", help="instead of building it")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tidegate-compare"
    parser.add_argument("--cache", type=Path, default=cache, metavar="FOLDER", help="of npm packages")
    settings = parser.parse_args()
    table = rows(settings)
    unknown = set(settings.rows or []) - table.keys()
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(table)}")
    settings.rows = {key: row for key, row in table.items() if not settings.rows or key in settings.rows}
    settings.tidegate_limits = {
        "requestRate": "off", "connectRate": "off", "connections": 1000000, "connectionsPerAddress": 1000000,
    }
    return settings


def run():
    settings = options()
    build(settings)
    wanted = {name for row in settings.rows.values() for name in row.subjects} & set(settings.subjects)
    install(wanted, settings.cache)
    backend = subprocess.Popen(
        ["taskset", "-c", str(settings.client_core), settings.loadtest, "backend", "--threads", "1"],
        stdout=subprocess.PIPE, text=True,
    )
    try:
        settings.backend_url = backend.stdout.readline().strip()
        print_heading(settings)
        with tempfile.TemporaryDirectory(prefix="compare-") as folder:
            for key, row in settings.rows.items():
                print_row(row, run_row(settings, key, row, Path(folder)))
    finally:
        backend.terminate()
        backend.wait()


if __name__ == "__main__":
    run()
