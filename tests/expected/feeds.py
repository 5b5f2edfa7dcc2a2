#!/usr/bin/env python3
"""Counts what is in the feeds of ../shared/data, apart from Sekisho: feeds.tsv.

    cargo xtask setup
    .tools/venv/bin/python tests/expected/feeds.py [DATA] > tests/expected/feeds.tsv

Addresses are read by `ipaddress`, patterns by the grammar of `stix2-patterns`, events by `pymisp`.
A row: file, format, prefixes, refused by reason, not expressible by reason, as NAME=COUNT.
"""

import ipaddress
import json
import pathlib
import sys
from collections import Counter

from pymisp import MISPEvent
from stix2patterns.v21.pattern import Pattern

REASONS = {
    "domain-name": "domain", "url": "url", "email-addr": "email", "mac-addr": "hardware-address",
    "windows-registry-key": "other-object", "process": "other-object", "mutex": "other-object",
}
DOCUMENTATION = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")]


class Found:
    def __init__(self):
        self.prefixes, self.refused, self.other = set(), Counter(), Counter()

    def address(self, text):
        try:
            net = ipaddress.ip_network(text)
        except ValueError:
            self.refused["not-an-address"] += 1
            return
        if net.prefixlen == 0:
            self.refused["default-route"] += 1
        elif net.prefixlen < (16 if net.version == 4 else 32):
            self.refused["too-broad"] += 1
        elif not (net.is_global or any(net.version == d.version and net.subnet_of(d) for d in DOCUMENTATION)) or net.is_multicast:
            self.refused["bogon"] += 1
        else:
            self.prefixes.add(net)


def lines(path, found):
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            found.address(words[0])
    return "ipsum" if "counts" in path.name else "plain"


def stix(path, found):
    for thing in json.loads(path.read_text())["objects"]:
        if thing["type"] != "indicator":
            continue
        data = Pattern(thing["pattern"]).inspect()
        assert "AND" not in thing["pattern"] and not data.qualifiers and not data.observation_ops - {"OR"}
        for kind, comparisons in data.comparisons.items():
            for steps, operator, value in comparisons:
                if kind in ("ipv4-addr", "ipv6-addr") and operator == "=":
                    found.address(value.strip("'"))
                elif kind == "file":
                    found.other["hash" if "hashes" in steps else "file"] += 1
                else:
                    found.other[REASONS[kind]] += 1
    return "stix"


def misp(path, found):
    event = MISPEvent()
    event.load_file(str(path))
    assert not event.objects
    for attribute in event.attributes:
        kind = attribute.type
        if not attribute.to_ids:
            found.refused["not-for-detection"] += 1
        elif kind in ("ip-src", "ip-dst"):
            found.address(attribute.value)
        elif kind.split("|")[-1].startswith(("md5", "sha")):
            found.other["hash"] += 1
        elif kind.startswith("filename"):
            found.other["file"] += 1
        else:
            found.other["other-object"] += 1
    return "misp"


def counts(counter):
    return ",".join(f"{name}={count}" for name, count in sorted(counter.items()) if count) or "-"


def main():
    data = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    print("file\tformat\tprefixes\trefused\tnot_expressible")
    for folder, read in (("feeds", lines), ("misp", misp), ("stix", stix)):
        for path in sorted((data / folder).iterdir()):
            found = Found()
            kind = read(path, found)
            print(f"{folder}/{path.name}\t{kind}\t{len(found.prefixes)}\t{counts(found.refused)}\t{counts(found.other)}")


main()
