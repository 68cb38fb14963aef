"""Waiting until what was sent is visible: the store has applied every record up to the last one sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from stream.core.progress import Part
from stream.sources.errors import SourceError

_LOOK_S = 0.05


def left_by_part(last: Mapping[Part, int], applied: Mapping[Part, int | None]) -> dict[Part, int]:
    """Return how many offsets are not applied yet, by topic and partition, where any are.

    Args:
        last: highest offset sent.
        applied: highest offset applied; None before the first.
    """
    behind = {part: offset - (-1 if (at := applied.get(part)) is None else at) for part, offset in last.items()}
    return {part: count for part, count in behind.items() if count > 0}


def wait_until_applied(
    last: Mapping[Part, int],
    applied: Callable[[str, int], int | None],
    *,
    topic_ids: Mapping[str, str],
    timeout_s: float,
    on_look: Callable[[int], None],
) -> None:
    """Return once the store has applied everything up to the last offsets.

    Args:
        last: highest offset sent, by topic and partition.
        applied: highest offset applied, by topic id and partition; it may raise SourceError, an outage.
        topic_ids: the broker's UUID of each topic.
        timeout_s: how long to wait.
        on_look: called with the number of records that are left.

    Raises:
        SourceError: not in time; the message says how far it came.
    """
    deadline = time.monotonic() + timeout_s
    left, outage = {part: offset + 1 for part, offset in last.items()}, ""
    while left:
        try:
            left = left_by_part(last, {part: applied(topic_ids[part[0]], part[1]) for part in last})
            outage = ""
        except SourceError as exc:
            if exc.permanent:
                raise
            outage = f" ({exc})"
        on_look(sum(left.values()))
        if left and time.monotonic() > deadline:
            raise SourceError(_not_yet(last, left, timeout_s) + outage)
        if left:
            time.sleep(_LOOK_S)


def _not_yet(last: Mapping[Part, int], left: Mapping[Part, int], timeout_s: float) -> str:
    (topic, partition), count = max(left.items(), key=lambda item: item[1])
    at = last[topic, partition]
    done = f"applied up to offset {at - count} of {at}" if count <= at else "none applied"
    return (
        f"not all is visible after {timeout_s:g} s: {sum(left.values()):,} records are not applied yet, most in "
        f"{topic} partition {partition} ({done}); nothing is lost, see in `barograph status` whether a worker runs"
    )
