"""Whether the broker answers, asked at most every few seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

KEPT_S: Final = 5.0
PATIENCE_S: Final = 3.0

logger = logging.getLogger(__name__)


class Health:
    """Asks in a thread, keeps the answer for `KEPT_S`, and logs it when it changes.

    Args:
        probe: raises where the broker does not answer.
    """

    def __init__(self, probe: Callable[[], object]) -> None:
        self._probe = probe
        self._thread = ThreadPoolExecutor(1, "health")
        self._asking: asyncio.Future[str | None] | None = None
        self._answer: tuple[float, str | None] | None = None
        self._logged: str | None = None

    def close(self) -> None:
        """End without waiting for a probe that hangs."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def problem(self) -> str | None:
        """Return why it does not work, None where it does, after `PATIENCE_S` at most."""
        if self._answer is None or time.monotonic() - self._answer[0] > KEPT_S:
            # One probe at a time, shared by all who ask.
            if self._asking is None or self._asking.done():
                self._asking = asyncio.get_running_loop().run_in_executor(self._thread, self._ask)
            try:
                problem = await asyncio.wait_for(asyncio.shield(self._asking), PATIENCE_S)
            except TimeoutError:
                problem = f"Kafka did not answer within {PATIENCE_S:g} s"
                self._log(problem)
                return problem
            self._log(problem)
            self._answer = (time.monotonic(), problem)
        return self._answer[1]

    def _log(self, problem: str | None) -> None:
        if problem == self._logged:
            return
        self._logged = problem
        if problem is None:
            logger.info("Kafka answers again")
        else:
            logger.warning("not healthy: %s", problem)

    def _ask(self) -> str | None:
        try:
            self._probe()
        except Exception as exc:  # whatever it is, it is the answer
            return str(exc) or type(exc).__name__
        return None
