"""A model of two networks: each text is read by its own, and the whole has one revision and one calibration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from model import folder
from model.calibration import CALIBRATION, Calibration, as_json
from model.classifier import Classifier
from model.errors import ModelError
from model.explain import Explainer
from model.export import export_onnx
from model.onnx_classifier import OnnxClassifier
from model.storage import packed, unpacked
from model.tiny import make_tiny
from stream.detector.confusion import revision

ENGLISH = ["profit up 3%", "", "stock down! " * 40, "a loss"]
CHINESE = ["公司业绩下降", "银行降息", "股市涨停 up"]
MIXED = [ENGLISH[0], CHINESE[0], *ENGLISH[1:], *CHINESE[1:]]
KINDS = ["news", "comment", "news", "comment", "news", "comment", "news"]


@pytest.fixture(scope="module")
def singles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("singles")
    return {language: make_tiny(root / language, seed=seed) for seed, language in enumerate(("en", "zh"))}


@pytest.fixture
def joined(singles: dict[str, Path], tmp_path: Path) -> Path:
    folder.join(tmp_path / "joined", singles)
    return tmp_path / "joined"


def load(path: Path) -> Classifier:
    return Classifier.load(path, device="cpu", precision="float32")


def test_each_text_is_read_as_the_network_of_its_language_reads_it(singles: dict[str, Path], joined: Path) -> None:
    found = load(joined).read(MIXED, KINDS)
    alone = {language: load(path).read(MIXED, KINDS) for language, path in singles.items()}
    for text, reading, en, zh in zip(MIXED, found, alone["en"], alone["zh"], strict=True):
        assert reading == (zh if text in CHINESE else en)
        assert en != zh


def test_an_explanation_comes_from_the_network_that_reads(singles: dict[str, Path], joined: Path) -> None:
    found = Explainer.load(joined, device="cpu").explain(MIXED, KINDS)
    for index, text in enumerate(MIXED):
        own = Explainer.load(singles["zh" if text in CHINESE else "en"], device="cpu")
        (alone,) = own.explain([text], [KINDS[index]])
        assert found[index].text == alone.text
        assert [word.text for word in found[index].words] == [word.text for word in alone.words]
        assert found[index].sentiment.words == pytest.approx(alone.sentiment.words, abs=1e-4)


def test_an_export_has_a_file_a_language_and_reads_the_same(joined: Path, tmp_path: Path) -> None:
    out = tmp_path / "onnx"
    assert export_onnx(joined, out) == [out / "en" / "model.onnx", out / "zh" / "model.onnx"]
    for ours, theirs in zip(load(joined).read(MIXED, KINDS), OnnxClassifier.load(out).read(MIXED, KINDS), strict=True):
        assert ours.sentiment == pytest.approx(theirs.sentiment, abs=1e-5)
        assert ours.topics == pytest.approx(theirs.topics, abs=1e-5)


def test_the_revision_is_of_both_networks_and_of_the_temperatures(singles: dict[str, Path], joined: Path) -> None:
    first = load(joined).revision
    assert first == folder.revision(joined) == revision(joined)
    shutil.copytree(joined, joined.parent / "turned")
    folder.join(joined.parent / "turned", {"en": singles["zh"], "zh": singles["en"]})
    assert folder.revision(joined.parent / "turned") != first
    heat = Calibration({"en": 2.0, "zh": 0.5}, {"en": 1.0, "zh": 1.0})
    (joined / CALIBRATION).write_text(json.dumps(as_json(heat, folder.weights_sha256(joined))))
    assert load(joined).revision == folder.revision(joined) == revision(joined) != first
    assert load(joined).calibration == heat


def test_what_does_not_belong_together_is_refused(singles: dict[str, Path], joined: Path) -> None:
    with pytest.raises(ModelError, match="expected one of those"):
        folder.load(joined)
    with pytest.raises(ModelError, match="networks of its own"):
        folder.join(joined.parent / "again", {"en": joined, "zh": singles["zh"]})
    with pytest.raises(ModelError, match="expected another folder"):
        folder.join(joined, {"en": joined / "en", "zh": singles["zh"]})
    make_tiny(joined / "zh", seed=7)
    with pytest.raises(ModelError, match="not the file that"):
        load(joined)
    shutil.rmtree(joined / "zh")
    with pytest.raises(ModelError, match="no model here"):
        load(joined)


def test_eight_bits_lose_little_and_a_second_time_nothing(singles: dict[str, Path], tmp_path: Path) -> None:
    folder.join(tmp_path / "small", singles, "int8")
    whole, small = load(singles["en"]), load(tmp_path / "small")
    for ours, theirs in zip(whole.read(ENGLISH, KINDS[:4]), small.read(ENGLISH, KINDS[:4]), strict=True):
        assert ours.sentiment == pytest.approx(theirs.sentiment, abs=0.05)
    network, tokenizer, _ = folder.load(tmp_path / "small" / "en")
    state = dict(network.named_parameters())
    once = unpacked(packed(state, "int8"))
    assert all(torch.equal(value, unpacked(packed(once, "int8"))[name]) for name, value in once.items())
    exact, rough = state["encoder.embeddings.word_embeddings.weight"], once["encoder.embeddings.word_embeddings.weight"]
    assert bool(((exact - rough).abs().amax(1) <= exact.abs().amax(1) / 127).all())
    assert tokenizer.get_vocab_size() == exact.shape[0]


def test_eight_bits_without_their_scales_are_refused() -> None:
    with pytest.raises(ModelError, match=r"w: eight bits without a scale for each of 2 rows"):
        unpacked({"w": torch.ones(2, 2, dtype=torch.int8)})
