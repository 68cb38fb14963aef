from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
import torch
from transformers import DistilBertConfig

from model import folder
from model.attribution import Rows, embeddings, log_odds
from model.calibration import CALIBRATION
from model.classifier import Classifier
from model.errors import ModelError
from model.explain import METHODS, Explainer, Method, Sum, blank
from model.labels import TOPICS
from model.network import Network, Shape
from model.text import clean
from model.tiny import make_tiny
from model.tokens import MASK, token_id

TEXTS = [
    "profit up 3%",
    "公司业绩下降",
    "",
    "stock down! " * 40,
    "a\ud800\x00b",
    "银行降息",
    "up",
    "Down <b>$AAPL</b> http://x.y",
]
KINDS = ["news", "comment"] * 4
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def explainer(tiny: Path) -> Explainer:
    return Explainer.load(tiny, device="cpu")


@pytest.fixture(scope="module")
def shipped() -> Explainer:
    return Explainer.load(device="cpu")


def few(method: Method) -> int:
    """Return how many of the texts a test takes: integrated gradients cost fifty times as much."""
    return 3 if method == "integrated" else len(TEXTS)


def near(part: Sum) -> bool:
    return abs(part.rest) <= 0.05 * max(1.0, abs(part.value - part.blank))


@pytest.mark.parametrize("method", METHODS)
def test_each_text_is_explained_in_its_own_cleaned_words(explainer: Explainer, method: Method) -> None:
    texts = TEXTS[: few(method)]
    found = explainer.explain(texts, KINDS[: len(texts)], method)
    assert [one.text for one in found] == [clean(text) for text in texts]
    for one in found:
        assert one.method == method
        assert [one.text[word.start : word.end] for word in one.words] == [word.text for word in one.words]
        assert "".join(word.text for word in one.words) == "".join(one.text.split())
        assert sum(word.sentiment for word in one.words) == pytest.approx(one.sentiment.words, abs=1e-6)
    assert found[2].words == ()


def test_integrated_gradients_sum_to_the_difference_from_the_blank_text(explainer: Explainer) -> None:
    for one in explainer.explain([*TEXTS[:3], *TEXTS[4:]], KINDS[1:], "integrated"):
        assert near(one.sentiment), (one.text, one.sentiment)
        assert near(one.topic), (one.text, one.topic)


def test_the_sum_holds_for_the_weights_that_ship_as_well_and_the_path_comes_near(shipped: Explainer) -> None:
    texts = ["宁德时代净利润下滑12.5%，股价跌停", "Acme shares plunge 20% after profit warning"]
    rests: dict[str, float] = {}
    for method in METHODS:
        found = shipped.explain(texts, ["news"] * 2, method)
        rests[method] = sum(abs(one.sentiment.rest) for one in found)
        assert method != "integrated" or all(near(one.sentiment) and near(one.topic) for one in found)
    assert rests["integrated"] < rests["path"] < rests["gradient"]


