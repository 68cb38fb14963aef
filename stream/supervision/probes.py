"""Asking a server whether it is ready."""

from __future__ import annotations

import asyncio

from stream.supervision.roles import Answers

ASK_TIMEOUT_S = 2.0
EVERY_S = 0.1


async def until_answered(probe: Answers) -> None:
    """Return once the server answers as expected; ask again and again until then."""
    while not await _asked(probe):  # noqa: ASYNC110 - another process has no event to wait for
        await asyncio.sleep(EVERY_S)


async def _asked(probe: Answers) -> bool:
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(probe.host, probe.port)
            try:
                return await _met(probe, reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError):
        return False


async def _met(probe: Answers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    if not probe.expect:
        return True
    writer.write(probe.send)
    await writer.drain()
    return probe.expect in await reader.read(1024)
