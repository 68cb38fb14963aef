"""The command `barograph`. Heavy imports stay inside the commands, so that each starts at once."""

from __future__ import annotations

import sys

import typer

from stream.cli.counts import counts
from stream.cli.dashboard import dashboard
from stream.cli.detect import detect
from stream.cli.detector import detector
from stream.cli.doctor import doctor
from stream.cli.healthy import healthy
from stream.cli.ingest import ingest
from stream.cli.model import evaluate, predict, train
from stream.cli.notify import notify
from stream.cli.receive import receive
from stream.cli.status import status
from stream.cli.topics import topics
from stream.cli.up import up
from stream.cli.worker import worker
from stream.settings import ConfigurationError

app = typer.Typer(
    name="barograph",
    help="Watches what the market says: reads news and comments, counts sentiment exactly, shows it live.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    up,
    status,
    doctor,
    counts,
    worker,
    detector,
    detect,
    notify,
    dashboard,
    receive,
    healthy,
    topics,
    train,
    evaluate,
    predict,
):
    app.command()(command)
app.add_typer(ingest, name="ingest")


def main() -> None:
    """Run a command; what a user can mend is one line on standard error and exit code 1."""
    try:
        app()
    except ConfigurationError as exc:
        sys.exit(f"barograph: {exc}")
    except Exception as exc:
        # The edges' own exceptions say what to do in one line; anything else is a defect and keeps its traceback.
        if hasattr(exc, "permanent"):
            sys.exit(f"barograph: {exc}")
        raise


if __name__ == "__main__":
    main()
