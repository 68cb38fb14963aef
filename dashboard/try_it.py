"""What the Model page shows of one text that was tried: rows, and its words in colours. All text is from outside."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, Final, Literal

from dashboard.formats import Formats
from dashboard.palette import MARKS, Palette
from dashboard.panels import topic_name
from dashboard.safe import plain
from dashboard.tables import Table

By = Literal["sentiment", "topic"]
Result = Mapping[str, Any]

# Of the strongest word's weight: weaker ones stay plain, stronger ones carry a mark besides their colour.
FAINT: Final = 0.15
MARKED: Final = 0.5
MOST_ALPHA: Final = 0.55
SHOWN_TOPICS: Final = 3


def summary(result: Result, formats: Formats) -> str:
    """Return what the model reads, in one line of words without markup."""
    words = formats.words
    label = str(result["label"])
    share = formats.percent(result["sentiment"][label])
    topic = str(result["topic"])
    score = f"{words('model.score')} {formats.signed(result['score'], 2)}"
    likely = f"{topic_name(topic, words)} {formats.percent(result['topics'][topic])}"
    return f"{MARKS[label]} {words(f'label.{label}')} {share} · {score} · {likely}"


def chances(result: Result, formats: Formats) -> Table:
    """Return all sentiments and the likeliest topics with their probabilities."""
    words = formats.words
    rows: list[tuple[object, ...]] = [
        (f"{MARKS[name]} {words(f'label.{name}')}", formats.percent(p)) for name, p in result["sentiment"].items()
    ]
    likeliest = sorted(result["topics"].items(), key=lambda item: -item[1])[:SHOWN_TOPICS]
    rows += [(topic_name(name, words), formats.percent(p)) for name, p in likeliest]
    return Table((words("model.reading"), words("model.chance")), rows)


def weights(result: Result, formats: Formats) -> Table:
    """Return the words with both weights, in log-odds, as they stand in the text."""
    words = formats.words
    rows: list[tuple[object, ...]] = [
        (plain(str(word["text"]), 80), formats.signed(word["sentiment"], 2), formats.signed(word["topic"], 2))
        for word in result["words"]
    ]
    return Table((words("model.word"), words("model.by.sentiment"), words("model.by.topic")), rows)


def coloured(result: Result, by: By, palette: Palette) -> str:
    """Return the text as HTML, its words on the colour of their weight; whatever it holds is shown, never obeyed."""
    text, at, parts = str(result["text"]), 0, []
    most = max((abs(word[by]) for word in result["words"]), default=0.0)
    for word in result["words"]:
        start, end = int(word["start"]), int(word["end"])
        parts += [html.escape(text[at:start]), _word(text[start:end], word[by], most, palette)]
        at = end
    parts.append(html.escape(text[at:]))
    return f'<p dir="auto" style="font-size:1.15rem;line-height:1.9;overflow-wrap:anywhere">{"".join(parts)}</p>'


def _word(text: str, weight: float, most: float, palette: Palette) -> str:
    part = weight / most if most else 0.0
    if abs(part) < FAINT:
        return html.escape(text)
    shade = palette.light.pos if part > 0 else palette.light.neg
    red, green, blue = (int(shade[i : i + 2], 16) for i in (1, 3, 5))
    mark = ("▲" if part > 0 else "▼") if abs(part) >= MARKED else ""
    style = f"background:rgba({red},{green},{blue},{abs(part) * MOST_ALPHA:.2f});border-radius:3px;padding:0 2px"
    return f'<span style="{style}" title="{weight:+.2f}">{mark}{html.escape(text)}</span>'
