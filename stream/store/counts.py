"""Counts of windows, for the detector: fewer measures than the pages read, of many series at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from stream.core.readings import Counts
from stream.store.client import connect, store_errors
from stream.store.keys import LATE_NEGATIVE, LATE_STORIES, NEGATIVE, NEUTRAL, POSITIVE, Keys
from stream.store.read import literal

_LABELS: Final = (NEGATIVE, NEUTRAL, POSITIVE)
_MEASURES: Final = (*_LABELS, LATE_STORIES, LATE_NEGATIVE)
_FEW_SERIES = 64
_AT_ONCE = 64
_SCAN = 1_000

Window = Mapping[str, Counts]


class CountsReader:
    """Reads windows of one namespace; StoreError when the store does not answer.

    Args:
        late: whether stories count that came too late for live detection: for baselines and the past, never live.
    """

    def __init__(self, url: str, namespace: str, *, late: bool) -> None:
        self._url = url
        self._keys = Keys(namespace)
        self._redis = connect(url)
        self._late = late

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def windows(self, width_s: int, starts: Sequence[int], series: Collection[str] | None = None) -> list[Window]:
        """Return, for each start, the series that have stories in that window; all series, or those named."""
        if series is not None and not series:
            return [{} for _ in starts]
        names = sorted(series) if series is not None and len(series) <= _FEW_SERIES else None
        found: list[Window] = []
        for i in range(0, len(starts), _AT_ONCE):
            rows = self._rows(width_s, starts[i : i + _AT_ONCE], names)
            found.extend(self._window(row, series) for row in rows)
        return found

    def starts(self, width_s: int) -> list[int]:
        """Return the starts of the windows of this width that are stored, in order; reads every key once."""
        prefix = self._keys.window(width_s, 0)[:-1]
        with store_errors(self._url):
            keys = list(self._redis.scan_iter(match=literal(prefix) + "*", count=_SCAN))
        return sorted(int(key.decode().removeprefix(prefix)) for key in keys)

    def _rows(self, width_s: int, starts: Sequence[int], names: Sequence[str] | None) -> list[dict[bytes, bytes]]:
        fields = [f"{name}|{measure}".encode() for name in names or () for measure in _MEASURES]
        with store_errors(self._url):
            pipe = self._redis.pipeline(transaction=False)
            for start in starts:
                key = self._keys.window(width_s, start)
                if names is None:
                    pipe.hgetall(key)
                else:
                    pipe.hmget(key, fields)
            answers: list[Any] = pipe.execute()
        if names is None:
            return answers
        return [{f: v for f, v in zip(fields, row, strict=True) if v is not None} for row in answers]

    def _window(self, row: Mapping[bytes, bytes], series: Collection[str] | None) -> Window:
        sums: dict[str, list[int]] = {}
        for field, value in row.items():
            name, _, measure = field.decode().rpartition("|")
            if measure in _MEASURES and (series is None or name in series):
                both = sums.setdefault(name, [0, 0])
                if measure in _LABELS:
                    both[1] += int(value)
                    both[0] += int(value) if measure == NEGATIVE else 0
                elif not self._late:
                    both[0 if measure == LATE_NEGATIVE else 1] -= int(value)
        return {name: Counts(*both) for name, both in sums.items() if both[1] > 0}
