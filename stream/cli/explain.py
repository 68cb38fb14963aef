"""`barograph explain`: which words made the model read a text as it did."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from stream.settings import ConfigurationError, load_settings

if TYPE_CHECKING:
    from rich.text import Text

    from model.explain import Explanation, Word

MOST_TEXTS: Final = 1_000
MARKS: Final = {"negative": "▼", "neutral": "●", "positive": "▲"}
NEGATIVE: Final = "#D55E00"
POSITIVE: Final = "#0072B2"
# Of the strongest word's weight: below the first a word stays plain.
STEPS: Final = (0.15, 0.5)
STRONGEST: Final = 6


def explain(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="headlines or comments; - for stdin, by line")],
    *,
    kind: Annotated[Literal["news", "comment"], typer.Option(help="of document")] = "news",
    by: Annotated[Literal["sentiment", "topic"], typer.Option(help="which reading the words are coloured by")] = (
        "sentiment"
    ),
    method: Annotated[
        Literal["path", "gradient", "integrated"],
        typer.Option(help="path: gradients at four points; gradient: at one, rough; integrated: by captum, exact sum"),
    ] = "path",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a text, weights of both readings")] = False,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="PATH", help="folder of weights; else those shipped")
    ] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"] | None, typer.Option(help="where the model runs")] = None,
) -> None:
    """Show how the model reads a text, and the weight of each word in it."""
    from model.errors import ModelError
    from model.explain import Explainer
    from model.explain import as_json as plain

    given = _texts(texts)
    settings = load_settings(model_path=model, device=device)
    try:
        explainer = Explainer.load(settings.model_path, device=settings.device)
        found = explainer.explain(given, [kind] * len(given), method)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    if as_json:
        for one in found:
            typer.echo(json.dumps({"revision": explainer.revision, "kind": kind} | plain(one), ensure_ascii=False))
        return
    _show(found, by)


def _texts(given: Sequence[str]) -> list[str]:
    if list(given) == ["-"]:
        given = [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
    if not given or not all(text.strip() for text in given):
        raise ConfigurationError("TEXT: empty; expected a headline or a comment")
    if len(given) > MOST_TEXTS:
        raise ConfigurationError(f"TEXT: {len(given):,} texts; at most {MOST_TEXTS:,} at once")
    return list(given)


def _show(found: Sequence[Explanation], by: Literal["sentiment", "topic"]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    for number, one in enumerate(found):
        if number:
            console.print()
        negative, neutral, positive = one.reading.sentiment
        console.print(
            f"{MARKS[one.reading.label]} {one.reading.score:+.2f} {one.reading.label}"
            f"  ▼ {negative:.2f} ● {neutral:.2f} ▲ {positive:.2f}"
            f"  topic {one.reading.topic} {max(one.reading.topics):.2f}"
        )
        console.print(coloured(one, by))
        console.print(strongest(one, by), style="dim")


def coloured(one: Explanation, by: Literal["sentiment", "topic"]) -> Text:
    """Return the text as the model read it, its words coloured; what was not read is dim."""
    from rich.text import Text

    shown = Text(one.text)
    most = max((abs(_weight(word, by)) for word in one.words), default=0.0)
    for word in one.words:
        part = _weight(word, by) / most if most else 0.0
        if abs(part) >= STEPS[0]:
            strong = "bold reverse " if abs(part) >= STEPS[1] else ""
            shown.stylize(strong + (POSITIVE if part > 0 else NEGATIVE), word.start, word.end)
    shown.stylize("dim", one.read_chars)
    return shown


def strongest(one: Explanation, by: Literal["sentiment", "topic"]) -> str:
    """Return the words of most weight with their weights, in log-odds: signs say what colours do."""
    ranked = sorted(one.words, key=lambda word: -abs(_weight(word, by)))[:STRONGEST]
    return "  ".join(f"{word.text} {_weight(word, by):+.2f}" for word in ranked) or "no words"


def _weight(word: Word, by: Literal["sentiment", "topic"]) -> float:
    return word.sentiment if by == "sentiment" else word.topic
