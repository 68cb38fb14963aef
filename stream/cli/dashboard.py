"""`barograph dashboard`: the pages."""

from __future__ import annotations

from typing import Annotated

import typer

from stream.cli.logs import set_up_logging
from stream.listening import warn_if_open
from stream.settings import load_settings


def dashboard(
    host: Annotated[str | None, typer.Option(help="address to listen on; the loopback if not given")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on, 0 for a free one")] = None,
) -> None:
    """Show what the store holds, live, in a browser."""
    from dashboard.server import serve

    settings = load_settings(dashboard_host=host, dashboard_port=port)
    set_up_logging(settings.log_level)
    warn_if_open("dashboard", settings.dashboard_host, "whoever reaches it sees every page, without a password")
    serve(settings)
