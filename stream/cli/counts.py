"""`barograph counts`: the stored aggregates as CSV."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from stream.cli.output import whole_file
from stream.running import connect_settings
from stream.settings import load_settings

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
    with whole_file(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for start_s, by_series in reader.every_window(WIDTHS_S[window]):
            start = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for name in sorted(by_series):
                counted = by_series[name]
                writer.writerow((name, start, counted.negative, counted.total, counted.documents))
                rows += 1
    typer.echo(f"{rows:,} rows{'' if str(out) == '-' else f' in {out}'}", err=True)
