"""Fewer layers, taught by the network they came from."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from model import folder
from model.classifier import Classifier
from model.errors import ModelError
from model.network import Network
from model.parts import whole
from model.tiny import make_tiny
from model.training.config import Finetuning
from model.training.distil import shallower, taught_loss
from model.training.finetune import finetune, frozen_copy
from tests.unit.test_training_modes import rows

LAYER = "encoder.encoder.layer.{}.intermediate.dense.weight"
SETTINGS = Finetuning(
    epochs=12,
    batch_cells=256,
    rate_heads=0.01,
    rate_encoder=0.003,
    rate_embeddings=0.003,
    word_dropout=0.0,
    patience=99,
)


def deep(path: Path, layers: int) -> tuple[Network, Tokenizer]:
    served, tokenizer, _ = folder.load(make_tiny(path))
    torch.manual_seed(3)
    network = Network(replace(served.shape, layers=layers), hugging_face=True)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:  # large enough that readings differ from text to text
                parameter.copy_(torch.randn(parameter.shape) * 0.6)
    return network, tokenizer


@pytest.mark.parametrize(("layers", "kept"), [(3, (1, 3, 5)), (2, (2, 5)), (1, (5,)), (6, (0, 1, 2, 3, 4, 5))])
def test_the_layers_kept_are_evenly_spaced_and_end_with_the_last(
    tmp_path: Path, layers: int, kept: tuple[int, ...]
) -> None:
    network, _ = deep(tmp_path, 6)
    student = shallower(network, layers, 0.0, 0.0)
    ours, theirs = student.state_dict(), network.state_dict()
    assert student.shape.layers == layers
    for place, layer in enumerate(kept):
        assert torch.equal(ours[LAYER.format(place)], theirs[LAYER.format(layer)])
    assert torch.equal(ours["topic.weight"], theirs["topic.weight"])


def test_more_layers_than_there_are_and_other_encoders_are_refused(tmp_path: Path) -> None:
    network, _ = deep(tmp_path, 2)
    with pytest.raises(ModelError, match="layers = 3 of 2 layers; expected 1 to 2"):
        shallower(network, 3, 0.0, 0.0)


def test_the_distance_is_that_of_kullback_and_leibler_times_the_temperature_squared() -> None:
    ours, theirs = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[0.5, 0.5, 2.0]])
    same = torch.zeros(1, 15)
    p, q = (torch.softmax(part / 2, 1)[0].tolist() for part in (theirs, ours))
    expected = 4 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert float(taught_loss((ours, same), (theirs, same), 2.0)) == pytest.approx(expected, rel=1e-5)
    assert float(taught_loss((theirs, same), (theirs, same), 2.0)) == pytest.approx(0, abs=1e-7)


def test_a_student_comes_nearer_to_what_its_teacher_reads(tmp_path: Path) -> None:
    network, tokenizer = deep(tmp_path / "deep", 4)
    teacher, student = frozen_copy(network), shallower(network, 1, 0.0, 0.0)
    texts = [row.text for row in rows(30)]
    told = Classifier(whole(teacher, tokenizer), "", "cpu", "float32").read(texts, ["news"] * len(texts))

    def away(one: Network) -> float:
        read = Classifier(whole(one, tokenizer), "", "cpu", "float32").read(texts, ["news"] * len(texts))
        return sum(abs(a - b) for x, y in zip(read, told, strict=True) for a, b in zip(x.topics, y.topics, strict=True))

    before = away(frozen_copy(student))
    settings = replace(SETTINGS, taught=1.0)
    finetune(
        student, tokenizer, rows(30), rows(10, 900), settings,
        seed=0, precision="float32", out=tmp_path / "out", teacher=teacher,
    )  # fmt: skip
    assert away(frozen_copy(student)) < before / 2
