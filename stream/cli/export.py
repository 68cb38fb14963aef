"""`barograph export`: the model for other runtimes, loaded back and compared before it is called done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stream.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from model.export import Agreement

SAMPLED: Final = 256
SEED: Final = 5
_START_S: Final = 1_767_268_800


def export(
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder to write; it is made")],
    *,
    onnx: Annotated[bool, typer.Option("--onnx", help="an ONNX file, its tokenizer and temperatures")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="with weights of eight bits: smaller, a little less exact")] = (
        False
    ),
    sample: Annotated[
        Path | None, typer.Option(metavar="IN.jsonl", help="texts to compare on: text, maybe kind; else invented ones")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="PATH", help="folder of weights; else those shipped")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the comparison as one JSON object")] = False,
) -> None:
    """Write the model for other runtimes, load it back, and compare it with the original."""
    from dataclasses import asdict

    from model.classifier import Classifier
    from model.errors import ModelError
    from model.export import agreement, export_onnx, size_bytes
    from model.onnx_classifier import OnnxClassifier

    if not onnx:
        raise ConfigurationError("no format named; expected --onnx")
    texts, kinds = _sample(sample)
    path = load_settings(model_path=model).model_path
    try:
        places = export_onnx(path, out, int8=int8)
        original = Classifier.load(path, device="cpu", precision="float32")
        again = OnnxClassifier.load(out)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    except OSError as exc:
        raise ConfigurationError(f"--out {out}: {exc.strerror}; expected a folder that can be written") from None
    found = agreement(original.read, again.read, texts, kinds)
    size = size_bytes(out)
    if as_json:
        typer.echo(
            json.dumps(
                {"files": [str(place) for place in places], "revision": again.revision, "bytes": size} | asdict(found)
            )
        )
        return
    typer.echo(f"{' and '.join(map(str, places))}: {size / 1e6:.1f} MB, revision {again.revision}")
    typer.echo(described(found))


def described(found: Agreement) -> str:
    """Return the comparison in one line."""
    return (
        f"beside torch in float32, {found.texts:,} texts: sentiment the same in {found.same_sentiment:.1%}, topic in "
        f"{found.same_topic:.1%}; a probability differs by {found.most:.2g} at most; {found.speed:.2f} times as fast"
    )


def _sample(path: Path | None) -> tuple[list[str], list[str]]:
    """Return texts and their kinds, from a file or invented."""
    if path is None:
        from stream.sources.demo.background import background_of

        invented = [one for minute in range(60) for one in background_of(_START_S + 60 * minute, SEED)][:SAMPLED]
        return [one.text for one in invented], [one.kind for one in invented]
    from model.predict import Item, parse_line

    try:
        with path.open("rb") as file:
            lines = [parse_line(line, number) for number, line in enumerate(file, 1)]
    except OSError as exc:
        raise ConfigurationError(f"--sample {path}: {exc.strerror}; expected JSON lines") from None
    items = [line for line in lines if isinstance(line, Item)]
    if not items or len(items) != len(lines):
        wrong = next((f"line {n}: {line.error}" for n, line in enumerate(lines, 1) if not isinstance(line, Item)), "")
        raise ConfigurationError(f"--sample {path}: {wrong or 'no line'}; expected JSON lines with text")
    return [item.text for item in items], [item.kind for item in items]
