"""What becomes of a delivery after an attempt: values in, a verdict out. No clock, no chance of its own."""

from __future__ import annotations

import email.utils
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final, Literal

# Wait before the first attempt, the second, …; after the last the delivery is a dead letter.
SCHEDULE_S: Final = (0.0, 5.0, 30.0, 120.0, 300.0, 900.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0)
JITTER: Final = 0.2
LONGEST_RETRY_AFTER_S: Final = 43_200.0
GONE: Final = 410
_ASKS_FOR_TIME: Final = (429, 503)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt met.

    Attributes:
        status: of HTTP; None where no answer came.
        reason: one line without anything secret or from outside; "" after a success.
        retry_after: the header as it came.
    """

    status: int | None
    reason: str = ""
    retry_after: str | None = None

    @property
    def ok(self) -> bool:
        """Return whether the receiver has it: 2xx and nothing else."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens now.

    Attributes:
        next_at_s: of `pending`, when it is tried again, unix seconds.
        resume_at_s: until then the endpoint wants to hear of nothing; None where it did not say so.
        gone: the endpoint is told of nothing any more.
    """

    state: Literal["delivered", "pending", "dead"]
    next_at_s: float | None = None
    resume_at_s: float | None = None
    gone: bool = False


def verdict(answer: Answer, tries: int, now_s: float, chance: float, schedule: Sequence[float] = SCHEDULE_S) -> Verdict:
    """Return what happens after an attempt.

    Args:
        tries: attempts made, with this one, >= 1.
        chance: drawn from [0, 1); moves the wait within its jitter.
    """
    if answer.ok:
        return Verdict("delivered")
    if answer.status == GONE:
        return Verdict("dead", gone=True)
    asked_s = retry_after_s(answer.retry_after, now_s) if answer.status in _ASKS_FOR_TIME else None
    resume_at_s = None if asked_s is None else now_s + asked_s
    if tries >= len(schedule):
        return Verdict("dead", resume_at_s=resume_at_s)
    wait_s = max(jittered(schedule[tries], chance), asked_s or 0.0)
    return Verdict("pending", next_at_s=now_s + wait_s, resume_at_s=resume_at_s)


def jittered(wait_s: float, chance: float) -> float:
    """Return the wait, moved by at most `JITTER` of itself.

    >>> jittered(100, 0), jittered(100, .5)
    (80.0, 100.0)
    """
    return wait_s * (1 - JITTER + 2 * JITTER * chance)


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """Return how long a Retry-After header asks to wait, in [0, 12 h]; None where it asks for nothing readable.

    >>> retry_after_s("120", 0), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 0), retry_after_s("soon", 0)
    (120.0, 60.0, None)
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_RETRY_AFTER_S)
    try:
        at = email.utils.parsedate_to_datetime(text)
        # Dates of HTTP are in GMT, whatever their zone's name.
        at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, at_s - now_s), LONGEST_RETRY_AFTER_S)
