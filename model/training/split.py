"""A held-out fifth by groups of near-copies, so that no text is trained on and tested on in two wordings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from model.text import clean

SHINGLE = 4
BANDS, ROWS_A_BAND = 5, 4
SIMILAR = 0.7
FIFTHS = 5
_RANDOM = np.random.default_rng(20260101)
_FACTORS = _RANDOM.integers(1, 2**63, BANDS * ROWS_A_BAND, dtype=np.uint64) | np.uint64(1)
_OFFSETS = _RANDOM.integers(0, 2**63, BANDS * ROWS_A_BAND, dtype=np.uint64)
_WEIGHTS = _RANDOM.integers(1, 2**63, SHINGLE, dtype=np.uint64) | np.uint64(1)


def letters(text: str) -> str:
    """Return the letters of a cleaned text in lower case; templated texts that differ in numbers become equal."""
    cleaned = clean(text).lower()
    return "".join(filter(str.isalpha, cleaned)) or cleaned


def groups(texts: Sequence[str]) -> list[int]:
    """Return a group number for each text: near-copies (Jaccard of letter 4-grams about 0.7) share one.

    Candidates come from banded MinHash and are confirmed on their real overlap with the first text of
    the band; pairs just above the limit may be missed, equal texts never.
    """
    plain = [letters(text) for text in texts]
    firsts: dict[str, int] = {}
    parent = [firsts.setdefault(text, index) for index, text in enumerate(plain)]
    shingles: dict[int, np.ndarray] = {}
    bands: dict[tuple[int, bytes], int] = {}
    for index in firsts.values():
        shingles[index] = _shingles(plain[index])
        for key in _band_keys(shingles[index]):
            other = bands.setdefault(key, index)
            if other != index and _jaccard(shingles[other], shingles[index]) >= SIMILAR:
                _join(parent, other, index)
    return [_root(parent, index) for index in range(len(texts))]


def draw_parts(texts: Sequence[str], numbers: Sequence[int], seed: int | str) -> list[int]:
    """Return the fifth, 0 to 4, of each text, one for a whole group.

    It is drawn by a hash of the seed and the least text of the group, so it does not depend on the
    order of the rows.
    """
    least: dict[int, str] = {}
    for number, text in zip(numbers, texts, strict=True):
        key = letters(text)
        least[number] = min(key, least.get(number, key))
    parts = {number: _draw(f"{seed}/{key}") for number, key in least.items()}
    return [parts[number] for number in numbers]


def leaks(train: Sequence[str], test: Sequence[str]) -> int:
    """Return how many texts of `test` have a near-copy in `train`."""
    numbers = groups([*train, *test])
    seen = set(numbers[: len(train)])
    return sum(number in seen for number in numbers[len(train) :])


def _draw(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % FIFTHS


def _shingles(text: str) -> np.ndarray:
    points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    count = max(1, len(points) - SHINGLE + 1)
    points = np.pad(points, (0, max(0, SHINGLE - len(points))))
    mixed = sum((points[i : i + count] * _WEIGHTS[i] for i in range(SHINGLE)), np.zeros(count, np.uint64))
    return np.unique(mixed ^ (mixed >> np.uint64(29)))


def _band_keys(shingles: np.ndarray) -> list[tuple[int, bytes]]:
    hashes = ((shingles[None, :] * _FACTORS[:, None] + _OFFSETS[:, None]) >> np.uint64(20)).min(axis=1)
    return [(band, part.tobytes()) for band, part in enumerate(hashes.reshape(BANDS, ROWS_A_BAND))]


def _jaccard(left: np.ndarray, right: np.ndarray) -> float:
    common = len(np.intersect1d(left, right, assume_unique=True))
    return common / (len(left) + len(right) - common)


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


def _join(parent: list[int], left: int, right: int) -> None:
    low, high = sorted((_root(parent, left), _root(parent, right)))
    parent[high] = low
