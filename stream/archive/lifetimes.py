"""Which keys of the store a document reads and writes, and until when each lives. Values in, values out.

The store counts a lifetime from a key's last write. A rebuild writes all within minutes: so that nothing outlives its
time, or is found where it was gone already, the writes' own times are kept here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from stream.core.event_time import DAY_S
from stream.store.apply import Counted
from stream.store.keys import ID_DAYS, ID_SLOTS, ID_TTL_S, LATEST_TTL_S, STORY_TTL_S, WINDOW_TTL_S

_NEIGHBOURS: Final = (0, -1, 1)
SWEEP_S: Final = 3 * 3_600

# Kind of key, and what follows it in its name.
Name = tuple[str, int, int]


def name_of(name: Name) -> str:
    """Return a key's name without the namespace's prefix."""
    kind, first, second = name
    return f"{kind}:{first}:{second}" if kind in ("w", "ids") else f"{kind}:{first}"


@dataclass(frozen=True, slots=True)
class Touched:
    """The keys that a document may read or write.

    Attributes:
        windows: written unless it is a duplicate.
        ids: where its id is looked up; the first takes it in.
        others: stories and lists, of which the store alone knows which are written.
    """

    windows: tuple[Name, ...]
    ids: tuple[Name, ...]
    others: tuple[Name, ...]

    @property
    def all(self) -> tuple[Name, ...]:
        """Every one of them."""
        return (*self.windows, *self.ids, *self.others)


def touched(counted: Counted) -> Touched:
    """Return the keys that a document may read or write."""
    minute_s = counted.event_s - counted.event_s % 60
    received_day, slot = counted.received_ms // 1_000 // DAY_S, counted.id_hash % ID_SLOTS
    day = counted.event_s // DAY_S
    return Touched(
        windows=tuple(("w", width_s, minute_s - minute_s % width_s) for width_s in WINDOW_TTL_S),
        ids=tuple(("ids", received_day + shift, slot) for shift in ID_DAYS),
        others=(*(("stories", day + shift, 0) for shift in _NEIGHBOURS), ("latest", day, 0)),
    )


def lifetime_s(name: Name) -> int:
    """Return how long a key lives after its last write."""
    kind, first, _ = name
    return (
        WINDOW_TTL_S[first] if kind == "w" else {"ids": ID_TTL_S, "stories": STORY_TTL_S, "latest": LATEST_TTL_S}[kind]
    )


@dataclass(slots=True)
class Lifetimes:
    """The keys that live at the moment that the rebuild has come to, each with the second at which it ends.

    Attributes:
        known: hashes of the ids in each key that holds such, as in the store.
    """

    ends_s: dict[Name, float] = field(default_factory=dict)
    known: dict[Name, set[int]] = field(default_factory=dict)
    _swept_s: float = 0.0

    def take(self, counted: Counted, keys: Touched, at_s: float) -> bool:
        """Note a document, and return whether it is new; a duplicate writes nothing."""
        if any(counted.id_hash in self.known.get(name, ()) for name in keys.ids):
            return False
        self.known.setdefault(keys.ids[0], set()).add(counted.id_hash)
        self.written((*keys.windows, keys.ids[0]), at_s)
        return True

    def over(self, names: Iterable[Name], now_s: float) -> list[Name]:
        """Return those of the keys that have ended by now, and forget them."""
        ends_s = self.ends_s
        found = [name for name in names if ends_s.get(name, now_s + 1) <= now_s]
        for name in found:
            del ends_s[name]
            self.known.pop(name, None)
        return found

    def any_over(self, names: Iterable[Name], now_s: float) -> bool:
        """Return whether one of the keys has ended by now."""
        ends_s = self.ends_s
        return any(ends_s.get(name, now_s + 1) <= now_s for name in names)

    def written(self, names: Iterable[Name], at_s: float) -> None:
        """Note that keys were written."""
        for name in names:
            self.ends_s[name] = max(self.ends_s.get(name, 0.0), at_s + lifetime_s(name))

    def sweep(self, now_s: float) -> list[Name]:
        """Return, every few hours of that time, all keys that have ended, and forget them."""
        if now_s - self._swept_s < SWEEP_S:
            return []
        self._swept_s = now_s
        return self.over(list(self.ends_s), now_s)
