"""What is held before it is written, what becomes of records, which keys live, how series stand. No server."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from stream.archive.buffers import Buffer
from stream.archive.lifetimes import Lifetimes, lifetime_s, name_of, touched
from stream.archive.rows import tables
from stream.archive.told import detector_state, histories, lives
from stream.archive.values import Place
from stream.broker.follow import Followed
from stream.codec import Document, encode
from stream.core.incidents import EventType, IncidentEvent
from stream.detector.state import WIDE, chunk_of, unpack
from stream.store.apply import Counted
from stream.store.rebuild import acknowledgement, last_resolution_s
from tests.services.archive_tools import prediction
from tests.services.incident_tools import NOON_MS, NOON_S, incident

DAY_MS = 86_400_000
ID = "3f2c1a9e-0000-4000-8000-0123456789ab"
NEWS = Place("documents.news", ID, 0)


def record(offset: int, timestamp_ms: int = 0, value: bytes = b"{}", topic: str = "documents.news") -> Followed:
    return Followed(topic, 0, offset, timestamp_ms, (), value)


#   offset   5     6     7     8
#   day      0     1     0     1      -> two files; only the second moves the position from 5 to 9
def test_a_write_over_two_days_moves_the_position_with_its_last_file() -> None:
    buffer = Buffer(NEWS, 5, 5)
    for offset in range(5, 9):
        buffer.add(record(offset, (offset + 1) % 2 * DAY_MS), 0.0, "1970-01-01")
    first, second = buffer.parts()
    assert [(part.name.first, part.name.last, part.name.following) for part in (first, second)] == [
        (5, 7, 5),
        (6, 8, 9),
    ]
    buffer.written(first)
    buffer.add(record(9, 0), 0.0, "1970-01-01")
    assert [(part.day, part.name.last, part.name.following) for part in buffer.parts()] == [
        ("1970-01-01", 9, 5),
        ("1970-01-02", 8, 10),
    ]
    for part in buffer.parts():
        buffer.written(part)
    assert (buffer.start, buffer.records, buffer.size_bytes) == (10, [], 0)


def test_what_a_cut_write_left_is_not_taken_again_nor_what_is_too_old() -> None:
    buffer = Buffer(NEWS, 0, 0, had={1})
    for offset in range(3):
        buffer.add(record(offset, 2 * DAY_MS), 0.0, "1970-01-02")
    buffer.add(record(3, 0), 0.0, "1970-01-02")
    assert [one.offset for one in buffer.records] == [0, 2]
    assert buffer.following == 4


def test_of_a_topic_that_was_made_anew_only_what_is_sure_is_kept() -> None:
    buffer = Buffer(NEWS, 0, 0)
    buffer.add(record(0), 0.0, "1970-01-01")
    buffer.confirm()
    buffer.add(record(1), 0.0, "1970-01-01")
    assert buffer.keep_sure() == 1
    assert ([one.offset for one in buffer.records], buffer.following) == ([0], 1)


def test_a_document_is_kept_as_it_came_and_its_fields_are_columns() -> None:
    now = datetime.now(UTC).replace(microsecond=123_456)
    text = "涨停: a text in English"
    made = Document(id="d", kind="news", source="wire", text=text, received_at=now, tickers=("A", "B"))
    (table,) = tables("documents", NEWS, [record(7, 5, encode(made)), record(8, 5, b"\xff\x00")], {})
    first, second = table.to_pylist()
    assert (first["id"], first["text"], first["tickers"], first["lang"]) == ("d", text, ["A", "B"], "en")
    assert (first["received_at"], first["event_time"]) == (now, now)
    assert (second["value"], second["id"], second["offset"]) == (b"\xff\x00", None, 8)


def test_a_prediction_that_no_column_can_hold_is_kept_as_it_came(caplog: pytest.LogCaptureFixture) -> None:
    from stream.codec import Origin

    good = encode(prediction(1, Origin("documents.news", 0, 4)))
    huge = good.replace(b'"partition":0', b'"partition":99999999999')
    more = good[:-1] + b',"of_a_later_version":1}'
    place = Place("predictions", ID, 0)
    records = [record(n, 5, value, "predictions") for n, value in enumerate((huge, b"[]", good, more))]
    with caplog.at_level(logging.WARNING):
        made = tables("predictions", place, records, {"documents.news": "x"})
    rows = sorted((row for table in made for row in table.to_pylist()), key=lambda row: row["record_offset"])
    assert [row["value"] for row in rows] == [huge, b"[]", None, more]
    assert [row["origin_offset"] for row in rows] == [None, None, 4, 4]
    assert rows[2]["origin_topic_id"] == "x"
    assert all(len({row["origin_topic"] for row in table.to_pylist()}) == 1 for table in made)
    assert len(caplog.records) == 2


COUNTED = Counted(
    id_hash=256 * 3 + 7,
    event_s=NOON_S + 61,
    received_ms=NOON_MS,
    story=b"s",
    label=0,
    score=0,
    late=False,
    series=(),
    latest="",
)


def test_a_key_ends_after_its_last_write_and_an_id_is_forgotten_with_its_key() -> None:
    keys, lifetimes = touched(COUNTED), Lifetimes()
    assert [name_of(name) for name in keys.windows] == [f"w:60:{NOON_S + 60}", f"w:300:{NOON_S}", f"w:3600:{NOON_S}"]
    assert name_of(keys.ids[0]) == f"ids:{NOON_S // 86_400}:7"
    assert lifetimes.take(COUNTED, keys, NOON_S)
    assert not lifetimes.take(COUNTED, keys, NOON_S + 60)
    minute = keys.windows[0]
    end_s = NOON_S + lifetime_s(minute)
    assert not lifetimes.any_over(keys.all, end_s - 1)
    assert lifetimes.over(keys.all, end_s) == [minute]
    assert lifetimes.over(keys.all, NOON_S + lifetime_s(keys.ids[0])) == [keys.ids[0]]
    assert lifetimes.take(COUNTED, keys, end_s)


def event(seq: int, what: EventType, number: int = 0, actor: str | None = None, **changes: object) -> IncidentEvent:
    made = incident(number, **changes)
    at_ms = NOON_MS + seq * 1_000
    return IncidentEvent(incident_id=made.incident_id, seq=seq, type=what, at_ms=at_ms, incident=made, actor=actor)


def test_an_acknowledgement_holds_until_the_incident_comes_back() -> None:
    told = [event(1, "fired"), event(2, "acknowledged", actor="Ada"), event(3, "resolved", state="resolved")]
    assert acknowledgement(told) == ("Ada", NOON_MS + 2_000)
    assert acknowledgement([*told, event(4, "reopened")]) is None
    assert acknowledgement([*told, event(4, "reopened"), event(5, "acknowledged", actor="Bo")]) == (
        "Bo",
        NOON_MS + 5_000,
    )
    assert last_resolution_s(told) == NOON_S + 3


def test_repeated_events_are_told_once_in_the_order_in_which_they_came() -> None:
    told = [event(1, "fired"), event(2, "commented"), event(1, "fired"), event(2, "commented")]
    assert histories(told) == {told[0].incident_id: told[:2]}
    again = replace(told[1], at_ms=told[1].at_ms + 1)  # a store that came back from a copy gave the number twice
    assert histories([*told, again])[told[0].incident_id] == [*told[:2], again]


def test_the_detector_finds_its_incidents_and_makes_its_baselines_anew() -> None:
    found = histories(
        [
            event(1, "fired", 1, z=5.0),
            event(2, "escalated", 1, severity="critical"),
            event(1, "fired", 2),
            event(2, "resolved", 2, state="resolved", resolved_at_s=NOON_S + 3_600),
        ]
    )
    known = lives(found)
    one, two = known["news/ticker/T1"], known["news/ticker/T2"]
    assert one.state == "FIRING" and one.incident is not None and one.incident.severity == "critical"
    assert (one.since_s, one.told_ms) == (NOON_S, NOON_MS + 2_000)
    assert two.state == "NORMAL" and two.last is not None and two.last.reason is None
    state = detector_state(["news/market/all", "news/ticker/T9"], known, NOON_S + 7)
    chunks = {name: unpack(packed) for name, packed in state.items()}
    assert set(chunks) == {WIDE, *map(chunk_of, (*known, "news/ticker/T9"))}
    followed = {name: one for chunk in chunks.values() for name, one in chunk.followed.items()}
    assert set(followed) == {"news/market/all", "news/ticker/T9", *known}
    assert {name for chunk in chunks.values() for name in chunk.unprimed} == set(followed)
    assert followed["news/ticker/T1"].life == one
    assert {chunk.closed_s for chunk in chunks.values()} == {NOON_S}
    assert msgspec.msgpack.decode(state[WIDE])[1] == NOON_S


def test_a_reopened_incident_counts_from_the_window_that_reopened_it() -> None:
    resolved = event(2, "resolved", state="resolved", resolved_at_s=NOON_S + 600)
    again = event(3, "reopened", window_start_s=NOON_S + 900, share=0.9)
    life = lives(histories([event(1, "fired"), resolved, again]))["news/ticker/T0"]
    assert (life.since_s, life.share, life.told_ms) == (NOON_S + 900, 0.9, NOON_MS + 3_000)
    assert timedelta(milliseconds=life.told_ms) > timedelta(seconds=NOON_S)
