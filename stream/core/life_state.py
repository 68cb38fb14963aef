"""Where the incident of one series stands, what a decision takes, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from stream.core.incidents import EventType, Incident, Story
from stream.core.readings import Support

SCHEMA: Final = 1

LifeState = Literal["NORMAL", "PENDING", "FIRING", "RECOVERING"]


@dataclass(frozen=True, slots=True)
class Life:
    """Where one series stands.

    Attributes:
        pending: clocks whose newest window was above the opening level, with its start.
        incident: the open one; `last` the one that resolved last, for reopening.
        since_s: start of the window that opened or reopened it.
        share, baseline_share: what was seen and expected then.
        quiet: windows below the closing level in a row; `silent` those without data, the first from `silent_s`.
        told_ms: when the last message about it was due, for reminders.
    """

    series: str
    pending: tuple[tuple[str, int], ...] = ()
    incident: Incident | None = None
    last: Incident | None = None
    since_s: int = 0
    share: float = 0.0
    baseline_share: float = 0.0
    quiet: int = 0
    silent: int = 0
    silent_s: int = 0
    told_ms: int = 0

    @property
    def state(self) -> LifeState:
        if self.incident is None:
            return "PENDING" if self.pending else "NORMAL"
        return "RECOVERING" if self.incident.state == "recovering" else "FIRING"

    @property
    def clock(self) -> str | None:
        """Name of the clock that the open incident resolves on."""
        return self.incident.clock if self.incident else None

    def dump(self) -> list[Any]:
        """Return the state as plain lists, dictionaries, numbers and strings; the first is a schema version."""
        incidents = [_plain(each) if each else None for each in (self.incident, self.last)]
        counters = [self.since_s, self.share, self.baseline_share, self.quiet, self.silent, self.silent_s, self.told_ms]
        return [SCHEMA, self.series, [list(each) for each in self.pending], *incidents, *counters]

    @classmethod
    def load(cls, state: list[Any]) -> Life:
        """Return the life that `dump` described. ValueError for another schema."""
        if not state or state[0] != SCHEMA:
            raise ValueError(f"state of a life has schema {state[0] if state else None!r}, expected {SCHEMA}")
        _, series, pending, incident, last, *counters = state
        above = tuple((clock, start_s) for clock, start_s in pending)
        return cls(
            series, above, _incident(incident) if incident else None, _incident(last) if last else None, *counters
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a decision takes from outside the series.

    Attributes:
        support: who tells the negative stories; None where nobody looked.
        acknowledged: somebody is on it: no reminders.
        parents: the open incidents of the wider series that this one is part of, the widest first.
        late: decided more than ten minutes after the window closed.
    """

    support: Support | None = None
    acknowledged: bool = False
    parents: tuple[Incident, ...] = ()
    false_alarms_per_week: float = 0.03
    model_revision: str | None = None
    invented: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One event of an incident, as it stands after it; `text` says why, where there is more to say."""

    type: EventType
    incident: Incident
    text: str | None = None


def _plain(incident: Incident) -> dict[str, Any]:
    """Return the incident by the names of its fields, so that a later one may have more of them."""
    plain = {field.name: getattr(incident, field.name) for field in fields(Incident)}
    plain["evidence"] = [
        {field.name: getattr(story, field.name) for field in fields(Story)} for story in incident.evidence
    ]
    return plain


def _incident(plain: dict[str, Any]) -> Incident:
    return Incident(**{**plain, "evidence": tuple(Story(**story) for story in plain["evidence"])})
