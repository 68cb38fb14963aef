"""From `POST /v1/documents` to visible in the store: p50, p95, p99.

    barograph up &                       # wait until it is ready
    python -m bench.post_to_visible      # 60 documents at 2/s, then 500 at 50/s

One document a request. The clock starts before the request is sent and stops when the store has applied
the document's offset, looked at every 2 ms by one thread. `--rates 2:60 50:500` are documents a second
and how many; `--home` finds the running system as every command does.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from bench.texts import documents
from stream.broker.topics import DOCUMENT_TOPICS, topic_ids
from stream.running import connect_settings, load_running
from stream.settings import ConfigurationError, load_settings
from stream.store.apply import part_field
from stream.store.read import Reader

LOOK_S = 0.002
TIMEOUT_S = 60.0
WARM_UP = 10


Place = tuple[str, int]


class Watch:
    """Looks at what the store has applied and notes when each awaited offset is there."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._changed = threading.Condition()
        self._waiting: set[Place] = set()
        self._seen_s: dict[Place, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def expect(self, place: Place) -> None:
        """Begin to look for an offset of a `part_field`."""
        with self._changed:
            self._waiting.add(place)

    def visible_s(self, place: Place) -> float:
        """Return when (monotonic) the offset was seen to be applied."""
        with self._changed:
            if not self._changed.wait_for(lambda: place in self._seen_s, TIMEOUT_S):
                raise SystemExit(f"not visible within {TIMEOUT_S:g} s: {place}; does a worker run?")
            return self._seen_s[place]

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            with self._changed:
                waiting = list(self._waiting)
            if not waiting:
                continue
            applied, now_s = self._reader.applied_all(), time.monotonic()
            seen = {place: now_s for place in waiting if applied.get(place[0], -1) >= place[1]}
            with self._changed:
                self._seen_s |= seen
                self._waiting -= seen.keys()
                self._changed.notify_all()


def post(client: httpx.Client, watch: Watch, ids: dict[str, str], row: dict[str, Any]) -> tuple[float, float, Place]:
    """Return when (monotonic) the request began and was answered, and where the document stands."""
    started_s = time.monotonic()
    answer = client.post("/v1/documents", json=row)
    answered_s = time.monotonic()
    if answer.status_code != 202:
        raise SystemExit(f"refused with {answer.status_code}: {answer.text[:300]}")
    (found,) = answer.json()["documents"]
    place = part_field(ids[found["topic"]], found["partition"]), found["offset"]
    watch.expect(place)
    return started_s, answered_s, place


def measure(client: httpx.Client, watch: Watch, ids: dict[str, str], rows: list[dict[str, Any]], rate: float) -> None:
    """Post the documents at this rate, each when it is due whatever became of the others, and print what came out."""
    with ThreadPoolExecutor(32) as pool:
        started_s, posted = time.monotonic(), []
        for number, row in enumerate(rows):
            time.sleep(max(0.0, started_s + number / rate - time.monotonic()))
            posted.append(pool.submit(post, client, watch, ids, row))
        times = [future.result() for future in posted]
        took_s = time.monotonic() - started_s
    print(f"{len(rows)} documents at {rate:g}/s ({len(rows) / took_s:.1f}/s reached)")
    show("answered", [answered_s - began_s for began_s, answered_s, _ in times])
    show("visible", [watch.visible_s(place) - began_s for began_s, _, place in times])


def show(what: str, seconds: list[float]) -> None:
    """Print the quantiles."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    p50, p95, p99 = (cuts[i] * 1000 for i in (49, 94, 98))
    print(f"  {what:9} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   p99 {p99:6.1f} ms   max {max(seconds) * 1000:6.1f} ms")


def main() -> None:
    """Measure each rate in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rates", nargs="+", default=["2:60", "50:500"], metavar="PER_S:COUNT")
    options = parser.parse_args()
    rates = [(float(rate), int(count)) for rate, _, count in (word.partition(":") for word in options.rates)]
    texts = documents(sum(count for _, count in rates) + WARM_UP)
    try:
        settings = connect_settings(load_settings(home=options.home))
    except ConfigurationError as exc:
        raise SystemExit(str(exc)) from None
    running = load_running(settings.home)
    if running is None or settings.ingest_token is None:
        raise SystemExit(f"nothing is running in {settings.home}: start it with `barograph up`")
    run = uuid.uuid4().hex[:8]
    rows = iter([row | {"id": f"bench-{run}-{number}"} for number, row in enumerate(texts)])
    headers = {"Authorization": f"Bearer {settings.ingest_token.get_secret_value()}"}
    watch = Watch(Reader(str(settings.redis_url), settings.namespace))
    ids = topic_ids(str(settings.kafka_bootstrap), DOCUMENT_TOPICS)
    with httpx.Client(base_url=running.urls["ingest"], headers=headers, timeout=30) as client:
        for row in itertools.islice(rows, WARM_UP):
            watch.visible_s(post(client, watch, ids, row)[2])
        for rate, count in rates:
            measure(client, watch, ids, list(itertools.islice(rows, count)), rate)
    watch.close()


if __name__ == "__main__":
    main()
