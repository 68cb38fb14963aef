"""The pipeline over a stream, and the model behind it, without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from model.classifier import Reading
from model.labels import TOPICS
from stream.agents.in_order import InOrder
from stream.agents.inbox import Readable, Received, open_record, problem_header
from stream.agents.outcome import count, predict, shown_title
from stream.agents.scoring import ModelBroken, Scorer
from stream.codec import PROBLEM_HEADER, DeadLetter, Origin

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ORIGIN = Origin("documents.news", 3, 41)


class Acknowledged:
    """A stream's acknowledging side."""

    def __init__(self) -> None:
        self.events: list[int] = []

    async def ack(self, event: int) -> None:
        self.events.append(event)


async def test_batches_are_applied_and_acknowledged_in_order_however_long_each_is_scored() -> None:
    stream, applied = Acknowledged(), []
    gates = [asyncio.Event() for _ in range(4)]
    under_way = 0
    most = 0

    async def score(i: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await gates[i].wait()
        under_way -= 1
        return i

    async def apply(i: int) -> None:
        assert stream.events == [e for j in range(i) for e in (2 * j, 2 * j + 1)]
        applied.append(i)

    async def feed(pipeline: InOrder[int]) -> None:
        for i in range(4):
            await pipeline.put(lambda i=i: score(i), [2 * i, 2 * i + 1])  # type: ignore[misc]

    async with InOrder(stream, apply, depth=2) as pipeline:
        idle = [pipeline.idle]
        feeding = asyncio.create_task(feed(pipeline))
        while under_way < 2:
            await asyncio.sleep(0)
        idle.append(pipeline.idle)
        for gate in (gates[1], gates[0], gates[3], gates[2]):  # later batches are ready first
            gate.set()
            await asyncio.sleep(0)
        await feeding
        while not pipeline.idle:
            await asyncio.sleep(0)
    assert applied == [0, 1, 2, 3]
    assert most == 2
    assert (idle, len(stream.events)) == ([True, False], 8)


class Moody:
    """A classifier that fails on what it is told to fail on."""

    revision = "moody"

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.calls: list[int] = []

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
        self.calls.append(len(texts))
        if self.bad & {*texts, *(["everything"] if "everything" in self.bad else [])}:
            raise RuntimeError("out of memory")
        return [Reading((len(text) / 100, 0.0, 0.0), ()) for text in texts]


async def test_a_document_that_breaks_the_model_is_found_and_the_others_keep_their_places() -> None:
    texts = [f"text {'x' * i}" for i in range(9)]
    readings = await Scorer(Moody(texts[5])).read(texts, ["news"] * 9)
    assert readings[5] == "model: RuntimeError: out of memory"
    others = [reading for i, reading in enumerate(readings) if i != 5]
    assert [r.sentiment[0] * 100 for r in others if isinstance(r, Reading)] == [
        pytest.approx(len(text)) for i, text in enumerate(texts) if i != 5
    ]


async def test_a_broken_model_sets_no_document_aside() -> None:
    with pytest.raises(ModelBroken, match="fails on a plain text"):
        await Scorer(Moody("everything")).read(["a", "b"], ["news", "news"])


async def test_an_empty_batch_does_not_reach_the_model() -> None:
    model = Moody()
    assert await Scorer(model).read([], []) == []
    assert model.calls == []


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        (None, None),
        ([("trace", b"1")], None),
        ([(PROBLEM_HEADER, b"text: is missing")], "text: is missing"),
        ({PROBLEM_HEADER: b""}, "set aside by its source, without a reason"),
        ({PROBLEM_HEADER: b"\xff"}, "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_source_says_why_it_set_a_record_aside(headers: object, problem: str | None) -> None:
    assert problem_header(headers) == problem  # type: ignore[arg-type]


def opened(value: bytes, problem: str | None = None) -> Readable | DeadLetter:
    return open_record(Received(ORIGIN, value, NOON.timestamp(), problem), NOON)


def test_a_record_without_a_received_time_came_when_the_broker_got_it() -> None:
    item = opened(b'{"kind":"news","source":"s","text":"Oil slumps","title":"Energy"}')
    assert isinstance(item, Readable)
    assert (item.document.received_at, item.text, item.lang) == (NOON, "Energy. Oil slumps", "en")


@pytest.mark.parametrize(("value", "problem"), [(b"{", None), (b"{}", "line 3: not JSON")])
def test_what_cannot_be_read_becomes_a_dead_letter_with_its_reason(value: bytes, problem: str | None) -> None:
    letter = opened(value, problem)
    assert isinstance(letter, DeadLetter)
    assert letter.origin == ORIGIN
    assert letter.reason.startswith(problem or "not JSON")


def test_a_prediction_is_rounded_and_counted_where_its_document_counts() -> None:
    published = NOON - timedelta(hours=2)
    raw = (
        b'{"id":"d1","kind":"comment","source":"reddit/stocks","text":"  Sell\\n everything  ","tickers":["$tsla"],'
        + f'"published_at":"{published.isoformat()}","url":"https://x/1"}}'.encode()
    )
    item = opened(raw)
    assert isinstance(item, Readable)
    topics = tuple(0.9 if topic == "market_move" else 0.1 / 14 for topic in TOPICS)
    prediction = predict(item, Reading((0.700049, 0.2, 0.099951), topics), revision="r", read_at=NOON, scored_at=NOON)
    assert prediction.sentiment == (0.7, 0.2, 0.1)
    assert (prediction.score, prediction.topic, prediction.late) == (-0.6, "market_move", True)
    found = count(prediction, title=shown_title(item), url=item.document.url)
    assert (found.event_s, found.label, found.score) == (int(published.timestamp()), 0, -6_000)
    assert found.series == (
        "comment/market/all",
        "comment/topic/market_move",
        "comment/lang/en",
        "comment/source/reddit/stocks",
        "comment/ticker/TSLA",
    )
    assert '"title":"Sell everything"' in found.latest
