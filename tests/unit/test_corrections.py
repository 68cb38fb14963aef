"""Corrected labels: what is a training row, what holds of several, what to label next."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from model.training.user_rows import read_user_rows
from stream.codec import BadRecord
from stream.corrections.queue import Candidate, priority, queue, uncertainty
from stream.corrections.record import Correction, decode_correction, encode_correction, newest

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SURE, UNSURE = (0.98, 0.01, 0.01), (0.34, 0.33, 0.33)
TOPIC = (0.9, 0.1)


def correction(minute: int = 0, **fields: Any) -> Correction:
    given = {"text": "Profit fell", "sentiment": "negative", "language": "en", "kind": "news", "by": "anna"} | fields
    return Correction(at=NOON + timedelta(minutes=minute), **given)


def test_a_correction_survives_the_wire_and_is_a_training_row_with_its_provenance(tmp_path: Path) -> None:
    one = correction(topic="earnings", document_id="d1", model_revision="a" * 16)
    line = encode_correction(one)
    assert decode_correction(line) == one
    assert json.loads(line) == {
        "text": "Profit fell",
        "sentiment": "negative",
        "topic": "earnings",
        "language": "en",
        "kind": "news",
        "source": "correction",
        "by": "anna",
        "at": "2026-01-02T12:00:00Z",
        "document_id": "d1",
        "model_revision": "a" * 16,
    }
    path = tmp_path / "corrections.jsonl"
    path.write_bytes(line + b"\n" + encode_correction(correction(text="净利润下滑", language="zh")) + b"\n")
    rows = [(found.row.task, found.row.labels, found.row.source, found.row.lang) for found in read_user_rows(path)]
    assert rows == [
        ("sentiment", ("negative",), "correction", "en"),
        ("topic", ("earnings",), "correction", "en"),
        ("sentiment", ("negative",), "correction", "zh"),
    ]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": "x" * 100_001}, "text"),
        ({"sentiment": None}, "sentiment"),
        ({"sentiment": "bad"}, "sentiment"),
        ({"topic": "gossip"}, "topic"),
        ({"kind": "tweet"}, "kind"),
        ({"language": "de"}, "language"),
        ({"by": ""}, "by"),
        ({"by": "x" * 201}, "by"),
    ],
)
def test_what_no_model_knows_is_refused_by_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRecord, match=rf"^{field}: "):
        decode_correction(encode_correction(correction(**fields)))


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"text": "x"}', b'{"text": "x", "source": "wire"}', b"\xff"])
def test_what_is_no_correction_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        decode_correction(raw)


def test_the_newest_holds_label_by_label_in_whatever_order_they_come() -> None:
    rows = [
        correction(0, document_id="a", sentiment="positive", topic="macro"),
        correction(3, document_id="b"),
        correction(2, document_id="a", sentiment=None, topic="earnings", by="ben"),
        correction(1, document_id="a", sentiment="neutral"),
        correction(5, text="another"),
    ]
    for given in (rows, rows[::-1]):
        held = newest(given)
        assert [(one.document_id, one.sentiment, one.topic, one.by) for one in held] == [
            ("a", "neutral", "earnings", "ben"),
            ("b", "negative", None, "anna"),
            (None, "negative", None, "anna"),
        ]
    assert newest(newest(rows)) == newest(rows)


def candidate(id: str, sentiment: tuple[float, ...] = UNSURE, **fields: Any) -> Candidate:
    given: dict[str, Any] = {"title": f"story {id}", "kind": "news", "lang": "en", "received_ms": 0} | fields
    return Candidate(id=id, sentiment=sentiment, topics=TOPIC, **given)


def test_uncertainty_runs_from_none_to_all_alike() -> None:
    assert uncertainty((1.0, 0.0, 0.0)) == 0
    assert uncertainty((1 / 3, 1 / 3, 1 / 3)) == pytest.approx(1)
    assert uncertainty(SURE) < uncertainty((0.6, 0.3, 0.1)) < uncertainty(UNSURE)


def test_the_queue_begins_with_the_unsure_and_the_influential_without_what_is_labelled() -> None:
    rows = [
        candidate("sure", SURE),
        candidate("unsure"),
        candidate("told often", copies=8),
        candidate("alerted", copies=8, alerted=True),
        candidate("done", copies=1000),
        candidate("again", title="Story   UNSURE"),
    ]
    chosen = queue(rows, {"done"}, 10)
    assert [one.id for one in chosen] == ["alerted", "told often", "again", "sure"]
    assert [one.id for one in queue(rows, {"done"}, 2)] == ["alerted", "told often"]
    assert priority(rows[0]) < priority(rows[1])


def test_of_equals_the_newest_comes_first() -> None:
    rows = [candidate("old", received_ms=1), candidate("new", received_ms=2)]
    assert [one.id for one in queue(rows, (), 9)] == ["new", "old"]
