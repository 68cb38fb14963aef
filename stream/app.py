"""The Faust app: settings as measured, and the one seam where it is told to trust the store's offsets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver

from stream.agents.in_order import fail_stop

# `barograph up` waits for this line, so its logger keeps its level whatever the others' is.
READY_LOGGER = "stream.ready"
# Faust gives up on a seek after its request time-out of 90 s, and then stands still for ever.
SEEK_TIMEOUT_S = 60.0
# A store that is away stops the reading; a consumer that does not read for this long leaves its group, and
# Faust cannot join again while it holds the flow.
MAX_POLL_INTERVAL_S = 7 * 86_400.0

ready = logging.getLogger(READY_LOGGER)

Part = tuple[str, int]
Positions = Callable[[Sequence[Part]], Awaitable[dict[Part, int]]]


class App(faust.App):
    """A Faust app that reads on from where `positions` says, and ends its process on an agent's error."""

    positions: Positions | None = None
    at_end: Callable[[], Awaitable[None]] | None = None
    joined = False

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer, self)

    async def on_shutdown(self) -> None:
        """Close what the agents used, after the last batch in flight is applied and acknowledged."""
        await super().on_shutdown()
        if self.at_end is not None:
            await self.at_end()

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        # An agent that ended keeps its partitions and reads nothing: better a restart.
        fail_stop("agent %s raised %r", agent, exc)


class _Consumer(driver.Consumer):
    """Seeks to what the store has applied: committed offsets know nothing of a store that lost its last second."""

    async def perform_seek(self) -> None:
        await super().perform_seek()
        positions = self.app.positions if isinstance(self.app, App) else None
        assigned = self.assignment()
        if positions is not None and assigned:
            try:
                async with asyncio.timeout(SEEK_TIMEOUT_S):
                    wanted = await positions([(tp.topic, tp.partition) for tp in assigned])
            except Exception as exc:
                fail_stop("could not find where to read on: %r", exc)
                raise
            for tp in assigned:
                await self.seek(tp, wanted[tp.topic, tp.partition])
                # Forget what was committed: an older offset has to be read and acknowledged again.
                self._read_offset[tp] = self._committed_offset[tp] = None
        if isinstance(self.app, App):
            self.app.joined = True
        ready.info("worker ready with %d partitions", len(assigned))


class _Transport(driver.Transport):
    Consumer = _Consumer


def make_app(bootstrap: str, *, group: str, session_timeout_s: float, datadir: str) -> App:
    """Return the app, not yet started.

    Args:
        bootstrap: `host:port[,host:port…]`.
        group: the consumer group that shares the partitions.
        session_timeout_s: how long Kafka waits for a worker that fell silent; at least 6.
        datadir: a folder of this worker's own.
    """
    return App(
        group,
        broker=";".join(f"kafka://{host}" for host in bootstrap.split(",")),
        store="memory://",
        datadir=datadir,
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=session_timeout_s,
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=60.0,
        broker_commit_interval=1.0,
        broker_max_poll_records=500,
        broker_max_poll_interval=MAX_POLL_INTERVAL_S,
        # False loses the batches in flight at every SIGTERM.
        stream_wait_empty=True,
        stream_buffer_maxsize=4096,
        producer_acks=-1,
        producer_linger=0.02,
    )


def run_until_stopped(app: App) -> None:
    """Run the app in this process until it gets a signal."""
    try:
        import uvloop
    except ImportError:  # no wheel for this platform
        pass
    else:
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    # No root handler of Faust's own: this role's logging is set up already.
    faust.Worker(app, quiet=True, redirect_stdouts=False, override_logging=False).execute_from_commandline()
