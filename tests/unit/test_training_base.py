"""Encoders of a user's choice: small checkpoints made here, trained a little, saved and served."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from model import folder
from model.classifier import Classifier
from model.errors import ModelError
from model.tiny import FRAME, build_tokenizer
from model.tokens import encode
from model.training.any_base import open_base
from model.training.config import Config, Finetuning
from model.training.finetune import finetune
from model.training.rows import Row

FAST: Any = PreTrainedTokenizerFast
CONFIG = Config(max_tokens=24, finetuning=Finetuning(epochs=1, batch_cells=256))
WORDS = "profit up loss down stock the of bank 股 市 涨 跌".split()
SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def bert(path: Path) -> str:
    words = build_tokenizer([*FRAME, *WORDS])
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=words.get_vocab_size(), max_position_embeddings=40, **SIZES)).save_pretrained(path)  # type: ignore[no-untyped-call]
    FAST(
        tokenizer_object=words, pad_token="[PAD]", mask_token="[MASK]", cls_token="[CLS]", sep_token="[SEP]",
        unk_token="[UNK]",
    ).save_pretrained(path)  # fmt: skip
    return str(path)


def unigram() -> Tokenizer:
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(f"▁{word}", -2.0) for word in WORDS] + [("▁", -4.0), ("<mask>", 0.0)]
    words = Tokenizer(models.Unigram(pieces, unk_id=3))
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    words.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    words.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return words


def save_unigram(path: Path) -> None:
    FAST(
        tokenizer_object=unigram(), pad_token="<pad>", mask_token="<mask>", bos_token="<s>", eos_token="</s>",
        cls_token="<s>", sep_token="</s>", unk_token="<unk>",
    ).save_pretrained(path)  # fmt: skip


def xlm_r(path: Path) -> str:
    torch.manual_seed(0)
    size = unigram().get_vocab_size()
    config = XLMRobertaConfig(
        vocab_size=size + 3, max_position_embeddings=42, type_vocab_size=1, pad_token_id=1, **SIZES
    )
    XLMRobertaModel(config).save_pretrained(path)  # type: ignore[no-untyped-call]
    save_unigram(path)
    return str(path)


def distilbert(path: Path) -> str:
    torch.manual_seed(0)
    config = DistilBertConfig(vocab_size=unigram().get_vocab_size(), dim=16, n_layers=2, n_heads=2, hidden_dim=32,
                              max_position_embeddings=40, pad_token_id=1)  # fmt: skip
    DistilBertModel(config).save_pretrained(path)
    save_unigram(path)
    return str(path)


MAKERS: dict[str, tuple[Callable[[Path], str], Any]] = {
    "bert": (bert, BertModel),
    "xlm-r": (xlm_r, XLMRobertaModel),
    "distilbert": (distilbert, DistilBertModel),
}


@pytest.mark.parametrize("name", MAKERS)
def test_hidden_states_are_those_of_the_encoder_itself(tmp_path: Path, name: str) -> None:
    make, kind = MAKERS[name]
    network, tokenizer = open_base(make(tmp_path), CONFIG)
    oracle = kind.from_pretrained(tmp_path).eval()
    rows = encode(tokenizer, ["profit up", "loss down stock the bank"])
    network.eval()
    for row in rows:
        ids = torch.tensor([row])
        ours = network._hidden(ids, torch.ones_like(ids), torch.zeros_like(ids))
        theirs = oracle(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["full", "lora"])
@pytest.mark.parametrize("name", MAKERS)
def test_any_base_is_trained_saved_and_served(tmp_path: Path, name: str, mode: str) -> None:
    network, tokenizer = open_base(MAKERS[name][0](tmp_path / "base"), CONFIG)
    train = [
        Row("sentiment", "en", "desk", "news", f"{text} {'of ' * (i % 9)}", (label,))
        for i in range(40)
        for text, label in (("profit up", "positive"), ("loss down", "negative"), ("the stock", "neutral"))
    ]
    settings = dataclasses.replace(CONFIG.finetuning, epochs=3, rate_heads=0.05, rate_encoder=0.01)
    best = finetune(
        network, tokenizer, train, train[:60], settings, seed=0, precision="bfloat16", out=tmp_path / "out", mode=mode
    )
    classifier = Classifier.load(best, device="cpu", precision="float32")
    assert bool(folder.load(best)[0].shape.foreign) is (name != "bert")
    readings = classifier.read(["profit up", "loss down of of", "the stock of"], ["news"] * 3)
    assert [reading.label for reading in readings] == ["positive", "negative", "neutral"]


def test_texts_are_cut_to_the_positions_that_the_encoder_has(tmp_path: Path) -> None:
    network, tokenizer = open_base(xlm_r(tmp_path), dataclasses.replace(CONFIG, max_tokens=128))
    assert network.shape.max_tokens == 40
    ids = torch.tensor(encode(tokenizer, ["stock " * 200]))
    assert ids.shape[1] == 40
    network(ids, torch.ones_like(ids), torch.zeros(1, dtype=torch.long))


def test_a_folder_that_is_no_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        open_base(str(tmp_path), CONFIG)


def test_a_tokenizer_without_a_mask_is_refused(tmp_path: Path) -> None:
    path = bert(tmp_path)
    FAST(tokenizer_object=build_tokenizer([*FRAME, *WORDS]), pad_token="[PAD]").save_pretrained(path)
    with pytest.raises(ModelError, match=r"no token for \[MASK\]; expected an encoder"):
        open_base(path, CONFIG)
