"""One invented document, and what outside text is like: misspelt, shouted, decorated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from stream.sources.demo.draw import Draw

# Every name says what it is: nobody shall take a word of this for news.
SOURCES: Final = {
    ("news", "en"): ("invented-wire", "invented-ledger", "invented-evening-post", "invented-market-desk"),
    ("news", "zh"): ("invented-wire-zh", "invented-daily-zh", "invented-finance-zh"),
    ("comment", "en"): ("invented-board", "invented-chat"),
    ("comment", "zh"): ("invented-board-zh", "invented-square-zh"),
}
AUTHORS: Final = 900

_EMOJI: Final = {"negative": "😡😭📉💀", "neutral": "🤔👀☕📎", "positive": "🚀🎉📈😀"}
_LONG_WORD: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """One invented document.

    Attributes:
        author: an invented handle; sources hash it as they hash any other.
        published_ms: unix milliseconds.
        label, topic: what its wording was written to be; no part of the record.
        crisis: whether it belongs to the crisis; no part of the record.
    """

    id: str
    kind: str
    source: str
    lang: str
    text: str
    author: str | None
    tickers: tuple[str, ...]
    published_ms: int
    label: str
    topic: str
    crisis: bool = False

    def as_json(self) -> bytes:
        """Return the document as a source outside would send it."""
        record = {
            "id": self.id,
            "kind": self.kind,
            "source": self.source,
            "lang": self.lang,
            "text": self.text,
            "tickers": self.tickers,
            "published_at": datetime.fromtimestamp(self.published_ms / 1000, UTC).isoformat(),
        }
        return msgspec.json.encode(record | ({"author": self.author} if self.author else {}))


def handle(number: int) -> str:
    """Return the handle of one of the invented people."""
    return f"invented-reader-{number:03d}"


def roughened(text: str, kind: str, lang: str, label: str, draw: Draw) -> str:
    """Return the text as somebody in a hurry may write it; most stay as they are."""
    if kind == "news":
        return f"UPDATE {draw.whole(1, 4)}-{text}" if lang == "en" and draw.chance(0.06) else text
    if lang == "en" and draw.chance(0.07):
        text = _misspelt(text, draw)
    if lang == "en" and draw.chance(0.05):
        text = text.upper()
    if draw.chance(0.1):
        text = f"{text} {draw.pick(_EMOJI[label])}"
    return text


def _misspelt(text: str, draw: Draw) -> str:
    """Return the text with two letters of a longer word exchanged."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= _LONG_WORD and word.isalpha()]
    if long:
        at = draw.pick(long)
        word, cut = words[at], draw.whole(1, len(words[at]) - 3)
        words[at] = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
    return " ".join(words)
