"""How fast stored predictions are counted and judged again: `python -m bench.replay_rate [DOCUMENTS] [PER_SECOND]`.

Makes an archive, replays it and says, besides the rate by the wall clock, the seconds of processor time that a
document took in this program and in the store: the two run beside each other, and the longer of both is what two
free cores come to.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from model.labels import TOPICS
from stream.archive.writer import Writer, prepare
from stream.broker.follow import Followed
from stream.broker.topics import DOCUMENTS_COMMENTS, DOCUMENTS_NEWS, PREDICTIONS, documents_topic
from stream.codec import Document, Hops, Origin, Prediction, encode
from stream.core.stories import story_key
from stream.detector.engine import Desk
from stream.replay.folder import RunFolder
from stream.replay.request import Request
from stream.replay.run import Shown
from stream.replay.session import replay
from stream.settings import Settings

START = datetime(2026, 3, 2, tzinfo=UTC)
TICKERS = [f"T{n}" for n in range(88)]
WORDS = "shares rise fall after results bank rate cut oil gold profit warning deal loss gain market".split()


def main(documents: int = 100_000, per_second: float = 10.0) -> None:
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(home=Path(name))
        fill(settings.home / "archive", documents, per_second)
        folder = RunFolder(settings.home, "rate")
        before, began_s = _used(), time.monotonic()
        with folder.held():
            done = replay(Request(source="archive"), folder, settings, Desk(), Quiet())
        wall_s = time.monotonic() - began_s
        mine, store = (after - was for after, was in zip(_used(), before, strict=True))
        print(f"{done.outcome.tally.read:,} documents on {done.outcome.series} series, {wall_s:.1f} s by the wall")
        print(f"  this program {1e6 * mine / documents:.1f} us a document, the store {1e6 * store / documents:.1f} us")
        print(f"  {documents / wall_s:,.0f}/s by the wall, {documents / max(mine, store):,.0f}/s on two free cores")


class Quiet:
    def reading(self, read_bytes: int, size_bytes: int, records: int) -> None: ...

    def going(self, shown: Shown) -> None: ...


def _used() -> tuple[float, float]:
    """Return the processor seconds of this process, and of the children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def fill(root: Path, documents: int, per_second: float) -> None:
    """Write an archive of so many documents and their predictions."""
    prepare(root)
    writer = Writer(root, keep_days=36_500, flush_s=3_600)
    parts = [(topic, part) for topic in (DOCUMENTS_NEWS, DOCUMENTS_COMMENTS, PREDICTIONS) for part in range(4)]
    writer.open(parts, {topic: str(UUID(int=n)) for n, (topic, _) in enumerate(parts)})
    draw = random.Random(1)
    offsets = dict.fromkeys(parts, 0)
    for number in range(documents):
        at = START + timedelta(seconds=number / per_second)
        document = _document(draw, number, at)
        topic = documents_topic(document.kind)
        part = topic, story_key(document.text)[0] % 4
        made = _prediction(draw, document, Origin(*part, offsets[part]))
        for place, value in ((part, encode(document)), ((PREDICTIONS, number % 4), encode(made))):
            stamp = int(at.timestamp() * 1_000)
            writer.add([Followed(*place, offsets[place], stamp, (), value)])
            offsets[place] += 1
        if number % 1_000 == 0 and writer.is_due:
            writer.flush()
    writer.flush(everything=True)


def _document(draw: random.Random, number: int, at: datetime) -> Document:
    return Document(
        id=f"d{number}",
        kind="comment" if number % 3 else "news",
        source=f"source {number % 12}",
        text=" ".join(draw.choices(WORDS, k=22)) + f" {number}",
        received_at=at,
        published_at=at - timedelta(seconds=draw.choice([0, 1, 5, 40])),
        tickers=(draw.choice(TICKERS),) if number % 2 else (),
    )


def _prediction(draw: random.Random, document: Document, origin: Origin) -> Prediction:
    when = document.published_at or document.received_at
    largest = draw.randrange(len(TOPICS))
    return Prediction(
        id=document.id,
        kind=document.kind,
        source=document.source,
        lang="en",
        tickers=document.tickers,
        published_at=document.published_at,
        received_at=document.received_at,
        event_time=when,
        sentiment=(0.7, 0.2, 0.1) if draw.random() < 0.2 else (0.1, 0.6, 0.3),
        score=0.2,
        topic=TOPICS[largest],
        topics=tuple(0.86 if n == largest else 0.01 for n in range(len(TOPICS))),
        story=story_key(document.text).hex(),
        model_revision="bench",
        origin=origin,
        hops=Hops(read_at=document.received_at, scored_at=document.received_at),
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main(*(int(word) for word in sys.argv[1:2]), *(float(word) for word in sys.argv[2:3]))
