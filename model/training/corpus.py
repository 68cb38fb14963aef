"""The raw text of continued pre-training: gzip files of one text a line, named by language."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from model.errors import ModelError
from model.text import clean

LINE_CHARS = 1200


def corpus_files(folder: Path, language: str = "") -> list[Path]:
    """Return the corpus files in order of name, of one language or, where none is named, of all.

    Raises:
        ModelError: there are none.
    """
    files = sorted(folder.glob(f"{language}*.txt.gz"))
    if not files:
        raise ModelError(f"{folder}: no corpus; expected files en_*.txt.gz and zh_*.txt.gz, one text a line")
    return files


def read_lines(path: Path, at_most: int | None = None, seed: int = 0) -> Iterator[str]:
    """Yield the texts of a file, each cut at `LINE_CHARS`; a seeded sample, in order, where it has more."""
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        lines = [line[:LINE_CHARS].strip() for line in file]
    lines = [line for line in lines if line]
    if at_most is not None and len(lines) > at_most:
        chosen = sorted(random.Random(f"{seed}/{path.name}").sample(range(len(lines)), at_most))
        lines = [lines[index] for index in chosen]
    yield from lines


def token_blocks(tokenizer: Tokenizer, lines: list[str], width: int) -> np.ndarray:
    """Return int32 blocks (count, width): framed texts one after another, each block begun by [CLS]."""
    start = tokenizer.token_to_id("[CLS]")
    stream: list[np.ndarray] = []
    for begin in range(0, len(lines), 4096):
        cleaned = [clean(line) for line in lines[begin : begin + 4096]]
        for encoding in tokenizer.encode_batch_fast(cleaned):
            stream.append(np.asarray(encoding.ids[1:], dtype=np.int32))
    if not stream:
        return np.zeros((0, width), dtype=np.int32)
    flat = np.concatenate(stream)
    body = flat[: len(flat) // (width - 1) * (width - 1)].reshape(-1, width - 1)
    return np.concatenate([np.full((len(body), 1), start, dtype=np.int32), body], axis=1)
