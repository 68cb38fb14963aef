"""`barograph detector`: decides, live; or shows what it would have decided of a stored past."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.logs import set_up_logging
from stream.running import connect_settings
from stream.settings import ConfigurationError, load_settings


def detector(
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="with --dry-run: judge from then on (UTC date or RFC 3339)"),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="with --dry-run: judge up to then")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="over stored windows, on a virtual clock; writes nothing")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="with --dry-run: a JSON line an incident; - for standard output")
    ] = None,
) -> None:
    """Learn what is normal for each series; open an incident on a negative spike, live or in a stored past."""
    settings = connect_settings(load_settings())
    set_up_logging(settings.log_level)
    if dry_run:
        from stream.cli.detector_past import judge

        if start is None or end is None:
            raise ConfigurationError("--dry-run needs --from and --to: the stored time that is to be judged")
        judge(settings, start, end, out)
        return
    if start or end or out:
        raise ConfigurationError("--from, --to and --out go with --dry-run: live, the detector judges what is new")
    from stream.cli.detector_live import run

    run(settings)
