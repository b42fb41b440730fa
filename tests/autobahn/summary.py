"""Counts what the fuzzing client found: summary.py INDEX_JSON EXPECTED_CASES. Exit code 1 when a case failed or is missing."""

import json
import sys
from collections import Counter

FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}
FINE_CLOSE = {"OK", "INFORMATIONAL"}


def order(case):
    return [int(part) for part in case.split(".")]


def main(path, expected):
    with open(path) as file:
        agents = json.load(file)
    cases = next(iter(agents.values()), {})   # none when nothing answered
    failed = [
        (case, seen)
        for case, seen in cases.items()
        if seen["behavior"] not in FINE or seen["behaviorClose"] not in FINE_CLOSE
    ]
    for case, seen in sorted(failed, key=lambda pair: order(pair[0])):
        print(f"case {case}: {seen['behavior']}, close {seen['behaviorClose']} (code {seen['remoteCloseCode']})")
    counts = Counter(seen["behavior"] for seen in cases.values())
    print(f"{len(cases)} of {expected} cases run, {len(failed)} failed:", ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
    return 1 if failed or len(cases) != expected else 0


sys.exit(main(sys.argv[1], int(sys.argv[2])))
