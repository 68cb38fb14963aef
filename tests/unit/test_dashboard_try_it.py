"""A text that was tried: its words in colours, and nothing in it obeyed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

from dashboard.formats import Formats
from dashboard.i18n import words
from dashboard.palette import PALETTES
from dashboard.try_it import By, chances, coloured, summary, weights
from model.labels import TOPICS

FORMATS = Formats(words("en"), ZoneInfo("UTC"))


def tried(text: str, *marked: tuple[str, float, float]) -> dict[str, Any]:
    parts = [{"text": word, "start": (at := text.index(word)), "end": at + len(word), "sentiment": s, "topic": t}
             for word, s, t in marked]  # fmt: skip
    return {
        "text": text,
        "label": "negative",
        "score": -0.9,
        "sentiment": {"negative": 0.92, "neutral": 0.06, "positive": 0.02},
        "topic": "earnings",
        "topics": {name: 0.72 if name == "earnings" else 0.02 for name in TOPICS},
        "words": parts,
    }


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(result: dict[str, Any], by: By = "sentiment") -> Seen:
    parser = Seen()
    parser.feed(coloured(result, by, PALETTES[0]))
    return parser


def test_strong_words_carry_colour_and_mark_weak_ones_neither() -> None:
    result = tried("Profit fell a lot", ("Profit", 0.4, 2.0), ("fell", -2.0, 0.1), ("a", 0.1, 0.0), ("lot", -0.6, 0.0))
    found = seen(result)
    assert found.text == "Profit ▼fell a lot"
    spans = [attributes for tag, attributes in found.tags if tag == "span"]
    assert [span["title"] for span in spans] == ["+0.40", "-2.00", "-0.60"]
    alphas = [float(re.findall(r"([\d.]+)\)", str(span["style"]))[0]) for span in spans]
    assert alphas[1] == max(alphas) and alphas[0] < alphas[2]
    assert seen(result, "topic").text == "▲Profit fell a lot"


def test_markup_in_a_text_is_shown_and_never_obeyed() -> None:
    nasty = '<img src=x onerror=alert(1)> &amp; "quoted" \'</span><script>1</script>'
    found = seen(tried(nasty, ("onerror", 1.0, 0.0), ("script", -1.0, 0.0)))
    assert {tag for tag, _ in found.tags} == {"p", "span"}
    assert found.text.replace("▲", "").replace("▼", "") == nasty


def test_rows_tell_the_same_in_numbers() -> None:
    result = tried("up", ("up", 1.5, -0.25))
    assert summary(result, FORMATS) == "▼ negative 92.0% · score −0.90 · Earnings 72.0%"
    assert chances(result, FORMATS).rows[:2] == [("▼ negative", "92.0%"), ("● neutral", "6.0%")]
    assert len(chances(result, FORMATS).rows) == 6
    assert weights(result, FORMATS).rows == [("up", "+1.50", "−0.25")]
