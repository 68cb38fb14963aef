"""The record of an incident: how it begins, begins again, and takes over the figures of a look."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from stream.core.clocks import Clock
from stream.core.effect import kind_of
from stream.core.incidents import RULE, Incident, Story, incident_id
from stream.core.life_state import Context, Life
from stream.core.parents import told_with
from stream.core.readings import Reading

REOPEN_S: Final = 7_200


def reopenable(life: Life, reading: Reading) -> Incident | None:
    """Return the incident that resolved during this window or in the two hours before it began."""
    last = life.last
    if last is None or last.resolved_at_s is None or reading.start_s - last.resolved_at_s > REOPEN_S:
        return None
    return last


def critical_z(clock: Clock, reading: Reading) -> float:
    """Return the evidence at which this reading escalates: more of it where the window is still open."""
    return clock.critical_z + (clock.early_z - clock.at_once_z if reading.open else 0.0)


def opened(
    series: str,
    last: Incident | None,
    reading: Reading,
    clock: Clock,
    *,
    at_ms: int,
    context: Context,
    stories: tuple[Story, ...],
) -> Incident:
    """Return the incident that this reading opens, or with `last` opens again: the same id, never a lower severity."""
    parent = told_with(reading.z, context.parents)
    return Incident(
        incident_id=last.incident_id if last else incident_id(series, reading.start_s),
        rule=RULE,
        series=series,
        state="firing",
        severity="critical" if reading.z >= critical_z(clock, reading) else last.severity if last else "warning",
        kind=kind_of(reading) or "negative_share",
        clock=clock.name,
        opened_at_s=last.opened_at_s if last else reading.start_s,
        fired_at_ms=last.fired_at_ms if last else at_ms,
        window_start_s=reading.start_s + clock.step_s - reading.span_s,
        window_end_s=reading.end_s,
        z=reading.z,
        z_peak=max(reading.z, last.z_peak) if last else reading.z,
        share=reading.share,
        baseline_share=reading.baseline_share,
        negative=reading.negative,
        total=reading.total,
        expected_total=reading.expected_total,
        false_alarms_per_week=context.false_alarms_per_week,
        early=reading.open,
        late=context.late,
        announced=parent is None,
        parent=parent.incident_id if parent else None,
        model_revision=context.model_revision,
        invented=context.invented,
        evidence=stories or (last.evidence if last else ()),
        led_by=context.support.lead if context.support else None,
    )


def refreshed(incident: Incident, reading: Reading, clock: Clock, stories: tuple[Story, ...] = ()) -> Incident:
    """Return the incident with the figures of this reading, and its evidence where there is newer."""
    return replace(
        incident,
        kind=kind_of(reading) or incident.kind,
        window_start_s=reading.start_s + clock.step_s - reading.span_s,
        window_end_s=reading.end_s,
        z=reading.z,
        z_peak=max(reading.z, incident.z_peak),
        share=reading.share,
        baseline_share=reading.baseline_share,
        negative=reading.negative,
        total=reading.total,
        expected_total=reading.expected_total,
        evidence=stories or incident.evidence,
    )
