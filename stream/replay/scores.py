"""What the model reads, remembered: the same batch under the same model is read once."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import msgspec

from stream.agents.inbox import Readable
from stream.agents.scoring import Reads, Scorer

if TYPE_CHECKING:
    from model.classifier import Reading

# Fixed: what shares a batch moves a score's last digits, and two replays are to agree in all of them.
BATCH: Final = 256
_WAIT_S: Final = 30.0


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    sentiment: tuple[float, float, float]
    topics: tuple[float, ...]


_decoder: Final = msgspec.msgpack.Decoder(list[_Kept | str])


class Scores:
    """A model, and a file of what it has read. sqlite3.OperationalError: the disk is full.

    Args:
        path: one file for all replays of a home.
        identity: besides the revision, what decides a reading: device and precision.
    """

    def __init__(self, path: Path, classifier: Reads, identity: str) -> None:
        self._scorer = Scorer(classifier)
        self._identity = f"{classifier.revision}\x1f{identity}".encode()
        self._file = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS batches (key BLOB PRIMARY KEY, readings BLOB) WITHOUT ROWID")
        self._loop = asyncio.Runner()
        self.read_now = 0
        self.remembered = 0

    def __enter__(self) -> Scores:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.close()
        self._file.close()

    @property
    def revision(self) -> str:
        """The model's revision."""
        return self._scorer.revision

    def read(self, items: Sequence[Readable]) -> list[Reading | str]:
        """Return a reading of each, or the reason why there is none. ModelBroken where it reads nothing at all."""
        if not items:
            return []
        key = self._key(items)
        row = self._file.execute("SELECT readings FROM batches WHERE key = ?", (key,)).fetchone()
        if row is not None:
            kept = _decoder.decode(row[0])
            if len(kept) == len(items):
                self.remembered += len(items)
                return [one if isinstance(one, str) else _reading(one) for one in kept]
        readings = self._loop.run(
            self._scorer.read([item.text for item in items], [item.document.kind for item in items])
        )
        rows = [one if isinstance(one, str) else (one.sentiment, one.topics) for one in readings]
        self._file.execute("INSERT OR REPLACE INTO batches VALUES (?, ?)", (key, msgspec.msgpack.encode(rows)))
        self.read_now += len(items)
        return readings

    def _key(self, items: Iterable[Readable]) -> bytes:
        digest = hashlib.blake2b(self._identity, digest_size=16)
        for item in items:
            text = item.text.encode(errors="surrogatepass")
            digest.update(f"\x1e{item.document.kind}{len(text)}:".encode())
            digest.update(text)
        return digest.digest()


def _reading(kept: _Kept) -> Reading:
    from model.classifier import Reading

    return Reading(kept.sentiment, kept.topics)


def in_batches(items: Iterable[Readable]) -> Iterator[list[Readable]]:
    """Yield the items by count, in order, the last batch perhaps smaller."""
    batch: list[Readable] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
