"""`barograph up`: everything on one machine, until Ctrl-C."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stream.settings import load_settings


class Feed(StrEnum):
    """Where documents come from besides the ingest API and files."""

    NONE = "none"


def up(
    workers: Annotated[int | None, typer.Option(help="how many processes read and score")] = None,
    feed: Annotated[Feed, typer.Option(help="none: documents come through `barograph ingest`")] = Feed.NONE,
    home: Annotated[Path | None, typer.Option(help="folder for data; default ./var")] = None,
) -> None:
    """Run Kafka, a store, workers, dashboard and ingest here; everything stops with Ctrl-C."""
    from stream.broker.errors import BrokerError
    from stream.settings import ConfigurationError
    from stream.store.client import StoreError
    from stream.supervision.launch import launch
    from stream.supervision.lock import HomeError
    from stream.supervision.runner import RoleFailedError

    try:
        code = launch(load_settings(workers=workers, home=home))
    except (BrokerError, ConfigurationError, HomeError, RoleFailedError, StoreError) as exc:
        typer.echo(f"barograph: {exc}", err=True)
        code = 1
    except KeyboardInterrupt:  # before the first process
        code = 130
    raise typer.Exit(code)
