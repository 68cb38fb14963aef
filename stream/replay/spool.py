"""Frames on disk, read back in order of time; what was written first comes first among equals."""

from __future__ import annotations

import mmap
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

_LENGTH: Final = struct.Struct("<I")


class Spool:
    """A file of frames that is gone when it is left; memory is sixteen bytes a frame. OSError: the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b", buffering=1 << 20)
        self._at: array[int] = array("q")
        self._places: array[int] = array("q")
        self._size = 0
        self.out_of_order = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._path.unlink(missing_ok=True)
        self._file.close()

    def __len__(self) -> int:
        return len(self._at)

    @property
    def first(self) -> int | None:
        """The earliest time, None where there is no frame."""
        return min(self._at, default=None)

    @property
    def last(self) -> int | None:
        """The latest time, None where there is no frame."""
        return max(self._at, default=None)

    def add(self, at: int, frame: bytes) -> int:
        """Write a frame of this time and return its number."""
        if self._at and at < self._at[-1]:
            self.out_of_order += 1
        self._at.append(at)
        self._places.append(self._size)
        self._file.write(_LENGTH.pack(len(frame)))
        self._file.write(frame)
        self._size += _LENGTH.size + len(frame)
        return len(self._at) - 1

    def frames(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield number, time and frame of each, in order of time."""
        if not self._at:
            return
        self._file.flush()
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            for number in self._ordered():
                yield number, self._at[number], _frame(held, self._places[number])

    def frame(self, number: int) -> bytes:
        """Return one frame by its number, IndexError where there is none; slow beside `frames`."""
        self._file.flush()
        self._file.seek(self._places[number])
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        found = self._file.read(length)
        self._file.seek(0, 2)
        return found

    def _ordered(self) -> range | list[int]:
        if not self.out_of_order:
            return range(len(self._at))
        return sorted(range(len(self._at)), key=self._at.__getitem__)


def _frame(held: mmap.mmap, place: int) -> bytes:
    start = place + _LENGTH.size
    (length,) = _LENGTH.unpack(held[place:start])
    return held[start : start + length]
