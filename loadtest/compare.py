#!/usr/bin/env python3
"""Tidegate beside the floors, nginx, nchan, Pushpin, ws and serverless-offline, in alternating rounds of one run.

    loadtest/compare.py --output table.md           every row, full length
    loadtest/compare.py --quick                     whether every row runs; its figures mean nothing
    loadtest/compare.py --rows echo push --subjects tidegate "echo floor" "push floor"

Prints Markdown: a table of the goals, each met or missed, and a table for each row. The server runs on one core, the
load and the backend on another; CPU time is that of the server's processes. Builds Tidegate and loadtest in release unless
--tidegate and --loadtest name them, installs what is missing (Debian and npm packages, the latter in a cache folder), and
leaves nothing else behind. Exit status: 0, or 1 when one of Tidegate's pushes was lost, doubled, reordered or misdelivered.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from compare import proxied, subjects
from compare.build import build
from compare.install import install
from compare.loads import measure
from compare.subjects import say
from compare.table import delivered, goal_table, heading, row_table, rows, summary

ROOT = Path(__file__).resolve().parent.parent
FILES = 20_000
SUBJECTS = {
    one.name: one
    for one in (
        subjects.Tidegate, subjects.TidegateTls, proxied.TidegateProxy, proxied.TidegateAuthorizing,
        subjects.EchoFloor, subjects.PushFloor, subjects.ProxyFloor, proxied.HttpFloor,
        proxied.Nginx, subjects.Nchan, subjects.NchanFanOut, subjects.Pushpin, subjects.Ws, subjects.ServerlessOffline,
    )
}


def run_row(settings, key, row, folder):
    """Results of every subject, in alternating rounds, and why others are left out: they could not be started or used."""
    servers, results, left_out = {}, {}, {}
    try:
        for turn in range(settings.rounds):
            for name in row.subjects:
                if name not in settings.subjects or name in left_out:
                    continue
                try:
                    if name not in servers:
                        servers[name] = SUBJECTS[name](folder / f"{key}-{name}-{turn}".replace(" ", "-"), settings)
                        servers[name].start()
                        if not row.fresh:
                            measure(settings, replace(row, options=shortened(row.options)), key, servers[name])
                    result = measure(settings, row, key, servers[name])
                    results.setdefault(name, []).append(result)
                    say(f"{key}, round {turn + 1}, {name}: {summary(row, result)}")
                except (OSError, RuntimeError, ValueError, subprocess.CalledProcessError) as error:
                    say(f"{key}, {name}: left out: {error}")
                    left_out[name] = str(error).split("\n")[0]
                    results.pop(name, None)
                if row.fresh and name in servers:
                    servers.pop(name).stop()
    finally:
        for server in servers.values():
            server.stop()
    return results, left_out


def shortened(options):
    """One second, to warm up."""
    options = list(options)
    for flag in {"--duration", "-d"} & set(options):
        options[options.index(flag) + 1] = "1s"
    return options


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="start idle tls connect echo echo8 push push1000 pushall forward proxy")
    parser.add_argument("--subjects", nargs="+", metavar="NAME", choices=SUBJECTS, default=list(SUBJECTS), help=", ".join(SUBJECTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6, help="length of a round")
    parser.add_argument("--connections", type=int, default=5000, help="of the rows idle and tls")
    parser.add_argument("--burst", type=int, default=10_000, help="connections and pushes of the row pushall")
    parser.add_argument("--quick", action="store_true", help="one round of a second, 100 connections: tries the script, measures nothing")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    parser.add_argument("--tidegate", metavar="PROGRAM", help="instead of building it")
    parser.add_argument("--loadtest", metavar="PROGRAM", help="instead of building it")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the tables go, too")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tidegate-compare"
    parser.add_argument("--cache", type=Path, default=cache, metavar="FOLDER", help="of npm packages")
    settings = parser.parse_args()
    if settings.quick:
        settings.rounds, settings.seconds, settings.connections, settings.burst = 1, 1, 100, 100
    table = rows(settings)
    unknown = set(settings.rows or []) - table.keys()
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(table)}")
    settings.rows = {key: row for key, row in table.items() if not settings.rows or key in settings.rows}
    for name in ("tidegate", "loadtest", "cache"):  # servers run in folders of their own
        value = getattr(settings, name)
        setattr(settings, name, value and type(value)(os.path.abspath(value)))
    return settings


def raise_file_limit():
    """A socket is a file; every server and client inherits this."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(most, FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def start_backends(settings, folder):
    """The backends of messages and of GETs, each where a row needs it."""
    found = [subjects.Echo(folder / "echo", settings)]
    settings.backend_url = f"http://127.0.0.1:{found[0].port}"
    if any(row.scenario == "wrk" for row in settings.rows.values()):
        settings.http_backend = proxied.Backend(folder / "backend", settings)
        settings.token = settings.http_backend.token
        found.append(settings.http_backend)
    return [one.start() for one in found]


def run():
    settings = options()
    raise_file_limit()
    wanted = {name for row in settings.rows.values() for name in row.subjects} & set(settings.subjects)
    building = not (settings.tidegate and settings.loadtest)
    install(wanted, {row.scenario for row in settings.rows.values()}, settings.cache, building)
    build(settings)
    measured, backends = {}, []
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        try:
            backends = start_backends(settings, Path(folder))
            for key, row in settings.rows.items():
                measured[key] = run_row(settings, key, row, Path(folder))
        except KeyboardInterrupt:
            say("interrupted; what follows is what was measured until then")
        finally:
            for backend in backends:
                backend.stop()
    details = [row_table(settings.rows[key], *found) for key, found in measured.items()]
    text = "\n\n".join([heading(settings, ROOT), goal_table(settings.rows, measured), *details]) + "\n"
    print(text, end="")
    if settings.output:
        settings.output.write_text(text)
    return 1 if delivered(measured)[1] else 0


if __name__ == "__main__":
    sys.exit(run())
