"""`barograph notify`: tells the endpoints what the detector decided."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import random
import secrets
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.logs import set_up_logging
from stream.heartbeat import beat
from stream.running import connect_settings
from stream.settings import Settings, load_settings

if TYPE_CHECKING:
    from stream.delivery.endpoints import Loaded
    from stream.delivery.notifier import Notifier
    from stream.store.delivery_queue import AsyncDeliveries
    from stream.store.lease import AsyncLease
    from stream.store.outbox import Outbox

log = logging.getLogger(__name__)
ready = logging.getLogger("stream.ready")


def notify(
    again: Annotated[
        bool, typer.Option("--again", help="send once more what was given up, with the same ids, and end")
    ] = False,
) -> None:
    """Send each incident's events to the endpoints of endpoints.toml, signed, until each has them."""
    settings = load_settings()
    # Kafka and tokens are nothing to this role.
    if settings.redis_url is None:
        settings = connect_settings(settings)
    set_up_logging(settings.log_level)
    # At DEBUG it would write whole URLs, which may be secrets.
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    if again:
        from stream.store.deliveries import send_again

        count = send_again(str(settings.redis_url), settings.namespace, int(time.time() * 1_000))
        typer.echo(f"{count:,} deliveries are sent again")
        return
    asyncio.run(run(settings))


async def run(settings: Settings) -> None:
    """Notify until SIGINT or SIGTERM. `settings` name the store.

    Raises:
        ConfigurationError: endpoints.toml cannot be used.
        StoreError: permanent.
    """
    from stream.delivery.endpoints import FILE_NAME, load_endpoints
    from stream.delivery.post import warm_up
    from stream.store.delivery_queue import AsyncDeliveries
    from stream.store.lease import AsyncLease
    from stream.store.outbox import Outbox

    path = settings.endpoints_file or settings.home / FILE_NAME
    loaded = load_endpoints(path, os.environ, required=settings.endpoints_file is not None)
    url, namespace = str(settings.redis_url), settings.namespace
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    store, outbox = AsyncDeliveries(url, namespace), Outbox(url, namespace)
    lease = AsyncLease(url, namespace, "notify", owner, settings.lease_s)
    notifier = _notifier(settings, path, loaded, store, outbox)
    stop = asyncio.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(wanted, stop.set)
    await warm_up()
    try:
        await _lead(settings, lease, notifier, sum(one.enabled for one in loaded.endpoints), stop)
    finally:
        await asyncio.gather(store.close(), outbox.close(), lease.close())


def _notifier(settings: Settings, path: Path, loaded: Loaded, store: AsyncDeliveries, outbox: Outbox) -> Notifier:
    from stream.delivery.endpoints import load_endpoints
    from stream.delivery.lane import Pace
    from stream.delivery.notifier import Notifier
    from stream.delivery.post import Poster

    return Notifier(
        store,
        outbox,
        lambda: load_endpoints(path, os.environ, required=True),
        Poster,
        Pace(time.time, random.random),
        loaded=loaded,
        public_url=settings.public_url,
        beat=functools.partial(beat, settings.heartbeat_file),
    )


async def _lead(settings: Settings, lease: AsyncLease, notifier: Notifier, enabled: int, stop: asyncio.Event) -> None:
    from stream.delivery.leading import lead

    async def work() -> None:
        ready.info("notifier ready with %d endpoints", enabled)
        await notifier.run()

    await lead(
        lease,
        settings.lease_s,
        stop=stop,
        work=work,
        finish=notifier.finish,
        standing_by=lambda: ready.info("notifier ready with %d endpoints, standing by: another one sends", enabled),
        beat=functools.partial(beat, settings.heartbeat_file),
    )
