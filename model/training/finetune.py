"""Multi-task fine-tuning of encoder and heads on labelled rows, with early stopping and exact resume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from model import folder
from model.classifier import Classifier
from model.evaluation.measure import answers, held_out_mean
from model.network import Network
from model.tokens import MASK, PAD, token_id
from model.training import checkpoint
from model.training.batches import Batch, collate, encode_rows, plan_epoch
from model.training.config import Finetuning
from model.training.losses import masked_cross_entropy
from model.training.optimizer import Group, MasterAdamW, rate_factor, set_precision
from model.training.progress import Reporter, reporter
from model.training.rows import Row

BEST = "best"


@dataclass(slots=True)
class _State:
    step: int = 0
    best: float = -1.0
    best_epoch: int = -1
    means: list[float] = field(default_factory=list)

    def stopped(self, patience: int) -> bool:
        return len(self.means) - 1 - self.best_epoch >= patience


@dataclass(frozen=True, slots=True)
class _Run:
    network: Network
    tokenizer: Tokenizer
    held: Sequence[Row]
    config: Finetuning
    seed: int
    precision: str
    out: Path


def finetune(
    network: Network,
    tokenizer: Tokenizer,
    train: Sequence[Row],
    held: Sequence[Row],
    config: Finetuning,
    *,
    seed: int,
    precision: str,
    out: Path,
    stop_after: int | None = None,
) -> Path:
    """Train `network` in place and return the folder of its best epoch on `held`, ready to be loaded.

    Resumes from the checkpoint in `out` where there is one. Batches, dropped words and dropout depend
    on seed and step only, so that a resumed run equals one that never stopped. `stop_after` ends the
    run after that many steps in all, with a checkpoint, as an interruption would.
    """
    encoded = encode_rows(tokenizer, train)
    lengths = [len(ids) for ids in encoded]
    plans = [plan_epoch(train, lengths, config.batch_cells, epoch, seed) for epoch in range(config.epochs)]
    steps = [batch for plan in plans for batch in plan]
    ends = {sum(map(len, plans[: epoch + 1])) for epoch in range(config.epochs)}
    set_precision(network, precision)
    optimizer = MasterAdamW(_groups(network, config))
    run = _Run(network, tokenizer, held, config, seed, precision, out)
    state = _resume(out, optimizer)
    pad_id = token_id(tokenizer, PAD)
    limit = len(steps) if stop_after is None else min(stop_after, len(steps))
    network.train()
    with reporter("fine-tuning", len(steps), state.step, out) as report:
        while state.step < limit and not state.stopped(config.patience):
            indexes = steps[state.step]
            batch = collate([train[i] for i in indexes], [encoded[i] for i in indexes], pad_id)
            loss = _train_step(run, optimizer, batch, state.step, len(steps))
            report.advance()
            if state.step % 50 == 0:
                report.note(step=state.step, loss=loss)
            state.step += 1
            if state.step in ends:
                _end_epoch(run, state, report)
            if state.step in ends or state.step == limit or state.step % config.checkpoint_steps == 0:
                checkpoint.write(out, optimizer.state(), _facts(state))
    return out / BEST


def _train_step(run: _Run, optimizer: MasterAdamW, batch: Batch, step: int, steps: int) -> float:
    torch.manual_seed(run.seed * 1_000_003 + step)
    ids = drop_words(batch.ids, run.config.word_dropout, token_id(run.tokenizer, MASK))
    loss = batch_loss(run.network, ids, batch, run.config.topic_weight)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step(rate_factor(step, steps, run.config.warm_up))
    return float(loss.detach())


def drop_words(ids: Tensor, share: float, mask_id: int) -> Tensor:
    """Return `ids` with a share of the tokens masked; frame tokens and padding stay."""
    return torch.where((torch.rand(ids.shape) < share) & (ids > mask_id), torch.full_like(ids, mask_id), ids)


def batch_loss(network: Network, ids: Tensor, batch: Batch, topic_weight: float) -> Tensor:
    """Return the mean loss over the rows of a batch, each row by its own head."""
    device = next(network.parameters()).device
    sentiment, topic = network(ids.to(device), batch.mask.to(device), batch.kinds.to(device))
    rows = batch.sentiment_rows.to(device)
    smoothing, weight = batch.smoothing.to(device), batch.weight.to(device)
    total = torch.zeros((), device=device)
    for head, chosen, share in ((0, rows, 1.0), (1, ~rows, topic_weight)):
        if bool(chosen.any()):
            losses = masked_cross_entropy(
                (sentiment, topic)[head][chosen],
                batch.accepted[head].to(device),
                batch.possible[head].to(device),
                smoothing[chosen],
            )
            total = total + share * (losses * weight[chosen]).sum()
    return total / len(ids)


def frozen_copy(network: Network) -> Network:
    """Return a float32 copy on the CPU, without dropout, of the weights as they are now."""
    copy = Network(network.shape, dropout=0.0)
    copy.load_state_dict({name: value.detach().float().cpu() for name, value in network.state_dict().items()})
    return copy


def _end_epoch(run: _Run, state: _State, report: Reporter) -> None:
    copy = frozen_copy(run.network)
    device = str(next(run.network.parameters()).device)
    classifier = Classifier(copy, run.tokenizer, "", device, run.precision)
    mean = held_out_mean(answers(classifier.read, run.held))
    state.means.append(mean)
    if mean > state.best:
        state.best, state.best_epoch = mean, len(state.means) - 1
        folder.save(run.out / BEST, copy, run.tokenizer)
    report.note(epoch=len(state.means), held_out=mean, best=state.best)


def _facts(state: _State) -> dict[str, object]:
    return {"step": state.step, "best": state.best, "best_epoch": state.best_epoch, "means": state.means}


def _resume(out: Path, optimizer: MasterAdamW) -> _State:
    kept = checkpoint.read(out)
    if kept is None:
        return _State()
    tensors, facts = kept
    optimizer.restore(tensors)
    return _State(int(facts["step"]), float(facts["best"]), int(facts["best_epoch"]), list(facts["means"]))


def _groups(network: Network, config: Finetuning) -> list[Group]:
    encoder = network.encoder
    matrices = [p for p in encoder.encoder.parameters() if p.dim() > 1]
    vectors = [p for p in encoder.encoder.parameters() if p.dim() == 1]
    heads = [*network.attention.parameters(), *network.sentiment.parameters(), *network.topic.parameters()]
    return [
        Group(list(encoder.embeddings.parameters()), config.rate_embeddings, 0.0),
        Group(matrices, config.rate_encoder, config.weight_decay),
        Group(vectors, config.rate_encoder, 0.0),
        Group(heads, config.rate_heads, config.weight_decay),
    ]
