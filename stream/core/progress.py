"""How far the system is: what came, what was applied, what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Part = tuple[str, int]


def lag(ends: Mapping[Part, int], beginnings: Mapping[Part, int], applied: Mapping[Part, int]) -> int:
    """Return the records that wait to be applied.

    Args:
        ends: the offset that the next record will get, by topic and partition.
        beginnings: the offset of the oldest record still kept.
        applied: the highest offset applied; partitions without one have applied nothing.
    """
    waiting = 0
    for part, end in ends.items():
        read_next = max(applied.get(part, -1) + 1, beginnings.get(part, 0))
        waiting += max(0, end - read_next)
    return waiting


def behind(ends: Mapping[Part, int], positions: Mapping[Part, int]) -> list[Part]:
    """Return the partitions whose next offset to read lies beyond their end: Kafka lost what was applied."""
    return [part for part, position in positions.items() if part in ends and position > ends[part]]


def gaps(offsets: Mapping[Part, Sequence[int]], applied: Mapping[Part, int]) -> list[tuple[Part, int, int]]:
    """Return the ranges `[start, end)` of offsets that were not delivered, by topic and partition.

    Args:
        offsets: ascending, as they were delivered.
        applied: the highest offset applied before them, -1 for none; offsets up to it are redeliveries.
    """
    found = []
    for part, delivered in offsets.items():
        expected = applied.get(part, -1) + 1
        for offset in delivered:
            if offset > expected:
                found.append((part, expected, offset))
            expected = max(expected, offset + 1)
    return found
