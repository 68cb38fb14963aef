"""A replay's records from the archive, in the order in which they were received. Nothing has to run for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from stream.archive.reading import Archive
from stream.archive.values import ArchivedDocument
from stream.codec import Prediction
from stream.replay.errors import ReplayError
from stream.replay.items import Item, Rescored, Span, Tally
from stream.replay.scores import Scores
from stream.replay.scoring import Stored, anew, as_stored

# Predictions come in the order of their documents, but for documents that have none and the other way round.
_AHEAD: Final = 50_000
_Place = tuple[str, int, int]


class FromArchive:
    """Call `items` once. Without scores the stored predictions stand."""

    received = True

    def __init__(self, archive: Archive, span: Span, scores: Scores | None) -> None:
        self._archive, self._span, self._scores = archive, span, scores
        self.last_s: float | None = None
        self.tally = Tally()
        self.rescored = Rescored()
        self.revisions: Counter[str] = Counter()

    def items(self, on_read: Callable[[], None]) -> Iterator[Item]:
        """Yield the records.

        Raises:
            ReplayError: the archive holds nothing of the span.
        """
        # An event is received when it happens or later: the span bounds what was received from one side only.
        start_ms = None if self._span.first_s is None else self._span.first_s * 1000
        held = self._archive.span()
        self.last_s = None if held is None else held[1] / 1000
        found = _joined(self._archive.documents(start_ms, None), self._archive.predictions(start_ms, None))
        if self._scores is None:
            yield from as_stored(found, self._span, self.tally, self.revisions)
        else:
            yield from anew(found, self._span, self.tally, scores=self._scores, rescored=self.rescored, on_read=on_read)
        if not self.tally.taken:
            raise ReplayError(
                "the archive holds no document at all"
                if held is None
                else "the archive holds no document of this span"
                if not self.tally.unscored
                else f"the archive holds no prediction of this span, and {self.tally.unscored:,} documents: "
                "--rescore has the model read them"
            )


def _joined(documents: Iterator[ArchivedDocument], predictions: Iterator[Prediction]) -> Iterator[Stored]:
    waiting: dict[_Place, Prediction] = {}
    at_ms, over = 0, False
    for one in documents:
        place = one.topic, one.partition, one.offset
        while place not in waiting and not over and len(waiting) < _AHEAD:
            prediction = next(predictions, None)
            if prediction is None:
                over = True
            else:
                origin = prediction.origin
                waiting[origin.topic, origin.partition, origin.offset] = prediction
        # Clocks of producers differ; a partition's records keep their order.
        at_ms = max(at_ms, one.timestamp_ms)
        yield Stored(
            at_ms,
            one.topic,
            one.topic_id,
            one.partition,
            one.offset,
            one.timestamp_ms,
            one.problem,
            one.value,
            waiting.pop(place, None),
        )
