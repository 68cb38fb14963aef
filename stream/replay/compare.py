"""Two replays side by side: what fired in both, in one alone, earlier or later, and why. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from stream.core.clocks import Clock
from stream.core.event_time import DAY_S
from stream.replay.items import time_text
from stream.replay.rules import Rules, chosen, engine_for
from stream.replay.writing import read_counts, read_incidents, read_report

HOUR_S: Final = 3_600
# Two of one series that fired so near to each other are the same, though their windows differ.
NEAR_S: Final = DAY_S

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A finished replay, as its report has it."""

    report: Row
    incidents: Sequence[Row]
    counts: Mapping[str, Mapping[str, tuple[int, int]]]

    @property
    def rules(self) -> Rules:
        """What it judged by."""
        return msgspec.convert(self.report["rules"], Rules)


@dataclass(frozen=True, slots=True)
class Pair:
    """One incident in both runs, or in one of them.

    Attributes:
        later_s: how much later it fired in the second run, seconds; negative is earlier, None where one is missing.
        why: reasons, the weightiest first; none where both are the same.
    """

    first: Row | None
    second: Row | None
    later_s: int | None
    why: tuple[str, ...]

    @property
    def series(self) -> str:
        """Of the incident."""
        return str((self.first or self.second or {})["series"])


def load(folder: Path) -> Run:
    """Return the replay whose report lies there; ReplayError."""
    return Run(read_report(folder), read_incidents(folder), read_counts(folder))


def compare(first: Run, second: Run) -> list[Pair]:
    """Return every announced incident of both, in order of time."""
    ours = [one for one in first.incidents if one["announced"]]
    theirs = [one for one in second.incidents if one["announced"]]
    pairs, left = [], list(theirs)
    for one in ours:
        other = _same(one, left)
        if other is not None:
            left.remove(other)
        pairs.append((one, other))
    found = [_pair(one, other, first, second) for one, other in [*pairs, *((None, one) for one in left)]]
    return sorted(found, key=lambda pair: ((pair.first or pair.second or {})["fired_at"], pair.series))


