"""What a run has told and has still to tell, in a file of its own: a kill loses nothing and repeats nothing."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stream.store.delivery_queue import Due, Outcome, Waiting

_LOOK_AT: Final = 100
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS run (token TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, endpoint TEXT NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending', tries INTEGER NOT NULL DEFAULT 0, due_ms REAL NOT NULL DEFAULT 0,
    wait_ms REAL NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT ''
);
"""


@dataclass(frozen=True, slots=True)
class Tale:
    """How an endpoint stands: messages that arrived, and that did not; why the last of those did not."""

    endpoint: str
    delivered: int
    left: int
    reason: str


class Journal:
    """The file; one thread's. Messages of an endpoint are sent in the order in which they were added.

    What was given up in an earlier start waits anew. sqlite3.OperationalError: the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        # What is told is not told again by a machine that lost its last second.
        self._file.execute("PRAGMA synchronous=FULL")
        self._file.executescript(_TABLES)
        row = self._file.execute("SELECT token FROM run").fetchone()
        self.token: str = secrets.token_hex(16) if row is None else row[0]
        if row is None:
            self._file.execute("INSERT INTO run VALUES (?)", (self.token,))
        self._file.execute(
            "UPDATE messages SET state = 'pending', tries = 0, due_ms = 0, wait_ms = 0 WHERE state != 'delivered'"
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, name: str, endpoint: str, type_: str, body: bytes) -> bool:
        """Take a message; False where it was taken before."""
        row = (name, endpoint, type_, body)
        said = "INSERT OR IGNORE INTO messages (id, endpoint, type, body) VALUES (?, ?, ?, ?)"
        return self._file.execute(said, row).rowcount == 1

    def tale(self, endpoint: str) -> Tale:
        """Return how an endpoint stands."""
        said = "SELECT count(*) FROM messages WHERE endpoint = ? AND state "
        delivered: int = self._file.execute(said + "= 'delivered'", (endpoint,)).fetchone()[0]
        left: int = self._file.execute(said + "!= 'delivered'", (endpoint,)).fetchone()[0]
        why = "SELECT reason FROM messages WHERE endpoint = ? AND state != 'delivered' AND reason != '' ORDER BY number"
        row = self._file.execute(why, (endpoint,)).fetchone()
        return Tale(endpoint, delivered, left, "" if row is None else row[0])

    def is_waiting(self, endpoint: str) -> bool:
        """Return whether some message is neither delivered nor given up."""
        said = "SELECT 1 FROM messages WHERE endpoint = ? AND state = 'pending' LIMIT 1"
        return self._file.execute(said, (endpoint,)).fetchone() is not None

    async def line(self, endpoint: str, now_ms: float) -> list[Due]:
        """Return an endpoint's next messages in order."""
        said = (
            "SELECT id, due_ms, wait_ms FROM messages WHERE endpoint = ? AND state = 'pending' ORDER BY number LIMIT ?"
        )
        return [Due(*row) for row in self._file.execute(said, (endpoint, _LOOK_AT))]

    async def waiting(self, delivery_id: str) -> Waiting | None:
        """Return a message that waits. In virtual time nothing is told too late: none is overtaken."""
        said = "SELECT body, tries, type FROM messages WHERE id = ? AND state = 'pending'"
        row = self._file.execute(said, (delivery_id,)).fetchone()
        if row is None:
            return None
        body, tries, type_ = row
        return Waiting(delivery_id, body, tries, type_, resolved=False)

    async def drop_due(self, endpoint: str, delivery_id: str) -> None:
        """Do nothing: a message that has ended stands in no line."""

    async def record(self, endpoint: str, delivery_id: str, outcome: Outcome, now_ms: int) -> bool:
        """Write down an attempt; False where the message had ended."""
        due_ms = outcome.next_at_ms or 0
        said = (
            "UPDATE messages SET state = ?, tries = tries + 1, due_ms = ?, wait_ms = ?, reason = ? "
            "WHERE id = ? AND state = 'pending'"
        )
        row = (outcome.state, due_ms, max(due_ms - now_ms, 0), outcome.attempt.reason, delivery_id)
        return self._file.execute(said, row).rowcount == 1

    async def hurry(self, endpoint: str, now_ms: float) -> None:
        """Make all that waits for an endpoint due now."""
        said = "UPDATE messages SET due_ms = 0, wait_ms = 0 WHERE endpoint = ? AND state = 'pending'"
        self._file.execute(said, (endpoint,))
