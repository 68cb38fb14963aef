"""An answer's body, decompressed as it comes, never beyond a limit: a kilobyte can hold a gigabyte."""

from __future__ import annotations

import zlib
from typing import Final

from stream.sources.rss.errors import FeedError

# Both gzip and zlib by their heads.
_EITHER: Final = 32 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_GZIP: Final = ("gzip", "x-gzip")


class LimitedBody:
    """Takes the chunks of a body as they came over the wire.

    Args:
        encoding: its Content-Encoding; empty for none.
        max_bytes: of the body as it came, and decompressed.

    Raises:
        FeedError: the encoding is none that was asked for.
    """

    def __init__(self, encoding: str, max_bytes: int) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "deflate", *_GZIP):
            raise FeedError(f"content-encoding {self._encoding[:40]!r} was not asked for; gzip was")
        self._max_bytes = max_bytes
        self._packed = self._encoding not in ("", "identity")
        self._inflate = zlib.decompressobj(_EITHER)
        self._started = False
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self.came_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Take the next chunk.

        Raises:
            FeedError: it is too large, or not what its encoding says.
        """
        self.came_bytes += len(chunk)
        if self.came_bytes > self._max_bytes:
            raise FeedError(f"is larger than {self._max_bytes:,} bytes")
        if not self._packed:
            self._keep(chunk)
            return
        try:
            self._unpack(chunk)
        except zlib.error:
            raise FeedError(f"is not {self._encoding} data, as its head says") from None

    def whole(self) -> bytes:
        """Return the body.

        Raises:
            FeedError: its compressed data ends in the middle.
        """
        if self._packed and self._started and not self._inflate.eof:
            raise FeedError(f"its {self._encoding} data ends in the middle")
        return b"".join(self._parts)

    def _unpack(self, chunk: bytes) -> None:
        while chunk:
            if self._inflate.eof:
                # Several gzip members one after the other are one body; zeros may follow the last.
                if self._encoding not in _GZIP or not chunk.strip(b"\0"):
                    return
                self._inflate = zlib.decompressobj(_EITHER)
            elif not self._started and self._encoding == "deflate" and (chunk[0] & 0x0F) != zlib.DEFLATED:
                self._inflate = zlib.decompressobj(_RAW)
            self._started = True
            # One byte more than there is room for shows that it is too large.
            self._keep(self._inflate.decompress(chunk, self._max_bytes - self._size_bytes + 1))
            chunk = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def _keep(self, part: bytes) -> None:
        self._size_bytes += len(part)
        if self._size_bytes > self._max_bytes:
            packed = f" decompressed (from {self.came_bytes:,})" if self._packed else ""
            raise FeedError(f"is larger than {self._max_bytes:,} bytes{packed}")
        self._parts.append(part)
