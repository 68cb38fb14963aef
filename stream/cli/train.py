"""`barograph train`: fine-tune the model, on the project's data, on a user's own, or on corrected labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from stream import maven
from stream.settings import ConfigurationError, load_settings


def train(
    out: Annotated[Path, typer.Option(metavar="PATH", help="folder for checkpoints, logs and weights/")],
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG.toml", help="settings of the run; none: the defaults")
    ] = None,
    *,
    data: Annotated[
        Path | None, typer.Option(metavar="PATH", help="folder with labelled/, corpus/ and weights/")
    ] = None,
    rows: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="your own rows, .jsonl or .csv: text, sentiment and/or topic, maybe language, kind, source, split",
        ),
    ] = None,
    from_corrections: Annotated[
        Path | None, typer.Option(metavar="FILE", help="corrected labels, such rows too, to train on")
    ] = None,
    base: Annotated[
        str | None, typer.Option(metavar="PATH_OR_NAME", help="any Hugging Face encoder to start from")
    ] = None,
    mode: Annotated[
        Literal["full", "lora", "head"] | None, typer.Option(help="what learns; else as the settings say")
    ] = None,
    allow_leaks: Annotated[bool, typer.Option(help="train although held-out rows have near-copies")] = False,
    tensorboard: Annotated[bool, typer.Option(help="write OUT/tensorboard")] = False,
    wandb: Annotated[str | None, typer.Option(metavar="PROJECT", help="log to Weights & Biases")] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"] | None, typer.Option(help="where the model runs")] = None,
) -> None:
    """Fine-tune the encoder on labelled text; the same command continues a run that was stopped."""
    import dataclasses

    from model.errors import ModelError
    from model.training.bases import JARS
    from model.training.config import read_config
    from model.training.run import train as run

    settings = load_settings(device=device)
    try:
        told = read_config(config)
        jar = JARS.get(told.base) if base is None and told.start == "base" and data is not None else None
        weights = run(
            told if mode is None else dataclasses.replace(told, mode=mode),
            data,
            out,
            device=settings.device,
            base=base,
            base_file=None if jar is None else maven.jar(jar.coordinates, jar.sha256),
            own=rows or [],
            corrections=from_corrections,
            allow_leaks=allow_leaks,
            tensorboard=tensorboard,
            wandb_project=wandb,
            tell=lambda line: typer.echo(line, err=True),
        )
    except (ModelError, maven.MavenError) as exc:
        raise ConfigurationError(str(exc)) from None
    typer.echo(f"weights in {weights}", err=True)
