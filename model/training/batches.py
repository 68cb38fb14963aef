"""Rows to training batches: encoded once, texts of like length together, order drawn from seed and epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from model.labels import KINDS, SENTIMENTS, TOPICS
from model.tokens import encode, pad
from model.training.recipe import accepted, epoch_rows, policy
from model.training.rows import Row

POOL = 4000


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step; the two heads' rows are told apart by `sentiment_rows`."""

    ids: Tensor
    mask: Tensor
    kinds: Tensor
    sentiment_rows: Tensor
    accepted: tuple[Tensor, Tensor]
    possible: tuple[Tensor, Tensor]
    smoothing: Tensor
    weight: Tensor


def encode_rows(tokenizer: Tokenizer, rows: Sequence[Row]) -> list[list[int]]:
    """Return the token ids of each row."""
    encoded: list[list[int]] = []
    for start in range(0, len(rows), POOL):
        encoded.extend(encode(tokenizer, [row.text for row in rows[start : start + POOL]]))
    return encoded


def plan_epoch(rows: Sequence[Row], lengths: Sequence[int], cells: int, epoch: int, seed: int) -> list[list[int]]:
    """Return the batches of an epoch as lists of row indexes, each of at most `cells` padded cells."""
    order = epoch_rows(rows, epoch, seed)
    batches: list[list[int]] = []
    for start in range(0, len(order), POOL):
        batch: list[int] = []
        for index in sorted(order[start : start + POOL], key=lambda i: lengths[i]):
            if batch and lengths[index] * (len(batch) + 1) > cells:
                batches.append(batch)
                batch = []
            batch.append(index)
        batches.append(batch)
    random.Random(f"{seed}/{epoch}/order").shuffle(batches)
    return batches


def collate(rows: Sequence[Row], encoded: Sequence[Sequence[int]], pad_id: int) -> Batch:
    """Return the tensors of a batch of rows and their token ids."""
    ids, mask = pad(encoded, max(map(len, encoded)), pad_id)
    is_sentiment = torch.tensor([row.task == "sentiment" for row in rows])
    sentiment = [row for row in rows if row.task == "sentiment"]
    topics = [row for row in rows if row.task == "topic"]
    return Batch(
        ids=ids,
        mask=mask,
        kinds=torch.tensor([KINDS.index(row.kind) for row in rows]),
        sentiment_rows=is_sentiment,
        accepted=(
            _members([accepted(row) for row in sentiment], SENTIMENTS),
            _members([row.labels for row in topics], TOPICS),
        ),
        possible=(
            _members([policy(row).classes for row in sentiment], SENTIMENTS),
            torch.ones((len(topics), len(TOPICS)), dtype=torch.bool),
        ),
        smoothing=torch.tensor([policy(row).smoothing for row in rows]),
        weight=torch.tensor([policy(row).weight for row in rows]),
    )


def _members(chosen: Sequence[Sequence[str]], names: Sequence[str]) -> Tensor:
    return torch.tensor([[name in some for name in names] for some in chosen], dtype=torch.bool).reshape(-1, len(names))
