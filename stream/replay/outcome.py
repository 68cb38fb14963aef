"""What a replay comes to: figures, days, lines. Values in, values out; no wall clock, no path, no name of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

import msgspec

from stream.core.aggregates import Aggregate
from stream.detector.past import Told
from stream.replay.items import Rescored, Tally, time_text
from stream.replay.labels import Agreement, lead_s
from stream.replay.request import Request
from stream.store.read import Totals

SCHEMA: Final = 1
WEEK_S: Final = 7 * 86_400
_MARKET: Final = "/market/all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that a report is made of.

    Attributes:
        start_s, end_s: what was judged, `[start, end)`, unix seconds.
        hours: aggregates of every series by start of the hour.
        series: how many were followed.
    """

    request: Request
    model_revisions: Mapping[str, int]
    start_s: int
    end_s: int
    tally: Tally
    totals: Totals
    told: Sequence[Told]
    agreement: Agreement
    hours: Mapping[int, Mapping[str, Aggregate]]
    series: int
    rescored: Rescored | None = None


def figures(outcome: Outcome) -> dict[str, float | None]:
    """Return the figures that a gate may name; None where there is none (no labels, nothing announced)."""
    weeks = max(outcome.end_s - outcome.start_s, 1) / WEEK_S
    told, agreement = outcome.told, outcome.agreement
    leads = agreement.leads_s
    labelled = bool(agreement.found)
    return {
        "documents": outcome.tally.taken,
        "dead_letters": outcome.tally.set_aside,
        "duplicates": outcome.totals.duplicates,
        "series": outcome.series,
        "weeks": round(weeks, 4),
        "incidents": len(told),
        "alerts": agreement.announced,
        "attached": len(told) - agreement.announced,
        "critical": sum(one.last.severity == "critical" for one in told if one.last.announced),
        "alerts_per_week": round(agreement.announced / weeks, 4),
        "false_alarms": len(agreement.false),
        "false_alarms_per_week": round(len(agreement.false) / weeks, 4),
        "false_alarms_per_series_week": round(len(agreement.false) / weeks / max(outcome.series, 1), 6),
        "precision": None if not labelled or agreement.precision is None else round(agreement.precision, 4),
        "recall": None if agreement.recall is None else round(agreement.recall, 4),
        "labels": len(agreement.found) if labelled else None,
        "median_lead_s": median(leads) if leads else None,
        "worst_lead_s": leads[0] if leads else None,
    }


_NAMES: Final = (
    "documents dead_letters duplicates series weeks incidents alerts attached critical alerts_per_week",
    "false_alarms false_alarms_per_week false_alarms_per_series_week precision recall labels",
    "median_lead_s worst_lead_s",
)
NO_FIGURES: Final[Mapping[str, float | None]] = dict.fromkeys(" ".join(_NAMES).split())


def report(outcome: Outcome) -> dict[str, Any]:
    """Return `report.json` without the run's own times."""
    request = outcome.request
    return {
        "schema": SCHEMA,
        "source": request.source,
        "scored": "anew" if request.scores else "as stored",
        "from": time_text(outcome.start_s),
        "to": time_text(outcome.end_s),
        "rules": msgspec.to_builtins(request.rules) | {"false_alarms_per_week": request.rules.false_alarms_per_week},
        "model_revisions": dict(sorted(outcome.model_revisions.items())),
        "figures": figures(outcome),
        "records": {
            "read": outcome.tally.read,
            "outside_of_span": outcome.tally.skipped,
            "learnt_from": outcome.tally.learnt,
            "set_aside": outcome.tally.set_aside,
            "without_prediction": outcome.tally.unscored,
            "put_in_order": outcome.tally.out_of_order,
            "stories": outcome.totals.stories,
            "late": outcome.totals.late,
        },
        "set_aside_first": outcome.tally.reasons,
        "labels": list(_labels(outcome.agreement)),
        "days": days(outcome),
        "rescored": None if outcome.rescored is None else rescored(outcome.rescored),
    }


def days(outcome: Outcome) -> list[dict[str, Any]]:
    """Return what came on each day, and what opened."""
    found: dict[str, Counter[str]] = {}
    for start_s, by_series in outcome.hours.items():
        counts = found.setdefault(_day(start_s), Counter())
        for series, one in by_series.items():
            if series.endswith(_MARKET):
                kind = series.partition("/")[0]
                counts[f"{kind}_stories"] += one.total
                counts[f"{kind}_negative"] += one.negative
                counts["documents"] += one.documents
    for told in outcome.told:
        counts = found.setdefault(_day(told.opened.fired_at_ms // 1000), Counter())
        counts["alerts" if told.last.announced else "attached"] += 1
    names = ("documents", "news_stories", "news_negative", "comment_stories", "comment_negative", "alerts", "attached")
    return [{"day": day} | {name: counts[name] for name in names} for day, counts in sorted(found.items())]


def incident_row(one: Told) -> dict[str, Any]:
    """Return an incident as `barograph detect` writes it, and its evidence."""
    opened, last = one.opened, one.last
    return {
        "series": opened.series,
        "opened_at": time_text(opened.opened_at_s),
        "resolved_at": None if last.resolved_at_s is None else time_text(last.resolved_at_s),
        "severity": last.severity,
        "kind": opened.kind,
        "clock": opened.clock,
        "z": round(opened.z, 3),
        "z_peak": round(last.z_peak, 3),
        "fired_at": time_text(opened.fired_at_ms // 1000),
        "reason": last.reason,
        "share": round(opened.share, 4),
        "baseline_share": round(opened.baseline_share, 4),
        "negative": opened.negative,
        "total": opened.total,
        "expected_total": round(opened.expected_total, 2),
        "incident_id": opened.incident_id,
        "parent": last.parent,
        "announced": last.announced,
        "events": [{"type": kind, "at": time_text(at_s)} for kind, at_s in one.events],
        "window_start": time_text(opened.window_start_s),
        "window_end": time_text(opened.window_end_s),
        "model_revision": opened.model_revision,
        "evidence": [msgspec.to_builtins(story) for story in opened.evidence],
    }


def incident_lines(told: Iterable[Told]) -> Iterator[bytes]:
    """Yield one JSON line an incident."""
    for one in told:
        yield msgspec.json.encode(incident_row(one)) + b"\n"


def rescored(found: Rescored) -> dict[str, Any]:
    """Return the same documents as they were scored and as they are now, side by side."""
    rows = []
    for day in sorted(found.now):
        was, now = found.was[day], found.now[day]
        documents = sum(now[label] for label in ("negative", "neutral", "positive"))
        rows.append(
            {
                "day": day,
                "documents": documents,
                "negative_was": was["negative"],
                "negative_now": now["negative"],
                "mean_score_was": round(was["score"] / documents / 10_000, 4),
                "mean_score_now": round(now["score"] / documents / 10_000, 4),
            }
        )
    return {
        "stored_revisions": dict(sorted(found.revisions.items())),
        "labels_changed": dict(sorted(found.changed.items())),
        "days": rows,
    }


def _labels(agreement: Agreement) -> Iterator[dict[str, Any]]:
    for label, one in agreement.found:
        yield {
            "name": label.name,
            "at": time_text(label.at_s),
            "found": one is not None,
            "lead_s": None if one is None else lead_s(label, one),
            "incident_id": None if one is None else one.opened.incident_id,
            "series": None if one is None else one.opened.series,
            "fired_at": None if one is None else time_text(one.opened.fired_at_ms // 1000),
        }


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()
