"""`barograph join`: one model of two networks, each reading one language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from stream.settings import ConfigurationError


def join(
    *,
    en: Annotated[Path, typer.Option(metavar="PATH", help="folder of the weights that read English")],
    zh: Annotated[Path, typer.Option(metavar="PATH", help="folder of the weights that read Chinese")],
    out: Annotated[Path, typer.Option(metavar="PATH", help="folder to write; it is made")],
    storage: Annotated[
        Literal["bfloat16", "int8"] | None, typer.Option(help="how numbers are kept; else as they are")
    ] = None,
) -> None:
    """Make one model of a network for English and one for Chinese; each text is read by its own."""
    from model import folder
    from model.errors import ModelError

    try:
        revision = folder.join(out, {"en": en, "zh": zh}, storage)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    except OSError as exc:
        raise ConfigurationError(f"--out {out}: {exc.strerror}; expected a folder that can be written") from None
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    typer.echo(f"{out}: revision {revision}, {size / 1e6:.1f} MB; measure it: barograph evaluate --write --model {out}")
