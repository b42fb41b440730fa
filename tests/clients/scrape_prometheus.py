"""prometheus_client reads a page of metrics: scrape_prometheus.py URL

Prints {"step":"scrape","type":MEDIA TYPE,"families":{NAME:{"type":...,"samples":[{"name":...,"labels":{...},"value":...}]}}}
once every histogram has been found sound: its buckets only grow, and the last of them holds as many as its count says.
"""

import collections
import json
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def check_histogram(family):
    series = collections.defaultdict(dict)
    for sample in family.samples:
        labels = dict(sample.labels)
        bound = labels.pop("le", sample.name)
        series[tuple(sorted(labels.items()))][bound] = sample.value
    for labels, numbers in series.items():
        count, total = numbers.pop(family.name + "_count"), numbers.pop(family.name + "_sum")
        buckets = [numbers[bound] for bound in sorted(numbers, key=float)]
        if buckets != sorted(buckets) or buckets[-1] != count or total < 0:
            raise ValueError(f"{family.name} {labels}: {numbers}, {count}, {total}")


def main(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        kind, text = answer.headers["Content-Type"], answer.read().decode()
    families = {}
    for family in text_string_to_metric_families(text):
        if family.type == "histogram":
            check_histogram(family)
        samples = [{"name": each.name, "labels": each.labels, "value": each.value} for each in family.samples]
        families[family.name] = {"type": family.type, "help": family.documentation, "samples": samples}
    print(json.dumps({"step": "scrape", "type": kind, "families": families}), flush=True)


main(*sys.argv[1:])