def test_gradient_weights_sum_to_the_slope_at_the_text_and_to_nothing_else(explainer: Explainer) -> None:
    """The oracle is the slope by finite differences along the way from the blank text."""
    text = "profit up 3%"
    (one,) = explainer.explain([text], ["news"], "gradient")
    part = explainer.parts["en"]
    read = part.tokenizer.encode(text)
    ids = torch.tensor([read.ids])
    ones, zero = torch.ones_like(ids), torch.zeros(1, dtype=torch.long)
    masks = blank([read], ids, token_id(part.tokenizer, MASK))
    batch = Rows(part.network, ids, masks, ones, zero, torch.ones(1, 2))
    topic = torch.tensor([TOPICS.index(one.reading.topic)])
    with torch.no_grad():
        with embeddings(part.network) as seen:
            batch.logits(ids)
        with embeddings(part.network) as masked:
            batch.logits(masks)
        around = []
        for at in (1 - 1e-3, 1 + 1e-3):
            with embeddings(part.network, masked[0] + at * (seen[0] - masked[0])):
                around.append(log_odds(batch.logits(ids), topic)[0])
    slope = (around[1] - around[0]) / 2e-3
    assert one.sentiment.words == pytest.approx(float(slope[0]), abs=0.02)
    assert one.topic.words == pytest.approx(float(slope[1]), abs=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_equals_one_by_one(explainer: Explainer, method: Method) -> None:
    texts, kinds = TEXTS[: few(method)], KINDS[: few(method)]
    found = explainer.explain(texts, kinds, method)
    for text, kind, one in list(zip(texts, kinds, found, strict=True))[:3]:
        (alone,) = explainer.explain([text], [kind], method)
        assert [word.sentiment for word in one.words] == pytest.approx([w.sentiment for w in alone.words], abs=1e-3)
        assert [word.topic for word in one.words] == pytest.approx([w.topic for w in alone.words], abs=1e-3)


def test_what_is_explained_is_the_classifiers_reading_temperatures_included(tiny: Path, tmp_path: Path) -> None:
    path = make_tiny(tmp_path / "warm")
    heat = {"sentiment": {"en": 2.0, "zh": 0.5}, "topic": {"en": 1.5, "zh": 0.8}}
    record = {"schema": 1, "weights_sha256": folder.weights_sha256(path), "temperatures": heat}
    (path / CALIBRATION).write_text(json.dumps(record))
    for place in (tiny, path):
        classifier = Classifier.load(place, device="cpu", precision="float32")
        explainer = Explainer.load(place, device="cpu")
        assert explainer.revision == classifier.revision
        readings = classifier.read(TEXTS, KINDS)
        for one, reading in zip(explainer.explain(TEXTS, KINDS), readings, strict=True):
            assert one.reading.sentiment == pytest.approx(reading.sentiment, abs=1e-5)
            assert one.reading.topics == pytest.approx(reading.topics, abs=1e-5)
            negative, _, positive = reading.sentiment
            likely = max(reading.topics)
            assert one.sentiment.value == pytest.approx(math.log(positive / negative), abs=1e-3)
            assert one.topic.value == pytest.approx(math.log(likely / (1 - likely)), abs=1e-3)


def test_an_encoder_of_another_make_is_explained_as_well(tiny: Path, tmp_path: Path) -> None:
    _, tokenizer, _ = folder.load(tiny)
    size = tokenizer.get_vocab_size()
    config = DistilBertConfig(
        vocab_size=size, dim=16, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=64
    )  # fmt: skip
    shape = Shape(
        vocabulary=size, hidden=16, layers=1, heads=2, intermediate=32, positions=64, max_tokens=60,
        foreign=config.to_json_string(use_diff=False),
    )  # fmt: skip
    folder.save(tmp_path / "other", Network(shape), tokenizer)
    explainer = Explainer.load(tmp_path / "other", device="cpu")
    methods: tuple[Method, ...] = ("path", "integrated")
    for method in methods:
        (one,) = explainer.explain(["profit up 3%"], ["news"], method)
        assert near(one.sentiment) and any(word.sentiment for word in one.words)


@pytest.mark.parametrize(
    ("text", "word", "label"),
    [
        ("Acme shares plunge after the report", "plunge", "negative"),
        ("Profit rose in the third quarter", "rose", "positive"),
        ("该股今日跌停", "跌停", "negative"),
    ],
)
def test_the_weights_that_ship_point_at_the_word_a_reader_would(
    shipped: Explainer, text: str, word: str, label: str
) -> None:
    (one,) = shipped.explain([text], ["news"])
    sign = 1 if label == "positive" else -1
    assert one.reading.label == label
    strongest = sorted(one.words, key=lambda part: -sign * part.sentiment)
    assert word in [part.text for part in strongest[:2]]


def test_words_beyond_what_is_read_weigh_nothing(explainer: Explainer) -> None:
    (one,) = explainer.explain(["down " * 200], ["news"])
    assert 0 < one.read_chars < len(one.text)
    assert any(word.sentiment for word in one.words if word.start < one.read_chars)
    assert not any(word.sentiment or word.topic for word in one.words if word.start >= one.read_chars)


def test_no_texts_need_no_explanation_and_bad_ones_are_refused(explainer: Explainer) -> None:
    assert explainer.explain([], []) == []
    with pytest.raises(ValueError, match="1 texts and 0 kinds"):
        explainer.explain(["x"], [])
    with pytest.raises(ValueError, match=r"'rumour'.*news, comment"):
        explainer.explain(["x"], ["rumour"])
    with pytest.raises(ValueError, match=r"'magic'.*gradient, path, integrated"):
        explainer.explain(["x"], ["news"], "magic")  # type: ignore[arg-type]


def test_integrated_without_captum_says_what_to_install(explainer: Explainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ModelError, match=r"barograph\[explain\]"):
        explainer.explain(["up"], ["news"], "integrated")
    assert explainer.explain(["up"], ["news"])[0].words
