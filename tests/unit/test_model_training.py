from __future__ import annotations

import dataclasses
import gzip
import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from model import folder
from model.classifier import Classifier, ModelError
from model.evaluation.measure import Answer, Read, answers, by, figures, held_out_mean
from model.labels import SENTIMENTS, TOPICS
from model.network import Network
from model.parts import whole
from model.tiny import make_tiny
from model.training import checkpoint
from model.training.batches import collate, encode_rows, plan_epoch
from model.training.config import Config, Finetuning, Pretraining, read_config
from model.training.finetune import batch_loss, drop_words, finetune
from model.training.losses import masked_cross_entropy
from model.training.optimizer import Group, MasterAdamW, rate_factor
from model.training.pretrain import mask_tokens, pretrain
from model.training.recipe import NEVER_TRAINED, accepted, epoch_rows, policy
from model.training.rows import Row, read_labelled
from model.training.run import sample_a_source, split_rows
from model.training.split import groups, leaks

GOOD = ["profit up", "gain", "strong", "rise"]
BAD = ["loss down", "fall", "weak", "cut"]


def sentiment(label: str, text: str, source: str = "tfn_sent", kind: str = "news", lang: str = "en") -> Row:
    return Row("sentiment", lang, source, kind, text, (label,))


def toy_rows(count: int, seed: int = 0) -> list[Row]:
    draw = random.Random(seed)
    rows = []
    for index in range(count):
        label, words = draw.choice([("positive", GOOD), ("negative", BAD), ("neutral", ["at", "on", "it"])])
        text = " ".join(draw.choice([*words, "stock", "of", "the", str(index)]) for _ in range(6)) + " " + words[0]
        rows.append(sentiment(label, text))
        rows.append(Row("topic", "en", "tfn_topic", "news", text, (draw.choice(TOPICS[:3]),)))
    return rows


# --- the loss


def test_a_masked_class_gets_no_gradient_and_the_others_do() -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    accepted_ = torch.tensor([[True, False, False], [False, False, True]] * 2)
    possible = torch.tensor([[True, False, True]] * 4)
    masked_cross_entropy(logits, accepted_, possible, torch.full((4,), 0.1)).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert torch.equal(logits.grad[:, 1], torch.zeros(4))
    assert bool((logits.grad[:, [0, 2]] != 0).all())


def test_two_class_sources_leave_the_neutral_head_alone() -> None:
    torch.manual_seed(0)
    network, tokenizer = tiny_network()
    rows = [sentiment("negative", "loss", "stockemotions", "comment"), sentiment("positive", "gain", "guba_algosenses")]
    batch = collate(rows, encode_rows(tokenizer, rows), 0)
    batch_loss(network, batch.ids, batch, Finetuning(topic_weight=1.0)).backward()  # type: ignore[no-untyped-call]
    gradient = network.sentiment.weight.grad
    assert gradient is not None
    assert torch.equal(gradient[1], torch.zeros_like(gradient[1]))
    assert bool((gradient[0] != 0).any())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_cross_entropy_where_nothing_is_masked(smoothing: float) -> None:
    logits, target = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    ours = masked_cross_entropy(
        logits, torch.nn.functional.one_hot(target, 3).bool(), torch.ones(6, 3).bool(), torch.full((6,), smoothing)
    )
    theirs = torch.nn.functional.cross_entropy(logits, target, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(ours, theirs)


def test_not_negative_is_satisfied_by_neutral_and_by_positive() -> None:
    row = sentiment("non_negative", "x", "finnsp")
    assert accepted(row) == ("neutral", "positive")
    logits = torch.tensor([[-9.0, 9.0, 0.0], [-9.0, 0.0, 9.0], [9.0, 0.0, 0.0]])
    wanted = torch.tensor([[False, True, True]] * 3)
    losses = masked_cross_entropy(logits, wanted, torch.ones(3, 3).bool(), torch.zeros(3))
    assert losses[0] < 0.01 and losses[1] < 0.01 and losses[2] > 5


# --- rows, recipe, split


def test_phrasebank_is_never_trained_on_nor_are_its_near_copies() -> None:
    shared = "operating profit rose to eur 13.1 mn from eur 8.7 mn in the period"
    rows = [sentiment("positive", shared, "fpb"), sentiment("positive", shared.replace("13.1", "14.2"), "finentity")]
    rows += toy_rows(40)
    train, held = split_rows(rows, 0, 0)
    assert not {row.source for row in train} & {*NEVER_TRAINED, "finentity"}
    assert {"fpb", "finentity"} <= {row.source for row in held}


def test_near_copies_share_a_group_and_other_texts_do_not() -> None:
    texts = [
        "Gold settles at $1,310.20 an ounce, up 0.3%", "Gold settles at $1,290.70 an ounce, up 1.4%",
        "GOLD SETTLES at $1,290 an ounce, up 1%!! https://t.co/x", "Oil falls as supply fears ease in the Gulf",
        "公司上半年净利润同比增长35%,业绩超预期", "公司上半年净利润同比增长48%,业绩超预期!", "央行宣布降息",
    ]  # fmt: skip
    numbers = groups(texts)
    assert len({numbers[0], numbers[1], numbers[2]}) == 1
    assert numbers[4] == numbers[5]
    assert len({numbers[0], numbers[3], numbers[4], numbers[6]}) == 4


def test_no_near_copy_is_on_both_sides_of_the_split_and_order_does_not_matter() -> None:
    draw = random.Random(1)
    words = ["bank", "oil", "gold", "profit", "rate", "merger", "court", "fund", "chip", "export"]
    rows = []
    for index in range(300):
        text = " ".join(draw.choice(words) for _ in range(12))
        rows += [sentiment("neutral", f"{text} {number}%", f"s{index % 3}") for number in (index, index + 7)]
    train, held = split_rows(rows, 2, 5)
    assert len(train) + len(held) == len(rows)
    assert 0.1 < len(held) / len(rows) < 0.3
    assert leaks([row.text for row in train], [row.text for row in held]) == 0
    shuffled = draw.sample(rows, len(rows))
    assert {row.text for row in split_rows(shuffled, 2, 5)[1]} == {row.text for row in held}


def test_an_epoch_keeps_caps_shares_and_repeats_and_draws_anew() -> None:
    rows = [sentiment("neutral", f"n{i}", "gold") for i in range(4000)]
    rows += [sentiment("positive", f"p{i}", "stockemotions") for i in range(100)]
    rows += [sentiment("negative", f"c{i}", "cfb_sent") for i in range(10)]
    first, again, second = epoch_rows(rows, 0, 0), epoch_rows(rows, 0, 0), epoch_rows(rows, 1, 0)
    assert first == again != second
    by_source = [rows[i].source for i in first]
    assert [by_source.count(name) for name in ("gold", "stockemotions", "cfb_sent")] == [300, 75, 50]
    assert policy(rows[-1]).classes == SENTIMENTS


def test_batches_cover_an_epoch_within_their_cells() -> None:
    rows = toy_rows(50)
    lengths = [5 + index % 30 for index in range(len(rows))]
    batches = plan_epoch(rows, lengths, 128, 0, 0)
    assert sorted(i for batch in batches for i in batch) == list(range(len(rows)))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 128 for batch in batches)


