"""`barograph detector --dry-run`: the stored past, judged on a virtual clock."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from stream.cli.desk import desk_of
from stream.cli.output import whole_file
from stream.detector.engine import STEP_S
from stream.detector.past import Told, decide_past, told
from stream.detector.witness import witness_of
from stream.settings import ConfigurationError, Settings
from stream.sources.schedule import parse_instant
from stream.store.counts import CountsReader
from stream.store.read import Reader

_WIDTH = 150  # where nobody's window limits it


def judge(settings: Settings, start: str, end: str, out: Path | None) -> None:
    """Judge what is stored between two instants and show what would have opened.

    Raises:
        ConfigurationError: an instant cannot be read, the end is not after the start, or nothing is stored there.
    """
    start_s, end_s = _instant("--from", start), _instant("--to", end)
    if end_s <= start_s:
        raise ConfigurationError(f"--to {end} is not after --from {start}")
    url, namespace = str(settings.redis_url), settings.namespace
    source = CountsReader(url, namespace, late=True)
    hours = [hour for hour in source.starts(3_600) if start_s - 3_600 < hour < end_s]
    if not hours:
        raise ConfigurationError(f"nothing is stored from {start} to {end}: `barograph ingest file` brings a past in")
    start_s, end_s = max(start_s, hours[0]), min(end_s, int(time.time()))
    fine = source.starts(STEP_S)
    if not fine or fine[0] >= hours[0] + 3_600:
        gone = _time(fine[0]) if fine else "now"
        typer.echo(
            f"windows of five minutes are not stored any more before {gone}: longer clocks judge alone", err=True
        )
    witness = witness_of(Reader(url, namespace))
    steps = decide_past(source, desk_of(settings), start_s, end_s, witness, lateness_s=settings.lateness_s)
    found: list[Told] = []
    # Standard output may be the result.
    with Progress(
        TextColumn("judging {task.fields[clock]}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=end_s - start_s, clock=start)
        for one in told(steps):
            if isinstance(one, Told):
                found.append(one)
            else:
                progress.update(task, completed=one - start_s, clock=_time(one))
    if out is not None:
        with whole_file(out) as file:
            for one in found:
                file.write(line_of(one) + "\n")
    console = Console(file=sys.stderr if str(out) == "-" else sys.stdout)
    show(found, console if console.is_terminal else Console(file=console.file, width=_WIDTH))


def line_of(one: Told) -> str:
    """Return an incident as one JSON line: as it was opened, its peak, and its events."""
    row = {
        "series": one.opened.series,
        "opened_at": _time(one.opened.opened_at_s),
        "fired_at": _time(one.opened.fired_at_ms // 1000),
        "resolved_at": None if one.last.resolved_at_s is None else _time(one.last.resolved_at_s),
        "severity": one.last.severity,
        "kind": one.opened.kind,
        "clock": one.opened.clock,
        "z": round(one.opened.z, 3),
        "z_peak": round(one.last.z_peak, 3),
        "share": round(one.opened.share, 4),
        "baseline_share": round(one.opened.baseline_share, 4),
        "negative": one.opened.negative,
        "total": one.opened.total,
        "expected_total": round(one.opened.expected_total, 2),
        "incident_id": one.opened.incident_id,
        "parent": one.last.parent,
        "reason": one.last.reason,
        "evidence": one.opened.evidence,
        "events": [{"type": kind, "at": _time(at_s)} for kind, at_s in one.events],
    }
    return msgspec.json.encode(row).decode()


def show(found: list[Told], console: Console) -> None:
    """Print a table: alone first, then what belonged to a wider incident."""
    alone = [one for one in found if one.last.announced]
    attached = len(found) - len(alone)
    if not found:
        console.print("nothing would have fired")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("fired", "series", "clock", "severity", "z", "share", "usual", "negative", "resolved", "why"):
        table.add_column(
            name, overflow="fold", justify="right" if name in ("z", "share", "usual", "negative") else "left"
        )
    for one in alone:
        opened, last = one.opened, one.last
        table.add_row(
            _time(opened.fired_at_ms // 1000),
            opened.series,
            opened.clock,
            last.severity,
            f"{opened.z:.1f}",
            f"{opened.share:.0%}",
            f"{opened.baseline_share:.0%}",
            f"{opened.negative} of {opened.total}",
            "–" if last.resolved_at_s is None else _time(last.resolved_at_s),
            last.reason or "open",
        )
    console.print(table)
    for one in alone:
        console.print(f"\n{one.opened.series}, {_time(one.opened.fired_at_ms // 1000)}", markup=False, highlight=False)
        for story in one.opened.evidence:
            # Text from outside: no markup, no control characters.
            title = "".join(c for c in story.title if c.isprintable())
            console.print(f"  {story.score:+.2f}  {title[:100]}  ({story.source})", markup=False, highlight=False)
    console.print(
        f"\n{len(alone)} incident{'' if len(alone) == 1 else 's'}"
        + (f", and {attached} of narrower series as part of them" if attached else "")
    )


def _instant(option: str, text: str) -> int:
    try:
        return int(parse_instant(text).timestamp())
    except ValueError as exc:
        raise ConfigurationError(f"{option}: {exc}") from None


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
