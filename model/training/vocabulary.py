"""One vocabulary for two languages: what the corpus uses of the base's, and the characters it lacks."""

from __future__ import annotations

import io
import pickle
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from model.errors import ModelError
from model.text import clean
from model.tiny import FRAME, UNKNOWN, build_tokenizer
from model.training.base import Base

CHUNK = 4096


def count_tokens(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """Return how often each token of the base is used, and each character that it does not know."""
    known, unknown = Counter[int](), Counter[str]()
    vocabulary = tokenizer.get_vocab()
    for chunk in _chunks(texts):
        cleaned = [clean(text) for text in chunk]
        for encoding in tokenizer.encode_batch_fast(cleaned, add_special_tokens=False):
            known.update(encoding.ids)
        for text in cleaned:
            unknown.update(character for character in text.lower() if character not in vocabulary)
    names = {index: token for token, index in vocabulary.items()}
    return Counter({names[index]: count for index, count in known.items()}), unknown


def choose(
    base: Base, known: Counter[str], unknown: Counter[str], at_least: int, new_at_least: int, *, chinese: bool = True
) -> list[str]:
    """Return the tokens of the new vocabulary: the frame, what is used of the base, then new characters.

    Without `chinese`, no new character is Chinese. A symbol (an emoji) stands in runs without spaces, so it comes a
    second time as a continuation.
    """
    order = sorted(base.tokenizer.get_vocab().items(), key=lambda item: item[1])
    kept = [token for token, _ in order if token not in FRAME and (known[token] >= at_least or _is_basic(token))]
    new = [char for char, count in sorted(unknown.items()) if count >= new_at_least and _is_writable(char)]
    new = [char for char in new if chinese or not _is_chinese(char)]
    runs = [f"##{char}" for char in new if unicodedata.category(char)[0] == "S"]
    return list(dict.fromkeys([*FRAME, *kept, *new, *runs]))


def start_embeddings(base: Base, tokens: list[str], characters: dict[str, np.ndarray], seed: int) -> Tensor:
    """Return word embeddings (tokens, hidden): the base's where it has the token, else what is nearest to it.

    A symbol starts as the mean of the words of its Unicode name ("chart with upwards trend"), any other character
    from its vector in `characters`, and what has neither at random. A linear map from the character vectors to the
    base's space is fitted by ridge regression on the characters that both know, and what it leaves out is filled
    with a random orthogonal map of the same vectors, so that characters near each other there start near each other
    here.
    """
    old = base.tensors["embeddings.word_embeddings.weight"].float()
    vocabulary = base.tokenizer.get_vocab()
    generator = torch.Generator().manual_seed(seed)
    typical = old[[vocabulary[token] for token in tokens if token in vocabulary]]
    words = typical.mean(0) + torch.randn(len(tokens), old.shape[1], generator=generator) * typical.std(0)
    projected = _project(characters, old, vocabulary, float(typical.norm(dim=1).mean()), generator)
    for index, token in enumerate(tokens):
        plain = token.removeprefix("##")
        if token in vocabulary:
            words[index] = old[vocabulary[token]]
        elif plain in projected:
            words[index] = projected[plain]
        elif named := _name_ids(base.tokenizer, plain):
            words[index] = old[named].mean(0)
    return words


def build(base: Base, tokens: list[str], max_tokens: int) -> Tokenizer:
    """Return the tokenizer over `tokens`, splitting text as the base does."""
    tokenizer = build_tokenizer(tokens)
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def read_character_vectors(folder: Path) -> dict[str, np.ndarray]:
    """Return unit-length vectors by character from `embedding_Tencent.npz` and `vocab.pkl`; {} without them.

    Raises:
        ModelError: the files are not what they are called.
    """
    vectors, names = folder / "embedding_Tencent.npz", folder / "vocab.pkl"
    if not (vectors.is_file() and names.is_file()):
        return {}
    try:
        index = _PlainPickle(io.BytesIO(names.read_bytes())).load()
        table = np.load(vectors, allow_pickle=False)["embeddings"].astype(np.float32)
    except (pickle.UnpicklingError, KeyError, ValueError) as exc:
        raise ModelError(f"{folder}: not character vectors: {exc}") from None
    table /= np.linalg.norm(table, axis=1, keepdims=True) + 1e-6
    return {name: table[row] for name, row in index.items() if len(name) == 1 and row < len(table)}


class _PlainPickle(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> object:
        raise pickle.UnpicklingError(f"names {module_name}.{global_name}; expected plain data")


def _project(
    characters: dict[str, np.ndarray], old: Tensor, vocabulary: dict[str, int], norm: float, generator: torch.Generator
) -> dict[str, Tensor]:
    if not characters:
        return {}
    names = list(characters)
    vectors = torch.tensor(np.stack([characters[name] for name in names]))
    both = [(row, vocabulary[name]) for row, name in enumerate(names) if name in vocabulary and name > "\u2e80"]
    width, hidden = vectors.shape[1], old.shape[1]
    spread, _ = torch.linalg.qr(torch.randn(hidden, width, generator=generator))
    result = vectors @ spread.T
    if len(both) > 20:
        x, y = vectors[[row for row, _ in both]], old[[column for _, column in both]]
        centre = y.mean(0)
        ridge = x.T @ x + 0.5 * torch.eye(width)
        fitted = vectors @ torch.linalg.solve(ridge, x.T @ (y - centre))
        result = centre + fitted + 0.7 * result
    result = result * (norm / result.norm(dim=1, keepdim=True))
    return dict(zip(names, result, strict=True))


def _name_ids(tokenizer: Tokenizer, token: str) -> list[int]:
    if len(token) != 1 or unicodedata.category(token)[0] != "S":
        return []
    unknown = tokenizer.token_to_id(UNKNOWN)
    name = unicodedata.name(token, "").lower()
    return [index for index in tokenizer.encode(name, add_special_tokens=False).ids if index != unknown]


def _is_chinese(char: str) -> bool:
    return unicodedata.name(char, "").startswith("CJK UNIFIED")


def _is_basic(token: str) -> bool:
    plain = token.removeprefix("##")
    return len(plain) == 1 and plain.isascii()


def _is_writable(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LSPN" and category not in {"Lu", "Sk"} and not char.isspace()


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
