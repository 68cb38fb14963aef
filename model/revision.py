"""The revision of a model: the hash of all that decides a reading, made from what its folder's files state.

Standard library only: a process that names the model without reading with it needs no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from model.labels import KINDS, SENTIMENTS, TOPICS

WEIGHTS: Final = "model.safetensors"
TOKENIZER: Final = "tokenizer.json"
CONFIG: Final = "config.json"
_SHORT: Final = 16


def labels_digest() -> str:
    """Return the hash of the label lists and their order."""
    return hashlib.sha256(json.dumps([SENTIMENTS, TOPICS, KINDS]).encode()).hexdigest()


def temperatures_digest(sentiment: Mapping[str, float], topic: Mapping[str, float]) -> str:
    """Return the hash of the temperatures of both heads by language."""
    return hashlib.sha256(json.dumps([dict(sentiment), dict(topic)], sort_keys=True).encode()).hexdigest()


def of(hashes: Mapping[str, str], temperatures: str | None) -> str:
    """Return the revision for the hashes of a folder's files by name, and that of its temperatures where it has any."""
    parts = [hashes[name] for name in sorted(hashes)] + [labels_digest()]
    if temperatures is not None:
        parts.append(temperatures)
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:_SHORT]


def weights(hashes: Mapping[str, str]) -> str:
    """Return what stands for the weights alone: their file's hash, or where there are several, the hash of those."""
    found = [hashes[name] for name in sorted(hashes) if name.rsplit("/", 1)[-1] == WEIGHTS]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()
