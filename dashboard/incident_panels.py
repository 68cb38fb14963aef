"""Incidents as plain data for the strip, the tiles and the lists: everything is text by now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from dashboard.alert_filters import AlertFilters, alert_query, families
from dashboard.formats import Formats
from dashboard.i18n import Words
from dashboard.incident_words import incident_words, reason_words, state_words
from dashboard.palette import SEVERITY_MARKS
from dashboard.safe import plain
from stream.core.incidents import Incident
from stream.store.incident_read import Seen

ALERTS_URL: Final = "alerts"
MOST_IN_INBOX: Final = 5

Panel = dict[str, Any]
Href = Callable[[str], str]


def href_of(filters: AlertFilters) -> str:
    """Return the address of the Alerts page with these filters, relative to any page."""
    query = alert_query(filters)
    return f"{ALERTS_URL}?{urlencode(query)}" if query else ALERTS_URL


def worst(found: Iterable[Seen]) -> str | None:
    """Return the worst severity; None where there is no incident."""
    severities = {seen.incident.severity for seen in found}
    return "critical" if "critical" in severities else "warning" if severities else None


def strip_incidents(found: Sequence[Seen], formats: Formats) -> Panel:
    """Return the strip's count of open incidents, which leads to the Alerts page."""
    words, severity = formats.words, worst(found)
    if severity is None:
        text = words("strip.no_incidents")
    else:
        text = f"{SEVERITY_MARKS[severity]} {_counted('incidents', len(found), formats)}"
    return {"text": text, "severity": severity or "none", "href": ALERTS_URL}


def incidents_tile(found: Sequence[Seen], formats: Formats) -> Panel:
    """Return the tile of open incidents."""
    words = formats.words
    critical = sum(seen.incident.severity == "critical" for seen in found)
    counts = (("critical", critical), ("warning", len(found) - critical))
    told = [f"{SEVERITY_MARKS[name]} {formats.whole(n)} {words(f'severity.{name}')}" for name, n in counts if n]
    waiting = sum(seen.acknowledged_by is None for seen in found)
    foot = words("tile.unacknowledged", n=formats.whole(waiting)) if waiting else words("tile.all_acknowledged")
    return {
        "key": "incidents",
        "label": words("tile.incidents"),
        "value": formats.whole(len(found)),
        "severity": worst(found),
        "sub": " · ".join(told) or words("tile.no_incidents"),
        "foot": foot if found else "",
        "href": ALERTS_URL,
    }


def incident_list(
    found: Sequence[Seen], now_s: float, formats: Formats, *, href: Href, selected: str | None = None
) -> list[Panel]:
    """Return rows in the order given, those attached to one of them just after it."""
    rows = []
    for head, children in families(found):
        rows.append(_row(head, now_s, formats, href, selected) | {"children": len(children)})
        if children:
            rows[-1]["fold"] = _counted("attached", len(children), formats)
        parent = head.incident.incident_id
        rows += [_row(child, now_s, formats, href, selected) | {"parent": parent} for child in children]
    return rows


def inbox(found: Sequence[Seen], now_s: float, formats: Formats, quiet: str) -> Panel:
    """Return the compact list of open incidents for the Live page; `quiet` is what it says where there is none."""
    ordered = sorted(families(found), key=lambda family: family[0].acknowledged_by is not None)
    shown = [seen for head, children in ordered[:MOST_IN_INBOX] for seen in (head, *children)]
    hidden = len(ordered) - MOST_IN_INBOX
    rows = incident_list(shown, now_s, formats, href=lambda name: href_of(AlertFilters(incident=name)))
    return listing(rows, formats.words, empty=quiet) | {
        "title": formats.words("inbox.title"),
        "more": {"text": formats.words("alerts.more", n=formats.whole(hidden)), "href": ALERTS_URL}
        if hidden > 0
        else None,
    }


def listing(rows: list[Panel], words: Words, *, empty: str) -> Panel:
    """Return a list of incidents as the browser draws it."""
    return {
        "rows": rows,
        "empty": empty,
        "waiting": words("alerts.waiting", n="{n}"),
        "changed": words("alerts.changed"),
        "title": "",
        "more": None,
    }


def share_words(incident: Incident, formats: Formats) -> str:
    """Return the share seen against the usual one, in short."""
    seen, usual = formats.percent(incident.share), formats.percent(incident.baseline_share)
    return formats.words("alerts.share_usual", share=seen, usual=usual)


def _row(seen: Seen, now_s: float, formats: Formats, href: Href, selected: str | None) -> Panel:
    incident, words = seen.incident, formats.words
    severity = words(f"severity.{incident.severity}")
    return {
        "id": incident.incident_id,
        "href": href(incident.incident_id),
        "selected": incident.incident_id == selected,
        "severity": incident.severity,
        "mark": SEVERITY_MARKS[incident.severity],
        "word": severity,
        "series": incident_words(incident, words),
        "z": words("alerts.z", z=formats.upto(incident.z, 1)),
        "peak": words("alerts.peak", z=formats.upto(incident.z_peak, 1)),
        "share": share_words(incident, formats),
        "state": incident.state,
        "state_word": state_words(seen, words),
        "who": _who(seen, words),
        "time": formats.short(incident.fired_at_ms / 1000, now_s),
        "age": _age(incident, now_s, formats),
        "when": formats.moment(incident.fired_at_ms / 1000),
        "tags": _tags(incident, words),
    }


def _who(seen: Seen, words: Words) -> str:
    if seen.incident.state == "resolved":
        return reason_words(seen.incident.reason, words)
    by = seen.acknowledged_by
    return words("alerts.by", name=plain(by, 40)) if by is not None else words("alerts.unacknowledged")


def _age(incident: Incident, now_s: float, formats: Formats) -> str:
    if incident.resolved_at_s is not None:
        lasted = formats.length(incident.resolved_at_s - incident.opened_at_s)
        return formats.words("alerts.lasted", length=lasted)
    return formats.words("alerts.ago", age=formats.length(now_s - incident.fired_at_ms / 1000))


def _tags(incident: Incident, words: Words) -> list[str]:
    tags = []
    if incident.early and incident.state != "resolved":
        tags.append(words("tag.early"))
    if incident.late:
        tags.append(words("tag.late"))
    return tags


def _counted(what: str, n: int, formats: Formats) -> str:
    return formats.words(f"count.{what}.{'one' if n == 1 else 'other'}", n=formats.whole(n))
