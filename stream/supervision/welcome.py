"""What `barograph up` says once everything is ready: where things are, and whether they are invented."""

from __future__ import annotations

import sys

from stream.settings import Settings
from stream.store.client import address
from stream.supervision.demo import Demo, about_demo
from stream.supervision.places import Places


def welcome(settings: Settings, places: Places, took_s: float) -> str:
    """Return the text, in lines."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_column(style="dim")
    wanted = {"dashboard": settings.dashboard_port, "ingest": settings.ingest_port, "serve": settings.serve_port}
    hints = {"dashboard": "", "ingest": "POST /v1/documents", "serve": "POST /v1/classify, /v1/explain"}
    got = {"dashboard": places.dashboard_port, "ingest": places.ingest_port, "serve": places.serve_port}
    for name, url in places.urls.items():
        note = f"{wanted[name]} was not free" if wanted[name] not in (0, got[name]) else ""
        table.add_row(name, url, note or hints[name])
    table.add_row("kafka", places.kafka, "" if settings.kafka_bootstrap is None else "yours")
    table.add_row("redis", address(places.redis), "" if settings.redis_url is None else "yours")
    table.add_row("data", str(places.data), f"token and pids in {settings.home / 'up.json'}")
    if places.demo is not None:
        table.add_row("webhooks", *_webhooks(places.demo))
    console = Console(file=sys.stdout, width=120)
    with console.capture() as capture:
        console.print(f"\nready after {took_s:.1f} s; Ctrl-C stops everything\n", style="bold", highlight=False)
        if places.demo is not None:
            console.print(f"{about_demo()}\n", style="bold yellow", highlight=False)
        console.print(table)
    return capture.get()


def _webhooks(demo: Demo) -> tuple[str, str]:
    if demo.receiver_port is None:
        return f"{demo.endpoints}", "your endpoints: they are told of invented incidents"
    return f"http://127.0.0.1:{demo.receiver_port}", "a receiver of this demonstration; its lines stand here"
