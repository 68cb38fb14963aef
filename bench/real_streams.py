"""Recorded streams of real documents: where they are, and what is in them."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stream.core.documents import language, reading_text

ROOT: Final = Path(__file__).parents[1]
DATA: Final = Path(os.environ.get("BAROGRAPH_DATA", ROOT / ".." / "shared" / "data"))
STREAMS: Final = DATA / "streams"
COARSE: Final = ("hour", "day")  # precisions: the time within was spread evenly
# What people said of their own words, where a stream carries it: never read but to tell the model's part in a miss.
_GIVEN: Final = {"bearish": "negative", "bullish": "positive"}


@dataclass(frozen=True, slots=True)
class Line:
    """One document of a stream; `event_s` is unix seconds, UTC, `read` what the model reads of it.

    Attributes:
        given: its sentiment as the stream states it; None where it states none.
    """

    id: str
    kind: str
    source: str
    lang: str
    event_s: int
    precision: str
    text: str
    read: str
    tickers: tuple[str, ...]
    given: str | None


def names() -> list[str]:
    """Return the names of the streams that are there; none where the folder is absent."""
    return sorted(path.name.removesuffix(".jsonl.gz") for path in STREAMS.glob("*.jsonl.gz"))


def lines(stream: str, start_s: int | None = None, end_s: int | None = None) -> Iterator[Line]:
    """Yield the documents of a stream in order of time, those in `[start_s, end_s)` if given.

    Documents without words are passed over, as the workers set them aside. FileNotFoundError where there is no such
    stream.
    """
    with gzip.open(STREAMS / f"{stream}.jsonl.gz", "rt", encoding="utf-8") as file:
        for text in file:
            line = _line(json.loads(text))
            if end_s is not None and line.event_s >= end_s:
                return
            if line.text.strip() and (start_s is None or line.event_s >= start_s):
                yield line


def times(stream: str) -> list[int]:
    """Return the event seconds of all documents of a stream, those without words included. FileNotFoundError."""
    with gzip.open(STREAMS / f"{stream}.jsonl.gz", "rt", encoding="utf-8") as file:
        return sorted(_seconds(json.loads(text)["published_at"]) for text in file)


def span(stream: str) -> tuple[int, int]:
    """Return the first and the last event second of a stream. FileNotFoundError; ValueError where it is empty."""
    found = times(stream)
    if not found:
        raise ValueError(f"{stream}: no documents")
    return found[0], found[-1]


def _line(row: dict[str, Any]) -> Line:
    title, text = row.get("title"), row["text"]
    read = reading_text(title, text)
    return Line(
        id=row["id"],
        kind=row["kind"],
        source=row["source"],
        lang=language(read, row.get("lang")),
        event_s=_seconds(row["published_at"]),
        precision=row["precision"],
        text=text,
        read=read,
        tickers=tuple(row["tickers"]),
        given=_given(row.get("extra") or {}),
    )


def _given(extra: dict[str, Any]) -> str | None:
    said = str(extra.get("user_label") or extra.get("label") or "").lower()
    said = _GIVEN.get(said, said)
    return said if said in ("negative", "neutral", "positive") else None


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())
