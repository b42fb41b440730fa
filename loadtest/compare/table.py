"""The rows, what is read off a result, and the table that says which goals are met."""

import os
import shutil
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# What must not happen to a payload whose POST was answered with 200, as loadtest counts it.
FAULTS = ("lost", "duplicated", "reordered", "misdelivered", "corrupted", "unidentified")
THE_PROGRAM = "tidegate"


@dataclass
class Goal:
    """A value of one subject: absolute, or next to that of `reference` as a ratio or as what it has on top."""

    number: int
    what: str
    limit: str
    column: str
    most: float = float("inf")
    least: float = 0.0
    subject: str = THE_PROGRAM
    reference: str | None = None
    extra: bool = False


@dataclass
class Row:
    """A load, who takes part, and whom they are compared with."""

    title: str
    scenario: str
    subjects: list
    options: list
    reference: str
    goals: list
    columns: list = field(default_factory=lambda: ["cpu", "rate"])
    fresh: bool = False  # a new server for every round, as memory that was used once is never given back


def latency(quantile):
    """Of the latency that the scenario is about: the first one."""
    return lambda result: next(iter(result["latency_us"].values()))[quantile]


def megabytes(name):
    return lambda result: result["compared"][name] / 1e6


COLUMNS = {
    "cpu": ("CPU µs", lambda result: sum(one["cpu_us_per_operation"] or 0 for one in result["servers"])),
    "rate": ("a second", lambda result: result["operations_per_second"]),
    "p50": ("p50 µs", latency("p50")),
    "p99": ("p99 µs", latency("p99")),
    "last": ("ms to the last", lambda result: result["measured_seconds"] * 1000),
    "start": ("start ms", lambda result: result["compared"]["start_ms"]),
    "empty": ("MB empty", megabytes("empty_bytes")),
    "size": ("MB program", megabytes("program_bytes")),
    "bytes": ("user bytes", lambda result: result["details"]["user_bytes_per_connection"] or 0),
    "rss": ("resident bytes", lambda result: result["details"]["rss_bytes_per_connection"] or 0),
}


def rows(settings):
    time = f"{settings.seconds}s"
    held = ["--connections", str(settings.connections), "--hold", "2s"]
    burst, many = str(settings.burst), number(settings.burst)
    get = ["-c", "64", "-d", time]
    cpu = {"column": "cpu"}
    return {
        "start": Row(
            "start to serving", "nothing", ["tidegate", "push floor", "nchan", "ws", "pushpin", "serverless-offline"], [], "nchan",
            [
                Goal(15, "start to serving, ms", "≤ 50", "start", most=50),
                Goal(15, "program without symbols, MB", "≤ 20", "size", most=20),
                Goal(15, "resident memory when empty, MB", "≤ 15", "empty", most=15),
            ],
            ["start", "empty", "size"], fresh=True,
        ),
        "idle": Row(
            "an idle connection", "idle", ["tidegate", "push floor", "nchan", "ws", "pushpin", "serverless-offline"], held, "push floor",
            [Goal(1, "user-space bytes of an idle connection", "≤ 2 048", "bytes", most=2048)],
            ["bytes", "rss"], fresh=True,
        ),
        "tls": Row(
            "an idle connection over TLS 1.3", "idle", ["tidegate", "tidegate, TLS"], held, "tidegate",
            [Goal(3, "what TLS 1.3 adds, bytes", "≤ 6 144", "bytes", most=6144, subject="tidegate, TLS", reference="tidegate", extra=True)],
            ["bytes", "rss"], fresh=True,
        ),
        "connect": Row(
            "connects", "churn", ["tidegate", "echo floor", "nchan", "ws"],
            ["--connections", "200", "--rate", "500", "--duration", time], "echo floor",
            [Goal(11, "CPU of a connect", "≤ 1.2 × echo floor", most=1.2, reference="echo floor", **cpu)],
        ),
        "echo": Row(
            "reply in process, one in flight", "echo", ["tidegate", "echo floor", "ws", "serverless-offline"],
            ["--connections", "16", "--duration", time], "echo floor",
            [Goal(4, "CPU of a reply in process", "≤ 1.2 × echo floor", most=1.2, reference="echo floor", **cpu)],
        ),
        "echo8": Row(
            "reply in process, 8 in flight", "echo", ["tidegate", "echo floor", "ws"],
            ["--connections", "16", "--in-flight", "8", "--duration", time], "echo floor",
            [Goal(5, "replies a second, 8 in flight", "≥ 3 × echo floor", "rate", least=3, reference="echo floor")],
        ),
        "push": Row(
            "push, signed on Tidegate, as fast as accepted", "push", ["tidegate", "push floor", "nchan", "serverless-offline"],
            ["--connections", "100", "--publishers", "16", "--duration", time, "--sign-ahead", str(settings.seconds * 90_000)], "push floor",
            [Goal(6, "pushes a second, signed", "≥ 0.8 × unsigned push floor", "rate", least=0.8, reference="push floor")],
        ),
        "push1000": Row(
            "push at 1 000 a second", "push", ["tidegate", "push floor", "nchan", "serverless-offline"],
            ["--connections", "100", "--publishers", "4", "--rate", "1000", "--duration", time], "push floor",
            [
                Goal(7, "POST to receipt at 1 000 a second, p50 µs", "≤ 60", "p50", most=60),
                Goal(7, "the same, p99 µs", "≤ 250", "p99", most=250),
            ],
            ["cpu", "p50", "p99"],
        ),
        "pushall": Row(
            f"{many} pushes to {many} connections", "push", ["tidegate", "push floor", "nchan", "nchan, one publish"],
            ["--connections", burst, "--messages", burst, "--publishers", "32", "--sign-ahead", burst], "nchan, one publish",
            [Goal(12, f"{many} pushes to {many} connections, ms to the last", "≤ 120", "last", most=120)],
            ["last", "cpu"], fresh=True,
        ),
        "forward": Row(
            "message to an HTTP backend and back", "forward", ["tidegate", "proxy floor", "pushpin"],
            ["--connections", "64", "--duration", time], "proxy floor",
            [
                Goal(8, "messages a second through a backend", "≥ 0.7 × proxy floor", "rate", least=0.7, reference="proxy floor"),
                Goal(8, "the same next to Pushpin", "≥ 30 × Pushpin", "rate", least=30, reference="pushpin"),
            ],
        ),
        "proxy": Row(
            "a proxied GET", "wrk", ["tidegate, proxy", "tidegate, JWT", "proxy floor, GET", "nginx"], get, "nginx",
            [
                Goal(9, "CPU of a proxied GET", "≤ 1.25 × nginx", most=1.25, subject="tidegate, proxy", reference="nginx", **cpu),
                Goal(10, "the same with JWT, throttles, access log, metrics", "≤ 1.5 × nginx, bare", most=1.5,
                     subject="tidegate, JWT", reference="nginx", **cpu),
            ],
        ),
    }


