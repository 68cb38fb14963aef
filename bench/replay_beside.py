"""What a replay costs the live system beside it, and that it changes nothing of it.

    python -m bench.replay_beside            # about six minutes; `--rate 5 --count 300 --archive 200000`

A home of its own with everything `barograph up --feed none` starts. Documents are posted one by one at a steady
rate, three times: alone, with replays of an archive running one after the other, alone again. Printed is how long
each took from the POST until it was visible in the store, and the ratio of beside to alone. Then nothing is posted,
and one more replay runs: live's keys (what it holds itself, but for those that it also changes without a replay) and
the ends of its topics are compared before and after; exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.home import BAROGRAPH, Home
from bench.post_to_visible import WARM_UP, Watch, post
from bench.replay_rate import fill
from bench.texts import documents
from stream.broker.topics import DOCUMENT_TOPICS, end_offsets, topic_ids
from stream.running import connect_settings
from stream.settings import Settings, load_settings
from stream.store.client import connect
from stream.store.read import Reader

IDLE_S = 20.0
PER_SECOND = 30.0


@dataclass(frozen=True)
class Phase:
    """How long documents took to be visible, seconds, and how many a second went through."""

    visible_s: list[float]
    per_s: float

    @property
    def quantiles(self) -> tuple[float, float]:
        """p50 and p95, seconds."""
        cuts = statistics.quantiles(self.visible_s, n=100, method="inclusive")
        return cuts[49], cuts[94]


class Replays:
    """Replays of one archive, with the settings of a home."""

    def __init__(self, home: Home, archive: Path, *options: str) -> None:
        self._environment = home.environment | {"BAROGRAPH_ARCHIVE_DIR": str(archive)}
        self._options = options
        self._numbers = itertools.count()

    def run(self, ended: threading.Event | None = None) -> bool:
        """Run one to its end, or until it is to end; return whether it came to its end."""
        words = [*BAROGRAPH, "replay", "--source", "archive", "--name", f"beside-{next(self._numbers)}", *self._options]
        process = subprocess.Popen(words, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None:
            if ended is not None and ended.wait(0.2):
                process.terminate()
                process.wait(60)
                return False
            time.sleep(0.05)
        if process.returncode:
            said = b"" if process.stderr is None else process.stderr.read()
            raise SystemExit(f"the replay ended with {process.returncode}: {said.decode()[-500:]}")
        return True

    @contextmanager
    def going(self) -> Iterator[list[float]]:
        """Keep one running, the next after the last; lend the seconds that each took which came to its end."""
        ended, took_s = threading.Event(), list[float]()

        def keep() -> None:
            while not ended.is_set():
                began_s = time.monotonic()
                if self.run(ended):
                    took_s.append(time.monotonic() - began_s)

        with ThreadPoolExecutor(1) as pool:
            kept = pool.submit(keep)
            try:
                yield took_s
            finally:
                ended.set()
                kept.result()


def measure(client: httpx.Client, watch: Watch, ids: dict[str, str], rows: list[dict[str, Any]], rate: float) -> Phase:
    """Post these at a rate, each when it is due, and return what came of it."""
    with ThreadPoolExecutor(32) as pool:
        started_s, posted = time.monotonic(), []
        for number, row in enumerate(rows):
            time.sleep(max(0.0, started_s + number / rate - time.monotonic()))
            posted.append(pool.submit(post, client, watch, ids, row))
        times = [future.result() for future in posted]
        seen_s = [watch.visible_s(place) for _, _, place in times]
    visible = [at_s - began_s for at_s, (began_s, _, _) in zip(seen_s, times, strict=True)]
    return Phase(visible, len(rows) / (max(seen_s) - started_s))


def held(settings: Settings) -> dict[bytes, bytes]:
    """Return every key of the store with its content."""
    with connect(str(settings.redis_url)) as client:
        return {key: client.dump(key) or b"" for key in client.scan_iter(count=1_000)}


def changed(before: dict[bytes, bytes], after: dict[bytes, bytes]) -> set[bytes]:
    """Return the keys that are new, gone or other."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def touched(settings: Settings, replays: Replays) -> list[str]:
    """Return what one replay alone changes of live's keys and topics, or adds to its store."""
    bootstrap = str(settings.kafka_bootstrap)
    first = held(settings)
    time.sleep(IDLE_S)  # leases are renewed, a detector steps
    second, ends = held(settings), end_offsets(bootstrap, topic_ids(bootstrap))
    replays.run()
    third = held(settings)
    mine = b"barograph:{replay:"  # with --in-store, and only then
    found = [key.decode(errors="replace") for key in changed(second, third) - changed(first, second)]
    found = [key for key in found if not key.startswith(mine.decode())]
    if end_offsets(bootstrap, topic_ids(bootstrap)) != ends:
        found.append("the ends of the topics")
    print(f"{len(second):,} keys, of which live itself changed {len(changed(first, second))} in {IDLE_S:g} s")
    return sorted(found)


def show(name: str, phase: Phase) -> None:
    p50, p95 = phase.quantiles
    print(f"{name:12} p50 {p50 * 1e3:6.1f} ms   p95 {p95 * 1e3:6.1f} ms   {phase.per_s:.2f} documents/s", flush=True)


def main() -> int:
    """Measure, print, compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=5.0, help="documents a second")
    parser.add_argument("--count", type=int, default=300, help="documents in each of the three parts")
    parser.add_argument("--archive", type=int, default=200_000, help="documents in the archive that is replayed")
    parser.add_argument("--in-store", action="store_true", help="the replays count in live's store, under a name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, archive = Home(Path(folder) / "home", ARCHIVE="off"), Path(folder) / "archive"
        home.folder.mkdir()
        fill(archive, options.archive, PER_SECOND)
        with home.up("--feed", "none"):
            return beside(home, Replays(home, archive, *(["--in-store"] if options.in_store else [])), options)


def beside(home: Home, replays: Replays, options: argparse.Namespace) -> int:
    """Do it in a home that is up."""
    settings = connect_settings(load_settings(home=home.folder))
    if settings.ingest_token is None:
        raise SystemExit(f"{home.folder}: no token")
    texts = documents(3 * options.count + WARM_UP)
    rows = iter([row | {"id": f"beside-{number}"} for number, row in enumerate(texts)])
    headers = {"Authorization": f"Bearer {settings.ingest_token.get_secret_value()}"}
    watch = Watch(Reader(str(settings.redis_url), settings.namespace))
    ids = topic_ids(str(settings.kafka_bootstrap), DOCUMENT_TOPICS)
    with httpx.Client(base_url=home.running().urls["ingest"], headers=headers, timeout=30) as client:

        def part() -> Phase:
            return measure(client, watch, ids, list(itertools.islice(rows, options.count)), options.rate)

        for row in itertools.islice(rows, WARM_UP):
            watch.visible_s(post(client, watch, ids, row)[2])
        show("alone", before := part())
        with replays.going() as took_s:
            show("beside", with_it := part())
        print(f"  {len(took_s)} replays came to their end meanwhile")
        show("alone again", after := part())
    watch.close()
    alone = Phase(before.visible_s + after.visible_s, (before.per_s + after.per_s) / 2)
    ratios = [one / other for one, other in zip(with_it.quantiles, alone.quantiles, strict=True)]
    print(f"beside / alone: p50 {ratios[0]:.2f}, p95 {ratios[1]:.2f}, throughput {with_it.per_s / alone.per_s:.3f}")
    found = touched(settings, replays)
    print("a replay changed nothing of live" if not found else f"a replay changed {', '.join(found[:10])}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
