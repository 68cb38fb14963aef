"""Ways to train: low-rank additions, heads alone, accumulation, running mean, half precision; and the command."""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from pathlib import Path

import pytest
import torch
import typer
from tokenizers import Tokenizer
from torch import nn
from typer.testing import CliRunner

from model import folder
from model.classifier import Classifier
from model.errors import ModelError
from model.evaluation.measure import Answer
from model.network import Network
from model.tiny import make_tiny
from model.training import checkpoint, run
from model.training.adapt import groups, plain, prepare
from model.training.config import Config, Finetuning
from model.training.finetune import dev_mean, finetune
from model.training.optimizer import Average, Group, MasterAdamW, Scale
from model.training.rows import Row
from model.training.track import tracking
from stream.cli.train import train as command
from stream.settings import ConfigurationError

SETTINGS = Finetuning(epochs=2, batch_cells=256, rate_heads=0.02, rate_encoder=0.01, rate_embeddings=0.01,
                      word_dropout=0.05, checkpoint_steps=4, lora_rank=2)  # fmt: skip
WORDS = {"positive": "profit up gain", "negative": "loss down fall", "neutral": "stock of the"}


def rows(count: int, start: int = 0) -> list[Row]:
    return [
        Row("sentiment", "en", "desk", "news", f"{words} {index}", (label,))
        for index in range(start, start + count)
        for label, words in WORDS.items()
    ]


def tiny() -> tuple[Network, Tokenizer]:
    with tempfile.TemporaryDirectory() as name:
        served, tokenizer, _ = folder.load(make_tiny(Path(name)))
    network = Network(served.shape, hugging_face=True)
    network.load_state_dict(served.state_dict())
    return network, tokenizer


@pytest.mark.parametrize("mode", ["lora", "head"])
def test_only_what_may_learn_changes(tmp_path: Path, mode: str) -> None:
    network, tokenizer = tiny()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    best = finetune(
        network, tokenizer, rows(40), rows(10, 900), SETTINGS, seed=0, precision="float32", out=tmp_path, mode=mode
    )
    after = folder.load(best)[0].state_dict()
    moved = {name for name, value in after.items() if not torch.allclose(value, before[name].bfloat16().float())}
    assert {"sentiment.weight", "attention.weight"} <= moved
    inner = {name for name in moved if name.startswith("encoder.")}
    assert not any("embeddings" in name or "LayerNorm" in name for name in inner)
    assert bool(inner) is (mode == "lora")


