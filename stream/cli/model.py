"""`barograph predict`: the model from the command line."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from stream.cli.output import whole_file
from stream.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from model.classifier import Classifier

Device = Annotated[Literal["auto", "cpu", "cuda"] | None, typer.Option(help="where the model runs")]
Precision = Annotated[Literal["auto", "float32", "bfloat16"] | None, typer.Option(help="of the model's arithmetic")]
Model = Annotated[Path | None, typer.Option("--model", metavar="PATH", help="folder of weights; else those shipped")]
Data = Annotated[Path, typer.Option("--data", metavar="PATH", help="folder with labelled/, corpus/ and weights/")]

GZIP_MAGIC = b"\x1f\x8b"


def predict(
    source: Annotated[str, typer.Argument(metavar="IN.jsonl", help="id, text, maybe kind a line; .gz; - for stdin")],
    out: Annotated[str, typer.Option(metavar="OUT.jsonl", help="one line for every line in; - for stdout")],
    model: Model = None,
    device: Device = None,
    precision: Precision = None,
) -> None:
    """Read sentiment and topic of each line; a line that cannot be read gets its id and an error."""
    from model.predict import predict_lines

    if source != "-" and not Path(source).is_file():
        raise ConfigurationError(f"{source}: no such file; expected JSON lines")
    classifier = _classifier(model, device, precision)
    read = failed = 0
    try:
        with _raw(source) as (raw, total), whole_file(Path(out)) as file, _bar(raw, total) as bar:
            for line, answered in predict_lines(classifier.read, _lines(raw)):
                file.write(line + "\n")
                read += answered
                failed += not answered
                bar(read + failed)
    except (EOFError, gzip.BadGzipFile) as exc:
        raise ConfigurationError(f"{source}: the gzip stream is damaged: {exc}; nothing was written") from None
    typer.echo(f"{read + failed:,} lines: {read:,} read, {failed:,} with an error", err=True)


def _classifier(model: Path | None, device: str | None, precision: str | None) -> Classifier:
    from model.classifier import Classifier, ModelError

    settings = load_settings(model_path=model, device=device, precision=precision)
    try:
        return Classifier.load(settings.model_path, device=settings.device, precision=settings.precision)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None


@contextmanager
def _raw(source: str) -> Iterator[tuple[IO[bytes], int | None]]:
    if source == "-":
        yield sys.stdin.buffer, None
        return
    path = Path(source)
    with path.open("rb") as file:
        yield file, path.stat().st_size


def _lines(raw: IO[bytes]) -> Iterator[bytes]:
    """Yield lines; gzip is known by its first bytes; of an over-long line one byte too many is kept."""
    from model.predict import MAX_LINE_BYTES

    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)  # type: ignore[type-var]
    unpacked: IO[bytes] = buffered
    if buffered.peek(2)[:2] == GZIP_MAGIC:
        unpacked = gzip.GzipFile(fileobj=buffered)  # type: ignore[assignment]
    while line := unpacked.readline(MAX_LINE_BYTES + 1):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = unpacked.readline(MAX_LINE_BYTES + 1)
        yield line


@contextmanager
def _bar(raw: IO[bytes], total: int | None) -> Iterator[Any]:
    """Yield a function that shows how many lines are done; the bar moves with the bytes taken in."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.fields[lines]:,} lines"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total, lines=0)

        def show(lines: int) -> None:
            if lines % 256 == 0:
                progress.update(task, lines=lines, completed=raw.tell() if total is not None else lines)

        yield show
