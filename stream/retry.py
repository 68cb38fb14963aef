"""The one retry policy: what passes is tried again for as long as it takes, what is permanent is raised."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina
from stamina.instrumentation import set_on_retry_hooks

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0

T = TypeVar("T")

# The library's own line names neither what failed nor why.
set_on_retry_hooks([])


def passes(exc: Exception) -> bool:
    """Return whether an exception of this project's edges is worth another try."""
    return not getattr(exc, "permanent", True)


async def until_done(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what `attempt` returns; tried again, with growing pauses, while what it raises passes.

    Raises:
        Exception: what is permanent, or is none of this project's network exceptions.
        CancelledError: the task was cancelled. On Python 3.11 the store's client may swallow that: it sends under
            `asyncio.wait_for`, which there returns its result instead when both come at once.
    """
    async for trial in stamina.retry_context(
        on=passes, attempts=None, timeout=None, wait_initial=FIRST_WAIT_S, wait_max=LONGEST_WAIT_S, wait_jitter=0.5
    ):
        with trial:
            try:
                _heed_cancellation()
                result = await attempt()
                _heed_cancellation()
                return result
            except Exception as exc:
                if passes(exc):
                    log.warning("%s; trying again", exc)
                raise
    raise AssertionError("unreachable: the policy has no last attempt")


def _heed_cancellation() -> None:
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
