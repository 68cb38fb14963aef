"""The one writer to the terminal: in a thread, so that a reader who stops reading stops nothing else."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from typing import TextIO

from stream.supervision.lines import COLOURS, prefixed

MOST_WAITING = 2_000


class Output:
    """Writes prefixed lines; drops them where nobody takes them."""

    def __init__(self, stream: TextIO, names: list[str]) -> None:
        # Past the stream's buffer: a thread that waits inside it would hold its lock when Python ends.
        stream.flush()
        self._descriptor = stream.fileno()
        self._colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)} if stream.isatty() else {}
        self._width = max((len(name) for name in names), default=0)
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write, name="output", daemon=True)
        self._thread.start()

    def say(self, name: str, line: str) -> None:
        """Write one line of a role."""
        self.text(prefixed(name, line, self._width, self._colours.get(name)))

    def text(self, text: str) -> None:
        """Write text as it is, with a line end."""
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            return

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what waits, as far as that can be done in this time."""
        try:
            self._waiting.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _write(self) -> None:
        while (text := self._waiting.get()) is not None:
            rest = f"{text}\n".encode("utf-8", "replace")
            # Where the reader has gone, the roles go on.
            with contextlib.suppress(OSError):
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
