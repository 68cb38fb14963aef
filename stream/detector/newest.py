"""The list of newest stories, read once for many series that ask for the same span."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from stream.store.read import Headline, Reader

FRESH_S: Final = 1.0
_MOST_KEPT = 64

Asked = tuple[int, int | None, int | None]


class NewestStories(Reader):
    """A reader that answers the same question of `latest` for a second from memory: in a crash hundreds ask it."""

    def __init__(self, url: str, namespace: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(url, namespace)
        self._clock = clock
        self._kept: dict[Asked, tuple[float, list[Headline]]] = {}

    def latest(self, most: int = 50, *, start_s: int | None = None, end_s: int | None = None) -> list[Headline]:
        """See `Reader.latest`."""
        asked, now_s = (most, start_s, end_s), self._clock()
        kept = self._kept.get(asked)
        if kept is not None and now_s - kept[0] < FRESH_S:
            return kept[1]
        found = super().latest(most, start_s=start_s, end_s=end_s)
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[asked] = (now_s, found)
        return found
