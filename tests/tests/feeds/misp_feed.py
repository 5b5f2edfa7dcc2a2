"""A MISP feed, written by pymisp and served over HTTP.

    python misp_feed.py FOLDER

The first line of standard output is the port. For each line that comes in, the feed changes: one
event gets an address more, one is new, one is gone; then a line goes out.
"""
import functools
import http.server
import json
import pathlib
import sys
import threading
import uuid

from pymisp import MISPEvent, MISPOrganisation


class Feed:
    def __init__(self, folder):
        self.folder, self.events, self.at = folder, {}, 1_700_000_000
        for number in range(30):
            self.add(number)

    def add(self, number):
        event = MISPEvent()
        event.info, event.uuid = f"Event {number}", str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))
        event.set_date("2024-05-06")
        event.Orgc = MISPOrganisation()
        event.Orgc.from_dict(name="Test", uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, "test")))
        event.add_attribute("ip-dst", f"198.51.100.{number}", to_ids=True)
        event.add_attribute("ip-src", f"203.0.113.{number}", to_ids=True)
        event.add_attribute("domain", f"n{number}.example", to_ids=True)
        event.add_attribute("ip-dst", f"192.0.2.{number}", to_ids=False)
        self.events[number] = event
        self.stamp(event)

    def stamp(self, event):
        self.at += 60
        event.timestamp = self.at

    def write(self):
        manifest = {}
        for old in self.folder.iterdir():
            old.unlink()
        for event in self.events.values():
            event.published = True
            manifest.update(event.manifest)
            (self.folder / f"{event.uuid}.json").write_text(json.dumps(event.to_feed()))
        (self.folder / "manifest.json").write_text(json.dumps(manifest))

    def change(self):
        self.events[3].add_attribute("ip-dst", "198.51.100.203", to_ids=True)
        self.stamp(self.events[3])
        del self.events[4]
        self.add(30)


def main(folder):
    folder.mkdir()
    feed = Feed(folder)
    feed.write()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for _ in sys.stdin:
        feed.change()
        feed.write()
        print("changed", flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
