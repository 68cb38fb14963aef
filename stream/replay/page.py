"""`report.html`: one file that needs no other. Every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from stream.core.aggregates import Aggregate
from stream.core.event_time import DAY_S
from stream.detector.past import Told
from stream.replay.items import time_text
from stream.replay.labels import lead_s
from stream.replay.outcome import Outcome, report
from stream.replay.page_style import STYLE
from stream.replay.pictures import HOUR_S, Mark, timeline

MOST_SHEETS: Final = 60
_AROUND: Final = {"5m": 12 * HOUR_S, "1h": 4 * DAY_S, "6h": 14 * DAY_S, "1d": 45 * DAY_S}
_MARKETS: Final = {"news/market/all": "News", "comment/market/all": "Comments"}
_REASONS: Final = {
    "cleared": "cleared",
    "not_confirmed": "not confirmed",
    "no_data": "no data any more",
    "new_baseline": "became usual",
}


def page(outcome: Outcome) -> str:
    """Return the page."""
    found = report(outcome)
    announced = [one for one in outcome.told if one.last.announced]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width,initial-scale=1">',
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>Replay {escape(found['from'][:10])} to {escape(found['to'][:10])}</title><style>{STYLE}</style>",
        f"<main><header><h1>Replay</h1><p>{_span(found)}</p></header>",
        _cards(found),
        *_markets(outcome, announced),
        _table(outcome, announced),
        *(_sheet(outcome, one) for one in announced[:MOST_SHEETS]),
        _more(announced),
        _attached([one for one in outcome.told if not one.last.announced]),
        _labels(found["labels"]),
        _rescored(found["rescored"]),
        _records(found),
        _days(found["days"]),
        "</main></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _span(found: Mapping[str, Any]) -> str:
    revisions = ", ".join(found["model_revisions"]) or "no model"
    budget = found["rules"]["false_alarms_per_week"]
    return (
        f"{_time(found['from'])} to {_time(found['to'])} UTC, from {escape(found['source'])}, "
        f"scores {escape(found['scored'])} ({escape(revisions)}), "
        f"budget {budget:g} false alarms a series and week"
    )


def _cards(found: Mapping[str, Any]) -> str:
    figures = found["figures"]
    shown = [
        ("documents", f"{figures['documents']:,}"),
        ("series", f"{figures['series']:,}"),
        ("alerts", f"{figures['alerts']:,}"),
        ("alerts a week", f"{figures['alerts_per_week']:.2f}"),
    ]
    if figures["labels"]:
        shown += [
            ("false alarms a week", f"{figures['false_alarms_per_week']:.2f}"),
            ("precision", _part(figures["precision"])),
            ("recall", _part(figures["recall"])),
            ("median lead", _length(figures["median_lead_s"])),
        ]
    else:
        shown.append(("of narrower series", f"{figures['attached']:,}"))
        shown.append(("critical", f"{figures['critical']:,}"))
    cards = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in shown)
    return f"<section class=cards>{cards}</section>"


def _markets(outcome: Outcome, announced: Sequence[Told]) -> Iterator[str]:
    labels = [Mark(label.at_s, "label", label.name) for label, _ in outcome.agreement.found]
    for series, title in _MARKETS.items():
        hours = _hours(outcome, series)
        if not hours:
            continue
        kind = series.partition("/")[0]
        marks = [
            Mark(
                one.opened.fired_at_ms / 1000,
                one.last.severity,
                f"{one.opened.series}, {time_text(one.opened.fired_at_ms // 1000)}, peak z {one.last.z_peak:.1f}",
            )
            for one in announced
            if one.opened.series.startswith(f"{kind}/")
        ]
        picture = timeline(
            f"{title}: stories and negative share", hours, outcome.start_s, outcome.end_s, [*labels, *marks]
        )
        yield f"<section><h2>{title}</h2>{picture}{_KEY}</section>"


_KEY: Final = (
    "<p class=key><i class=all></i>stories <i class=bad></i>negative ones <i class=shareline></i>negative share "
    "<i class=warning></i>warning <i class=critical></i>critical <i class=label></i>known</p>"
)


def _hours(outcome: Outcome, series: str) -> dict[int, Aggregate]:
    return {at_s: by_series[series] for at_s, by_series in outcome.hours.items() if series in by_series}


def _table(outcome: Outcome, announced: Sequence[Told]) -> str:
    if not announced:
        return "<section><h2>Alerts</h2><p>Nothing would have fired.</p></section>"
    leads = {
        one.opened.incident_id: (label, one) for label, one in reversed(outcome.agreement.found) if one is not None
    }
    false = {one.opened.incident_id for one in outcome.agreement.false}
    rows = []
    for one in announced:
        opened, last = one.opened, one.last
        known = leads.get(opened.incident_id)
        said = "" if known is None else f"{escape(known[0].name)}, {_lead(lead_s(*known))}"
        if not known and outcome.agreement.found:
            said = "false alarm" if opened.incident_id in false else "known"
        rows.append(
            f"<tr><td><a href='#{opened.incident_id}'>{_at(opened.fired_at_ms // 1000)}</a>"
            f"<td>{escape(opened.series)}<td>{escape(opened.clock)}"
            f"<td class={escape(last.severity)}>{escape(last.severity)}"
            f"<td class=n>{last.z_peak:.1f}<td class=n>{opened.share:.0%}<td class=n>{opened.baseline_share:.0%}"
            f"<td class=n>{opened.negative} of {opened.total}<td>{_ended(one)}<td>{said}"
        )
    known_head = "<th>known" if outcome.agreement.found else "<th>"
    return (
        "<section><h2>Alerts</h2><table><thead><tr><th>fired<th>series<th>clock<th>severity<th class=n>peak z"
        f"<th class=n>negative<th class=n>usually<th class=n>stories<th>ended{known_head}</thead><tbody>"
        + "".join(rows)
        + "</tbody></table></section>"
    )


def _sheet(outcome: Outcome, one: Told) -> str:
    opened = one.opened
    around = _AROUND.get(opened.clock, 7 * DAY_S)
    start_s = max(opened.window_start_s - around, outcome.start_s)
    ended_s = one.last.resolved_at_s or outcome.end_s
    end_s = min(max(opened.window_end_s, min(ended_s, opened.window_end_s + around)) + around // 3, outcome.end_s)
    fired_s = opened.fired_at_ms // 1000
    picture = timeline(
        f"{opened.series} around {time_text(fired_s)}",
        _hours(outcome, opened.series),
        start_s,
        end_s,
        [Mark(fired_s, one.last.severity, f"fired {time_text(fired_s)}")],
        shaded=(opened.window_start_s, opened.window_end_s),
        height=150,
    )
    stories = "".join(
        f"<li><b>{story.score:+.2f}</b> {escape(_plain(story.title))} "
        f"<small>{escape(_plain(story.source))}, {_at(story.event_s)}"
        f"{f', {story.copies} copies' if story.copies > 1 else ''}</small>"
        for story in opened.evidence
    )
    return (
        f"<section id='{opened.incident_id}' class=sheet><h3>{escape(opened.series)} "
        f"<small>{_at(fired_s)}, {escape(opened.clock)} clock, {escape(one.last.severity)}</small></h3>"
        f"<p>{opened.share:.0%} negative of {opened.total} stories in {_length(opened.span_s)}, usually "
        f"{opened.baseline_share:.0%}; {opened.expected_total:.1f} stories were to be expected. "
        f"z {opened.z:.1f}, at its peak {one.last.z_peak:.1f}. {_ended(one)}.</p>{picture}<ul>{stories}</ul></section>"
    )


def _ended(one: Told) -> str:
    if one.last.resolved_at_s is None:
        return "still open at the end"
    why = one.last.reason or ""
    return f"{escape(_REASONS.get(why, why))} {_at(one.last.resolved_at_s)}"


def _more(announced: Sequence[Told]) -> str:
    left = len(announced) - MOST_SHEETS
    return f"<p>{left:,} further alerts are in the table above and in incidents.jsonl.</p>" if left > 0 else ""


def _attached(told: Sequence[Told]) -> str:
    if not told:
        return ""
    rows = "".join(
        f"<tr><td>{_at(one.opened.fired_at_ms // 1000)}<td>{escape(one.opened.series)}<td>{escape(one.opened.clock)}"
        f"<td class=n>{one.last.z_peak:.1f}<td class=n>{one.opened.share:.0%}"
        f"<td class=n>{one.opened.baseline_share:.0%}"
        for one in told
    )
    return (
        f"<section><details><summary>{len(told):,} of narrower series, as part of a wider one</summary><table><thead>"
        "<tr><th>fired<th>series<th>clock<th class=n>peak z<th class=n>negative<th class=n>usually</thead>"
        f"<tbody>{rows}</tbody></table></details></section>"
    )


def _labels(labels: Sequence[Mapping[str, Any]]) -> str:
    if not labels:
        return ""
    rows = "".join(
        f"<tr><td>{escape(label['name'])}<td>{_time(label['at'])}"
        f"<td>{_lead(label['lead_s']) if label['found'] else 'not found'}<td>{escape(label['series'] or '')}"
        for label in labels
    )
    return (
        "<section><h2>Known incidents</h2><table><thead><tr><th>name<th>instant<th>found<th>series</thead>"
        f"<tbody>{rows}</tbody></table></section>"
    )


def _rescored(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    changed = ", ".join(f"{escape(name)}: {n:,}" for name, n in found["labels_changed"].items()) or "no label changed"
    rows = "".join(
        f"<tr><td>{row['day']}<td class=n>{row['documents']:,}<td class=n>{row['negative_was']:,}"
        f"<td class=n>{row['negative_now']:,}<td class=n>{row['mean_score_was']:+.3f}"
        f"<td class=n>{row['mean_score_now']:+.3f}"
        for row in found["days"]
    )
    return (
        f"<section><h2>As it was, and as it is now</h2><p>Stored under {escape(', '.join(found['stored_revisions']))}. "
        f"{changed}.</p><table><thead><tr><th>day<th class=n>documents<th class=n>negative, was<th class=n>now"
        f"<th class=n>mean score, was<th class=n>now</thead><tbody>{rows}</tbody></table></section>"
    )


def _records(found: Mapping[str, Any]) -> str:
    records = found["records"] | {"duplicates": found["figures"]["duplicates"]}
    rows = "".join(f"<tr><td>{escape(name.replace('_', ' '))}<td class=n>{n:,}" for name, n in records.items())
    first = "".join(f"<li><code>{escape(_plain(reason))}</code>" for reason in found["set_aside_first"])
    aside = f"<p>Set aside first:</p><ul>{first}</ul>" if first else ""
    return (
        f"<section><details><summary>Records</summary><table><tbody>{rows}</tbody></table>{aside}</details></section>"
    )


def _days(days: Sequence[Mapping[str, Any]]) -> str:
    names = [name for name in (days[0] if days else {}) if name == "day" or any(day[name] for day in days)]
    head = "".join(f"<th{'' if name == 'day' else ' class=n'}>{escape(name.replace('_', ' '))}" for name in names)
    rows = "".join("<tr>" + "".join(_cell(name, day[name]) for name in names) for day in days)
    return (
        f"<section><details><summary>{len(days):,} days</summary><table><thead><tr>{head}</thead>"
        f"<tbody>{rows}</tbody></table></details></section>"
    )


def _cell(name: str, value: Any) -> str:
    return f"<td>{escape(value)}" if name == "day" else f"<td class=n>{value:,}"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _time(text: str) -> str:
    return escape(text.replace("T", " ").removesuffix("Z").removesuffix(":00"))


def _at(at_s: float) -> str:
    return _time(time_text(at_s))


def _part(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _lead(value: float) -> str:
    return f"{_length(abs(value))} {'before' if value >= 0 else 'after'}"


def _length(seconds: float | None) -> str:
    """Return a length in the largest unit that gives two digits or so; a lead after its instant is negative."""
    if seconds is None:
        return "–"
    for unit_s, name in ((DAY_S, "d"), (HOUR_S, "h"), (60, "min")):
        if abs(seconds) >= 2 * unit_s or (unit_s == 60 and seconds):
            return f"{seconds / unit_s:.0f} {name}"
    return "0 min"
