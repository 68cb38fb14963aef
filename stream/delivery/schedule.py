"""What becomes of a delivery after an attempt: values in, a verdict out. No clock, no chance of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from stream.core.retry_after import retry_after_s
from stream.store.delivery_keys import ORDER_MS

# Wait before the first attempt, the second, …; after the last the delivery is a dead letter.
SCHEDULE_S: Final = (0.0, 5.0, 30.0, 120.0, 300.0, 900.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0)
JITTER: Final = 0.2
LONGEST_RETRY_AFTER_S: Final = 43_200.0
GONE: Final = 410
_ASKS_FOR_TIME: Final = (429, 503)
_MOST_AHEAD_MS: Final = 60_000.0
# Of the machines on which one notifier takes over from another.
_CLOCKS_DIFFER_MS: Final = 1_000.0


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
        next_in_s: of `pending`, how long until it is tried again.
        resume_in_s: so long the endpoint wants to hear of nothing; None where it did not say so.
        gone: the endpoint is told of nothing any more.
    """

    state: Literal["delivered", "pending", "dead"]
    next_in_s: float | None = None
    resume_in_s: float | None = None
    gone: bool = False


def verdict(answer: Answer, tries: int, now_s: float, chance: float, schedule: Sequence[float] = SCHEDULE_S) -> Verdict:
    """Return what happens after an attempt.

    Args:
        tries: attempts made, with this one, >= 1.
        now_s: unix seconds; a receiver may ask for time by a date.
        chance: drawn from [0, 1); moves the wait within its jitter.
    """
    if answer.ok:
        return Verdict("delivered")
    if answer.status == GONE:
        return Verdict("dead", gone=True)
    asks = answer.status in _ASKS_FOR_TIME
    asked_s = retry_after_s(answer.retry_after, now_s, LONGEST_RETRY_AFTER_S) if asks else None
    if tries >= len(schedule):
        return Verdict("dead", resume_in_s=asked_s)
    return Verdict("pending", next_in_s=max(jittered(schedule[tries], chance), asked_s or 0.0), resume_in_s=asked_s)


def jittered(wait_s: float, chance: float) -> float:
    """Return the wait, moved by at most `JITTER` of itself.

    >>> jittered(100, 0), jittered(100, .5)
    (80.0, 100.0)
    """
    return wait_s * (1 - JITTER + 2 * JITTER * chance)


def remaining_s(due_ms: float, wait_ms: float, now_s: float) -> float:
    """Return for how long a delivery still waits; <= 0 where it is due.

    What lies further ahead than the delivery was told to wait is there because a clock was set back: it is due.

    Args:
        due_ms: unix milliseconds.
        wait_ms: what it was told to wait when that was written down; 0 before its first attempt.

    >>> remaining_s(5_000, 5_000, 1), remaining_s(3_600_000, 5_000, 1), remaining_s(3_600_000, 0, 1)
    (4.0, 0.0, 0.0)
    """
    left_ms = due_ms - now_s * 1_000
    return left_ms / 1_000 if left_ms <= wait_ms + _CLOCKS_DIFFER_MS else 0.0


def following_ms(last_ms: float, now_ms: float) -> float:
    """Return when the next of several deliveries is due: now, or just after the last.

    A last one that lies a minute ahead or more was given by a clock that has been set back since.

    >>> following_ms(100, 50), following_ms(100, 200), following_ms(3_600_000, 50)
    (100.01, 200, 50)
    """
    after_ms = last_ms + ORDER_MS
    return after_ms if now_ms < after_ms < now_ms + _MOST_AHEAD_MS else now_ms
