"""Texts to padded tensors of token ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from model.errors import ModelError
from model.script import as_read

PAD = "[PAD]"
MASK = "[MASK]"


def load_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """Return the tokenizer of `path`, cutting at `max_tokens` tokens, without padding.

    Raises:
        ModelError: not a tokenizer file.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as exc:  # the Rust side raises bare Exception
        raise ModelError(f"{path}: not a tokenizer file: {exc}") from None
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """Return the id of a token that the tokenizer must have; ModelError where it has not."""
    index = tokenizer.token_to_id(token)
    if index is None:
        raise ModelError(f"the tokenizer has no token {token}")
    return index


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each cleaned text; at least the two frame tokens each."""
    return [encoding.ids for encoding in tokenizer.encode_batch_fast([as_read(text) for text in texts])]


def pad(rows: Sequence[Sequence[int]], width: int, pad_id: int = 0) -> tuple[Tensor, Tensor]:
    """Return ids and mask, both (rows, width); `width` is at least the longest row."""
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[index, : len(row)] = 1
    return ids, mask
