"""Which events are told, which as superseded, and what is told at the very first start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.core.incidents import EventType, event_id
from stream.delivery.signing import delivery_id
from stream.delivery.telling import first_telling, tellings
from tests.unit.test_delivery_body import INCIDENT, event

NAME = INCIDENT.incident_id


def test_of_a_stretch_what_is_over_is_told_as_superseded_and_reminders_collapse() -> None:
    other = replace(event(), incident_id="other")
    stretch = [
        event("fired"),
        event("reminder"),
        event("commented", actor="Ada", text="x"),
        other,
        replace(event("reminder"), incident_id="other"),
        replace(event("reminder"), incident_id="other"),
        event("resolved"),
    ]
    assert tellings(stretch, {}) == ["superseded", "skip", "tell", "tell", "skip", "tell", "tell"]


def test_what_opens_again_is_not_superseded() -> None:
    stretch = [event("fired"), event("resolved"), event("reopened")]
    assert tellings(stretch, {}) == tellings(stretch, {NAME: "firing"}) == ["tell", "tell", "tell"]


def test_nobody_is_told_of_what_opened_as_part_of_another() -> None:
    stretch = [event("fired", announced=False), event("resolved", announced=False)]
    assert tellings(stretch, {}) == tellings(stretch, {NAME: "resolved"}) == ["skip", "skip"]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("resolved", ["superseded", "superseded", "skip", "tell"]),
        ("recovering", ["tell", "tell", "tell", "tell"]),
        ("firing", ["tell", "tell", "tell", "tell"]),
    ],
)
def test_what_resolved_beyond_this_stretch_supersedes_it_too(state: str, told: list[str]) -> None:
    stretch = [event("fired"), event("escalated"), event("reminder"), event("acknowledged", actor="Ada")]
    assert tellings(stretch, {NAME: state}) == told


def test_of_the_time_before_the_first_start_only_the_newest_opening_of_what_is_open_is_told() -> None:
    history: list[EventType] = ["fired", "escalated", "resolved", "reopened", "reminder"]
    events = [replace(event(what), seq=seq) for seq, what in enumerate(history, 1)]
    assert [first_telling(one, {NAME: 4}) for one in events] == ["skip", "skip", "skip", "tell", "skip"]
    assert {first_telling(one, {}) for one in events} == {"skip"}
    assert first_telling(event(announced=False), {NAME: 1}) == "skip"


def test_a_seq_that_a_restored_store_gives_again_makes_another_id() -> None:
    events = [event("fired"), event("resolved"), replace(event("fired"), at_ms=1)]
    assert len({event_id(one) for one in events}) == 3
    assert len({delivery_id(event_id(one), "desk") for one in events}) == 3
    assert event_id(event("fired")) == event_id(replace(event("fired"), text="words"))
