"""What is known of each feed over restarts: one SQLite file in the home."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from stream.sources.errors import SourceError

FILE: Final = "rss.sqlite"
SCHEMA: Final = 1
# More than twice what is read of one poll: what still stands in a feed is never forgotten.
MAX_SEEN: Final = 12_000
_BUSY_S: Final = 10.0
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS feeds (
    feed TEXT PRIMARY KEY, source TEXT, etag TEXT, modified TEXT, body_hash BLOB, moved_to TEXT,
    asked_s REAL, next_poll_s REAL NOT NULL, not_before_s REAL NOT NULL, failures INTEGER NOT NULL,
    poll INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    feed TEXT NOT NULL, id BLOB NOT NULL, poll INTEGER NOT NULL, PRIMARY KEY (feed, id)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class FeedState:
    """One feed's state.

    Attributes:
        source: the name its documents got at the first poll that worked.
        etag, modified: as its server gave them, for a conditional GET.
        body_hash: of the last body that was read and sent in full.
        moved_to: where permanent redirects lead.
        asked_s: the pause the feed asks for.
        next_poll_s: unix seconds.
        not_before_s: until when the server asked us to stay away, unix seconds.
        failures: in a row.
        poll: how many polls brought a body.
    """

    source: str | None = None
    etag: str | None = None
    modified: str | None = None
    body_hash: bytes | None = None
    moved_to: str | None = None
    asked_s: float | None = None
    next_poll_s: float = 0.0
    not_before_s: float = 0.0
    failures: int = 0
    poll: int = 0


class StateFile:
    """The file; safe to use from several threads, and by several processes.

    Raises:
        SourceError: it cannot be opened or used, or a newer version wrote it.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._lock = threading.Lock()
        with self._said():
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Addresses of feeds may be nobody else's business.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(
                self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def load(self, feed: str) -> FeedState:
        """Return a feed's state, that of a new one where there is none."""
        with self._said(), closing(self._connection.cursor()) as cursor:
            row = cursor.execute(
                "SELECT source, etag, modified, body_hash, moved_to, asked_s, next_poll_s, not_before_s, failures, "
                "poll FROM feeds WHERE feed = ?",
                (feed,),
            ).fetchone()
        return FeedState(*row) if row else FeedState()

    def seen(self, feed: str) -> set[str]:
        """Return the ids of the documents that were sent."""
        with self._said(), closing(self._connection.cursor()) as cursor:
            return {row[0].hex() for row in cursor.execute("SELECT id FROM seen WHERE feed = ?", (feed,))}

    def store(self, feed: str, state: FeedState, sent: Collection[str] = ()) -> None:
        """Write a feed's state and the ids that are sent and stand in it now, wholly or not at all.

        Of what stands in it no longer the oldest is forgotten, beyond `MAX_SEEN`.
        """
        with self._said(), closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                cursor.execute(
                    "INSERT OR REPLACE INTO feeds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (feed, *astuple(state))
                )
                if sent:
                    cursor.executemany(
                        "INSERT OR REPLACE INTO seen VALUES (?, ?, ?)",
                        ((feed, bytes.fromhex(one), state.poll) for one in sent),
                    )
                    cursor.execute(
                        "DELETE FROM seen WHERE feed = :feed AND id IN "
                        "(SELECT id FROM seen WHERE feed = :feed ORDER BY poll DESC LIMIT -1 OFFSET :most)",
                        {"feed": feed, "most": MAX_SEEN},
                    )
                cursor.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    cursor.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _prepare(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, SCHEMA):
            raise SourceError(
                f"{self._path}: was written by another version (state {version}, this one reads {SCHEMA}); "
                "without it every entry is sent once more, under the same id",
                permanent=True,
            )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_TABLES)
        self._connection.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def _said(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as exc:
                raise SourceError(f"{self._path}: what was sent cannot be kept: {exc}", permanent=True) from exc
