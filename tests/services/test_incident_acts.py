"""What people do to incidents, beside the detector, on a real Valkey."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from stream.store.acts import MAX_ACTOR_CHARS, MAX_COMMENT_CHARS, Acts
from stream.store.incident_read import IncidentReader
from stream.store.incidents import Flags, Write
from tests.services.incident_tools import NOON_MS, Detector, detector, dump, fired, incident, resolved

Store = tuple[Detector, Acts, IncidentReader]


@pytest.fixture
def store(redis_url: str, run_id: str) -> Iterator[Store]:
    made = detector(redis_url, run_id), Acts(redis_url, run_id), IncidentReader(redis_url, run_id)
    yield made
    for one in made:
        one.close()


def test_an_incident_is_acknowledged_once(store: Store) -> None:
    one, acts, reader = store
    name = fired().incident.incident_id
    one.commit(fired(), fired(1))
    assert acts.acknowledge(name, "Ann", NOON_MS + 1)
    assert not acts.acknowledge(name, "Bob", NOON_MS + 2)
    assert not acts.acknowledge(name, "Ann", NOON_MS + 3)
    seen = reader.get(name)
    assert seen is not None
    assert (seen.acknowledged_by, seen.acknowledged_at_ms, seen.seq) == ("Ann", NOON_MS + 1, 2)
    assert [(e.type, e.actor, e.text, e.incident) for e in reader.history(name)] == [
        ("fired", None, None, fired().incident),
        ("acknowledged", "Ann", None, fired().incident),
    ]
    other = fired(1).incident.incident_id
    assert one.store.flags([name, other, "unknown", name]) == {
        name: Flags("Ann", NOON_MS + 1),
        other: Flags(),
        "unknown": Flags(),
    }
    assert one.store.flags([]) == {}


def test_of_many_who_acknowledge_at_once_one_does(store: Store) -> None:
    one, acts, reader = store
    one.commit(fired())
    name, together = fired().incident.incident_id, threading.Barrier(12)

    def acknowledge(number: int) -> bool:
        together.wait(10)
        return acts.acknowledge(name, f"person {number}", NOON_MS + number)

    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(acknowledge, range(12)))
    seen = reader.get(name)
    assert done.count(True) == 1
    assert seen is not None
    assert seen.acknowledged_by == f"person {done.index(True)}"
    assert len(reader.history(name)) == 2


def test_what_is_resolved_unknown_or_by_nobody_is_not_acknowledged(store: Store, redis_url: str, run_id: str) -> None:
    one, acts, _ = store
    one.commit(fired(0), resolved(0), fired(1))
    before = dump(redis_url, run_id)
    assert not acts.acknowledge(fired(0).incident.incident_id, "Ann", NOON_MS)
    assert not acts.acknowledge("f" * 32, "Ann", NOON_MS)
    assert not acts.acknowledge("\ud800", "Ann", NOON_MS)
    assert not acts.acknowledge(fired(1).incident.incident_id, " \n\x00 ", NOON_MS)
    assert not acts.comment("f" * 32, "Ann", "words", NOON_MS)
    assert not acts.comment(fired(1).incident.incident_id, "", "words", NOON_MS)
    assert not acts.comment(fired(1).incident.incident_id, "Ann", " \n\t", NOON_MS)
    assert dump(redis_url, run_id) == before


def test_the_detector_never_undoes_an_acknowledgement_but_by_reopening(store: Store) -> None:
    one, acts, reader = store
    name = fired().incident.incident_id
    one.commit(fired())
    assert acts.acknowledge(name, "Ann", NOON_MS)
    one.commit(Write("escalated", NOON_MS, incident(severity="critical")))
    one.commit(resolved())
    seen = reader.get(name)
    assert seen is not None
    assert (seen.incident.severity, seen.acknowledged_by) == ("warning", "Ann")
    one.commit(Write("reopened", NOON_MS, incident()))
    assert one.store.flags([name])[name] == Flags()
    assert acts.acknowledge(name, "Bob", NOON_MS + 9)
    assert [e.actor for e in reader.history(name) if e.type == "acknowledged"] == ["Ann", "Bob"]


def test_names_and_comments_are_bounded_and_free_of_control_characters(store: Store) -> None:
    one, acts, reader = store
    name = fired().incident.incident_id
    one.commit(fired())
    assert acts.comment(name, "  Ann\n\x1b[31m  of the\tdesk ", "one\r\n two\x00\ud800　三 👩‍👩‍👧 \n", NOON_MS)
    assert acts.comment(name, "安" * 200, "评" * 5_000, NOON_MS)
    assert acts.acknowledge(name, "y" * 200, NOON_MS)
    _, first, second, third = reader.history(name)
    assert (first.actor, first.text) == ("Ann [31m of the desk", "one\n two　三 👩‍👩‍👧")
    assert (second.actor, second.text) == ("安" * MAX_ACTOR_CHARS, "评" * MAX_COMMENT_CHARS)
    assert third.actor == "y" * MAX_ACTOR_CHARS
    assert (MAX_ACTOR_CHARS, MAX_COMMENT_CHARS) == (80, 2_000)


def test_a_resolved_incident_can_be_commented_on_and_stays_resolved(store: Store) -> None:
    one, acts, reader = store
    name = fired().incident.incident_id
    one.commit(fired(), resolved())
    assert acts.comment(name, "Ann", "it was the earnings call", NOON_MS)
    assert reader.open() == []
    last = reader.history(name)[-1]
    assert (last.seq, last.type, last.incident.state, last.text) == (
        3,
        "commented",
        "resolved",
        "it was the earnings call",
    )


def test_acts_and_commits_from_several_threads_number_the_events_without_gaps(redis_url: str, run_id: str) -> None:
    one, acts, reader = detector(redis_url, run_id), Acts(redis_url, run_id), IncidentReader(redis_url, run_id)
    incidents = [incident(i) for i in range(4)]
    one.commit(*(Write("fired", NOON_MS, made) for made in incidents))
    together = threading.Barrier(5)

    def detect() -> None:
        together.wait(10)
        for i in range(60):
            one.commit(*(Write("reminder", NOON_MS + i, replace(made, z=float(i))) for made in incidents))

    def act(person: int) -> None:
        together.wait(10)
        for i in range(60):
            acts.comment(incidents[i % 4].incident_id, f"person {person}", f"{i}", NOON_MS + i)

    with ThreadPoolExecutor(5) as pool:
        for task in [pool.submit(detect), *(pool.submit(act, person) for person in range(4))]:
            task.result(60)
    for made in incidents:
        history = reader.history(made.incident_id)
        assert [event.seq for event in history] == list(range(1, 1 + 1 + 60 + 60))
        seen = reader.get(made.incident_id)
        assert seen is not None
        assert (seen.seq, seen.incident.z) == (121, 59.0)
        # What a comment carries is the incident as it stood: never older than the reminder before it.
        latest = made
        for event in history:
            latest = event.incident if event.type == "reminder" else latest
            assert event.incident == latest
        for person in range(4):
            said = [int(event.text or "") for event in history if event.actor == f"person {person}"]
            assert said == sorted(said)
    for closing in (one, acts, reader):
        closing.close()
