"""`barograph healthy`: whether one role does its work, as the exit code."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from stream.settings import ConfigurationError, Settings, load_settings


class Watched(StrEnum):
    """Roles that can be asked: the first three over HTTP, the others by their heartbeat file."""

    DASHBOARD = "dashboard"
    INGEST = "ingest"
    SERVE = "serve"
    WORKER = "worker"
    DETECTOR = "detector"
    NOTIFY = "notify"
    ARCHIVE = "archive"


def healthy(
    role: Annotated[Watched, typer.Argument(help="which role; its settings are read as it reads them")],
) -> None:
    """Exit 0 where the role answers or its heartbeat is fresh, 1 with a line where not."""
    from stream.healthy import problem_of

    problem = problem_of(target_of(role, load_settings()))
    if problem:
        typer.echo(f"{role}: {problem}")
        raise typer.Exit(1)


def target_of(role: Watched, settings: Settings) -> str:
    """Return where to ask: a URL of this machine, or a file; ConfigurationError where the role was given none."""
    from stream.supervision.places import reachable

    if role is Watched.DASHBOARD:
        return f"http://{reachable(settings.dashboard_host)}:{settings.dashboard_port}/_stcore/health"
    if role is Watched.INGEST:
        return f"http://{reachable(settings.ingest_host)}:{settings.ingest_port}/healthz"
    if role is Watched.SERVE:
        return f"http://{reachable(settings.serve_host)}:{settings.serve_port}/healthz"
    if settings.heartbeat_file is None:
        raise ConfigurationError(
            f"BAROGRAPH_HEARTBEAT_FILE is not set: expected the file that the {role} touches while it makes progress"
        )
    return str(settings.heartbeat_file)
