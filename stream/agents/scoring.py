"""The model, off the event loop, and what is done when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from model.classifier import Reading

log = logging.getLogger(__name__)

# Read when a single document fails: it tells a document that breaks the model from a broken model.
_PLAIN_TEXT = ("Shares rose after the company reported quarterly results.", "news")


class Reads(Protocol):
    """What a worker needs of a classifier."""

    revision: str

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]: ...


class ModelBroken(Exception):
    """The model fails on a plain text: no document's fault, and no document is set aside for it."""


class Scorer:
    """Runs one classifier in one thread of its own."""

    def __init__(self, classifier: Reads) -> None:
        self._classifier = classifier
        self._thread = ThreadPoolExecutor(1, "model")

    @property
    def revision(self) -> str:
        """The model's revision."""
        return self._classifier.revision

    async def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading | str]:
        """Return a reading for each text, or the reason why the model could not read it.

        A batch that fails is halved until the documents that fail stand alone.

        Raises:
            ModelBroken: the model fails on a plain text too.
        """
        if not texts:
            return []
        try:
            return list(await self._run(texts, kinds))
        except Exception as exc:  # whatever a model raises: out of memory, a device error, a bad input
            if len(texts) == 1:
                await self._check(exc)
                return [f"model: {type(exc).__name__}: {exc}"]
            log.warning("the model failed on %d documents, halving: %r", len(texts), exc)
        middle = len(texts) // 2
        return [
            *await self.read(texts[:middle], kinds[:middle]),
            *await self.read(texts[middle:], kinds[middle:]),
        ]

    async def _check(self, exc: Exception) -> None:
        text, kind = _PLAIN_TEXT
        try:
            await self._run([text], [kind])
        except Exception as again:
            raise ModelBroken(f"the model fails on a plain text: {again!r}") from exc

    async def _run(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._classifier.read, texts, kinds)
