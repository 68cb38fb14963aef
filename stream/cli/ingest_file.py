"""What `barograph ingest file` does: send, show progress, wait, sum up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from stream.running import connect_settings
from stream.settings import ConfigurationError, Settings, load_settings
from stream.sources.authors import author_key
from stream.sources.errors import SourceError
from stream.sources.files import SourceFile
from stream.sources.publisher import Publisher
from stream.sources.schedule import Span, parse_instant, parse_speed
from stream.sources.sender import FileSender, Options, Tally
from stream.sources.visible import wait_until_applied

T = TypeVar("T")

INTERRUPTED = 130
_FLUSH_ON_STOP_S = 10.0
_SHOW_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Request:
    """The command line's words; `wait_s` is None without --wait."""

    paths: list[str]
    start: str | None
    end: str | None
    speed: str
    redate: bool
    wait_s: float | None


def run(request: Request) -> int:
    """Do it and return the exit code: 0 where all was confirmed and, if asked for, is visible.

    Raises:
        ConfigurationError: an option cannot be used, or nothing is running.
        SourceError: a file cannot be read, or Kafka does not take the records.
    """
    options = options_of(request)
    files = [SourceFile(path) for path in request.paths]
    settings = load_settings()
    if settings.kafka_bootstrap is None or request.wait_s is not None:
        settings = connect_settings(settings)
    # What the client library has to say reaches the user as one line of ours.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    key = author_key(settings.home)
    publisher = Publisher(str(settings.kafka_bootstrap))
    sender = FileSender(publisher, key, options)
    started_s = time.monotonic()
    try:
        with _progress() as progress:
            _send(files, sender, publisher, progress)
            if request.wait_s is not None:
                _wait(settings, publisher, request.wait_s, progress)
    except KeyboardInterrupt:
        _flush(publisher)
        typer.echo(f"stopped: {_so_far(publisher, sender.tally)}", err=True)
        return INTERRUPTED
    except SourceError as exc:
        _flush(publisher)
        raise SourceError(f"{exc} ({_so_far(publisher, sender.tally)})", permanent=exc.permanent) from exc
    finally:
        publisher.close(timeout_s=0)
    typer.echo(summary(sender.tally, time.monotonic() - started_s))
    return 0


def options_of(request: Request) -> Options:
    """Return what is sent and how fast; ConfigurationError names the option that cannot be used."""
    span = Span(_option("--from", parse_instant, request.start), _option("--to", parse_instant, request.end))
    if span.start and span.end and span.start >= span.end:
        raise ConfigurationError(f"--from {request.start} is not before --to {request.end}")
    return Options(span, _option("--speed", parse_speed, request.speed), request.redate)


def _option(name: str, parse: Callable[[str], T], text: str | None) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as exc:
        raise ConfigurationError(f"{name}: {exc}") from None


def summary(tally: Tally, seconds: float) -> str:
    """Return what became of the lines, in one line, and under it the first reasons for which some were set aside."""
    rate = (tally.sent + tally.set_aside) / seconds if seconds > 0 else 0.0
    line = (
        f"{tally.lines:,} lines: {tally.sent:,} sent, {tally.set_aside:,} set aside, {tally.skipped:,} skipped "
        f"in {seconds:.1f} s ({rate:,.0f}/s)"
    )
    return "\n".join([line, *(f"  set aside {reason}" for reason in tally.reasons)])


def _send(files: list[SourceFile], sender: FileSender, publisher: Publisher, progress: Progress) -> None:
    for file in files:
        task = progress.add_task(Path(file.name).name, total=file.size_bytes, rate="")
        before = sender.tally.lines
        with file:
            sender.send(file.name, file.lines(), _shower(file, sender.tally, progress, task))
        if sender.tally.lines == before:
            raise SourceError(f"{file.name}: is empty: there is no line to send", permanent=True)
        progress.update(task, completed=file.size_bytes, total=file.size_bytes)
    publisher.flush()


def _shower(file: SourceFile, tally: Tally, progress: Progress, task: TaskID) -> Callable[[], None]:
    started_s, first, shown_s = time.monotonic(), tally.lines, 0.0

    def show() -> None:
        nonlocal shown_s
        now_s = time.monotonic()
        if now_s - shown_s < _SHOW_EVERY_S:
            return
        shown_s = now_s
        rate = (tally.lines - first) / max(now_s - started_s, 0.001)
        progress.update(task, completed=file.position_bytes(), rate=f"{rate:,.0f} documents/s")

    return show


def _wait(settings: Settings, publisher: Publisher, timeout_s: float, progress: Progress) -> None:
    from stream.store.client import StoreError
    from stream.store.read import Reader

    reader = Reader(str(settings.redis_url), settings.namespace)

    def applied(topic_id: str, partition: int) -> int | None:
        try:
            return reader.applied(topic_id, partition)
        except StoreError as exc:
            raise SourceError(str(exc), permanent=exc.permanent) from exc

    task = progress.add_task("until visible", total=None, rate="")
    most = 0

    def look(left: int) -> None:
        nonlocal most
        most = max(most, left)
        progress.update(task, completed=most - left, total=max(most, 1), rate=f"{left:,} left")

    try:
        wait_until_applied(
            publisher.last_offsets(), applied, topic_ids=publisher.topic_ids, timeout_s=timeout_s, on_look=look
        )
    finally:
        reader.close()


def _flush(publisher: Publisher) -> None:
    # What cannot be confirmed now shows in the counts that are said next.
    with suppress(SourceError):
        publisher.flush(_FLUSH_ON_STOP_S)


def _so_far(publisher: Publisher, tally: Tally) -> str:
    return f"{tally.lines:,} lines read, {publisher.confirmed:,} of {tally.sent + tally.set_aside:,} records confirmed"


@contextmanager
def _progress() -> Iterator[Progress]:
    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield progress