def test_merged_additions_read_as_the_network_did() -> None:
    network, _ = tiny()
    prepare(network, "lora", SETTINGS)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    merged = plain(network)
    assert not any("lora_" in name for name, _ in merged.named_parameters())
    ids, kinds = torch.randint(5, 60, (4, 12)), torch.zeros(4, dtype=torch.long)
    network.eval(), merged.eval()
    for ours, theirs in zip(
        network(ids, torch.ones_like(ids), kinds), merged(ids, torch.ones_like(ids), kinds), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_accumulated_batches_make_one_step_of_their_sum() -> None:
    def learnt(parts: list[list[float]]) -> float:
        weight = nn.Parameter(torch.zeros(1, dtype=torch.bfloat16))
        optimizer = MasterAdamW([Group([weight], 0.1, 0.0)], clip_norm=1e9)
        for part in parts:
            (weight * sum(part)).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.gather()
        optimizer.step(1.0)
        return float(optimizer.masters[0].detach())

    assert learnt([[1.0, 2.0], [3.0]]) == learnt([[6.0]]) != 0


@pytest.mark.parametrize("extra", [{"accumulation": 3}, {"average": 0.9}, {"layer_decay": 0.8}])
@pytest.mark.parametrize("mode", ["full", "lora"])
def test_a_resumed_run_of_any_kind_equals_one_that_never_stopped(
    tmp_path: Path, extra: dict[str, float], mode: str
) -> None:
    settings = dataclasses.replace(SETTINGS, **extra)  # type: ignore[arg-type]
    results = []
    for name, stops in (("whole", [None]), ("parts", [3, 5, None])):
        for stop in stops:
            torch.manual_seed(7)
            network, tokenizer = tiny()
            best = finetune(
                network, tokenizer, rows(30), rows(6, 900), settings,
                seed=3, precision="bfloat16", out=tmp_path / name, mode=mode, stop_after=stop,
            )  # fmt: skip
        kept = checkpoint.read(tmp_path / name)
        assert kept is not None
        results.append((kept, (best / folder.WEIGHTS).read_bytes()))
    (tensors, facts), weights = results[0]
    (other, other_facts), other_weights = results[1]
    assert facts == other_facts and tensors.keys() == other.keys() and weights == other_weights
    assert all(torch.equal(tensors[name], other[name]) for name in tensors)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    for mode, settings in (("full", SETTINGS), ("lora", SETTINGS)):
        network, tokenizer = tiny()
        arguments = (network, tokenizer, rows(10), rows(4, 900), settings)
        if mode == "full":
            finetune(*arguments, seed=0, precision="float32", out=tmp_path, mode=mode, stop_after=1)
            continue
        with pytest.raises(ModelError, match="a checkpoint of a run with other settings"):
            finetune(*arguments, seed=0, precision="float32", out=tmp_path, mode=mode)


def test_a_checkpoint_of_other_rows_is_refused(tmp_path: Path) -> None:
    for count in (10, 11):
        network, tokenizer = tiny()
        arguments = (network, tokenizer, rows(count), rows(4, 900), SETTINGS)
        if count == 10:
            finetune(*arguments, seed=0, precision="float32", out=tmp_path, stop_after=1)
            continue
        with pytest.raises(ModelError, match="a checkpoint of a run on other rows"):
            finetune(*arguments, seed=0, precision="float32", out=tmp_path)


@pytest.mark.parametrize("source", ["fpb", "desk"])
def test_epochs_are_told_apart_on_any_source(source: str) -> None:
    asked = [Row("sentiment", "en", source, "news", "x", (label,)) for label in WORDS]
    right = [Answer(row, row.labels[0], row.labels[0]) for row in asked]
    wrong = [Answer(row, row.labels[0], "neutral") for row in asked]
    assert dev_mean(right) == 1.0 > dev_mean(wrong) > 0


def test_lower_layers_learn_more_slowly() -> None:
    network, _ = tiny()
    found = groups(network, dataclasses.replace(SETTINGS, layer_decay=0.5))
    rates = {id(p): group.peak_rate for group in found for p in group.parameters}
    assert rates[id(network.encoder.encoder.layer[0].output.dense.weight)] == pytest.approx(0.01)
    assert rates[id(network.encoder.embeddings.word_embeddings.weight)] == pytest.approx(0.005)
    assert len(rates) == len(list(network.parameters()))


def test_a_running_mean_forgets_its_start() -> None:
    value = torch.zeros(1)
    mean = Average([value], 0.9)
    for step in range(200):
        mean.learn([torch.ones(1)], step)
    assert float(mean.values[0]) == pytest.approx(1.0, abs=1e-6)


def test_gradients_that_overflow_are_left_out_and_halve_the_scale() -> None:
    weight = nn.Parameter(torch.ones(1))
    optimizer, scale = MasterAdamW([Group([weight], 0.1, 0.0)]), Scale(8.0, growing_after=2)
    for gradient in (math.inf, 8.0, 8.0):
        weight.grad = torch.tensor([gradient])
        before = float(weight.detach())
        scale.learn(optimizer.step(1.0, scale.value))
        assert (float(weight.detach()) == before) is math.isinf(gradient)
    assert scale.value == 8.0


def test_half_precision_with_a_scale_learns(tmp_path: Path) -> None:
    network, tokenizer = tiny()
    finetune(network, tokenizer, rows(60), rows(10, 900), SETTINGS, seed=0, precision="float16", out=tmp_path)
    losses = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert all(math.isfinite(line["loss"]) for line in losses if "loss" in line)
    assert losses[-1]["best"] > 0.3


def test_tensorboard_files_hold_the_figures(tmp_path: Path) -> None:
    with tracking(tmp_path, {}, tensorboard=True) as trackers:
        trackers[0].log({"fine-tuning/loss": 0.25}, 3)
    (written,) = (tmp_path / "tensorboard").iterdir()
    assert b"fine-tuning/loss" in written.read_bytes()


def test_a_tracker_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="wandb is not installed"), tracking(tmp_path, {}, wandb_project="mine"):
        pass


