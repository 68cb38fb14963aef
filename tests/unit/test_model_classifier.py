from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertModel

from model import folder
from model.classifier import MAX_CELLS, Classifier, ModelError, Reading, micro_batches
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.network import bert_config
from model.text import clean
from model.tiny import make_tiny
from model.tokens import pad

TEXTS = ["profit up 3%", "公司业绩下降", "", "stock down! " * 40, "a\ud800\x00b", "银行降息", "up", "down down down"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def classifier(tiny: Path) -> Classifier:
    return Classifier.load(tiny, device="cpu", precision="float32")


def test_a_reading_has_three_and_fifteen_probabilities_that_sum_to_one(classifier: Classifier) -> None:
    for reading in classifier.read(TEXTS, ["news"] * len(TEXTS)):
        assert (len(reading.sentiment), len(reading.topics)) == (len(SENTIMENTS), len(TOPICS))
        assert sum(reading.sentiment) == pytest.approx(1, abs=1e-9)
        assert sum(reading.topics) == pytest.approx(1, abs=1e-9)
        assert min(*reading.sentiment, *reading.topics) >= 0


def test_score_label_and_topic_follow_from_the_probabilities() -> None:
    topics = tuple(0.3 if name == "macro" else 0.05 for name in TOPICS)
    reading = Reading((0.2, 0.1, 0.7), topics)
    assert reading.score == pytest.approx(0.5)
    assert (reading.label, reading.topic) == ("positive", "macro")
    assert Reading((0.4, 0.2, 0.4), topics).label == "negative"


def test_no_texts_give_no_readings(classifier: Classifier) -> None:
    assert classifier.read([], []) == []


def test_order_is_kept_and_a_batch_equals_one_by_one(classifier: Classifier) -> None:
    texts = TEXTS * 9
    kinds = [KINDS[i % 2] for i in range(len(texts))]
    for text, kind, reading in zip(texts, kinds, classifier.read(texts, kinds), strict=True):
        alone = classifier.read([text], [kind])[0]
        assert reading.sentiment == pytest.approx(alone.sentiment, abs=1e-5)
        assert reading.topics == pytest.approx(alone.topics, abs=1e-5)


def test_a_reading_in_float32_does_not_depend_on_its_neighbours_at_all(classifier: Classifier) -> None:
    kinds = ["news"] * len(TEXTS)
    whole = classifier.read(TEXTS * 20, kinds * 20)
    assert whole[: len(TEXTS)] == whole[-len(TEXTS) :] == classifier.read(TEXTS, kinds)
    assert [classifier.read([text], ["news"])[0] for text in TEXTS] == whole[: len(TEXTS)]


def test_the_kind_is_an_input(classifier: Classifier) -> None:
    news, comment = classifier.read(["profit up"] * 2, ["news", "comment"])
    assert news.sentiment != pytest.approx(comment.sentiment, abs=1e-4)


def test_unknown_kinds_and_uneven_lists_are_refused(classifier: Classifier) -> None:
    with pytest.raises(ValueError, match=r"'rumour'.*news, comment"):
        classifier.read(["x"], ["rumour"])
    with pytest.raises(ValueError, match="1 texts and 0 kinds"):
        classifier.read(["x"], [])


def test_bfloat16_reads_nearly_the_same(tiny: Path, classifier: Classifier) -> None:
    rough = Classifier.load(tiny, device="cpu", precision="bfloat16")
    for coarse, fine in zip(rough.read(TEXTS, ["news"] * 8), classifier.read(TEXTS, ["news"] * 8), strict=True):
        assert coarse.sentiment == pytest.approx(fine.sentiment, abs=0.05)


@given(st.lists(st.integers(1, 500), max_size=200), st.sampled_from([8, 16, 32]))
def test_micro_batches_cover_each_text_once_within_their_limit(lengths: list[int], step: int) -> None:
    batches = list(micro_batches(lengths, step, 500))
    assert sorted(i for _, indexes in batches for i in indexes) == list(range(len(lengths)))
    for width, indexes in batches:
        assert len(indexes) == 1 or width * len(indexes) <= MAX_CELLS
        assert width <= 500 and all(width - step < lengths[i] <= width for i in indexes)


def test_the_network_agrees_with_the_reference_encoder(tiny: Path) -> None:
    """The oracle is Hugging Face's own BertModel, given each text alone, without padding, and pooled by hand."""
    network, tokenizer, _ = folder.load(tiny)
    reference = BertModel(bert_config(network.shape), add_pooling_layer=False)  # type: ignore[no-untyped-call]
    reference.train(False)
    reference.set_attn_implementation("eager")
    reference.load_state_dict(network.encoder.state_dict())
    rows = [tokenizer.encode(clean(text)).ids for text in TEXTS]
    ids, mask = pad(rows, max(map(len, rows)))
    with torch.inference_mode():
        sentiment, topic = network(ids, mask, torch.ones(len(rows), dtype=torch.long))
        for index, row in enumerate(rows):
            one = torch.tensor([row])
            hidden = reference(one, token_type_ids=torch.ones_like(one)).last_hidden_state[0]
            weights = torch.softmax(network.attention(hidden), dim=0)
            pooled = weights.T @ hidden
            torch.testing.assert_close(sentiment[index], network.sentiment(pooled[0]), atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(topic[index], network.topic(pooled[1]), atol=1e-4, rtol=1e-4)


def test_saving_and_loading_again_changes_nothing(tiny: Path, tmp_path: Path) -> None:
    network, tokenizer, revision = folder.load(tiny)
    assert folder.save(tmp_path / "again", network, tokenizer) == revision
    again, _, _ = folder.load(tmp_path / "again")
    for (name, ours), (_, theirs) in zip(network.named_parameters(), again.named_parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_the_revision_tells_weights_apart(tiny: Path, tmp_path: Path) -> None:
    other = Classifier.load(make_tiny(tmp_path, seed=1), device="cpu").revision
    assert other != Classifier.load(tiny, device="cpu").revision
    assert Classifier.load(make_tiny(tmp_path / "same"), device="cpu").revision == Classifier.load(tiny).revision


def _cut(path: Path) -> None:
    weights = path / folder.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-100])


def _flip(path: Path) -> None:
    weights = path / folder.WEIGHTS
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))