def test_labelled_files_are_read_and_bad_ones_are_refused(tmp_path: Path) -> None:
    sentences = [{"lang": "en", "source": "sentfin", "kind": "news", "text": "up", "label": "positive"}]
    topics = [{"lang": "zh", "source": "finese", "text": "甲 乙", "segment": "乙", "topics": ["macro"]}]
    _write(tmp_path / "sentiment_dev.jsonl.gz", sentences)
    _write(tmp_path / "topics_dev.jsonl.gz", topics)
    assert [(row.task, row.text, row.labels) for row in read_labelled(tmp_path)] == [
        ("sentiment", "up", ("positive",)),
        ("topic", "乙", ("macro",)),
    ]
    _write(tmp_path / "topics_dev.jsonl.gz", [{**topics[0], "topics": ["weather"]}])
    with pytest.raises(ModelError, match=r"topics_dev.jsonl.gz:1: label 'weather'; expected one of earnings"):
        read_labelled(tmp_path)
    with pytest.raises(ModelError, match="no such file"):
        read_labelled(tmp_path / "nowhere")


def _write(path: Path, records: Sequence[Mapping[str, object]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


# --- optimiser and runs


def tiny_network() -> tuple[Network, Tokenizer]:
    with tempfile.TemporaryDirectory() as name:
        served, tokenizer, _ = folder.load(make_tiny(Path(name)))
    network = Network(served.shape, hugging_face=True)
    network.load_state_dict(served.state_dict())
    return network, tokenizer


def test_masters_in_float32_keep_steps_that_bfloat16_would_lose() -> None:
    parameter = torch.nn.Parameter(torch.ones(8, dtype=torch.bfloat16))
    optimizer = MasterAdamW([Group([parameter], 1e-4, 0.0)])
    for _ in range(100):
        parameter.grad = torch.ones_like(parameter)
        optimizer.step(1.0)
    assert float(parameter.detach()[0]) == pytest.approx(0.99, abs=0.003)


def test_the_rate_rises_then_falls_to_zero() -> None:
    factors = [rate_factor(step, 100, 0.1) for step in range(101)]
    assert factors[0] == pytest.approx(0.1) and max(factors) == pytest.approx(1.0)
    assert factors[10:] == sorted(factors[10:], reverse=True) and factors[-1] == 0


def test_frame_tokens_are_never_masked() -> None:
    ids = torch.randint(0, 60, (64, 32))
    masked, targets = mask_tokens(ids, 60, 0.5, 4, torch.Generator().manual_seed(0))
    assert bool((masked[ids <= 4] == ids[ids <= 4]).all())
    assert bool((targets[ids <= 4] == -100).all())
    assert 0.4 < float((targets != -100).float().mean()) < 0.55
    dropped = drop_words(ids, 0.3, 4, torch.arange(5))
    assert bool((dropped[ids <= 4] == ids[ids <= 4]).all())


SETTINGS = Finetuning(epochs=3, batch_cells=512, rate_heads=0.02, rate_encoder=0.01, rate_embeddings=0.01,
                      dropout=0.1, word_dropout=0.05, checkpoint_steps=7)  # fmt: skip


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_resumed_run_equals_one_that_never_stopped(tmp_path: Path, precision: str) -> None:
    train, held = toy_rows(60), toy_rows(20, seed=9)
    results = []
    for name, stops in (("whole", [None]), ("halves", [5, 11, None])):
        for stop in stops:
            torch.manual_seed(0)
            network, tokenizer = tiny_network()
            best = finetune(
                network, tokenizer, train, held, SETTINGS,
                seed=3, precision=precision, out=tmp_path / name, stop_after=stop,
            )  # fmt: skip
        kept = checkpoint.read(tmp_path / name)
        assert kept is not None
        results.append((kept, (best / folder.WEIGHTS).read_bytes()))
    (tensors, facts), weights = results[0]
    (other, other_facts), other_weights = results[1]
    assert facts == other_facts
    assert tensors.keys() == other.keys()
    assert all(torch.equal(tensors[name], other[name]) for name in tensors)
    assert weights == other_weights


def test_training_learns_what_the_words_say(tmp_path: Path) -> None:
    network, tokenizer = tiny_network()
    held = toy_rows(60, seed=5)
    before = held_out_mean(answers(_reader(network, tokenizer), held))
    best = finetune(
        network, tokenizer, toy_rows(400), held, dataclasses.replace(SETTINGS, epochs=6, dropout=0.0),
        seed=0, precision="float32", out=tmp_path,
    )  # fmt: skip
    found = answers(Classifier.load(best, device="cpu").read, held)
    assert held_out_mean(found) > before
    assert by(found)["sentiment",].accuracy > 0.8


def _reader(network: Network, tokenizer: Tokenizer) -> Read:
    copy = Network(network.shape)
    copy.load_state_dict(network.state_dict())
    return Classifier(whole(copy, tokenizer), "", "cpu", "float32").read


def test_pretraining_lowers_its_loss_and_resumes_exactly(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, line in (("en_a", "profit up and loss down"), ("zh_b", "公司业绩增长,股市下跌")):
        with gzip.open(corpus / f"{name}.txt.gz", "wt", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for _ in range(300))
    settings = Pretraining(steps=30, batch=8, width=16, rate_embeddings=0.01, rate_encoder=0.01,
                           tokens_en=2000, tokens_zh=2000, checkpoint_steps=10)  # fmt: skip
    states = []
    for name, pieces in (("whole", [30]), ("pieces", [10, 30])):
        for steps in pieces:
            torch.manual_seed(0)
            network, tokenizer = tiny_network()
            pretrain(
                network, tokenizer, corpus, settings,
                seed=1, precision="float32", out=tmp_path / name, stop_after=steps,
            )  # fmt: skip
        states.append({key: value.clone() for key, value in network.state_dict().items()})
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    losses = [json.loads(line)["loss"] for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]


# --- figures and configuration


def test_figures_agree_with_a_count_by_hand() -> None:
    rows = [sentiment(label, "x") for label in ("negative", "negative", "neutral", "positive")]
    found = [
        Answer(row, row.labels[0], label)
        for row, label in zip(rows, ("negative", "positive", "neutral", "positive"), strict=True)
    ]
    result = figures(found)
    assert result.accuracy == pytest.approx(3 / 4)
    assert result.macro_f1 == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert result.confusion == ((1, 0, 1), (0, 1, 0), (0, 0, 1))
    assert list(by(found, "lang", "source")) == [("sentiment", "en", "tfn_sent")]


def test_a_source_sample_is_spread_over_its_rows() -> None:
    rows = [sentiment("neutral", str(i)) for i in range(1000)]
    sample = sample_a_source(rows, 100)
    assert 90 <= len(sample) <= 100 and int(sample[-1].text) > 950


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sed = 1", "sed: no such setting; known are"),
        ("seed = 'x'", "seed = 'x'; expected int"),
        ("seed = -1", "expected zero or more"),
        ("precision = 'int8'", "expected auto, float32, bfloat16 or float16"),
        ("finetuning = 3", "expected a table"),
        ("[finetuning]\nepochs = 1.5", "epochs = 1.5; expected int"),
        ("[", "not a TOML file"),
    ],
)
def test_a_configuration_that_cannot_be_used_names_the_setting(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ModelError, match=message):
        read_config(path)


def test_a_configuration_keeps_the_defaults_of_what_it_does_not_name(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("seed = 7\n[pretraining]\nsteps = 10\nrate_encoder = 1e-4\n")
    config = read_config(path)
    assert (config.seed, config.pretraining.steps, config.pretraining.rate_encoder) == (7, 10, 1e-4)
    assert config.finetuning == Config().finetuning
    assert read_config(None) == Config()
