"""Logging of a role: one line an event on standard error, floods cut, secrets never formatted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
# With the broker away, the client library writes some 125 lines a second.
FLOOD_LINES = 5
FLOOD_SPAN_S = 10.0
# Written once at the first join on a new broker, which is then still making its offsets topic.
_EXPECTED = "Group Coordinator Request failed"


class FloodFilter(logging.Filter):
    """Lets `FLOOD_LINES` lines of one template through in `FLOOD_SPAN_S`, then says how many it held back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if _EXPECTED in str(record.msg):
            return False
        key = (record.name, str(record.msg))
        now = self._clock()
        since, lines = self._seen.get(key, (now, 0))
        if now - since > FLOOD_SPAN_S:
            if lines > FLOOD_LINES:
                record.msg = f"{record.getMessage()} ({lines - FLOOD_LINES} like it held back)"
                record.args = ()
            since, lines = now, 0
        self._seen[key] = (since, lines + 1)
        return lines < FLOOD_LINES


def set_up_logging(level: str) -> None:
    """Write logs of this process to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(FloodFilter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("stream.ready").setLevel(logging.INFO)
    for noisy in ("faust", "mode", "aiokafka", "kafka", "httpx", "urllib3"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
