"""Multi-task fine-tuning of encoder and heads on labelled rows, with early stopping and exact resume."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from model import folder
from model.classifier import Classifier
from model.errors import ModelError
from model.evaluation.measure import NOT_TARGETS, Answer, answers, by, held_out_mean
from model.network import Network
from model.parts import whole
from model.tokens import MASK, PAD, token_id
from model.training import checkpoint
from model.training.adapt import groups, plain, prepare
from model.training.batches import Batch, collate, encode_rows, plan_epoch
from model.training.config import Finetuning
from model.training.distil import taught_loss
from model.training.losses import masked_cross_entropy
from model.training.optimizer import Average, MasterAdamW, Scale, rate_factor, set_precision
from model.training.progress import Reporter, reporter
from model.training.rows import Row
from model.training.track import Tracker

GROWING_AFTER = 200

BEST = "best"
LEAST_ROWS = 40


@dataclass(slots=True)
class _State:
    step: int = 0
    best: float = -1.0
    best_epoch: int = -1
    means: list[float] = field(default_factory=list)

    def stopped(self, patience: int) -> bool:
        return len(self.means) - 1 - self.best_epoch >= patience


@dataclass(slots=True)
class _Run:
    network: Network
    tokenizer: Tokenizer
    train: Sequence[Row]
    encoded: Sequence[list[int]]
    dev: Sequence[Row]
    config: Finetuning
    seed: int
    precision: str
    out: Path
    optimizer: MasterAdamW
    scale: Scale
    average: Average | None
    fingerprint: str
    teacher: Network | None


def finetune(
    network: Network,
    tokenizer: Tokenizer,
    train: Sequence[Row],
    dev: Sequence[Row],
    config: Finetuning,
    *,
    seed: int,
    precision: str,
    out: Path,
    mode: str = "full",
    teacher: Network | None = None,
    stop_after: int | None = None,
    trackers: Sequence[Tracker] = (),
) -> Path:
    """Train `network` in place and return the folder of its best epoch on `dev`, ready to be loaded.

    Resumes from the checkpoint in `out` where there is one. Batches, dropped words and dropout depend
    on seed and step only, so that a resumed run equals one that never stopped. `stop_after` ends the
    run after that many steps in all, with a checkpoint, as an interruption would. A `teacher` with the same
    tokenizer, on the same device, is asked what it reads in each batch, and part of the loss is how far that is.

    Raises:
        ModelError: LoRA is asked for and peft is not installed, or the checkpoint is of another run.
    """
    encoded = encode_rows(tokenizer, train)
    steps, ends = _plan(train, encoded, config, seed)
    torch.manual_seed(seed)  # LoRA draws its matrices
    prepare(network, mode, config)
    set_precision(network, precision)
    optimizer = MasterAdamW(groups(network, config))
    scale = Scale(config.loss_scale, GROWING_AFTER) if precision == "float16" else Scale()
    average = Average(optimizer.masters, config.average) if config.average else None
    run = _Run(
        network=network, tokenizer=tokenizer, train=train, encoded=encoded, dev=dev, config=config, seed=seed,
        precision=precision, out=out, optimizer=optimizer, scale=scale, average=average,
        fingerprint=_fingerprint(train, seed), teacher=None if teacher is None else teacher.eval(),
    )  # fmt: skip
    state = _resume(run)
    limit = len(steps) if stop_after is None else min(stop_after, len(steps))
    network.train()
    with reporter("fine-tuning", len(steps), state.step, out, trackers) as report:
        while state.step < limit and not state.stopped(config.patience):
            loss = _train_step(run, steps[state.step], state.step, len(steps))
            report.advance()
            if state.step % 50 == 0:
                report.note(step=state.step, loss=loss)
            state.step += 1
            if state.step in ends:
                _end_epoch(run, state, report)
            if state.step in ends or state.step == limit or state.step % config.checkpoint_steps == 0:
                _keep(run, state)
    return out / BEST


def _plan(
    train: Sequence[Row], encoded: Sequence[list[int]], config: Finetuning, seed: int
) -> tuple[list[list[list[int]]], set[int]]:
    """Return the steps of a run, each some batches of row indexes, and the numbers of steps after which epochs end."""
    lengths = [len(ids) for ids in encoded]
    steps: list[list[list[int]]] = []
    ends: set[int] = set()
    for epoch in range(config.epochs):
        plan = plan_epoch(train, lengths, config.batch_cells, epoch, seed)
        steps += [plan[start : start + config.accumulation] for start in range(0, len(plan), config.accumulation)]
        ends.add(len(steps))
    return steps, ends


def _train_step(run: _Run, batches: list[list[int]], step: int, steps: int) -> float:
    torch.manual_seed(run.seed * 1_000_003 + step)
    pad_id, mask_id, frame = token_id(run.tokenizer, PAD), token_id(run.tokenizer, MASK), frame_ids(run.tokenizer)
    total = 0.0
    for indexes in batches:
        batch = collate([run.train[i] for i in indexes], [run.encoded[i] for i in indexes], pad_id)
        ids = drop_words(batch.ids, run.config.word_dropout, mask_id, frame)
        loss = batch_loss(run.network, ids, batch, run.config, run.teacher) / len(batches)
        (loss * run.scale.value).backward()  # type: ignore[no-untyped-call]
        run.optimizer.gather()
        total += float(loss.detach())
    norm = run.optimizer.step(rate_factor(step, steps, run.config.warm_up), run.scale.value)
    run.scale.learn(norm)
    if run.average is not None:
        run.average.learn(run.optimizer.masters, step)
    return total


def frame_ids(tokenizer: Tokenizer) -> Tensor:
    """Return the ids of the tokens that are no words: padding, the mask, the marks of beginning and end."""
    return torch.tensor([index for index, token in tokenizer.get_added_tokens_decoder().items() if token.special])


def drop_words(ids: Tensor, share: float, mask_id: int, frame: Tensor) -> Tensor:
    """Return `ids` with a share of the tokens masked; those of `frame` stay."""
    chosen = (torch.rand(ids.shape) < share) & ~torch.isin(ids, frame)
    return torch.where(chosen, torch.full_like(ids, mask_id), ids)


def batch_loss(
    network: Network, ids: Tensor, batch: Batch, config: Finetuning, teacher: Network | None = None
) -> Tensor:
    """Return the mean loss over the rows of a batch, each row by its own head; with a teacher, by both as well."""
    device = next(network.parameters()).device
    sentiment, topic = network(ids.to(device), batch.mask.to(device), batch.kinds.to(device))
    rows = batch.sentiment_rows.to(device)
    smoothing, weight = batch.smoothing.to(device), batch.weight.to(device)
    total = torch.zeros((), device=device)
    for head, chosen, share in ((0, rows, 1.0), (1, ~rows, config.topic_weight)):
        if bool(chosen.any()):
            losses = masked_cross_entropy(
                (sentiment, topic)[head][chosen],
                batch.accepted[head].to(device),
                batch.possible[head].to(device),
                smoothing[chosen],
            )
            total = total + share * (losses * weight[chosen]).sum()
    total = total / len(ids)
    if teacher is None:
        return total
    with torch.no_grad():  # the teacher reads the whole text, also where the student's words are masked
        lesson = teacher(batch.ids.to(device), batch.mask.to(device), batch.kinds.to(device))
    distance = taught_loss((sentiment, topic), lesson, config.taught_temperature)
    return (1 - config.taught) * total + config.taught * distance


def frozen_copy(network: Network) -> Network:
    """Return a float32 copy on the CPU, without dropout or additions, of the weights as they are now."""
    copy = Network(network.shape, dropout=0.0)
    copy.load_state_dict({name: value.detach().float().cpu() for name, value in plain(network).state_dict().items()})
    return copy


def _end_epoch(run: _Run, state: _State, report: Reporter) -> None:
    with run.optimizer.lending(run.average.values if run.average is not None else run.optimizer.masters):
        copy = frozen_copy(run.network)
    device = str(next(run.network.parameters()).device)
    measured = "float32" if run.precision == "float16" else run.precision
    classifier = Classifier(whole(copy, run.tokenizer), "", device, measured)
    mean = dev_mean(answers(classifier.read, run.dev))
    state.means.append(mean)
    if mean > state.best:
        state.best, state.best_epoch = mean, len(state.means) - 1
        folder.save(run.out / BEST, copy, run.tokenizer)
    report.note(step=state.step, epoch=len(state.means), held_out=mean, best=state.best)


def dev_mean(found: Sequence[Answer]) -> float:
    """Return what decides between epochs: the mean over the sources that count as targets, over all where none does.

    Sources of a few rows, which move by points when one is read otherwise, decide nothing beside larger ones.
    """
    rows = Counter((answer.row.task, answer.row.source) for answer in found)
    large = [answer for answer in found if rows[answer.row.task, answer.row.source] >= LEAST_ROWS] or found
    if any(answer.row.source not in NOT_TARGETS for answer in large):
        return held_out_mean(large)
    parts = by(large, "source").values()
    return sum(part.accuracy + part.macro_f1 for part in parts) / (2 * len(parts))


def _fingerprint(rows: Sequence[Row], seed: int) -> str:
    """Return a hash of the rows and the seed, which a run must keep to go on as it began."""
    found = hashlib.sha256(str(seed).encode())
    for row in rows:
        found.update(f"{row.source}\0{row.labels}\0{row.text}\n".encode(errors="replace"))
    return found.hexdigest()[:16]


def _keep(run: _Run, state: _State) -> None:
    tensors = run.optimizer.state() | (run.average.state() if run.average is not None else {})
    facts = {"step": state.step, "best": state.best, "best_epoch": state.best_epoch, "means": state.means}
    checkpoint.write(
        run.out, tensors, facts | {"scale": run.scale.value, "sound": run.scale.sound, "rows": run.fingerprint}
    )


def _resume(run: _Run) -> _State:
    kept = checkpoint.read(run.out)
    if kept is None:
        return _State()
    tensors, facts = kept
    if facts.get("rows") != run.fingerprint:
        raise ModelError(f"{run.out}: a checkpoint of a run on other rows; expected the same, or a new --out")
    try:
        run.optimizer.restore({name: value for name, value in tensors.items() if not name.startswith("average.")})
        if run.average is not None:
            run.average.restore(tensors)
    except (KeyError, RuntimeError):
        raise ModelError(
            f"{run.out}: a checkpoint of a run with other settings; expected the same, or a new --out"
        ) from None
    run.scale.value, run.scale.sound = float(facts.get("scale", 1.0)), int(facts.get("sound", 0))
    return _State(int(facts["step"]), float(facts["best"]), int(facts["best_epoch"]), list(facts["means"]))
