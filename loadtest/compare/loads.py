"""The loads: what is done to a server that runs, and the result, in the form of loadtest's JSON."""

import json
import os
import re
import statistics
import subprocess
from pathlib import Path

from .subjects import HERE, say

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PUBLICATIONS = 5


def measure(settings, row, key, subject):
    """One round; its result."""
    compared = {
        "start_ms": subject.start_seconds * 1000,
        "empty_bytes": subject.resident_bytes(),
        "program_bytes": subject.program_bytes(),
    }
    load = subject.scenario(key, row.scenario)
    own = {"wrk": wrk, "fanout": fan_out, "nothing": nothing}.get(load)
    result = own(settings, row, key, subject) if own else loadtest(settings, row, key, subject, load)
    if result["problems"] or result["errors"]:
        say(f"{subject.name}, {key}: {result['problems']} {result['errors']}")
    return {**result, "compared": compared}


def pinned(settings, *command):
    return ["taskset", "-c", str(settings.client_core), *map(str, command)]


def loadtest(settings, row, key, subject, scenario):
    command = pinned(
        settings, settings.loadtest, scenario, subject.url(key),
        "--threads", 1, "--quiet", "--max-errors", 1000000000, *row.options, *subject.options(key),
    )
    for pid in subject.pids():
        command += ["--server-pid", str(pid)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode > 1:
        raise RuntimeError(f"{subject.name}, {key}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def result(operations_per_second=0.0, servers=(), measured_seconds=0.0, lost=0):
    return {
        "operations_per_second": operations_per_second, "servers": list(servers), "measured_seconds": measured_seconds,
        "counts": {"lost": lost}, "problems": [], "errors": {}, "latency_us": {},
    }


def nothing(settings, row, key, subject):
    """Only the start counts."""
    return result()


def cpu_seconds(pids):
    """User and system time."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()  # the name may have blanks
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_A_SECOND


def wrk(settings, row, key, subject):
    """HTTP requests with wrk, which costs so little that the server is what is busy."""
    command = pinned(settings, "wrk", "-t", 1, *row.options, "-H", f"Authorization: Bearer {settings.token}", subject.url(key))
    pids = subject.pids()
    before = cpu_seconds(pids)
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    used = cpu_seconds(pids) - before
    count = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    if done.returncode or not count or not rate or int(count[1]) == 0 or re.search("Non-2xx|Socket errors", done.stdout):
        raise RuntimeError(f"{subject.name}, {key}: {done.stdout.strip()}")
    return result(float(rate[1]), [{"cpu_us_per_operation": used * 1e6 / int(count[1])}])


def fan_out(settings, row, key, subject):
    """One publication to everyone, in place of a push to each."""
    count = row.options[row.options.index("--connections") + 1]
    command = pinned(settings, "python3", HERE / "fanout.py", "127.0.0.1", subject.port, *subject.fan_out_paths, count, PUBLICATIONS)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{subject.name}, {key}: {done.stderr.strip()}")
    said = json.loads(done.stdout)
    seconds = statistics.median(said["seconds"])
    return result(int(count) / seconds, measured_seconds=seconds, lost=said["lost"])