def _other_labels(path: Path) -> None:
    config = json.loads((path / folder.CONFIG).read_text())
    config["topics"] = config["topics"][::-1]
    (path / folder.CONFIG).write_text(json.dumps(config))


def _other_shape(path: Path) -> None:
    config = json.loads((path / folder.CONFIG).read_text())
    config["shape"]["layers"] = 2
    (path / folder.CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, "damaged"),
        (_flip, "damaged"),
        (_other_labels, "topics"),
        (_other_shape, "missing or unknown"),
        (lambda path: (path / folder.TOKENIZER).unlink(), "incomplete"),
        (lambda path: (path / folder.CONFIG).unlink(), "no model here"),
        (lambda path: (path / folder.CONFIG).write_text("{"), "not JSON"),
        (lambda path: (path / folder.CONFIG).write_text("[]"), "format"),
        (shutil.rmtree, "no model here"),
    ],
)
def test_unusable_weights_are_refused_in_one_line(
    tiny: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(tiny, path)
    damage(path)
    with pytest.raises(ModelError, match=message) as caught:
        Classifier.load(path, device="cpu")
    assert "\n" not in str(caught.value)


def test_a_device_or_precision_that_is_not_there_is_refused(tiny: Path) -> None:
    with pytest.raises(ModelError, match="'tpu'; expected one of auto, cpu, cuda"):
        Classifier.load(tiny, device="tpu")
    with pytest.raises(ModelError, match="'int8'; expected one of auto, float32, bfloat16"):
        Classifier.load(tiny, precision="int8")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="no usable CUDA device"):
            Classifier.load(tiny, device="cuda")
