"""`barograph up` with stand-ins for the product's own roles: `python stand_in_up.py HOME [demo]`.

Kafka, Valkey, topics, supervision and up.json are the real ones.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from stream.settings import Settings, load_settings
from stream.supervision.launch import launch
from stream.supervision.places import Places
from stream.supervision.roles import Role, Says, http_ok

CHATTER = "for n in range(300): print('chatter ' * 400)\n"
WORKER = "print('worker ready with 8 partitions', flush=True); import time; time.sleep(600)"
PAGE = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *words): pass
http.server.HTTPServer(('127.0.0.1', int(os.environ['BAROGRAPH_DASHBOARD_PORT'])), Handler).serve_forever()
"""


def stand_ins(settings: Settings, places: Places, environ: Mapping[str, str]) -> list[Role]:
    """Return a worker that only says that it is ready, and a page that only answers."""
    environment = {**environ, "BAROGRAPH_DASHBOARD_PORT": str(places.dashboard_port)}
    python = [sys.executable, "-c"]
    worker = CHATTER + WORKER if "STAND_IN_CHATTER" in environ else WORKER
    return [
        Role("worker-1", [*python, worker], Says("worker ready"), environment, after=("kafka", "redis")),
        Role("dashboard", [*python, PAGE], http_ok(places.dashboard_port, "/"), environment, after=("kafka",)),
    ]


if __name__ == "__main__":
    settings = load_settings(home=Path(sys.argv[1]), dashboard_port=0, ingest_port=0)
    sys.exit(launch(settings, stand_ins, demo=sys.argv[2:] == ["demo"]))
