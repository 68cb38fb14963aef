"""The detector process: ticks beside the relay to Kafka, until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from stream.broker.sender import Sender
from stream.broker.topics import DOCUMENT_TOPICS, topic_ids
from stream.broker.waiting import Waiting
from stream.cli.desk import desk_of
from stream.core.progress import Part
from stream.detector.newest import NewestStories
from stream.detector.process import Detector, Edges
from stream.detector.relay import Relay
from stream.detector.witness import witness_of
from stream.heartbeat import beat
from stream.retry import until_done
from stream.settings import Settings
from stream.store.client import StoreError
from stream.store.counts import CountsReader
from stream.store.incidents import DETECTOR_LEASE, DetectorStore
from stream.store.lease import Lease
from stream.store.outbox import Outbox
from stream.store.read import Reader

log = logging.getLogger(__name__)

TICK_S = 1.0
LAST_TICK_S = 5.0
# A topic made anew has another id; until then its records look as if nothing of it were applied.
TOPICS_EVERY_S = 30.0


class AppliedOffsets:
    """Asks the store for the offsets applied, by the topics' names."""

    def __init__(self, reader: Reader, bootstrap: str) -> None:
        self._reader = reader
        self._bootstrap = bootstrap
        self._ids: Mapping[str, str] = {}
        self._asked_s = -TOPICS_EVERY_S

    def __call__(self) -> dict[Part, int]:
        """Return the highest offset applied of each partition; StoreError, BrokerError."""
        if time.monotonic() - self._asked_s >= TOPICS_EVERY_S:
            self._ids, self._asked_s = topic_ids(self._bootstrap, DOCUMENT_TOPICS), time.monotonic()
        names = {number: name for name, number in self._ids.items()}
        found = {}
        for field, offset in self._reader.applied_all().items():
            number, _, partition = field.rpartition(":")
            if number in names:
                found[names[number], int(partition)] = offset
        return found


def run(settings: Settings) -> None:
    """Run until told to stop. `settings` name Kafka and the store."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    asyncio.run(_main(settings))


async def _main(settings: Settings) -> None:
    bootstrap, url, namespace = str(settings.kafka_bootstrap), str(settings.redis_url), settings.namespace
    reader = Reader(url, namespace)
    owner = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    lease = Lease(url, namespace, DETECTOR_LEASE, owner, settings.lease_s)
    waiting = Waiting(bootstrap)
    edges = Edges(
        store=DetectorStore(url, namespace),
        lease=lease,
        live=CountsReader(url, namespace, late=False),
        whole=CountsReader(url, namespace, late=True),
        waiting=waiting,
        applied=AppliedOffsets(reader, bootstrap),
        witness=witness_of(NewestStories(url, namespace)),
    )
    detector = Detector(edges, desk_of(settings), settings.lateness_s, time.time)
    sender, outbox = Sender(bootstrap), Outbox(url, namespace)
    relay = Relay(outbox, sender, lambda: detector.leads)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    deciding = asyncio.create_task(_tick(detector, settings.heartbeat_file, stop))
    sending = asyncio.create_task(_send(relay))
    told = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({deciding, sending, told}, return_when=asyncio.FIRST_COMPLETED)
        detector.stop()
        stop.set()
        # A thread cannot be cancelled: its tick ends at the next renewal of the lease.
        await asyncio.wait({deciding}, timeout=LAST_TICK_S)
    finally:
        for task in (deciding, sending, told):
            task.cancel()
        await asyncio.gather(deciding, sending, told, return_exceptions=True)
        with contextlib.suppress(StoreError):
            await asyncio.to_thread(lease.release)
        waiting.close()
        await asyncio.gather(sender.close(), outbox.close(), return_exceptions=True)
    for task in (deciding, sending):
        if not task.cancelled():
            task.result()


async def _tick(detector: Detector, heartbeat: Path | None, stop: asyncio.Event) -> None:
    while not stop.is_set():
        began_s = time.monotonic()
        if await until_done(lambda: asyncio.to_thread(detector.tick)):
            beat(heartbeat)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, TICK_S - (time.monotonic() - began_s))):
                await stop.wait()


async def _send(relay: Relay) -> None:
    while True:
        await relay.once()
