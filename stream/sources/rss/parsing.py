"""The other side of `reading`: one short-lived process a body, with limits on its time, memory and environment."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Final

import msgspec

import stream
from stream.sources.rss.errors import FeedError

WALL_S: Final = 60.0
CPU_S: Final = 20
MEMORY_BYTES: Final = 1_500_000_000
AT_ONCE: Final = 8
_ROOT: Final = str(Path(stream.__file__).resolve().parents[1])
# Isolated: neither this process' environment, which holds secrets, nor the working folder's modules.
_CODE: Final = "import sys; sys.path.insert(0, sys.argv[1]); from stream.sources.rss.reading import main; main()"
_KEPT: Final = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH")


class ParsedEntry(msgspec.Struct, frozen=True):
    """One entry: text without mark-up, empty where it has none; published in unix seconds."""

    guid: str
    link: str
    title: str
    text: str
    author: str
    published_s: int | None


class Parsed(msgspec.Struct, frozen=True):
    """One feed as it was read.

    Attributes:
        feed: whether it is one at all.
        html: whether it begins like a web page.
        problem: why it is malformed; None where it is well-formed.
        grows: whether it holds entities that multiply beyond what the parser takes.
        guessed_charset: with which it was read because what it says of itself is wrong; None where it was not guessed.
        title, ttl, period, frequency: as it says of itself, empty where it says nothing.
        total: entries there are; `entries` may be fewer.
    """

    feed: bool
    html: bool
    problem: str | None
    grows: bool
    guessed_charset: str | None
    title: str
    ttl: str
    period: str
    frequency: str
    total: int
    entries: tuple[ParsedEntry, ...]


_decoder: Final = msgspec.json.Decoder(Parsed)


class Parsing:
    """Reads feeds, at most `AT_ONCE` at a time."""

    def __init__(self) -> None:
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def read(self, body: bytes, content_type: str, base: str) -> Parsed:
        """Return what is in the body.

        Raises:
            FeedError: it cannot be read within the limits of time and memory.
        """
        limits = {"memory_bytes": MEMORY_BYTES, "cpu_s": CPU_S}
        head = json.dumps({"content_type": content_type, "base": base, "size": len(body), **limits}).encode()
        async with self._gate:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-c",
                _CODE,
                _ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
                # A key press that stops us is ours to act on.
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(WALL_S):
                    out, err = await process.communicate(head + b"\n" + body)
            except TimeoutError:
                raise FeedError(f"could not be read within {WALL_S:g} s ({len(body):,} bytes)") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode != 0:
            raise FeedError(_ending(process.returncode, err, len(body)))
        try:
            return _decoder.decode(out)
        except msgspec.MsgspecError as exc:
            raise FeedError(f"could not be read: {exc}") from None


def _ending(code: int | None, err: bytes, size: int) -> str:
    last = (err.decode(errors="replace").strip().splitlines() or [""])[-1]
    if "MemoryError" in last:
        return f"takes more memory than a feed may ({size:,} bytes)"
    if code is not None and code < 0:
        return f"takes more time than a feed may ({size:,} bytes)"
    return f"could not be read: {last[:200] or f'the reader ended with code {code}'}"
