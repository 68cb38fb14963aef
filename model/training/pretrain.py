"""Continued pre-training: guess masked tokens of the corpus, so that new tokens find their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast as typed

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from model.network import Network
from model.tokens import MASK, token_id
from model.training import checkpoint
from model.training.config import Pretraining
from model.training.corpus import corpus_files, read_lines, token_blocks
from model.training.optimizer import Group, MasterAdamW, rate_factor, set_precision
from model.training.progress import reporter
from model.training.track import Tracker

CHARS_PER_TOKEN = {"en": 4.4, "zh": 1.15}
IGNORED = -100
NOISE = 3000


class MaskedHead(nn.Module):
    """From hidden states to logits over the vocabulary, through the word embeddings themselves."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        hidden = network.shape.hidden
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.bias = nn.Parameter(torch.zeros(network.shape.vocabulary))
        with torch.no_grad():
            self.dense.weight.copy_(torch.eye(hidden))
            self.dense.bias.zero_()

    def forward(self, hidden: Tensor, words: Tensor, candidates: Tensor) -> Tensor:
        """Return logits (rows, candidates) of hidden states (rows, hidden) over some ids of the vocabulary."""
        states = typed(Tensor, self.norm(functional.gelu(self.dense(hidden))))
        return states @ words[candidates].to(states.dtype).T + self.bias[candidates]


def gather_blocks(tokenizer: Tokenizer, folder: Path, config: Pretraining, seed: int) -> np.ndarray:
    """Return shuffled token blocks (count, width) of about the tokens asked for in each language.

    A file's share grows with the root of its size, so that small sources are not lost in large ones.
    """
    wide = Tokenizer.from_str(tokenizer.to_str())
    wide.no_truncation()
    parts = []
    for language, tokens in (("en", config.tokens_en), ("zh", config.tokens_zh)):
        files = [path for path in corpus_files(folder) if path.name.startswith(language)]
        texts = {path: list(read_lines(path)) for path in files}
        chars = {path: sum(map(len, lines)) for path, lines in texts.items()}
        roots = sum(size**0.5 for size in chars.values())
        for path in files:
            budget = tokens * CHARS_PER_TOKEN[language] * chars[path] ** 0.5 / roots
            at_most = max(1, round(len(texts[path]) * min(1.0, budget / max(1, chars[path]))))
            parts.append(token_blocks(wide, list(read_lines(path, at_most, seed)), config.width))
    blocks = np.concatenate(parts)
    return blocks[np.random.default_rng(seed).permutation(len(blocks))]


def mask_tokens(
    ids: Tensor, vocabulary: int, share: float, mask_id: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return masked ids and targets, both like `ids`; a target is `IGNORED` where nothing is asked.

    Of the chosen tokens 80% become the mask, 10% a random token, 10% stay. Frame tokens are never chosen.
    """
    draw = torch.rand(ids.shape, generator=generator)
    chosen = (draw < share) & (ids > mask_id)
    targets = torch.where(chosen, ids, IGNORED)
    kind = torch.rand(ids.shape, generator=generator)
    randoms = torch.randint(mask_id + 1, vocabulary, ids.shape, generator=generator)
    masked = torch.where(chosen & (kind < 0.8), torch.full_like(ids, mask_id), ids)
    return torch.where(chosen & (kind >= 0.9), randoms, masked), targets


@dataclass(frozen=True, slots=True)
class _Run:
    network: Network
    head: MaskedHead
    optimizer: MasterAdamW
    config: Pretraining
    seed: int
    mask_id: int


def pretrain(
    network: Network,
    tokenizer: Tokenizer,
    corpus: Path,
    config: Pretraining,
    *,
    seed: int,
    precision: str,
    out: Path,
    stop_after: int | None = None,
    trackers: Sequence[Tracker] = (),
) -> None:
    """Train the encoder of `network` in place; resumes from the checkpoint in `out` where there is one.

    Every draw depends on the seed and the step only, so that a resumed run equals one that never stopped.
    The network is float32 afterwards. `stop_after` ends the run after that many steps in all.
    """
    head = MaskedHead(network)
    if precision == "bfloat16":
        head.to(torch.bfloat16)
    head.to(next(network.parameters()).device)
    cast = set_precision(network, precision)
    optimizer = MasterAdamW(_groups(network, head, config))
    kept = checkpoint.read(out)
    first = 0
    if kept is not None:
        optimizer.restore(kept[0])
        first = int(kept[1]["step"])
    last = config.steps if stop_after is None else min(stop_after, config.steps)
    if first < last:
        blocks = gather_blocks(tokenizer, corpus, config, seed)
        _train(
            _Run(network, head, optimizer, config, seed, token_id(tokenizer, MASK)),
            blocks,
            range(first, last),
            out,
            trackers,
        )
    if cast is not None:
        cast.remove()
    optimizer.finish()
    network.float()


def _train(run: _Run, blocks: np.ndarray, todo: range, out: Path, trackers: Sequence[Tracker]) -> None:
    steps = run.config.steps
    run.network.train()
    with reporter("pre-training", steps, todo.start, out, trackers) as report:
        for step in todo:
            loss = _step_loss(run, _batch(blocks, step, run.config.batch), step)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = run.optimizer.step(rate_factor(step, steps, run.config.warm_up))
            report.advance()
            if step % 25 == 0:
                report.note(step=step, loss=float(loss.detach()), norm=norm)
            if (step + 1) % run.config.checkpoint_steps == 0 or step + 1 == todo.stop:
                checkpoint.write(out, run.optimizer.state(), {"step": step + 1})


def _batch(blocks: np.ndarray, step: int, rows: int) -> Tensor:
    indexes = np.arange(step * rows, (step + 1) * rows) % len(blocks)
    return torch.from_numpy(blocks[indexes].astype(np.int64))


def _step_loss(run: _Run, ids: Tensor, step: int) -> Tensor:
    words = run.network.encoder.embeddings.word_embeddings.weight
    generator = torch.Generator().manual_seed(run.seed * 1_000_003 + step)
    masked, targets = mask_tokens(ids, len(words), run.config.masked, run.mask_id, generator)
    noise = torch.randint(0, len(words), (NOISE,), generator=generator)
    masked, targets, noise = masked.to(words.device), targets.to(words.device), noise.to(words.device)
    hidden = run.network.encoder(masked, attention_mask=torch.ones_like(masked)).last_hidden_state
    asked = targets != IGNORED
    wanted = targets[asked]
    candidates = torch.unique(torch.cat([wanted, noise]))  # the whole vocabulary would double the cost of a step
    logits = run.head(hidden[asked], words, candidates)
    return functional.cross_entropy(logits.float(), torch.searchsorted(candidates, wanted))


def _groups(network: Network, head: MaskedHead, config: Pretraining) -> list[Group]:
    tables = list(network.encoder.embeddings.parameters())
    matrices = [p for p in network.encoder.encoder.parameters() if p.dim() > 1]
    vectors = [p for p in network.encoder.encoder.parameters() if p.dim() == 1]
    return [
        Group(tables, config.rate_embeddings, 0.0),
        Group(matrices, config.rate_encoder, 0.01),
        Group([*vectors, *head.parameters()], config.rate_encoder, 0.0),
    ]
