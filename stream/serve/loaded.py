"""The model as the service uses it: plain values out, one thread at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from model.classifier import Classifier
from model.explain import PLACES, Explainer, Method, as_json, named
from model.labels import SENTIMENTS, TOPICS
from stream.serve.body import Ask


class Loaded:
    """A classifier, in the precision that workers read in, and its explainer.

    Raises:
        ModelError: there are no usable weights, or not this device or precision.
    """

    def __init__(self, path: Path | None, *, device: str, precision: str) -> None:
        self._classifier = Classifier.load(path, device=device, precision=precision)
        self._explainer = Explainer.load(path, device=device)

    @property
    def revision(self) -> str:
        """The model's revision."""
        return self._classifier.revision

    @property
    def about(self) -> str:
        """Return where and how it runs, for the log."""
        return f"{self.revision[:12]} on {self._classifier.device} in {self._classifier.precision}"

    def classify(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        """Return what is read in each text."""
        readings = self._classifier.read([ask.text for ask in asks], [ask.kind for ask in asks])
        return [
            {
                "label": reading.label,
                "score": round(reading.score, PLACES),
                "sentiment": named(SENTIMENTS, reading.sentiment),
                "topic": reading.topic,
                "topics": named(TOPICS, reading.topics),
            }
            for reading in readings
        ]

    def explain(self, asks: Sequence[Ask], method: str) -> list[dict[str, Any]]:
        """Return what is read in each text, and the weights of its words."""
        texts, kinds = [ask.text for ask in asks], [ask.kind for ask in asks]
        return [as_json(one) for one in self._explainer.explain(texts, kinds, cast(Method, method))]
