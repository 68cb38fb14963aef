"""`barograph label`: what to label next, a label put right, and all of them as training rows."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from stream.running import connect_settings
from stream.settings import ConfigurationError, Settings, load_settings

if TYPE_CHECKING:
    from stream.corrections.queue import Candidate
    from stream.corrections.record import Correction

label = typer.Typer(help="Put labels right, and make training rows of them.", no_args_is_help=True)

SHOWN_CHARS = 90

Files = Annotated[
    list[Path] | None, typer.Option("--file", metavar="PATH", help="corrections in a file of JSON lines; may repeat")
]
Offline = Annotated[bool, typer.Option("--offline", help="do not ask Kafka: only what --file names")]


@label.command("next")
def following(
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=500, help="how many")] = 10,
    file: Files = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="PATH", help="folder of weights; else those shipped")
    ] = None,
) -> None:
    """List the newest stories that a label would help most: unsure ones, often told, behind an incident."""
    from model.classifier import Classifier
    from model.errors import ModelError
    from stream.corrections.found import candidates, listed
    from stream.corrections.queue import queue

    settings = connect_settings(load_settings(model_path=model))
    found = listed(str(settings.redis_url), settings.namespace, int(time.time()))
    if not found.headlines:
        raise ConfigurationError("there is no story in the store yet; expected some to choose from")
    done = {one.document_id for one in _corrections(settings, file, offline=False) if one.document_id is not None}
    try:
        classifier = Classifier.load(settings.model_path, device=settings.device, precision=settings.precision)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    chosen = queue(candidates(found, classifier.read), done, count)
    if as_json:
        for one in chosen:
            typer.echo(json.dumps(_plain(one), ensure_ascii=False))
        return
    _show(chosen)


@label.command("add")
def add(
    document: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="of the document, as `label next` shows it")
    ] = None,
    *,
    text: Annotated[str | None, typer.Option(help="a text instead of a document")] = None,
    sentiment: Annotated[
        Literal["negative", "neutral", "positive"] | None, typer.Option(help="what it should have been")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="what it should have been")] = None,
    kind: Annotated[Literal["news", "comment"], typer.Option(help="of the text given with --text")] = "news",
    by: Annotated[str | None, typer.Option(metavar="NAME", help="who says so; else the user of this machine")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="append to this file instead of the topic labels")
    ] = None,
) -> None:
    """Note the right label of a document or a text."""
    from stream.codec import BadRecord
    from stream.corrections.record import checked, encode_correction

    if (document is None) == (text is None):
        raise ConfigurationError("expected the ID of a document, or --text, and not both")
    settings = load_settings()
    if document is not None or file is None:
        settings = connect_settings(settings)
    given = {"sentiment": sentiment, "topic": topic, "by": by or _user()}
    try:
        made = checked(_made(settings, document, text, kind, given))
    except BadRecord as exc:
        raise ConfigurationError(str(exc)) from None
    line = encode_correction(made)
    if file is None:
        from stream.broker.labels import send_label

        send_label(str(settings.kafka_bootstrap), made.key[1].encode()[:200], line, settings.replication)
    else:
        _append(file, line)
    said = " and ".join(part for part in (made.sentiment, made.topic) if part)
    typer.echo(f"noted as {said}: {_shown(made.text)}")


@label.command("export")
def export(
    *,
    out: Annotated[Path, typer.Option(metavar="OUT.jsonl", help="training rows; - for standard output")],
    file: Files = None,
    offline: Offline = False,
) -> None:
    """Write all corrections as training rows, the newest of each document, for `barograph train`."""
    from stream.cli.output import whole_file
    from stream.corrections.record import encode_correction, newest

    settings = load_settings()
    if not offline:
        settings = connect_settings(settings)
    rows = newest(_corrections(settings, file, offline=offline))
    if not rows:
        raise ConfigurationError("there are no corrections; expected some from `barograph label add`")
    with whole_file(out) as lines:
        for row in rows:
            lines.write(encode_correction(row).decode() + "\n")
    typer.echo(f"{len(rows):,} rows in {out}", err=True)


def _made(
    settings: Settings, document: str | None, text: str | None, kind: str, given: dict[str, str | None]
) -> Correction:
    from model.errors import ModelError
    from model.folder import SHIPPED, revision
    from stream.core.documents import language
    from stream.corrections.found import headline, whole_text
    from stream.corrections.record import Correction

    lang = None
    if document is not None:
        row = headline(str(settings.redis_url), settings.namespace, document)
        if row is None:
            raise ConfigurationError(f"{_shown(document)}: no such document among the stories that are kept")
        text = whole_text(str(settings.kafka_bootstrap), row)
        if text is None:
            raise ConfigurationError(f"{_shown(document)}: Kafka keeps its text no longer; give it with --text")
        kind, lang = row.kind, row.lang
    whole = str(text)
    try:
        model_revision = revision(settings.model_path or SHIPPED)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    fields: Any = given
    return Correction(
        text=whole,
        kind=kind,
        language=lang if lang in ("en", "zh") else language(whole),
        at=datetime.now(UTC),
        document_id=document,
        model_revision=model_revision,
        **fields,
    )


def _corrections(settings: Settings, files: Sequence[Path] | None, *, offline: bool) -> list[Correction]:
    """Return the corrections of the topic and the files; what is none is named."""
    from stream.codec import BadRecord
    from stream.corrections.record import decode_correction

    found: list[Correction] = []
    for path in files or ():
        for number, line in enumerate(_lines(path), 1):
            try:
                found.append(decode_correction(line))
            except BadRecord as exc:
                raise ConfigurationError(f"{path}:{number}: {exc}") from None
    if offline:
        return found
    from stream.broker.labels import LABELS, read_labels

    for number, record in enumerate(read_labels(str(settings.kafka_bootstrap))):
        try:
            found.append(decode_correction(record))
        except BadRecord as exc:  # anybody may write to a topic: one bad record hides no other
            typer.echo(f"! record {number} of topic {LABELS} is left out: {exc}", err=True)
    return found


def _user() -> str:
    """Return the name of the user of this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container a user may have a number only
        raise ConfigurationError("--by: this machine knows no name of its user; expected one") from None


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except OSError as exc:
        raise ConfigurationError(f"--file {path}: {exc.strerror}; expected JSON lines") from None


