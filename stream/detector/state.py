"""The detector's state as it is stored: series in chunks, each with the last step that it has closed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from stream.core.clocks import CLOCKS
from stream.core.correction import Corrections
from stream.core.life import Life
from stream.core.series import parse
from stream.core.watch import SCHEMA as WATCH_SCHEMA
from stream.core.watch import Watch
from stream.detector.engine import PRIOR_SHARE, Followed

SCHEMA: Final = 1
CHUNKS: Final = 64
WIDE: Final = "wide"  # markets and languages, decided before all others


class StateError(ValueError):
    """A stored state that this version cannot read."""

    permanent = True


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some series, and the end of the last step that they have closed.

    Attributes:
        unprimed: those whose baselines an older version wrote in its own way: to be primed anew up to `closed_s`.
    """

    closed_s: int
    followed: Mapping[str, Followed]
    unprimed: frozenset[str] = frozenset()


@lru_cache(maxsize=65_536)
def chunk_of(series: str) -> str:
    """Return the chunk in which a series is kept, for good: the wide ones together, the others by hash."""
    if parse(series)[1] in ("market", "lang"):
        return WIDE
    return f"{zlib.crc32(series.encode()) % CHUNKS:02d}"


def in_order(names: Mapping[str, Any]) -> list[str]:
    """Return the chunks in the order in which they are written: parents first."""
    return sorted(names, key=lambda name: (name != WIDE, name))


def pack(chunk: Chunk) -> bytes:
    """Return a chunk as MessagePack."""
    rows = [[name, f.watch.dump(), f.life.dump(), f.primed_s, f.told_s] for name, f in sorted(chunk.followed.items())]
    return msgspec.msgpack.encode([SCHEMA, chunk.closed_s, rows])


def unpack(state: bytes, corrections: Corrections | None = None) -> Chunk:
    """Return the chunk in a stored state; StateError.

    Args:
        corrections: for the errors of the model that counts from now on.
    """
    try:
        schema, closed_s, rows = msgspec.msgpack.decode(state)
        if schema != SCHEMA:
            raise StateError(f"the detector's state has schema {schema}; this version reads {SCHEMA}")
        followed, unprimed = {}, set()
        for name, watch, life, primed_s, *told_s in rows:
            known = watch[0] == WATCH_SCHEMA
            if not known:
                unprimed.add(name)
            correction = None if corrections is None else corrections.of(name)
            read = Watch.load(watch, CLOCKS, correction) if known else Watch(name, PRIOR_SHARE, CLOCKS, correction)
            followed[name] = Followed(read, Life.load(life), primed_s, *told_s)
        return Chunk(int(closed_s), followed, frozenset(unprimed))
    except (msgspec.MsgspecError, ValueError, TypeError, IndexError) as exc:
        if isinstance(exc, StateError):
            raise
        raise StateError(f"the detector's state cannot be read: {exc}") from exc
