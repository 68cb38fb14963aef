"""The networks of a model by the language that each reads, and which one reads a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tokenizers import Tokenizer

from model.calibration import LANGUAGES, written_in
from model.network import Network

Reader = TypeVar("Reader")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A network and the tokenizer whose tokens it knows."""

    network: Network
    tokenizer: Tokenizer

    @property
    def max_tokens(self) -> int:
        """How far a text is read."""
        return self.network.shape.max_tokens


def whole(network: Network, tokenizer: Tokenizer) -> dict[str, Part]:
    """Return the parts of a model whose one network reads every language."""
    return dict.fromkeys(LANGUAGES, Part(network, tokenizer))


def grouped(parts: Mapping[str, Reader], texts: Sequence[str]) -> Iterator[tuple[Reader, list[int]]]:
    """Yield each part that has something to read, with the indexes of its texts, ascending."""
    found: dict[int, tuple[Reader, list[int]]] = {}
    for index, text in enumerate(texts):
        part = parts[written_in(text)]
        found.setdefault(id(part), (part, []))[1].append(index)
    yield from found.values()