def _append(path: Path, line: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(line + b"\n")
    except OSError as exc:
        raise ConfigurationError(f"--file {path}: {exc.strerror}; expected a file that can be written") from None


def _plain(one: Candidate) -> dict[str, Any]:
    from model.labels import SENTIMENTS, TOPICS
    from stream.corrections.queue import priority

    return {
        "id": one.id,
        "kind": one.kind,
        "language": one.lang,
        "title": one.title,
        "priority": round(priority(one), 4),
        "sentiment": {name: round(p, 4) for name, p in zip(SENTIMENTS, one.sentiment, strict=True)},
        "topic": TOPICS[one.topics.index(max(one.topics))],
        "copies": one.copies,
        "alerted": one.alerted,
    }


def _show(chosen: Sequence[Candidate]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("priority", "▼ ● ▲", "topic", "told", "id", "story"):
        table.add_column(name, overflow="fold")
    for one in chosen:
        row = _plain(one)
        sentiment = " ".join(f"{p:.2f}" for p in one.sentiment)
        told = f"×{one.copies}{' !' if one.alerted else ''}"
        cells = (f"{row['priority']:.2f}", sentiment, row["topic"], told, _shown(one.id, 200), _shown(one.title))
        table.add_row(*(Text(cell) for cell in cells))
    console = Console(highlight=False)
    console.print(table)
    console.print(Text("barograph label add ID --sentiment … --topic …"), style="dim")


def _shown(words: str, most: int = SHOWN_CHARS) -> str:
    """Return outside text without what could move a terminal's cursor."""
    from model.text import clean

    words = clean(words)
    return words if len(words) <= most else words[: most - 1] + "…"