def number(value):
    """With as many digits as it takes, and blanks between thousands; nothing is measured as zero."""
    if value == 0:
        return "–"
    digits = 0 if abs(value) >= 1000 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace(",", " ")


def paired(own, reference, join):
    """The median over rounds that were next to each other."""
    pairs = [join(*pair) for pair in zip(own, reference) if pair[1]]
    return statistics.median(pairs) if pairs else None


def summary(row, result):
    return ", ".join(f"{COLUMNS[one][0]} {number(COLUMNS[one][1](result))}" for one in row.columns)


def faults(result):
    return sum(result["counts"].get(name, 0) for name in FAULTS)


def row_table(row, results, left_out):
    """What everybody came to: medians, and the median of the ratios."""
    heads = " | ".join(f"{COLUMNS[one][0]} | next to {row.reference}" for one in row.columns)
    lines = [f"### {row.title[0].upper()}{row.title[1:]}", "", f"| | {heads} | faults |", "|---" * (2 * len(row.columns) + 2) + "|"]
    for name, found in results.items():
        cells = []
        for value in (COLUMNS[column][1] for column in row.columns):
            own = list(map(value, found))
            ratio = paired(own, map(value, results.get(row.reference, [])), lambda a, b: a / b)
            cells += [number(statistics.median(own)), "–" if ratio is None else f"{ratio:.2f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {sum(map(faults, found))} |")
    lines += [f"\nLeft out: {name}: {reason}" for name, reason in left_out.items()]
    return "\n".join(lines)


def judge(goal, results):
    """The value, the ratio, and whether it is met; none of them where it was not measured."""
    value = COLUMNS[goal.column][1]
    own = list(map(value, results.get(goal.subject, [])))
    if not own or (goal.reference and not results.get(goal.reference)):
        return None
    amount = statistics.median(own)
    if not goal.reference:
        return amount, None, goal.least <= amount <= goal.most
    reference = list(map(value, results[goal.reference]))
    ratio = paired(own, reference, lambda a, b: a / b)
    if goal.extra:
        amount = paired(own, reference, lambda a, b: a - b)
    judged = amount if goal.extra else ratio
    return amount, ratio, judged is not None and goal.least <= judged <= goal.most


def goal_table(table, measured):
    """One line for each goal of the rows that ran, and one for what happened to all of Tidegate's pushes."""
    lines = []
    for key, (results, _) in measured.items():
        for goal in table[key].goals:
            verdict = judge(goal, results)
            if verdict is None:
                lines.append((goal.number, goal.what, "–", "–", goal.limit, "not measured"))
                continue
            amount, ratio, met = verdict
            shown = "–" if ratio is None else f"{ratio:.2f}"
            lines.append((goal.number, goal.what, number(amount), shown, goal.limit, "met" if met else "**missed**"))
    pushes, bad = delivered(measured)
    if pushes:
        what = f"lost, duplicated, reordered or misdelivered of {number(pushes)} pushes"
        lines.append((13, what, str(bad), "–", "0", "**missed**" if bad else "met"))
    lines.sort(key=lambda line: line[0])
    head = ["| # | what | Tidegate | ratio | goal | |", "|---|---|---|---|---|---|"]
    return "\n".join(head + [f"| {' | '.join(map(str, line))} |" for line in lines])


def delivered(measured):
    """Tidegate's pushes in all rows that ran, and how many of them went wrong."""
    found = [one for key, (results, _) in measured.items() if key.startswith("push") for one in results.get(THE_PROGRAM, [])]
    return sum(one["counts"].get("acknowledged", 0) for one in found), sum(map(faults, found))


def heading(settings, root):
    return f"{machine(root)}; {settings.rounds} rounds of {settings.seconds} s, medians."


def machine(root):
    """When, what and where."""

    def said(*command):
        if not shutil.which(command[0]):
            return "unknown"
        return subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, cwd=root).stdout.strip()

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "a CPU without a name")
    commit = said("git", "rev-parse", "--short", "HEAD")
    return f"{said('date', '-u', '+%F')}, commit {commit}, {model}, {os.cpu_count()} CPUs, Linux {said('uname', '-r')}"