# --- the command


app = typer.Typer()
app.command()(command)


def test_own_rows_train_the_shipped_model_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "SHIPPED", make_tiny(tmp_path / "shipped"))
    path = tmp_path / "own.csv"
    path.write_text(
        "text,sentiment,split\n"
        + "".join(f"{row.text},{row.labels[0]},train\n" for row in rows(60))
        + "".join(f"about {'xyz'[i % 3] * 20} {row.text},{row.labels[0]},held\n" for i, row in enumerate(rows(10, 900)))
    )
    (tmp_path / "run.toml").write_text("precision = 'float32'\n[finetuning]\nepochs = 2\nrate_heads = 0.05\n")
    result = CliRunner().invoke(
        app,
        [str(tmp_path / "run.toml"), "--rows", str(path), "--out", str(tmp_path / "out"), "--mode", "head",
         "--allow-leaks", "--tensorboard", "--device", "cpu"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "180 rows to train on" in result.output
    classifier = Classifier.load(tmp_path / "out" / "weights", device="cpu")
    assert classifier.revision != folder.revision(folder.SHIPPED)
    assert list((tmp_path / "out" / "tensorboard").iterdir())
    (line,) = json.loads((tmp_path / "out" / "held-out.json").read_text())
    assert (line["task"], line["source"], line["rows"]) == ("sentiment", "own", 30)
    assert line["after"]["accuracy"] > line["before"]["accuracy"]
    assert "accuracy / macro-F1" in result.output


def test_rows_of_one_language_leave_the_network_of_the_other_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    singles = {language: make_tiny(tmp_path / language, seed) for seed, language in enumerate(("en", "zh"))}
    folder.join(tmp_path / "shipped", singles)
    monkeypatch.setattr(folder, "SHIPPED", tmp_path / "shipped")
    path = tmp_path / "own.csv"
    lines = "".join(f"{row.text},{row.labels[0]}\n" for row in rows(60))
    path.write_text(f"text,sentiment\n{lines}公司亏损,negative\n")
    (tmp_path / "run.toml").write_text("precision = 'float32'\n[finetuning]\nepochs = 1\nrate_heads = 0.05\n")
    result = CliRunner().invoke(
        app,
        [str(tmp_path / "run.toml"), "--rows", str(path), "--out", str(tmp_path / "out"), "--mode", "head",
         "--allow-leaks", "--device", "cpu"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "1 rows in zh: fewer than 20; its network stays as it is" in result.output
    weights = tmp_path / "out" / "weights"
    for language, same in (("en", False), ("zh", True)):
        files = [(place / language / folder.WEIGHTS).read_bytes() for place in (weights, folder.SHIPPED)]
        assert (files[0] == files[1]) is same
    assert Classifier.load(weights, device="cpu").revision == folder.revision(weights)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to train on"),
        (["--rows", "none.csv"], "none.csv: No such file"),
        (["--rows", "own.jsonl", "--base", "no/such-encoder"], "base no/such-encoder: cannot be read"),
    ],
)
def test_the_command_tells_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with Path("own.jsonl").open("w") as file:
        for index in range(200):
            file.write(
                json.dumps({"text": f"{'abcdefghijklmnopqrst'[index % 20] * 9} {index * 7919}", "topic": "macro"})
            )
            file.write("\n")
    result = CliRunner().invoke(app, [*arguments, "--out", "out", "--device", "cpu"])
    assert isinstance(result.exception, ConfigurationError)
    assert message in str(result.exception)


def test_float16_needs_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="precision float16 on cpu; expected cuda"):
        run.train(Config(precision="float16"), tmp_path, tmp_path, device="cpu")
