"""`barograph up`: everything on one machine, until Ctrl-C."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stream.settings import Settings, load_settings


class Feed(StrEnum):
    """Where documents come from besides the ingest API and files."""

    NONE = "none"
    DEMO = "demo"


def up(
    workers: Annotated[int | None, typer.Option(help="how many processes read and score")] = None,
    feed: Annotated[
        Feed,
        typer.Option(
            help="demo: invented documents, six hours of the past and then live, kept apart in HOME/demo; "
            "none: only what you put in with `barograph ingest`"
        ),
    ] = Feed.NONE,
    home: Annotated[Path | None, typer.Option(help="folder for data; default ./var")] = None,
) -> None:
    """Run Kafka, a store, workers, dashboard, ingest, detector and notifier here; everything stops with Ctrl-C."""
    from stream.broker.errors import BrokerError
    from stream.settings import ConfigurationError
    from stream.store.client import StoreError
    from stream.supervision.launch import launch
    from stream.supervision.lock import HomeError
    from stream.supervision.runner import RoleFailedError

    try:
        settings = load_settings(workers=workers, home=home)
        _check(settings, demo=feed is Feed.DEMO)
        code = launch(settings, demo=feed is Feed.DEMO)
    except (BrokerError, ConfigurationError, HomeError, RoleFailedError, StoreError) as exc:
        typer.echo(f"barograph: {exc}", err=True)
        code = 1
    except KeyboardInterrupt:  # before the first process
        code = 130
    raise typer.Exit(code)


def _check(settings: Settings, *, demo: bool) -> None:
    """Refuse at once what a role would refuse half a minute later, again and again.

    Raises:
        ConfigurationError: the weights or the file of endpoints cannot be used.
    """
    from stream.delivery.endpoints import FILE_NAME, load_endpoints
    from stream.doctor.probes import model_folder, model_trouble
    from stream.settings import ConfigurationError

    trouble = model_trouble(model_folder(settings))
    if trouble:
        raise ConfigurationError(f"{trouble}; expected a folder of weights, see BAROGRAPH_MODEL_PATH")
    # What is wrong with the home itself is told when it is taken.
    if settings.endpoints_file is not None or (settings.home.is_dir() and not demo):
        path = settings.endpoints_file or settings.home.absolute() / FILE_NAME
        load_endpoints(path, os.environ, required=settings.endpoints_file is not None)
