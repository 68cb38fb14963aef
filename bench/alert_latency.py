"""From the documents that cross the at-once threshold to the webhook's arrival: p50, p95.

    python -m bench.alert_latency            # about seven minutes: 20 alerts, one each 15 seconds

A home of its own with everything `barograph up` starts, and a receiver in this process that checks signatures.
Six hours of quiet history for 24 invented tickers come first, all of it too old for live detection, then one story
of each. Then, for one ticker after the other, one request with 24 negative stories is posted: some of them cross
the threshold, so the time from that request to the arrival of its webhook is an upper bound. Four times as many
neutral stories of other tickers follow, or the market would fire and every ticker be told as part of it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import queue
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks.webhooks import Webhook

from bench.home import Home, wait

SECRET = "whsec_" + "YmFyb2dyYXBoIGJlbmNoIHNlY3JldCAuLi4="
TICKERS = [f"ZZ{chr(65 + i)}Q" for i in range(24)]
OTHERS = [f"YY{chr(65 + i)}Q" for i in range(24)]  # they stay calm
BAD = (
    "{} shares plunge {}% after profit warning",
    "{} slumps {}% as regulators open fraud probe",
    "{} crashes {}%, worst day on record",
    "{} tumbles {}% after weak guidance and layoffs",
    "{} stock sinks {}% on accounting scandal",
    "{} loses {}% as default fears grow",
    "{} dives {}% after losing its largest customer",
)
CALM = (
    "{} to hold its annual meeting on day {} of the month",
    "{} names a new member of its board, number {}",
    "{} publishes its calendar for week {}",
    "{} moves its office to building {}",
    "{} will present at conference {} next month",
)
SOURCES = ("invented-wire", "invented-post", "invented-daily")


def stories(ticker: str, templates: tuple[str, ...], numbers: Iterator[int], count: int) -> list[dict[str, Any]]:
    """Return so many different headlines."""
    return [
        {
            "kind": "news",
            "source": SOURCES[n % len(SOURCES)],
            "tickers": [ticker],
            "text": templates[n % len(templates)].format(f"{ticker} Corp", n),
        }
        for n in itertools.islice(numbers, count)
    ]


class Receiver:
    """Takes webhooks and notes when each arrived; a bad signature ends the measurement."""

    def __init__(self) -> None:
        self.arrived: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                at_s = time.monotonic()
                body = self.rfile.read(int(self.headers["content-length"]))
                message = Webhook(SECRET).verify(body, dict(self.headers.items()))
                self.send_response(204)
                self.end_headers()
                outer.arrived.put((at_s, message))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def fired(self, series: str, timeout_s: float) -> tuple[float, dict[str, Any]] | None:
        """Return when the series' webhook arrived, None where none did in time; others are passed over."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                at_s, message = self.arrived.get(timeout=left_s)
            except queue.Empty:
                return None
            if message["data"]["series"] == series and message["type"].endswith((".fired", ".reopened")):
                return at_s, message
        return None


def history(numbers: Iterator[int]) -> list[dict[str, Any]]:
    """Return six hours of quiet that ended an hour ago: 3,600 stories, one in six of them bad news."""
    draw, now = random.Random(5), datetime.now(UTC)
    rows = []
    for minute in range(65, 425):
        for _ in range(10):
            (row,) = stories(draw.choice(TICKERS + OTHERS), BAD if draw.random() < 1 / 6 else CALM, numbers, 1)
            rows.append(
                row | {"published_at": (now - timedelta(minutes=minute, seconds=draw.random() * 60)).isoformat()}
            )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=20)
    parser.add_argument("--every-s", type=float, default=15.0)
    options = parser.parse_args()
    receiver, numbers = Receiver(), itertools.count(1)
    folder = Path(tempfile.mkdtemp(prefix="barograph-latency-"))
    endpoints = folder / "bench-endpoints.toml"
    endpoints.touch(mode=0o600)
    endpoints.write_text(
        f'[[endpoint]]\nname = "bench"\nurl = "http://127.0.0.1:{receiver.server.server_port}/"\n'
        f'secret = "{SECRET}"\nallow_private = true\n'
    )
    home = Home(folder, ENDPOINTS_FILE=str(endpoints))
    with home.up():
        running = home.running()
        headers = {"Authorization": f"Bearer {running.token}"}
        with httpx.Client(base_url=running.urls["ingest"], headers=headers, timeout=60) as client:
            took_s = list(measure(client, receiver, home, numbers, options.alerts, options.every_s))
    cuts = statistics.quantiles(took_s, n=20, method="inclusive")
    print(f"{len(took_s)} of {options.alerts} alerts arrived")
    print(f"p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s, max {max(took_s):.2f} s")


def measure(
    client: httpx.Client, receiver: Receiver, home: Home, numbers: Iterator[int], alerts: int, every_s: float
) -> Iterator[float]:
    """Yield the seconds from each burst to its webhook."""
    rows = history(numbers)
    for i in range(0, len(rows), 500):
        post(client, rows[i : i + 500])
    wait(lambda: home.status()["lag"] == 0, 300, "history counted")
    post(client, [row for ticker in TICKERS for row in stories(ticker, CALM, numbers, 1)])
    wait(lambda: home.status()["lag"] == 0, 60, "a story of each ticker counted")
    for ticker in itertools.islice(itertools.cycle(TICKERS), alerts):
        calm = [row for other in OTHERS for row in stories(other, CALM, numbers, 4)]
        began_s = time.monotonic()
        post(client, stories(ticker, BAD, numbers, 24))
        post(client, calm)
        found = receiver.fired(f"news/ticker/{ticker}", every_s)
        if found is None:
            print(f"{ticker}: no webhook within {every_s:g} s")
            continue
        at_s, message = found
        print(
            json.dumps({"ticker": ticker, "s": round(at_s - began_s, 3), "z": round(message["data"]["z"], 2)}),
            flush=True,
        )
        yield at_s - began_s
        time.sleep(max(0.0, every_s - (time.monotonic() - began_s)))


def post(client: httpx.Client, rows: list[dict[str, Any]]) -> None:
    """Hand documents in."""
    lines = "\n".join(json.dumps(row) for row in rows)
    answer = client.post("/v1/documents", content=lines, headers={"Content-Type": "application/x-ndjson"})
    if answer.status_code not in (200, 202):
        raise SystemExit(f"refused with {answer.status_code}: {answer.text[:300]}")


if __name__ == "__main__":
    main()
