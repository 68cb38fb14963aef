"""How far a replay is, for a person who watches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from stream.replay.run import Shown


class Bars:
    """Two bars on standard error, for a person: reading the input, then the virtual clock."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[at]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._reading: TaskID | None = None
        self._going: TaskID | None = None
        self._first_s: float | None = None
        self._shown_s = 0.0

    def __enter__(self) -> Bars:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def reading(self, read_bytes: int, size_bytes: int, records: int) -> None:
        """Show how far the input is read."""
        if self._reading is None:
            self._reading = self._bar.add_task("reading", total=size_bytes or None, at="")
        self._bar.update(self._reading, completed=read_bytes, at=f"{records:,} records")

    def going(self, shown: Shown) -> None:
        """Show the virtual clock."""
        from stream.replay.items import time_text

        if not shown.clock_s or time.monotonic() - self._shown_s < 0.1:
            return
        self._shown_s = time.monotonic()
        if self._going is None:
            self._first_s = shown.clock_s
            total = max(shown.end_s - shown.clock_s, 1) if shown.end_s else None
            self._going = self._bar.add_task("replaying", total=total, at="")
        at = f"{time_text(shown.clock_s)}  {shown.documents:,} records  {shown.incidents:,} incidents"
        self._bar.update(self._going, completed=shown.clock_s - (self._first_s or 0.0), at=at)
