"""Encoders that come in jars, and the vocabulary that is made of them."""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from onnx import helper, numpy_helper
from transformers import BertConfig, BertModel

from model.errors import ModelError
from model.tiny import FRAME, build_tokenizer
from model.training.base import Base, build_network
from model.training.bases import JARS, MINILM, Jar, named_base, read_jar
from model.training.vocabulary import choose, start_embeddings
from stream.maven import MavenError, jar

WORDS = ["chart", "with", "upwards", "trend", "profit", "##s", "公", "司"]
NAME = "small"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BertModel]:
    """A BERT as the exporter of such jars wrote it: dense matrices transposed and without names, all else with."""
    words = build_tokenizer([*FRAME, *WORDS])
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=words.get_vocab_size(), max_position_embeddings=12, hidden_size=8, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=16,
    )  # fmt: skip
    network = BertModel(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
    stored: list[Any] = []
    nodes: list[Any] = []
    for name, value in network.state_dict().items():
        dense = name.endswith(".weight") and value.dim() == 2 and "embeddings" not in name
        if dense:
            matrix, bias = f"onnx::MatMul_{len(stored)}", name.removesuffix("weight") + "bias"
            nodes.append(helper.make_node("MatMul", ["before", matrix], [f"{matrix}/out"]))
            nodes.append(helper.make_node("Add", [bias, f"{matrix}/out"], [f"{matrix}/sum"]))
            stored.append(numpy_helper.from_array(value.T.contiguous().numpy(), matrix))
        else:
            stored.append(numpy_helper.from_array(value.numpy(), name))
    graph = helper.make_graph(nodes, "bert", [], [], stored)
    path = tmp_path_factory.mktemp("jar") / "small.jar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{NAME}.onnx", helper.make_model(graph).SerializeToString())
        archive.writestr(f"{NAME}-tokenizer.json", words.to_str())
    return path, network


def test_the_encoder_of_a_jar_reads_as_the_one_that_was_packed(packed: tuple[Path, BertModel]) -> None:
    path, network = packed
    base = read_jar(path, Jar("org.example:small:1", "", NAME, 2))
    assert base.tokenizer.encode("PROFITs", add_special_tokens=False).tokens == ["profit", "##s"]
    ours = build_network(base, base.tensors["embeddings.word_embeddings.weight"], 12, 0.0)
    assert (ours.shape.layers, ours.shape.heads, ours.shape.intermediate) == (2, 2, 16)
    ids = torch.tensor([[2, 5, 9, 3]])
    with torch.no_grad():
        expected = network.train(False)(ids).last_hidden_state
        found = ours.encoder.train(False)(ids).last_hidden_state
    torch.testing.assert_close(found, expected)


def test_symbols_start_from_their_names_and_other_characters_from_vectors() -> None:
    tokenizer = build_tokenizer([*FRAME, *WORDS])
    table = torch.arange(tokenizer.get_vocab_size() * 8, dtype=torch.float32).reshape(-1, 8)
    base = Base({"hidden_size": 8}, {"embeddings.word_embeddings.weight": table}, tokenizer)
    tokens = choose(base, Counter({"profit": 5, "chart": 5}), Counter({"📈": 9, "公": 9, "股": 9}), 3, 5, chinese=False)
    assert "📈" in tokens and "##📈" in tokens and "股" not in tokens and "trend" not in tokens
    words = start_embeddings(base, tokens, {}, 0)
    name = [tokenizer.token_to_id(word) for word in ("chart", "with", "upwards", "trend")]
    for token in ("📈", "##📈"):
        torch.testing.assert_close(words[tokens.index(token)], table[name].mean(0))
    torch.testing.assert_close(words[tokens.index("profit")], table[tokenizer.token_to_id("profit")])


def test_a_base_that_is_no_jar_or_not_here_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jar").write_bytes(b"no archive")
    name = next(iter(JARS))
    with pytest.raises(ModelError, match=r"x\.jar: not a base encoder"):
        read_jar(tmp_path / "x.jar", JARS[name])
    with pytest.raises(ModelError, match=rf"base {name}: comes in a jar"):
        named_base(name, None)
    assert MINILM not in JARS


def test_a_jar_that_was_fetched_is_not_fetched_again_and_a_wrong_one_is(tmp_path: Path) -> None:
    kept = tmp_path / "thing-1.jar"
    kept.write_bytes(b"what was fetched")
    good = hashlib.sha256(b"what was fetched").hexdigest()
    assert jar("org.example.barograph:thing:1", good, tmp_path) == kept
    with pytest.raises(MavenError, match=r"org\.example\.barograph:thing:1: cannot be downloaded"):
        jar("org.example.barograph:thing:1", "0" * 64, tmp_path)
    assert list(tmp_path.iterdir()) == [kept]
