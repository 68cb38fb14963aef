"""The command `barograph`. Heavy imports stay inside the commands, so that each starts at once."""

from __future__ import annotations

import sys

import typer

from stream.cli.archive import archive
from stream.cli.compare import compare
from stream.cli.counts import counts
from stream.cli.dashboard import dashboard
from stream.cli.detect import detect
from stream.cli.detector import detector
from stream.cli.doctor import doctor
from stream.cli.drift import drift
from stream.cli.evaluate import evaluate
from stream.cli.explain import explain
from stream.cli.export import export
from stream.cli.gate import gate
from stream.cli.healthy import healthy
from stream.cli.ingest import ingest
from stream.cli.join import join
from stream.cli.label import label
from stream.cli.model import predict
from stream.cli.notify import notify
from stream.cli.rebuild import rebuild
from stream.cli.receive import receive
from stream.cli.replay import replay
from stream.cli.replays import replays
from stream.cli.serve import serve
from stream.cli.status import status
from stream.cli.topics import topics
from stream.cli.train import train
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
    replay,
    compare,
    notify,
    dashboard,
    rebuild,
    receive,
    healthy,
    topics,
    train,
    join,
    evaluate,
    drift,
    predict,
    explain,
    export,
    gate,
    serve,
):
    app.command()(command)
app.add_typer(ingest, name="ingest")
app.add_typer(replays, name="replays")
app.add_typer(label, name="label")
app.add_typer(archive, name="archive")


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
