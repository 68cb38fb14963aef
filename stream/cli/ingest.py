"""`barograph ingest`: documents from files, and from programs over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from stream.cli.ingest_demo import demo
from stream.cli.ingest_rss import rss

ingest = typer.Typer(help="Hand documents in: files, feeds, or over HTTP.", no_args_is_help=True)
ingest.command("rss")(rss)
ingest.command("demo")(demo)


@ingest.command("file")
def file(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="JSONL or CSV in the fields of a document (kind, source, text, …), .gz or not; - reads JSONL "
            "from standard input",
        ),
    ],
    *,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="only what was published from then on (UTC date or RFC 3339)"),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="only what was published before then")] = None,
    speed: Annotated[
        str, typer.Option(metavar="60x|max", help="how fast published time passes: 60x is a minute a second")
    ] = "max",
    redate: Annotated[
        bool,
        typer.Option(
            "--redate",
            help="publish each document now; ids get the run's mark, so that each run counts again",
        ),
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="return once all of it is counted and visible")] = False,
    timeout_s: Annotated[float, typer.Option(min=0.1, help="how long --wait waits")] = 600.0,
) -> None:
    """Send documents from files: each line becomes one record, a bad one a dead letter with its reason."""
    import signal

    from stream.cli.ingest_file import Request, run

    # Whoever stops it, by key or by signal: what was sent is confirmed and counted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise typer.Exit(run(Request(paths, start, end, speed, redate, timeout_s if wait else None)))


@ingest.command("http")
def http(
    host: Annotated[str | None, typer.Option(help="address to listen on; 127.0.0.1 if not given")] = None,
    port: Annotated[int | None, typer.Option(help="8088 if not given, 0 for a free one")] = None,
) -> None:
    """Take documents over HTTP: POST /v1/documents, with a token; described at /v1/openapi.json."""
    from stream.cli.logs import set_up_logging
    from stream.running import connect_settings
    from stream.settings import ConfigurationError, load_settings

    settings = load_settings(ingest_host=host, ingest_port=port)
    set_up_logging(settings.log_level)
    if settings.ingest_token is None:
        raise ConfigurationError(
            "BAROGRAPH_INGEST_TOKEN is not set: choose a secret of at least 16 characters that senders give as "
            "bearer token (`barograph up` makes one)"
        )
    if settings.kafka_bootstrap is None:
        settings = connect_settings(settings)
    from stream.api.server import serve

    serve(settings)
