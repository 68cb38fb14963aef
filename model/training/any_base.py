"""An encoder of the user's choice to start from: a folder or a name on a hub, read by transformers' Auto classes."""

from __future__ import annotations

import json
from typing import Any

from tokenizers import Tokenizer

from model.errors import ModelError
from model.network import Network, Shape
from model.tokens import MASK, PAD
from model.training.base import Base, build_network
from model.training.config import Config

LOCAL = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")


def open_base(name: str, config: Config) -> tuple[Network, Tokenizer]:
    """Return a network with the encoder `name` and fresh heads, and its tokenizer, cutting at what it can read.

    A BERT becomes the plain encoder that serving knows; any other runs through transformers.

    Raises:
        ModelError: there is no such encoder, or its tokenizer lacks what training needs.
    """
    from transformers import AutoModel, AutoTokenizer

    try:
        model = AutoModel.from_pretrained(name)
        words = AutoTokenizer.from_pretrained(name)
    except Exception as exc:  # transformers raises OSError, ValueError, KeyError, ImportError, ... alike
        reason = next((line for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
        raise ModelError(f"base {name}: cannot be read: {reason[:200]}") from None
    tokenizer = _tokenizer(name, words)
    size = model.get_input_embeddings().weight.shape[0]
    if tokenizer.get_vocab_size() > size:
        raise ModelError(f"base {name}: {tokenizer.get_vocab_size()} tokens, and embeddings for {size}")
    longest = min(config.max_tokens, _longest(model.config))
    network = _bert(model, tokenizer, longest, config) if _is_plain_bert(model.config) else None
    if network is None:
        network = _foreign(model, tokenizer, longest, config)
    tokenizer.enable_truncation(longest)
    return network, tokenizer


def _tokenizer(name: str, words: Any) -> Tokenizer:
    if not getattr(words, "is_fast", False):
        raise ModelError(f"base {name}: its tokenizer has no fast form; expected one of the tokenizers library")
    facts = json.loads(words.backend_tokenizer.to_str())
    for ours, theirs in ((PAD, words.pad_token), (MASK, words.mask_token)):
        if theirs is None:
            raise ModelError(f"base {name}: its tokenizer has no token for {ours}; expected an encoder, not a decoder")
        _rename(facts, theirs, ours)
    facts["truncation"] = facts["padding"] = None
    return Tokenizer.from_str(json.dumps(facts))


def _rename(facts: dict[str, Any], old: str, new: str) -> None:
    if old == new:
        return
    for token in facts["added_tokens"]:
        if token["content"] == old:
            token["content"] = new
    vocabulary = facts["model"]["vocab"]
    if isinstance(vocabulary, dict):
        facts["model"]["vocab"] = {new if token == old else token: index for token, index in vocabulary.items()}
    else:
        facts["model"]["vocab"] = [[new if token == old else token, score] for token, score in vocabulary]


def _longest(config: Any) -> int:
    positions = int(getattr(config, "max_position_embeddings", 0) or 10**6)
    offset = (config.pad_token_id or 0) + 1 if "roberta" in config.model_type else 0  # they count from the padding on
    return positions - offset


def _is_plain_bert(config: Any) -> bool:
    return bool(
        config.model_type == "bert"
        and config.hidden_act == "gelu"
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
    )


def _bert(model: Any, tokenizer: Tokenizer, longest: int, config: Config) -> Network:
    tensors = {name: value.float() for name, value in model.state_dict().items()}
    words = tensors["embeddings.word_embeddings.weight"][: tokenizer.get_vocab_size()]
    tuning = config.finetuning
    base = Base(model.config.to_dict(), tensors, tokenizer)
    return build_network(base, words, longest, tuning.dropout, tuning.encoder_dropout)


def _foreign(model: Any, tokenizer: Tokenizer, longest: int, config: Config) -> Network:
    facts = {name: value for name, value in model.config.to_dict().items() if name not in LOCAL and value is not None}
    shape = Shape(
        vocabulary=tokenizer.get_vocab_size(),
        hidden=model.get_input_embeddings().weight.shape[1],
        positions=longest,
        max_tokens=longest,
        foreign=json.dumps(facts),
    )
    network = Network(shape, config.finetuning.dropout, config.finetuning.encoder_dropout)
    missing, _ = network.encoder.model.load_state_dict(model.state_dict(), strict=False)
    if missing:
        raise ModelError(f"base of type {model.config.model_type}: no weights for {missing[0]}")
    return network
