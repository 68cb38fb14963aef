"""`barograph gate`: whether a new model may take the old one's place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.settings import ConfigurationError


def gate(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="`barograph evaluate --json` of the model in use")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="the same of the new model, on the same rows")],
    most_lost: Annotated[
        float, typer.Option(metavar="POINTS", min=0, max=100, help="of accuracy that a source may lose")
    ] = 1.0,
) -> None:
    """Say whether a new model may replace the old one; exit code 1 where a source loses too much."""
    from model.errors import ModelError
    from model.gate import judge

    try:
        verdict = judge(_read(old), _read(new), most_lost)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    for change in verdict.changes:
        typer.echo(f"{'x' if change in verdict.refused else ' '} {change}")
    typer.echo(f"mean over {len(verdict.changes)} sources: {verdict.mean_gain:+.2f} points")
    if not verdict.promoted:
        names = ", ".join(f"{change.task} {change.source}" for change in verdict.refused)
        typer.echo(f"refused: {names} lose more than {most_lost:g} points", err=True)
        raise typer.Exit(1)
    typer.echo(f"{verdict.new} may replace {verdict.old}")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror}; expected figures by `barograph evaluate --json`") from None
    except ValueError as exc:
        raise ConfigurationError(f"{path}: not JSON: {exc}") from None
    return found if isinstance(found, dict) else {}
