"""`barograph replays`: those of this home, and what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stream.settings import ConfigurationError, Settings, load_settings

if TYPE_CHECKING:
    from stream.replay.folder import RunFolder

replays = typer.Typer(help="Lists replays; pauses, resumes and stops them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="RUN")]


@replays.command("list")
def list_runs() -> None:
    """Show every replay of this home, and how far it is."""
    from rich.console import Console
    from rich.table import Table

    from stream.replay.folder import runs
    from stream.replay.items import time_text

    settings = load_settings()
    table = Table(box=None, pad_edge=False)
    for name in ("run", "state", "virtual clock", "of", "records", "incidents", ""):
        table.add_column(name, overflow="fold")
    found = runs(settings.home)
    for folder in found:
        status = folder.status()
        if status is None:
            continue
        table.add_row(
            folder.name,
            _state(folder),
            time_text(status.clock_s) if status.clock_s else "–",
            time_text(status.end_s) if status.end_s else "–",
            f"{status.documents:,}",
            f"{status.incidents:,}",
            status.message.replace("[", "\\["),
        )
    console = Console()
    console = console if console.is_terminal else Console(width=150)
    if table.row_count:
        console.print(table)
    else:
        console.print(f"no replay in {settings.home} yet", markup=False)


@replays.command()
def pause(name: Name) -> None:
    """Let a running replay wait."""
    folder, _ = _running(name)
    folder.say("pause")
    typer.echo(f"{name} waits; `barograph replays resume {name}` goes on")


@replays.command()
def resume(name: Name) -> None:
    """Let a paused replay go on; one that was stopped or killed goes on here."""
    from stream.cli.replay import go

    folder, settings = _known(name)
    if folder.is_held():
        folder.say(None)
        typer.echo(f"{name} goes on")
        return
    request, status = folder.request(), folder.status()
    if request is None:
        raise ConfigurationError(f"{name}: nothing is known of what was asked; begin it with `barograph replay`")
    if status is not None and status.state == "done":
        raise ConfigurationError(f"{name} is done already; its report is in {request.report or folder.report}")
    raise typer.Exit(go(request, name, settings))


@replays.command()
def stop(name: Name) -> None:
    """End a running replay; it can be resumed."""
    folder, _ = _running(name)
    folder.say("stop")
    typer.echo(f"{name} stops; `barograph replays resume {name}` goes on")


def _known(name: str) -> tuple[RunFolder, Settings]:
    from stream.replay.folder import RunFolder, runs

    settings = load_settings()
    folder = RunFolder(settings.home, name)
    if not folder.path.is_dir():
        known = ", ".join(one.name for one in runs(settings.home)) or "none"
        raise ConfigurationError(f"{name}: no such replay in {settings.home}; known: {known}")
    return folder, settings


def _running(name: str) -> tuple[RunFolder, Settings]:
    folder, settings = _known(name)
    if not folder.is_held():
        raise ConfigurationError(f"{name} is not running: it is {_state(folder)}")
    return folder, settings


def _state(folder: RunFolder) -> str:
    """Return the state in a word; a run that says it works while nobody holds it was killed."""
    status = folder.status()
    if status is None:
        return "unknown"
    if status.state in ("running", "paused") and not folder.is_held():
        return "interrupted"
    return status.state
