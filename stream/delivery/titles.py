"""The title of a message: one line that says what happened, English and Chinese. Pure."""

from __future__ import annotations

from typing import Final

from stream.core.incidents import Incident, IncidentEvent
from stream.delivery.words import Language, one_line, percent, series_words, span_words

MOST_CHARS: Final = 240
_KINDS: Final = {"negative_share": ("negative spike", "负面占比骤升"), "negative_surge": ("negative surge", "负面激增")}
_REASONS: Final = {
    "cleared": ("back to normal", "恢复正常"),
    "not_confirmed": ("not confirmed", "未获确认"),
    "no_data": ("no data", "数据中断"),
    "new_baseline": ("the new normal", "已成常态"),
}
# What people do.
_ACTS: Final = {
    "acknowledged": ("Acknowledged", "已确认"),
    "assigned": ("Assigned", "已指派"),
    "commented": ("Comment", "新评论"),
    "silenced": ("Silenced", "已静默"),
    "unsilenced": ("No longer silenced", "已取消静默"),
    "false_alarm": ("Marked as a false alarm", "已标为误报"),
}


def title(event: IncidentEvent, language: Language) -> str:
    """Return the title of an event's message; it says so where the documents are invented."""
    words = _english(event) if language == "en" else _chinese(event)
    mark = ("[DEMO] " if language == "en" else "[演示] ") if event.incident.invented else ""
    return one_line(mark + words, MOST_CHARS)


def _english(event: IncidentEvent) -> str:
    incident = event.incident
    series = series_words(incident.series, "en") + _lead(incident, " (mostly {})")
    if event.type in _ACTS:
        by = f" by {event.actor}" if event.actor else ""
        said = f": {event.text}" if event.text else ""
        return f"{_ACTS[event.type][0]}{by}: {series}{said}"
    if event.type == "resolved":
        return f"Resolved ({_reason(incident, 'en')}): {series}, z reached {incident.z_peak:.1f}"
    kind = _KINDS[incident.kind][0]
    alert = f"critical {kind}" if incident.severity == "critical" else kind
    opening = {"escalated": "Escalated: ", "reminder": "Still open: ", "reopened": "Open again: "}.get(event.type, "")
    first = f"{opening}{alert}"
    return (
        f"{first[0].upper()}{first[1:]}: {series}, {percent(incident.share)} negative against "
        f"{percent(incident.baseline_share)} expected ({incident.negative} of {incident.total} stories in "
        f"{span_words(incident.span_s, 'en')}){', early' if incident.early else ''}{', late' if incident.late else ''}"
    )


def _chinese(event: IncidentEvent) -> str:
    incident = event.incident
    series = series_words(incident.series, "zh") + _lead(incident, "（以 {} 为主）")
    if event.type in _ACTS:
        by = f"（{event.actor}）" if event.actor else ""
        said = f"：{event.text}" if event.text else ""
        return f"{_ACTS[event.type][1]}{by}：{series}{said}"
    if event.type == "resolved":
        return f"已解除（{_reason(incident, 'zh')}）：{series}，z 最高 {incident.z_peak:.1f}"
    kind = _KINDS[incident.kind][1]
    alert = f"严重：{kind}" if incident.severity == "critical" else kind
    opening = {"escalated": "升级 ", "reminder": "仍未解除 ", "reopened": "再次触发 "}.get(event.type, "")
    return (
        f"{opening}{alert}：{series}，负面占比 {percent(incident.share)}（预期 {percent(incident.baseline_share)}），"
        f"{span_words(incident.span_s, 'zh')}内 {incident.total} 条中 {incident.negative} 条负面"
        f"{'，提前预警' if incident.early else ''}{'，迟到' if incident.late else ''}"
    )


def _lead(incident: Incident, words: str) -> str:
    return words.format(one_line(incident.led_by, 40)) if incident.led_by else ""


def _reason(incident: Incident, language: Language) -> str:
    reason = incident.reason or "cleared"
    known = _REASONS.get(reason)
    return reason if known is None else known[0 if language == "en" else 1]