def differences(first: Run, second: Run) -> list[str]:
    """Return in what the two runs differ as a whole."""
    found = []
    for name in ("model_revisions", "from", "to", "source", "scored"):
        ours, theirs = _plain(first.report[name]), _plain(second.report[name])
        if ours != theirs:
            found.append(f"{name.replace('_', ' ')}: {_shown(ours)} | {_shown(theirs)}")
    if _learnt(first) != _learnt(second):
        found.append(f"learnt from: {_learnt(first):,} | {_learnt(second):,} documents before")
    ours, theirs = msgspec.to_builtins(first.rules), msgspec.to_builtins(second.rules)
    found.extend(
        f"rule {name}: {_shown(ours.get(name))} | {_shown(theirs.get(name))}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    )
    return found


def _learnt(run: Run) -> int:
    return int(run.report["records"].get("learnt_from", 0))


def _plain(value: Any) -> Any:
    """Return the names alone of what is counted by name."""
    return sorted(value) if isinstance(value, dict) else value


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return ", ".join(map(str, value)) or "none"
    return "all" if value is None else str(value)


def _same(one: Row, others: Sequence[Row]) -> Row | None:
    """Return the same incident of the other run: of the same opening window, else one of its series near in time."""
    by_id = next((other for other in others if other["incident_id"] == one["incident_id"]), None)
    if by_id is not None:
        return by_id
    near = [
        other
        for other in others
        if other["series"] == one["series"] and abs(_s(other["fired_at"]) - _s(one["fired_at"])) <= NEAR_S
    ]
    return min(near, key=lambda other: abs(_s(other["fired_at"]) - _s(one["fired_at"])), default=None)


def _pair(one: Row | None, other: Row | None, first: Run, second: Run) -> Pair:
    if one is not None and other is not None:
        later_s = _s(other["fired_at"]) - _s(one["fired_at"])
        why = tuple(_moved(one, other, first, second)) if later_s or one["z"] != other["z"] else ()
        return Pair(one, other, later_s, why)
    if one is not None:
        return Pair(one, None, None, tuple(_missing(one, first, second, here=second)))
    if other is not None:
        return Pair(None, other, None, tuple(_missing(other, first, second, here=first)))
    raise ValueError("an incident of neither run")


def _moved(one: Row, other: Row, first: Run, second: Run) -> Iterator[str]:
    """Yield why an incident of both fired at another time, or with other evidence."""
    if one["clock"] != other["clock"]:
        yield f"on the {one['clock']} clock | on the {other['clock']} clock"
    yield from _counted(one, first, second)
    yield from _openings(one, first, second)
    usual = one["baseline_share"], other["baseline_share"]
    if abs(usual[0] - usual[1]) >= 0.01:
        yield f"usually {usual[0]:.0%} | {usual[1]:.0%} negative"
    yield f"z {one['z']:.1f} | {other['z']:.1f}"


def _missing(one: Row, first: Run, second: Run, *, here: Run) -> Iterator[str]:
    """Yield why what fired in the other run did not fire here; at least one reason. Figures: first | second."""
    fired_s = _s(one["fired_at"])
    if not _s(here.report["from"]) <= fired_s <= _s(here.report["to"]):
        yield "outside of the other's time"
        return
    if not chosen([one["series"]], here.rules):
        yield "the other's rules do not look at this series"
        return
    if one["clock"] not in [clock.name for clock in _clocks(here)]:
        yield f"the other does not look on the {one['clock']} clock"
    part = next((each for each in here.incidents if not each["announced"] and _same(one, [each])), None)
    if part is not None:
        parent = next((each["series"] for each in here.incidents if each["incident_id"] == part["parent"]), None)
        yield f"in the other part of {parent or 'a wider one'}"
    reasons = [*_counted(one, first, second), *_openings(one, first, second)]
    yield from reasons
    if not reasons and part is None:
        begun = first.report["from"], second.report["from"]
        since = f", from {begun[0]} | {begun[1]} on" if begun[0] != begun[1] else ""
        learnt = _learnt(first), _learnt(second)
        by = f", learnt from {learnt[0]:,} | {learnt[1]:,} documents before" if learnt[0] != learnt[1] else ""
        yield f"the same counts: other baselines{since}{by}"


def _counted(one: Row, first: Run, second: Run) -> Iterator[str]:
    """Yield what both counted in the incident's hours, where that differs."""
    ours, theirs = _sum(first, one), _sum(second, one)
    if ours is None or theirs is None or ours == theirs:
        return
    yield f"{ours[0]} of {ours[1]} | {theirs[0]} of {theirs[1]} stories negative in its hours"
    if first.report["model_revisions"].keys() != second.report["model_revisions"].keys() and ours[1] == theirs[1]:
        yield "another model reads the same stories"


def _sum(run: Run, one: Row) -> tuple[int, int] | None:
    if not run.counts:
        return None
    of_series = run.counts.get(one["series"], {})
    start_s, end_s = _s(one["window_start"]), _s(one["window_end"])
    hours = [of_series.get(time_text(at_s), (0, 0)) for at_s in range(start_s - start_s % HOUR_S, end_s, HOUR_S)]
    return sum(k for k, _ in hours), sum(n for _, n in hours)


def _openings(one: Row, first: Run, second: Run) -> Iterator[str]:
    """Yield the openings of the incident's clock, where they differ."""
    ours, theirs = _opening(first, one["clock"]), _opening(second, one["clock"])
    if ours is not None and theirs is not None and ours != theirs:
        yield f"z {one['z']:.1f}; the {one['clock']} clock opens at {_levels(ours)} | {_levels(theirs)}"


def _levels(levels: tuple[float, float]) -> str:
    return f"{levels[0]:.2f} twice, {levels[1]:.2f} at once"


def _opening(run: Run, clock: str) -> tuple[float, float] | None:
    return next(((one.open_z, one.at_once_z) for one in _clocks(run) if one.name == clock), None)


def _clocks(run: Run) -> tuple[Clock, ...]:
    return engine_for(run.rules).clocks


def _s(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
