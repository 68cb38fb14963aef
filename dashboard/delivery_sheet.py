"""The deliveries of one incident with their attempts, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dashboard.formats import Formats
from dashboard.i18n import Words
from dashboard.safe import plain
from stream.store.deliveries import Attempt, DeliverySeen

MARKS: Final = {"delivered": "✓", "pending": "…", "dead": "✗"}


def sheet_deliveries(found: Sequence[DeliverySeen], formats: Formats, now_s: float) -> dict[str, Any]:
    """Return what was sent to whom, newest event first; each attempt is told when it is unfolded.

    Args:
        now_s: when it was read, unix seconds.
    """
    words = formats.words
    newest = sorted(found, key=lambda one: one.seq, reverse=True)
    return {
        "type": "table",
        "key": "deliveries",
        "title": words("alerts.deliveries"),
        "columns": [words(f"delivery.{name}") for name in ("endpoint", "event", "state", "attempts")],
        "rows": [_row(one, formats, now_s) for one in newest],
        "empty": words("alerts.no_deliveries"),
    }


def _row(one: DeliverySeen, formats: Formats, now_s: float) -> list[dict[str, Any]]:
    words = formats.words
    state = "parked" if one.parked else one.state
    tone = {"dead": "critical", "parked": "warning"}.get(state, "")
    return [
        {"text": plain(one.endpoint, 40)},
        {"text": words.catalogue.get(f"event.{one.type}", plain(one.type, 24))},
        {"text": f"{MARKS.get(one.state, '…')} {words(f'delivery.{state}')}", "tone": tone},
        {
            "text": _tries(one, formats, now_s),
            "wide": True,
            "fold": one.id,
            "lines": [_attempt(attempt, formats) for attempt in reversed(one.attempts)],
        },
    ]


def _tries(one: DeliverySeen, formats: Formats, now_s: float) -> str:
    words, n = formats.words, len(one.attempts)
    told = words(f"count.attempts.{'one' if n == 1 else 'other'}", n=formats.whole(n))
    last = f" · {_outcome(one.attempts[-1], words)}" if one.attempts else ""
    if one.next_at_ms is None:
        return f"{told}{last}"
    at_s = one.next_at_ms / 1000
    # An endpoint that fails again and again gets a probe a minute, and what is due waits for one that succeeds.
    due = words("delivery.next", time=formats.clock(at_s)) if at_s > now_s else words("delivery.due")
    return f"{told}{last} · {due}"


def _attempt(attempt: Attempt, formats: Formats) -> str:
    took = formats.words("delivery.took", ms=formats.whole(attempt.took_ms))
    return f"{formats.moment(attempt.at_ms / 1000)} · {_outcome(attempt, formats.words)} · {took}"


def _outcome(attempt: Attempt, words: Words) -> str:
    status = words("delivery.no_answer") if attempt.status is None else str(attempt.status)
    reason = plain(attempt.reason, 120)
    return f"{status} · {reason}" if reason and reason != status else status
