"""How fast the archive is written, put together, read and counted anew, and how many bytes a document takes.

    python -m bench.archive [--documents 60000] [FILE.jsonl.gz …]

Real text where files are named, else made sentences. A store is started for the count and stopped after it.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream.agents.inbox import Readable, Received, open_record
from stream.agents.outcome import predict
from stream.archive.joining import Sources
from stream.archive.names import day_of
from stream.archive.overview import overview
from stream.archive.queries import ask
from stream.archive.reading import Archive
from stream.archive.recount import Recount
from stream.archive.upkeep import upkeep
from stream.archive.writer import Writer, prepare
from stream.broker.follow import Followed
from stream.broker.topics import DOCUMENTS_NEWS, PREDICTIONS, RETENTION
from stream.codec import BadRecord, Origin, decode_document, encode
from stream.core.stories import story_key
from stream.replay.own_store import own_store
from stream.store.apply import AsyncStore
from stream.store.rebuild import AsyncLifetimes

PARTITIONS = 8
IDS = {topic: f"00000000-0000-0000-0000-00000000000{n}" for n, topic in enumerate(RETENTION)}


class _Reading:
    """What a model might have said: only its size matters here."""

    def __init__(self, number: int) -> None:
        share = number % 97 / 200
        self.sentiment = (share, 0.5 - share / 2, 0.5 - share / 2)
        self.topics = tuple(1 / 15 + (n + number) % 15 / 1_000 for n in range(15))


def texts(paths: list[Path]) -> Iterator[bytes]:
    for path in paths:
        with gzip.open(path, "rb") as file:
            yield from file
    for n in itertools.count():
        words = f"Shares of company {n} {'fall' if n % 3 else 'rise'} after it reported results of the quarter {n % 4}"
        yield json.dumps({"kind": "news", "source": f"wire{n % 9}", "text": words}).encode()


def records(paths: list[Path], most: int) -> Iterator[tuple[Followed, Followed]]:
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    offsets = [0] * PARTITIONS
    for number, line in enumerate(itertools.islice(texts(paths), most)):
        at = start + timedelta(days=2) * number / most
        try:
            document = decode_document(line, received_at=at, trust_received_at=False)
        except BadRecord:
            continue
        partition = story_key(document.text)[0] % PARTITIONS
        origin = Origin(DOCUMENTS_NEWS, partition, offsets[partition])
        value, stamp = encode(document), int(at.timestamp() * 1_000)
        item = open_record(Received(origin, value, at.timestamp()), at)
        assert isinstance(item, Readable)
        scored_at = at + timedelta(milliseconds=200)
        made = predict(item, _Reading(number), revision="bench", read_at=at, scored_at=scored_at)  # type: ignore[arg-type]
        place = (partition, offsets[partition], stamp)
        yield (
            Followed(DOCUMENTS_NEWS, *place, (), value),
            Followed(PREDICTIONS, *place, (), encode(made)),
        )
        offsets[partition] += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=60_000)
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    pairs = list(records(options.files, options.documents))
    raw = sum(len(document.value) for document, _ in pairs) / len(pairs)
    raw_predictions = sum(len(prediction.value) for _, prediction in pairs) / len(pairs)
    print(f"{len(pairs):,} documents of {raw:.0f} bytes, predictions of {raw_predictions:.0f}")
    with tempfile.TemporaryDirectory() as folder, own_store() as url:
        root = Path(folder)
        prepare(root)
        writer = Writer(root, keep_days=400, flush_s=3_600)
        writer.open([(topic, n) for topic in RETENTION for n in range(PARTITIONS)], IDS)
        began = now()
        for n in range(0, len(pairs), 1_000):
            writer.add(record for pair in pairs[n : n + 1_000] for record in pair)
            if n % 10_000 == 0:
                writer.flush(everything=True)
        writer.flush(everything=True)
        said(2 * len(pairs), began, "rows written")
        show(root, len(pairs))
        read(root, len(pairs))
        began = now()
        for _ in upkeep(root, day_of(int(time.time() * 1_000)), "1970-01-01"):
            pass
        said(2 * len(pairs), began, "rows put together into one file a day and partition")
        show(root, len(pairs))
        read(root, len(pairs))
        asyncio.run(count(root, url, len(pairs)))


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def show(root: Path, documents: int) -> None:
    for kind in overview(root):
        if kind.rows:
            print(f"  {kind.kind}: {kind.size_bytes / documents:.0f} bytes each in {kind.files} files")


def read(root: Path, documents: int) -> None:
    archive = Archive(root)
    began = now()
    assert sum(1 for _ in archive.documents()) == documents
    said(documents, began, "documents read in order")
    began = now()
    assert sum(1 for _ in archive.predictions()) == documents
    said(documents, began, "predictions read in order")
    began = now()
    query = "SELECT day, topic, label, count(*), avg(score) FROM predictions GROUP BY ALL"
    rows = [row for batch in ask(root, query).batches for row in batch]
    said(documents, began, f"predictions asked of in SQL ({len(rows)} rows)")


async def count(root: Path, url: str, documents: int) -> None:
    store, keys = AsyncStore(url, "bench"), AsyncLifetimes(url, "bench")
    began = now()
    done = await Recount(Sources([root]), IDS, {}).run(store, keys, lambda records, at_s: None, time.time())
    said(done.records, began, "records counted anew in the store")
    await asyncio.gather(store.close(), keys.close())
    assert done.records == documents


def said(rows: int, began: tuple[float, float], what: str) -> None:
    began_s, began_cpu_s = began
    took_s = time.perf_counter() - began_s
    cpu_s = time.process_time() - began_cpu_s
    print(f"  {rows / took_s:,.0f} a second, {rows / cpu_s:,.0f} a second of this process' CPU: {what}")


if __name__ == "__main__":
    main()
