"""Before and after fine-tuning, beside the simple rivals, on rows held out of training."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from model.classifier import Classifier
from model.drift import Reference
from model.errors import ModelError
from model.evaluation.agreement import Agreed, agreement, by_agreement
from model.evaluation.bootstrap import Intervals, intervals
from model.evaluation.calibrate import Calibrated, calibrate, temperatures
from model.evaluation.confusion import confusion_cells
from model.evaluation.held import limited, sides
from model.evaluation.lexicon import lexicon_answers, read_lexicon
from model.evaluation.measure import Answer, Figures, answers, by, held_out_mean, judge, parted, readings
from model.evaluation.negatives import Found, negative_recall
from model.evaluation.reference import learnt
from model.evaluation.rival import rival_answers
from model.evaluation.robust import Robustness, robustness
from model.parts import Part
from model.training.base import build_network
from model.training.bases import SHIPPED_FROM, named_base
from model.training.recipe import accepted
from model.training.rows import Row
from model.training.split import groups

CUTS = (("lang",), ("lang", "kind"), ("lang", "kind", "source"))
CONTENDERS = ("majority", "lexicon", "before", "rival", "after")

Key = tuple[str, ...]
Line = dict[str, tuple[Figures, Intervals]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure; `limit` is rows a source, None all of them. `fifth` and `seed` are those of the training."""

    fifth: int = 0
    seed: int = 0
    limit: int | None = None
    before: bool = True
    rival: bool = True
    robust: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures by cut, task and contender, and what else was measured; notes say what was left out and why."""

    cuts: dict[Key, dict[Key, Line]]
    means: dict[str, float]
    calibrated: tuple[Calibrated, ...]
    agreed: tuple[Agreed, ...]
    negatives: tuple[Found, ...]
    robust: Robustness | None
    cells: tuple[dict[str, Any], ...]
    references: tuple[Reference, ...]
    notes: tuple[str, ...]
    revision: str
    held_out: int
    trained_on: int
    options: Options


def compare(
    classifier: Classifier,
    data: Path | None,
    options: Options,
    own: Sequence[Path] = (),
    tell: Callable[[str], None] = log.info,
    *,
    jars: Mapping[str, Path] | None = None,
) -> Comparison:
    """Return the figures of a classifier, and of its rivals, on the held-out rows of `data`/labelled or on `own`.

    "majority" answers each source's most common label of the training part; "lexicon" counts words; "before"
    is the base encoder as it comes, with untrained heads; "rival" is TF-IDF with a linear model.

    Args:
        classifier: loaded without its calibration, which is fitted anew here.
        data: the data folder, with labelled/ and perhaps lexicons/.
        own: files of a user's rows, measured in place of the folder's.
        tell: takes a line on what is done, as it begins.
        jars: of the base encoders that "before" reads with, by the names of `bases`; None: none was to be had.

    Raises:
        ModelError: the rows cannot be read, or there is none to measure on.
        ValueError: the classifier is calibrated.
    """
    if classifier.calibration is not None:
        raise ValueError("the classifier is calibrated; expected one loaded with calibrated=False")
    train, held = sides(data, own, options.fifth, options.seed)
    held = limited(held, options.limit, options.seed)
    near = dict(zip([row.text for row in held], groups([row.text for row in held]), strict=True))
    tell(f"{len(held):,} held-out rows, {len(train):,} for the rivals to learn from; the model reads")
    read = readings(classifier.read, held)
    found = {"after": [judge(row, reading) for row, reading in zip(held, read, strict=True)]}
    found["majority"] = _majority(train, held)
    found["lexicon"] = lexicon_answers(read_lexicon(data / "lexicons" if data else None), held)
    notes: list[str] = []
    if options.before:
        tell("the base encoder, untrained")
        _try("before", lambda: answers(untrained(classifier, options.seed, jars or {}).read, held), found, notes)
    if options.rival and train:
        tell("TF-IDF with a linear model")
        _try("rival", lambda: rival_answers(train, held), found, notes)
    tell("temperatures, intervals, robustness")
    calibrated = calibrate(held, read, near, options.seed)
    return Comparison(
        cuts={names: _cut(found, names, near, options.seed) for names in CUTS},
        means={who: held_out_mean(found[who]) for who in CONTENDERS if found.get(who)},
        calibrated=tuple(calibrated),
        agreed=tuple(by_agreement(found, agreement(data / "labelled"), near, options.seed) if data and not own else ()),
        negatives=tuple(negative_recall(held, read, near, options.seed)),
        robust=robustness(classifier.read, held, options.seed) if options.robust else None,
        cells=tuple(confusion_cells(held, read)),
        references=tuple(learnt(train, held, read, temperatures(calibrated), options.seed)),
        notes=tuple(notes),
        revision=classifier.revision,
        held_out=len(held),
        trained_on=len(train),
        options=options,
    )


def untrained(classifier: Classifier, seed: int, jars: Mapping[str, Path]) -> Classifier:
    """Return the base encoders as they come, with their own tokenizers, and heads at their random start.

    Raises:
        ModelError: a base encoder is not here.
    """
    parts: dict[str, Part] = {}
    for language, name in SHIPPED_FROM.items():
        base = named_base(name, jars.get(name))
        torch.manual_seed(seed)
        most = classifier.parts[language].max_tokens
        network = build_network(base, base.tensors["embeddings.word_embeddings.weight"].float(), most, 0.0)
        base.tokenizer.enable_truncation(most)
        parts[language] = Part(network, base.tokenizer)
    return Classifier(parts, "untrained", classifier.device, classifier.precision)


def _cut(found: Mapping[str, Sequence[Answer]], names: Key, near: Mapping[str, int], seed: int) -> dict[Key, Line]:
    lines: dict[Key, Line] = {}
    for who in CONTENDERS:
        parts = parted(found.get(who, ()), *names)
        for key, figures in by(found.get(who, ()), *names).items():
            lines.setdefault(key, {})[who] = (figures, intervals(parts[key], near, seed))
    return dict(sorted(lines.items()))


def _try(name: str, answer: Callable[[], list[Answer]], found: dict[str, list[Answer]], notes: list[str]) -> None:
    try:
        found[name] = answer()
    except ModelError as exc:
        notes.append(f"{name}: left out: {exc}")


def _majority(train: Sequence[Row], held: Sequence[Row]) -> list[Answer]:
    learnt = {(row.task, row.source) for row in train}
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in [*train, *(row for row in held if (row.task, row.source) not in learnt)]:
        counts.setdefault((row.task, row.source), Counter())[accepted(row)[0]] += 1
    result = []
    for row in held:
        label = min(counts[row.task, row.source].most_common(1))[0]
        truth = label if label in accepted(row) else accepted(row)[0]
        result.append(Answer(row, truth, label))
    return result
