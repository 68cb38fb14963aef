"""A whole run: vocabulary, continued pre-training, fine-tuning, weights; each stage resumes where it stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer

from model import folder
from model.classifier import choose_device, choose_precision
from model.errors import ModelError
from model.network import Network
from model.training.base import base_folder, build_network, read_base
from model.training.config import Config
from model.training.corpus import corpus_files, read_lines
from model.training.finetune import finetune
from model.training.pretrain import pretrain
from model.training.recipe import NEVER_TRAINED, trainable
from model.training.rows import Row, read_labelled
from model.training.split import draw_parts, groups
from model.training.vocabulary import build, choose, count_tokens, read_character_vectors, start_embeddings

VOCABULARY = "vocabulary.json"
LINES_COUNTED = 20_000
HELD_A_SOURCE = 800


def train(config: Config, data: Path, out: Path, *, device: str = "auto") -> Path:
    """Train as `config` says on the data folder (labelled/, corpus/, weights/); return the folder of weights.

    `out` keeps vocabulary, checkpoints and logs; the same call again continues there.

    Raises:
        ModelError: data, base encoder or configuration cannot be used.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = choose_device(device)
    precision = choose_precision(config.precision, device)
    rows = read_labelled(data / "labelled")
    train_rows, held = split_rows(rows, config.held_out_fifth, config.seed)
    if not train_rows or not held:
        raise ModelError(f"{data}: {len(train_rows)} rows to train on and {len(held)} held out; expected some of each")
    network, tokenizer = _start(config, data, trainable(rows), out)
    network.to(device)
    if config.pretraining.steps:
        pretrain(
            network,
            tokenizer,
            data / "corpus",
            config.pretraining,
            seed=config.seed,
            precision=precision,
            out=out / "pretraining",
        )
    best = finetune(
        network,
        tokenizer,
        train_rows,
        sample_a_source(held, HELD_A_SOURCE),
        config.finetuning,
        seed=config.seed,
        precision=precision,
        out=out / "finetuning",
    )
    return _publish(best, out / "weights")


def split_rows(rows: Sequence[Row], fifth: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Return the rows to train on and those held out; near-copies are on one side only.

    Rows never trained on are all held out, and so are near-copies of them out of other sources.
    """
    texts = [row.text for row in rows]
    numbers = groups(texts)
    parts = draw_parts(texts, numbers, seed)
    reserved = {number for number, row in zip(numbers, rows, strict=True) if row.source in NEVER_TRAINED}
    train_rows: list[Row] = []
    held: list[Row] = []
    for row, number, part in zip(rows, numbers, parts, strict=True):
        away = number in reserved or part == fifth % 5
        (held if away else train_rows).append(row)
    return train_rows, held


def sample_a_source(rows: Sequence[Row], at_most: int) -> list[Row]:
    """Return about `at_most` rows of each task and source, evenly spaced."""
    parts: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        parts.setdefault((row.task, row.source), []).append(row)
    return [row for part in parts.values() for row in part[:: max(1, -(-len(part) // at_most))]]


def _start(config: Config, data: Path, rows: Sequence[Row], out: Path) -> tuple[Network, Tokenizer]:
    base = read_base(base_folder())
    kept = out / VOCABULARY
    if kept.is_file():
        tokens = json.loads(kept.read_text(encoding="utf-8"))
    else:
        known, unknown = count_tokens(base.tokenizer, _all_texts(data / "corpus", rows))
        tokens = choose(base, known, unknown, config.token_at_least, config.character_at_least)
        out.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(tokens, ensure_ascii=False), encoding="utf-8")
    words = start_embeddings(base, tokens, read_character_vectors(data / "weights"), config.seed)
    torch.manual_seed(config.seed)
    network = build_network(
        base, words, config.max_tokens, config.finetuning.dropout, config.finetuning.encoder_dropout
    )
    return network, build(base, tokens, config.max_tokens)


def _all_texts(corpus: Path, rows: Sequence[Row]) -> Iterator[str]:
    for path in corpus_files(corpus):
        yield from read_lines(path, LINES_COUNTED)
    for row in rows:
        yield row.text


def _publish(best: Path, weights: Path) -> Path:
    weights.mkdir(parents=True, exist_ok=True)
    for name in (folder.WEIGHTS, folder.TOKENIZER, folder.CONFIG):
        shutil.copyfile(best / name, weights / name)
    return weights
