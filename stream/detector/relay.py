"""Incident events to Kafka, where they are kept: from the outbox, in order, at least once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from stream.broker.sender import Outgoing, Sender
from stream.broker.topics import INCIDENT_EVENTS
from stream.codec import encode_incident_event
from stream.retry import until_done
from stream.store.outbox import Outbox

log = logging.getLogger(__name__)

CURSOR: Final = "kafka"
MOST: Final = 100
BLOCK_MS: Final = 1_000


class Relay:
    """Sends what the outbox holds behind its cursor. A repeated event has the same incident and seq."""

    def __init__(self, outbox: Outbox, sender: Sender, leads: Callable[[], bool]) -> None:
        self._outbox = outbox
        self._sender = sender
        self._leads = leads

    async def once(self) -> None:
        """Wait up to a second for events and send them; one that stands by waits and sends nothing."""
        if not self._leads():
            await asyncio.sleep(BLOCK_MS / 1_000)
            return
        after = await until_done(lambda: self._outbox.cursor(CURSOR))
        entries = await until_done(lambda: self._outbox.read(after, MOST, BLOCK_MS))
        if not entries:
            return
        records = [
            Outgoing(INCIDENT_EVENTS, event.incident_id.encode(), encode_incident_event(event, self._outbox.namespace))
            for _, event in entries
        ]
        await until_done(lambda: self._sender.send(records))
        await until_done(lambda: self._outbox.advance(CURSOR, entries[-1][0]))
        await until_done(self._outbox.trim)
