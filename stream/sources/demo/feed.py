"""The whole feed as a function of time: the ordinary documents, and those of a crisis once one has begun."""

from __future__ import annotations

from stream.sources.demo.background import MINUTE_S, background_of
from stream.sources.demo.crisis import crisis_of
from stream.sources.demo.invented import Invented


def documents_of(minute_s: int, seed: int, crisis_start_s: int | None) -> list[Invented]:
    """Return the documents of one minute, in the order in which they are published.

    The same arguments give the same documents, with the same ids, wherever and whenever they are asked for.

    Args:
        minute_s: start of the minute, unix seconds, divisible by 60.
        seed: which feed.
        crisis_start_s: when a crisis begins, unix seconds; None without one. It adds documents and changes none.
    """
    if minute_s % MINUTE_S:
        raise ValueError(f"minute_s {minute_s}: no start of a minute")
    found = background_of(minute_s, seed)
    if crisis_start_s is not None:
        found = found + crisis_of(minute_s, seed, crisis_start_s)
    return sorted(found, key=lambda document: (document.published_ms, document.id))


def documents_between(after_ms: int, until_ms: int, seed: int, crisis_start_s: int | None) -> list[Invented]:
    """Return what is published in `(after_ms, until_ms]`, in order; unix milliseconds."""
    first = after_ms // 1000 // MINUTE_S * MINUTE_S
    return [
        document
        for minute_s in range(first, until_ms // 1000 + 1, MINUTE_S)
        for document in documents_of(minute_s, seed, crisis_start_s)
        if after_ms < document.published_ms <= until_ms
    ]
