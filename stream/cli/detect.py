"""`barograph detect`: incidents of a file of counts. Nothing has to run for it."""

from __future__ import annotations

import gzip
import io
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Final, cast

import msgspec
import typer

from stream.cli.output import whole_file
from stream.core.clocks import CLOCKS
from stream.detector.counts_file import CountsError, Row, rows_of, shown_width, width_of, with_width
from stream.detector.counts_run import incidents
from stream.detector.engine import Desk, Engine
from stream.detector.past import Told
from stream.settings import ConfigurationError, load_settings

_GZIP_MAGIC: Final = b"\x1f\x8b"
_INTERRUPTED: Final = 130
_SHOW_EVERY_S: Final = 0.1


def detect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="COUNTS.csv",
            help="series, window_start, negative, total and perhaps authors, sources; .gz too; - for standard input",
        ),
    ],
    out: Annotated[Path, typer.Option(help="file to write, a JSON line an incident; - for standard output")],
    window: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTH", help="width of the windows, such as 1m, 5m, 1h, 1d; found in the file if not given"
        ),
    ] = None,
    clocks: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="steps to look on, such as 5m,1h; all that the width allows if not given"),
    ] = None,
    false_alarms_per_week: Annotated[
        float | None, typer.Option(help="alert budget of a series; as set (0.03) if not given", min=0.0001, max=10)
    ] = None,
) -> None:
    """Find the negative spikes in a file of counts: rows ordered by window_start, an absent row is an empty window."""
    asked = None if window is None else _width(window)
    names = None if clocks is None else _names(clocks)
    budget = load_settings().false_alarms_per_week if false_alarms_per_week is None else false_alarms_per_week
    desk = Desk(false_alarms_per_week=budget)
    name = "standard input" if str(file) == "-" else str(file)
    tally = _Tally()
    try:
        with _opened(file, name) as (lines, show), whole_file(out) as written:
            width_s, rows = with_width(_readable(lines, name, tally), name, asked)
            engine = Engine(desk, usable(width_s, names))
            for one in incidents(_shown(rows, show), engine):
                written.write(line_of(one) + "\n")
                tally.incidents += 1
    except KeyboardInterrupt:
        typer.echo(f"stopped after {tally.rows:,} rows", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    used = ", ".join(clock.name for clock in engine.clocks)
    typer.echo(
        f"{tally.rows:,} rows of {shown_width(width_s)}, {len(engine.followed):,} series on {used}: "
        f"{tally.incidents:,} incident{'' if tally.incidents == 1 else 's'}{'' if str(out) == '-' else f' in {out}'}",
        err=True,
    )


class _Tally:
    def __init__(self) -> None:
        self.rows = self.incidents = 0


def usable(width_s: int, names: tuple[str, ...] | None) -> list[str]:
    """Return the clocks that windows of this width can be looked at on: its step is one of them, or several.

    Raises:
        ConfigurationError: there is none, or one that was asked for is not among them.
    """
    found = [clock.name for clock in CLOCKS if clock.step_s % width_s == 0]
    shown = shown_width(width_s)
    if not found:
        raise ConfigurationError(f"windows of {shown} fit no step; expected a width that divides 5m, 1h, 6h or 1d")
    for name in names or ():
        if name not in found:
            raise ConfigurationError(f"--clocks {name}: windows of {shown} do not fit it; expected {', '.join(found)}")
    return [name for name in found if names is None or name in names]


def line_of(one: Told) -> str:
    """Return an incident as one JSON line: as it opened, with the severity and the peak that it came to."""
    opened, last = one.opened, one.last
    row = {
        "series": opened.series,
        "opened_at": _time(opened.opened_at_s),
        "resolved_at": None if last.resolved_at_s is None else _time(last.resolved_at_s),
        "severity": last.severity,
        "kind": opened.kind,
        "clock": opened.clock,
        "z": round(opened.z, 3),
        "z_peak": round(last.z_peak, 3),
        "fired_at": _time(opened.fired_at_ms // 1000),
        "reason": last.reason,
        "share": round(opened.share, 4),
        "baseline_share": round(opened.baseline_share, 4),
        "negative": opened.negative,
        "total": opened.total,
        "expected_total": round(opened.expected_total, 2),
        "incident_id": opened.incident_id,
        "parent": last.parent,
        "announced": last.announced,
        "events": [{"type": kind, "at": _time(at_s)} for kind, at_s in one.events],
    }
    return msgspec.json.encode(row).decode()


def _time(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _width(text: str) -> int:
    try:
        return width_of(text)
    except ValueError as exc:
        raise ConfigurationError(f"--window: {exc}") from None


def _names(text: str) -> tuple[str, ...]:
    known = [clock.name for clock in CLOCKS]
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in known:
            raise ConfigurationError(f"--clocks {text}: {name!r} is none; expected some of {','.join(known)}")
    return names


def _readable(lines: Iterator[str], name: str, tally: _Tally) -> Iterator[Row]:
    try:
        for row in rows_of(lines, name):
            tally.rows += 1
            yield row
    except (OSError, EOFError, zlib.error) as exc:
        raise CountsError(f"{name}: cannot be read after {tally.rows:,} rows: {exc}") from None


class _Progress:
    """A bar on standard error, by the bytes of the file; nothing where no person looks."""

    def __init__(self, raw: IO[bytes], size_bytes: int | None, label: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[at]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self.bar.add_task(label, total=size_bytes, at="")
        self._raw = raw if size_bytes is not None else None
        self._shown_s = 0.0

    def __call__(self, row: Row) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s >= _SHOW_EVERY_S:
            self._shown_s = now_s
            read = self._raw.tell() if self._raw is not None else 0
            self.bar.update(self._task, completed=read, at=_time(row.start_s))


def _shown(rows: Iterator[Row], show: _Progress) -> Iterator[Row]:
    for row in rows:
        show(row)
        yield row


@contextmanager
def _opened(path: Path, name: str) -> Iterator[tuple[Iterator[str], _Progress]]:
    """Lend the lines of a file, compressed or not, and what shows how far they are read."""
    standard = str(path) == "-"
    try:
        raw = sys.stdin.buffer if standard else path.open("rb")
    except OSError as exc:
        raise ConfigurationError(f"{name}: {exc.strerror}; expected a file of counts that can be read") from None
    try:
        size_bytes = path.stat().st_size if not standard and path.is_file() else None
        buffered = io.BufferedReader(cast("io.RawIOBase", raw))
        packed = buffered.peek(2)[:2] == _GZIP_MAGIC
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=buffered)) if packed else buffered
        # A mark at the beginning, as spreadsheets write it, is no part of the first column's name.
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        show = _Progress(raw, size_bytes, name)
        try:
            with show.bar:
                yield iter(text), show
        finally:
            # Or they would close standard input when they go.
            text.detach()
            buffered.detach()
    finally:
        if not standard:
            raw.close()
