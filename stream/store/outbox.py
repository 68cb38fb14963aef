"""The outbox: every event of every incident in order, for whoever tells the world of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any, Final

from stream.core.incidents import IncidentEvent
from stream.store.client import StoreError, connect_async, store_errors
from stream.store.incident_read import event_of
from stream.store.keys import OUTBOX_CURSORS, OUTBOX_LEAST, Keys
from stream.store.scripts import script, script_errors

START: Final = "0-0"

_ADVANCE: Final = script("advance.lua")
_TRIM: Final = script("trim.lua")
_ENTRY: Final = re.compile(r"\d{1,15}-\d{1,15}", re.ASCII)
# Below the client's timeout, which would take a quiet outbox for a server that does not answer.
_BLOCK_MOST_MS: Final = 3_000
_TRIM_AT_ONCE: Final = 200

log = logging.getLogger(__name__)


class Outbox:
    """The outbox of one namespace. Every method raises StoreError when the store does not answer."""

    def __init__(self, url: str, namespace: str) -> None:
        self.namespace = namespace
        self._url = url
        self._keys = Keys(namespace)
        self._redis = connect_async(url)
        self._advance: Any = self._redis.register_script(_ADVANCE)
        self._trim: Any = self._redis.register_script(_TRIM)
        # After which entry there was nothing to read up to which one: it is not looked at twice.
        self._passed = ("", "")

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def read(self, after: str, most: int, block_ms: int) -> list[tuple[str, IncidentEvent]]:
        """Return up to `most` events after an entry, in order, each with its entry's id; empty where none came.

        An entry that holds no event, or one that this version does not know, is named in the log and passed over.

        Args:
            after: id of an entry, `START` for the oldest that is kept.
            block_ms: wait so long for the first one, 3 s at most; 0 does not wait.
        """
        block = min(block_ms, _BLOCK_MOST_MS) if block_ms > 0 else None
        at = self._passed[1] if self._passed[0] == _entry(after) else after
        while True:
            with store_errors(self._url):
                answer: Any = await self._redis.xread({self._keys.outbox: at}, count=most, block=block)
            rows = _rows(answer)
            if not rows:
                return []
            events = _events(rows)
            at = rows[-1][0].decode()
            self._passed = (events[-1][0] if events else after, at)
            if events:
                return events

    async def cursor(self, name: str) -> str:
        """Return the newest entry that this reader has dealt with, `START` before its first."""
        with store_errors(self._url):
            at: Any = await self._redis.get(self._keys.outbox_cursor(_known(name)))
        return START if at is None else at.decode()

    async def advance(self, name: str, entry_id: str) -> None:
        """Note that this reader has dealt with an entry and all before it; a cursor never goes back."""
        with script_errors(self._url):
            await self._advance(keys=[self._keys.outbox_cursor(_known(name))], args=[_entry(entry_id)])

    async def trim(self, least: int = OUTBOX_LEAST) -> int:
        """Drop the oldest entries that every one of `OUTBOX_CURSORS` is past, down to `least`; return how many."""
        keys = [self._keys.outbox, *(self._keys.outbox_cursor(name) for name in OUTBOX_CURSORS)]
        dropped = 0
        while True:
            with script_errors(self._url):
                one = int(await self._trim(keys=keys, args=[least, _TRIM_AT_ONCE]))
            dropped += one
            if one < _TRIM_AT_ONCE:
                return dropped


def _events(rows: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[tuple[str, IncidentEvent]]:
    found = []
    for name, fields in rows:
        try:
            found.append((name.decode(), event_of(fields)))
        except StoreError as exc:
            log.error("outbox: entry %s is passed over: %s", name.decode(), exc)
    return found


def _rows(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return the entries in an answer to XREAD of one stream: a table or, in the older protocol, a list."""
    streams = list(answer.values()) if isinstance(answer, dict) else [rows for _, rows in answer or []]
    if not streams:
        return []
    # The library wraps the entries of a stream once more in the newer protocol.
    entries = streams[0]
    return entries[0] if entries and isinstance(entries[0], list) else entries


def _known(name: str) -> str:
    if name not in OUTBOX_CURSORS:
        raise ValueError(f"cursor {name!r} is not known; known are {', '.join(OUTBOX_CURSORS)}")
    return name


def _entry(entry_id: str) -> str:
    if not _ENTRY.fullmatch(entry_id):
        raise ValueError(f"{entry_id!r} is no entry of a stream; expected milliseconds-number")
    return entry_id
