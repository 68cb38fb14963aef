"""`barograph counts`: the stored aggregates as CSV."""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Literal

import typer

from stream.running import connect_settings
from stream.settings import ConfigurationError, load_settings

HEADER = ("series", "window_start", "negative", "total", "documents")
WIDTHS_S = {"1m": 60, "5m": 300, "1h": 3_600}


def counts(
    out: Annotated[Path, typer.Option(help="file to write; - for standard output")],
    window: Annotated[Literal["1m", "5m", "1h"], typer.Option(help="width of the windows")] = "1m",
) -> None:
    """Write one row a series and window, ordered by window and series: negative and total in stories."""
    from stream.store.read import Reader

    settings = connect_settings(load_settings())
    reader = Reader(str(settings.redis_url), settings.namespace)
    rows = 0
    with _opened(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for start_s, by_series in reader.every_window(WIDTHS_S[window]):
            start = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for name in sorted(by_series):
                counted = by_series[name]
                writer.writerow((name, start, counted.negative, counted.total, counted.documents))
                rows += 1
    typer.echo(f"{rows:,} rows{'' if str(out) == '-' else f' in {out}'}", err=True)


@contextmanager
def _opened(out: Path) -> Iterator[IO[str]]:
    """Open a file beside its place, moved there when it is whole; `-` is standard output."""
    if str(out) == "-":
        yield sys.stdout
        return
    if not out.resolve().parent.is_dir():
        raise ConfigurationError(f"--out {out}: the folder {out.resolve().parent} does not exist")
    handle, name = tempfile.mkstemp(dir=out.resolve().parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        Path(name).chmod(0o644)
        Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)
