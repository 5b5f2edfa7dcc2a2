"""A TAXII 2.1 server with a collection of so many indicators: medallion.

    python medallion_server.py COUNT PAGE

Views, authentication, storage and pages are medallion's own. Its filters compare each object with
each other, which takes an hour with 50,000; with more than 2,000 they are replaced by filters that
look objects up, and first compared with the original ones.

The first line of standard output is the port.
"""
import copy
import datetime
import sys
import uuid

from medallion import application_instance, common, register_blueprints, set_config
from medallion.backends.memory_backend import MemoryBackend
from medallion.filters.basic_filter import BasicFilter
from werkzeug.serving import make_server

COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
BEGIN = datetime.datetime(2024, 5, 6, 7, 8, 9)
# So many objects are added in the same instant: no page ends where an instant does.
TOGETHER = 7
# medallion forgets a `next` after 30 s.
SESSION = 3600


def indicator(number):
    address = f"198.51.{number >> 8 & 255}.{number & 255}"
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid.uuid5(uuid.NAMESPACE_URL, str(number))}",
        "created": "2024-01-01T00:00:00.000Z",
        "modified": "2024-01-01T00:00:00.000Z",
        "pattern": f"[ipv4-addr:value = '{address}']",
        "pattern_type": "stix",
        "valid_from": "2024-01-01T00:00:00Z",
    }


def manifest(number, thing):
    added = BEGIN + datetime.timedelta(milliseconds=number // TOGETHER)
    return {
        "id": thing["id"],
        "date_added": added.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "version": thing["modified"],
        "media_type": "application/stix+json;version=2.1",
    }


def data(count):
    things = [indicator(number) for number in range(count)]
    collection = {
        "id": COLLECTION,
        "title": "Indicators",
        "description": "so many",
        "can_read": True,
        "can_write": True,
        "media_types": ["application/stix+json;version=2.1"],
        "objects": things,
        "manifest": [manifest(number, thing) for number, thing in enumerate(things)],
    }
    closed = dict(collection, id="52892447-4d7e-4f70-b94d-d7f22742ff63", title="Closed",
                  can_read=False, objects=[], manifest=[])
    return {
        "/discovery": {"title": "Test", "default": "/root/", "api_roots": ["/root/"]},
        "root": {
            "information": {
                "title": "Root",
                "versions": ["application/taxii+json;version=2.1"],
                "max_content_length": 104857600,
            },
            "status": [],
            "collections": [collection, closed],
        },
    }


def key(thing):
    return thing["id"], common.find_att(thing)


class Filters:
    """The three that are quadratic, with the same results."""

    @staticmethod
    def filter_by_spec_version(things, spec):
        def version(thing):
            if "media_type" in thing:
                return thing["media_type"].split("version=")[1]
            return common.determine_spec_version(thing)

        if spec:
            return ORIGINAL["filter_by_spec_version"](things, spec)
        newest = {}
        for thing in things:
            newest[thing["id"]] = max(version(thing), newest.get(thing["id"], ""))
        return [thing for thing in things if version(thing) == newest[thing["id"]]]

    @staticmethod
    def filter_by_added_after(things, lines, after):
        if lines is None:
            return ORIGINAL["filter_by_added_after"](things, lines, after)
        after = common.string_to_datetime(after)
        added = {key(line) for line in lines if common.string_to_datetime(line["date_added"]) > after}
        return [thing for thing in things if key(thing) in added]

    def sort_and_paginate(self, things, limit, lines):
        if not lines or not things:
            return ORIGINAL["sort_and_paginate"](self, things, limit, lines)
        lines.sort(key=lambda line: line["date_added"])
        at = {key(thing): thing for thing in things}
        found = [(line, at[key(line)]) for line in lines if key(line) in at]
        shown = found[:limit]
        headers = {
            "X-TAXII-Date-Added-First": shown[0][0]["date_added"],
            "X-TAXII-Date-Added-Last": shown[-1][0]["date_added"],
        }
        return [one for _, one in shown], [one for _, one in found[limit:]] or {}, headers


ORIGINAL = {name: getattr(BasicFilter, name) for name in dir(Filters) if not name.startswith("_")}


def use(filters):
    for name, function in filters.items():
        static = name != "sort_and_paginate"
        setattr(BasicFilter, name, staticmethod(function) if static else function)


def answers(count):
    """What a server answers to all sorts of questions."""
    backend = MemoryBackend(check_interval=SESSION)
    backend.data = data(count)
    allowed = ("id", "type", "version", "spec_version")
    told = []
    for limit in (1, TOGETHER, TOGETHER + 1, count, count * 2):
        for after in (None, "2024-05-06T07:08:09.002Z", "2024-05-06T07:08:08Z", "2030-01-01T00:00:00Z"):
            asked = {"added_after": after} if after else {}
            got, headers = backend.get_objects("root", COLLECTION, dict(asked), allowed, limit)
            got["next"] = "next" in got
            told.append((copy.deepcopy(got), headers))
    return told


def main(count, page):
    if count > 2000:
        before = answers(40)
        use({name: getattr(Filters, name) for name in ORIGINAL})
        assert before == answers(40), "the filters do not say what medallion's say"
    backend = {
        "module": "medallion.backends.memory_backend",
        "module_class": "MemoryBackend",
        "session_timeout": SESSION,
        "check_interval": SESSION,
    }
    set_config(application_instance, "users", {"users": {"sensor": "s3cret"}})
    set_config(application_instance, "taxii", {"taxii": {"max_page_size": page}})
    set_config(application_instance, "backend", {"backend": backend})
    application_instance.medallion_backend.data = data(count)
    register_blueprints(application_instance)
    server = make_server("127.0.0.1", 0, application_instance, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
