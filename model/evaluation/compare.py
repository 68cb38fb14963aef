"""Before and after fine-tuning, beside the simple rivals, on rows held out of training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from model.classifier import Classifier
from model.errors import ModelError
from model.evaluation.measure import Answer, Figures, answers, by
from model.evaluation.rival import rival_answers
from model.training.base import base_folder, build_network, read_base
from model.training.recipe import accepted
from model.training.rows import Row, read_labelled
from model.training.run import split_rows

CUTS = (("lang",), ("lang", "kind"), ("lang", "kind", "source"))
CONTENDERS = ("majority", "before", "rival", "after")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures by cut, task and contender; notes say what was left out and why."""

    cuts: dict[tuple[str, ...], dict[tuple[str, ...], dict[str, Figures]]]
    notes: tuple[str, ...]
    revision: str
    held_out: int
    trained_on: int


def compare(
    classifier: Classifier, data: Path, *, fifth: int = 0, seed: int = 0, before: bool = True, rival: bool = True
) -> Comparison:
    """Return the figures of a classifier on the held-out rows of `data`/labelled, and of its rivals.

    "majority" answers each source's most common label of the training part; "before" is the base
    encoder as it comes, with untrained heads; "rival" is TF-IDF with a linear model. `fifth` and `seed`
    must be those of the training run, or the rows were seen.
    """
    train, held = split_rows(read_labelled(data / "labelled"), fifth, seed)
    found = {"majority": _majority(train, held), "after": answers(classifier.read, held)}
    notes: list[str] = []
    if before:
        _try("before", lambda: answers(untrained(classifier, seed).read, held), found, notes)
    if rival:
        _try("rival", lambda: rival_answers(train, held), found, notes)
    cuts: dict[tuple[str, ...], dict[tuple[str, ...], dict[str, Figures]]] = {}
    for names in CUTS:
        lines: dict[tuple[str, ...], dict[str, Figures]] = {}
        for contender in CONTENDERS:
            for key, figures in by(found.get(contender, []), *names).items():
                lines.setdefault(key, {})[contender] = figures
        cuts[names] = dict(sorted(lines.items()))
    return Comparison(cuts, tuple(notes), classifier.revision, len(held), len(train))


def untrained(classifier: Classifier, seed: int) -> Classifier:
    """Return the base encoder as it comes, its own tokenizer, and heads at their random start.

    Raises:
        ModelError: the base encoder is not installed.
    """
    base = read_base(base_folder())
    torch.manual_seed(seed)
    words = base.tensors["embeddings.word_embeddings.weight"].float()
    network = build_network(base, words, classifier.max_tokens, 0.0)
    base.tokenizer.enable_truncation(classifier.max_tokens)
    return Classifier(network, base.tokenizer, "untrained", classifier.device, classifier.precision)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values for machines."""
    return {
        "revision": comparison.revision,
        "held_out": comparison.held_out,
        "trained_on": comparison.trained_on,
        "notes": list(comparison.notes),
        "figures": [
            {
                "cut": list(names),
                "task": key[0],
                **dict(zip(names, key[1:], strict=True)),
                "contender": who,
                **asdict(part),
            }
            for names, lines in comparison.cuts.items()
            for key, contenders in lines.items()
            for who, part in contenders.items()
        ],
    }


def _try(name: str, answer: Any, found: dict[str, list[Answer]], notes: list[str]) -> None:
    try:
        found[name] = answer()
    except ModelError as exc:
        notes.append(f"{name}: left out: {exc}")


def _majority(train: Sequence[Row], held: Sequence[Row]) -> list[Answer]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in [*train, *(row for row in held if row.source == "fpb")]:
        counts.setdefault((row.task, row.source), Counter())[accepted(row)[0]] += 1
    result = []
    for row in held:
        label = min(counts[row.task, row.source].most_common(1))[0]
        truth = label if label in accepted(row) else accepted(row)[0]
        result.append(Answer(row, truth, label))
    return result
