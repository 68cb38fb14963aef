"""Which rows are measured: those that a training run held out, or a user's own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from model.errors import ModelError
from model.training.rows import Row, read_labelled
from model.training.run import split_rows
from model.training.user_rows import read_user_rows


def sides(data: Path | None, own: Sequence[Path], fifth: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Return the rows that rivals learn from, and those to measure on.

    Args:
        data: folder with labelled/, split as the training run with that `fifth` and `seed` split it.
        own: files of labelled rows, measured in place of the folder's; rows whose `split` says train are learnt from.

    Raises:
        ModelError: neither was given, or no row is left to measure on.
    """
    if data is None and not own:
        raise ModelError("nothing to measure on; expected --data or --rows")
    mine = [row for path in own for row in read_user_rows(path)]
    train, held = split_rows(read_labelled(data / "labelled"), fifth, seed) if data is not None else ([], [])
    if mine:
        train += [row.row for row in mine if row.split == "train"]
        held = [row.row for row in mine if row.split != "train"]
    if not held:
        raise ModelError(f"{own[0] if own else data}: no row is held out; expected some to measure on")
    return train, held


def limited(rows: Sequence[Row], limit: int | None, seed: int) -> list[Row]:
    """Return at most `limit` rows of each task and source, drawn by the seed, in their order."""
    if limit is None:
        return list(rows)
    parts: dict[tuple[str, str], list[int]] = {}
    for index, row in enumerate(rows):
        parts.setdefault((row.task, row.source), []).append(index)
    draw = random.Random(seed)
    chosen = [i for _, part in sorted(parts.items()) for i in draw.sample(part, min(limit, len(part)))]
    return [rows[i] for i in sorted(chosen)]
