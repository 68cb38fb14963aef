"""A progress bar on stderr with the time left, and one line of JSON a report in a log file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from model.training.track import Tracker


class Reporter:
    """Moves the bar, appends to the log and tells the trackers."""

    def __init__(
        self, progress: Progress, name: str, *, total: int, done: int, log: Path, trackers: Sequence[Tracker]
    ) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=total, completed=done, note="")
        self._log = log
        self._name = name
        self._trackers = trackers
        self._start = time.monotonic()

    def advance(self) -> None:
        """Count one more step."""
        self._progress.advance(self._task)

    def note(self, *, step: int, **facts: Any) -> None:
        """Show facts behind the bar, append them to the log and hand them to the trackers."""
        for tracker in self._trackers:
            tracker.log({f"{self._name}/{key}": value for key, value in facts.items()}, step)
        facts = {"step": step, **facts}
        text = "  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                         for key, value in facts.items())  # fmt: skip
        self._progress.update(self._task, note=text)
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**facts, "elapsed_s": round(time.monotonic() - self._start, 1)}) + "\n")


@contextmanager
def reporter(name: str, total: int, done: int, folder: Path, trackers: Sequence[Tracker] = ()) -> Iterator[Reporter]:
    """Yield a reporter that logs to `folder`/log.jsonl and draws on stderr where that is a terminal."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Reporter(progress, name, total=total, done=done, log=folder / "log.jsonl", trackers=trackers)
