"""What was read, out of the archive, for the measures of drift: recent documents and those before them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from model.drift import FEWEST, Drift, Observation, Reference, compare_all, references
from stream.archive.reading import Archive
from stream.codec import BadRecord, decode_document
from stream.core.documents import reading_text
from stream.core.event_time import DAY_S

DAY_MS: Final = DAY_S * 1000
PAST_DAYS: Final = 7
MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Drifting:
    """The drift of a window, times in unix milliseconds; `own_past` tells what it was compared with.

    `few` are the languages and kinds that had fewer documents than can be compared.
    """

    window_ms: tuple[int, int]
    own_past: bool
    found: tuple[Drift, ...]
    few: tuple[tuple[str, str, int], ...]


def drifting(
    archive: Archive, training: list[Reference], *, hours: int = 24, end_ms: int | None = None, past: bool = True
) -> Drifting | None:
    """Return how what was received in the last hours differs from the week before it; None where nothing is archived.

    Args:
        archive: where documents and predictions lie.
        training: references to compare with where the week before has too few documents, or `past` is False.
        hours: length of the window.
        end_ms: where it ends, received time; None: with the newest document.
        past: compare with the stream's own week before, where it is long enough.
    """
    span = archive.span()
    if span is None:
        return None
    end_ms = span[1] + 1 if end_ms is None else end_ms
    start_ms = end_ms - hours * DAY_MS // 24
    window = newest(archive, start_ms, end_ms)
    before = newest(archive, start_ms - PAST_DAYS * DAY_MS, start_ms) if past else []
    own = [part for part in references(before) if part.documents >= FEWEST]
    known = {(part.language, part.kind) for part in own}
    others = [part for part in training if (part.language, part.kind) not in known]
    found = compare_all([*own, *others], window)
    told = {(drift.language, drift.kind) for drift in found}
    counts: dict[tuple[str, str], int] = {}
    for item in window:
        counts[item.language, item.kind] = counts.get((item.language, item.kind), 0) + 1
    few = tuple((*key, count) for key, count in sorted(counts.items()) if key not in told)
    return Drifting((start_ms, end_ms), bool(own), tuple(found), few)


def newest(archive: Archive, start_ms: int, end_ms: int, most: int = MOST) -> list[Observation]:
    """Return the newest documents received in `[start_ms, end_ms)` with what was read in them, `most` at most."""
    return list(deque(_observed(archive, start_ms, end_ms), most))


def _observed(archive: Archive, start_ms: int, end_ms: int) -> Iterator[Observation]:
    """Yield in the order in which both came: of predictions and documents alike that of the documents."""
    documents = archive.documents(start_ms, end_ms)
    for prediction in archive.predictions(start_ms, end_ms):
        origin = (prediction.origin.topic, prediction.origin.partition, prediction.origin.offset)
        for document in documents:
            if (document.topic, document.partition, document.offset) == origin:
                text = _text(document.value, document.timestamp_ms)
                yield Observation(prediction.lang, prediction.kind, prediction.sentiment, prediction.topic, text)
                break
        else:
            return


def _text(value: bytes, at_ms: int) -> str:
    try:
        document = decode_document(value, received_at=datetime.fromtimestamp(at_ms / 1000, UTC))
    except BadRecord:
        return ""
    return reading_text(document.title, document.text)
