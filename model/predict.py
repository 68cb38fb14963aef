"""Lines of JSON in, lines of JSON out: one answer for every line, whatever the line holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from model.classifier import Reading
from model.labels import KINDS, SENTIMENTS, TOPICS

LINES_A_BATCH = 1024
MAX_LINE_BYTES = 64 * 1024 * 1024
DIGITS = 6

Read = Callable[[Sequence[str], Sequence[str]], list[Reading]]
Id = str | int | None


@dataclass(frozen=True, slots=True)
class Item:
    """A line that can be read."""

    id: Id
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that cannot be read, and why; the id is None where it is not known."""

    id: Id
    error: str


def predict_lines(read: Read, lines: Iterable[bytes]) -> Iterator[tuple[str, bool]]:
    """Yield, in order, one JSON text for each line and whether it holds a reading; memory is one batch.

    Args:
        read: as `Classifier.read`.
        lines: JSON objects with `text` and optionally `id` and `kind`; other fields are ignored. A line without
            an id gets its number, from 1, for one.
    """
    iterator = enumerate(lines, 1)
    while batch := [parse_line(line, number) for number, line in islice(iterator, LINES_A_BATCH)]:
        items = [entry for entry in batch if isinstance(entry, Item)]
        readings = iter(read([item.text for item in items], [item.kind for item in items]))
        for entry in batch:
            if isinstance(entry, Item):
                yield json.dumps(answer(entry.id, next(readings))), True
            else:
                yield json.dumps({"id": entry.id, "error": entry.error}), False


def parse_line(line: bytes, number: int) -> Item | Problem:
    """Return what a line asks, or what is wrong with it; never raises."""
    if len(line) > MAX_LINE_BYTES:
        return Problem(None, f"line of more than {MAX_LINE_BYTES} bytes")
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as exc:
        return Problem(None, f"not UTF-8: byte {exc.start}")
    except (ValueError, RecursionError) as exc:
        return Problem(None, f"not JSON: {str(exc)[:200]}")
    if not isinstance(record, dict):
        return Problem(None, f"{type(record).__name__} found; expected an object with id and text")
    return _item(record, number)


def _item(record: dict[str, Any], number: int) -> Item | Problem:
    given = number if record.get("id") is None else record["id"]
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        return Problem(None, "id: of the wrong type; expected a string or an integer")
    text, kind = record.get("text"), record.get("kind")
    if not isinstance(text, str):
        return Problem(given, "text: missing or of the wrong type; expected a string")
    if not text.strip():
        return Problem(given, "text: empty")
    if kind is not None and kind not in KINDS:
        return Problem(given, f"kind: {str(kind)[:40]!r}; expected one of {', '.join(KINDS)}")
    return Item(given, text, kind or KINDS[0])


def answer(given: Id, reading: Reading) -> dict[str, Any]:
    """Return a reading as the fields of an output line."""
    return {
        "id": given,
        "sentiment": {name: round(p, DIGITS) for name, p in zip(SENTIMENTS, reading.sentiment, strict=True)},
        "score": round(reading.score, DIGITS),
        "topic": reading.topic,
        "topics": {name: round(p, DIGITS) for name, p in zip(TOPICS, reading.topics, strict=True)},
    }
