"""`barograph archive`: every record into Parquet files, and questions over them."""

from __future__ import annotations

import functools
import logging
import signal
import sys
import threading
from enum import StrEnum
from typing import Annotated

import typer

from stream.cli.logs import set_up_logging
from stream.settings import Settings, load_settings

archive = typer.Typer(
    help="Keep every document, prediction, dead letter and incident event as Parquet files by day: alone, it does so "
    "until it is told to stop."
)


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSONL = "jsonl"


@archive.callback(invoke_without_command=True)
def role(context: typer.Context) -> None:
    """Run the archive until told to stop; BAROGRAPH_ARCHIVE_DIR, _DAYS and _FLUSH_S say where, how long, how often."""
    if context.invoked_subcommand is None:
        from stream.running import connect_settings

        settings = load_settings()
        if settings.kafka_bootstrap is None:
            settings = connect_settings(settings)
        set_up_logging(settings.log_level)
        run(settings)


def run(settings: Settings) -> None:
    """Archive until SIGINT or SIGTERM. `settings` name Kafka."""
    from stream.archive.lock import lock
    from stream.archive.process import Archivist, Told
    from stream.archive.writer import Writer, prepare
    from stream.heartbeat import beat

    # The client repeats by the second what this role says once.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    root = settings.archive_root
    prepare(root)
    # Held by the open descriptor until the process ends.
    lock(root)
    writer = Writer(root, keep_days=settings.archive_days, flush_s=settings.archive_flush_s)
    told = Told(stop, functools.partial(beat, settings.heartbeat_file))
    Archivist(str(settings.kafka_bootstrap), root, writer, told).run()


@archive.command("show")
def show(as_json: Annotated[bool, typer.Option("--json", help="one JSON object instead of a table")] = False) -> None:
    """Say what is archived: rows, days and bytes of each kind of record."""
    import dataclasses
    import json

    from stream.archive.overview import overview

    root = load_settings().archive_root
    kinds = overview(root)
    if as_json:
        typer.echo(json.dumps({"root": str(root), "kinds": [dataclasses.asdict(kind) for kind in kinds]}))
        return
    typer.echo(f"archive {root}")
    for kind in kinds:
        span = f"{kind.first_day} to {kind.last_day}, {kind.days:,} days" if kind.first_day else "nothing yet"
        typer.echo(
            f"  {kind.kind:<16}{kind.rows:>14,} rows {kind.size_bytes / 1e6:>12,.1f} MB in {kind.files:,} files  {span}"
        )


@archive.command("sql")
def sql(
    query: Annotated[
        str,
        typer.Argument(
            help="one SELECT over documents, predictions, dead_letters, incident_events (DuckDB's SQL; - reads it from "
            "standard input)"
        ),
    ],
    form: Annotated[Format, typer.Option("--format", help="how rows are written")] = Format.TABLE,
    most: Annotated[int, typer.Option("--most", min=1, help="rows that a table shows")] = 100,
) -> None:
    """Ask the archive, beyond what the store remembers. Reads, never writes, and nothing but the archive."""
    from stream.archive.queries import ask
    from stream.cli.rows import write_csv, write_jsonl, write_table

    answer = ask(load_settings().archive_root, sys.stdin.read() if query == "-" else query)
    if form is Format.CSV:
        write_csv(answer)
    elif form is Format.JSONL:
        write_jsonl(answer)
    else:
        write_table(answer, most)
