"""`barograph drift`: whether what comes in is still like what came before, or like what the model learned from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stream.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from stream.archive.drifting import Drifting

MARKS: Final = {"steady": " ", "watch": "!", "drifted": "x"}


def drift(
    *,
    hours: Annotated[int, typer.Option(min=1, max=24 * 31, help="how much of the newest to look at")] = 24,
    past: Annotated[
        bool, typer.Option("--past/--training", help="compare with the stream's own week before, or the training text")
    ] = True,
    metrics: Annotated[bool, typer.Option(help="as lines of Prometheus' text format")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="PATH", help="folder of weights with reference.json")
    ] = None,
) -> None:
    """Compare what was received last with what came before, out of the archive; exit code 1 where it has drifted."""
    from dataclasses import asdict

    from model.drift import gauges
    from model.drift_file import read_references
    from model.errors import ModelError
    from stream.archive.drifting import drifting
    from stream.archive.reading import Archive
    from stream.detector.confusion import shipped

    settings = load_settings(model_path=model)
    try:
        training = read_references((settings.model_path or shipped()) / "reference.json")
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    found = drifting(Archive(settings.archive_root), training, hours=hours, past=past)
    if found is None:
        raise ConfigurationError(f"{settings.archive_root}: nothing is archived; expected documents and predictions")
    if metrics:
        for name, value in gauges(found.found).items():
            typer.echo(f"{name} {value:g}")
    elif as_json:
        levels = [asdict(one) | {"level": one.level} for one in found.found]
        typer.echo(json.dumps(asdict(found) | {"found": levels}))
    else:
        typer.echo(told(found))
    if any(one.level == "drifted" for one in found.found):
        raise typer.Exit(1)


def told(found: Drifting) -> str:
    """Return the measures for a person, a line each."""
    start, end = (datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M") for at in found.window_ms)
    lines = [f"received {start} to {end} UTC, beside {'its own week before' if found.own_past else 'training text'}"]
    for one in found.found:
        lines.append(f"{MARKS[one.level]} {one.language} {one.kind}: {one.level}, {one.documents:,} documents")
        lines += [f"  {MARKS[part.level]} {name:<11} {part.value:.3f}" for name, part in one.measures.items()]
    lines += [f"  {language} {kind}: {count:,} documents are too few to tell" for language, kind, count in found.few]
    return "\n".join(lines)
