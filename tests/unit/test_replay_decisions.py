"""The detector on a replay's virtual clock, over windows that are held in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stream.core.incidents import IncidentEvent
from stream.core.readings import Counts
from stream.detector.engine import FORGOTTEN_S, Window
from stream.replay.decisions import Decisions
from stream.replay.rules import Rules, engine_for
from tests.services.detector_tools import _nobody

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
BEGIN_S = 1_767_571_200  # a Monday
QUIET, NEW, STEADY = "news/source/quiet", "news/source/new", "news/source/steady"
ONE_CLOCK = Rules(clocks=("1h",))


class Held:
    """Windows of an hour."""

    def __init__(self) -> None:
        self.hours: dict[int, dict[str, Counts]] = {}

    def tell(self, series: str, start_s: int, end_s: int, negative: int, total: int) -> None:
        for hour_s in range(start_s, end_s, HOUR_S):
            self.hours.setdefault(hour_s, {})[series] = Counts(negative, total)

    def windows(self, width_s: int, starts: Sequence[int], series: Collection[str] | None = None) -> list[Window]:
        assert width_s == HOUR_S
        found = [self.hours.get(start_s, {}) for start_s in starts]
        return [{name: one[name] for name in one if series is None or name in series} for one in found]


def run(held: Held, end_s: int) -> tuple[Decisions, list[IncidentEvent]]:
    """Close every step up to an instant."""
    events: list[IncidentEvent] = []
    engine = engine_for(ONE_CLOCK)
    decisions = Decisions(
        engine,
        ONE_CLOCK,
        held,
        held,
        _nobody,
        begin_s=BEGIN_S,
        lateness_s=0,
        cut=False,
        late=False,
        tell=events.append,
    )
    while decisions.end_s <= end_s:
        decisions.close()
    return decisions, events


#   day     0 ------------- 28              43 -- 44
#   quiet   1 of 10 an hour     silence      28 of 30     forgotten on the way; the steady one keeps time going
def test_a_series_that_was_forgotten_in_a_long_silence_is_judged_by_its_stored_past() -> None:
    back_s = BEGIN_S + 28 * DAY_S + FORGOTTEN_S + DAY_S
    end_s = back_s + DAY_S
    held = Held()
    held.tell(STEADY, BEGIN_S, end_s, 1, 10)
    held.tell(QUIET, BEGIN_S, BEGIN_S + 28 * DAY_S, 1, 10)
    for series in (QUIET, NEW):
        held.tell(series, back_s, back_s + 5 * HOUR_S, 28, 30)
    decisions, events = run(held, end_s)
    assert {one.incident.series for one in events} == {QUIET}  # of what is new nothing is expected yet
    (one,) = decisions.told()
    assert one.opened.opened_at_s == back_s and 0.05 < one.opened.baseline_share < 0.2


def test_events_are_told_as_they_are_decided_and_are_those_of_the_report() -> None:
    held = Held()
    held.tell(STEADY, BEGIN_S, BEGIN_S + 8 * DAY_S, 1, 10)
    held.tell(STEADY, BEGIN_S + 6 * DAY_S, BEGIN_S + 6 * DAY_S + 5 * HOUR_S, 28, 30)
    decisions, events = run(held, BEGIN_S + 8 * DAY_S)
    (one,) = decisions.told()
    assert [(event.type, event.at_ms // 1000) for event in events] == list(one.events)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (events[0].type, events[-1].type) == ("fired", "resolved")
    assert events[-1].incident == one.last and events[0].incident == one.opened
