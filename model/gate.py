"""Whether a new model may take an old one's place: judged source by source, on the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from model.errors import ModelError

CUT: Final = ["lang", "kind", "source"]
CONTENDER: Final = "after"
POINT: Final = 0.01
# In points: accuracies are written with six decimals, and a loss of exactly a point must not fail by its last one.
_ROUNDING: Final = 1e-3
# What decides which rows are held out.
_DRAWN_BY: Final = ("fifth", "seed", "limit")

Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One source under both models; accuracies in [0, 1] on the same `rows` rows."""

    task: str
    lang: str
    kind: str
    source: str
    rows: int
    old: float
    new: float

    @property
    def gain(self) -> float:
        """What the new model wins, in points; negative where it loses."""
        return (self.new - self.old) / POINT

    def __str__(self) -> str:
        """Return one line for a person."""
        where = f"{self.task} {self.lang} {self.kind} {self.source}"
        return f"{where}: {self.old:.3f} -> {self.new:.3f} ({self.gain:+.1f} points, {self.rows:,} rows)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of the comparison.

    Attributes:
        old, new: revisions.
        changes: every source, the greatest loss first.
        refused: those that lose more than the points allowed.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    refused: tuple[Change, ...]

    @property
    def promoted(self) -> bool:
        """Whether the new model may replace the old one."""
        return not self.refused

    @property
    def mean_gain(self) -> float:
        """The mean over sources of what is won, in points: an easy source counts no more than a hard one."""
        return sum(change.gain for change in self.changes) / len(self.changes)


def judge(old: Mapping[str, Any], new: Mapping[str, Any], most_lost: float = 1.0) -> Verdict:
    """Return the verdict on two evaluations, each as `barograph evaluate --json` writes it.

    Args:
        old: of the model in use.
        new: of the model that would replace it.
        most_lost: points of accuracy that a source may lose.

    Raises:
        ModelError: one is no evaluation, or they were not made on the same held-out rows.
    """
    before, after = _sources(old, "the old evaluation"), _sources(new, "the new evaluation")
    for name in _DRAWN_BY:
        ours, theirs = (_option(evaluation, name) for evaluation in (old, new))
        if ours != theirs:
            raise ModelError(f"{name}: {ours} and {theirs}; expected both evaluations on the same held-out rows")
    if before.keys() != after.keys():
        only = min(before.keys() ^ after.keys())
        which = "old" if only in before else "new"
        raise ModelError(f"{' '.join(only)}: in the {which} evaluation only; expected both on the same held-out rows")
    changes = []
    for key, (rows, accuracy) in before.items():
        if after[key][0] != rows:
            raise ModelError(f"{' '.join(key)}: {rows} rows and {after[key][0]}; expected the same held-out rows")
        changes.append(Change(*key, rows=rows, old=accuracy, new=after[key][1]))
    changes.sort(key=lambda change: change.gain)
    refused = tuple(change for change in changes if change.gain < -most_lost - _ROUNDING)
    return Verdict(str(old.get("revision")), str(new.get("revision")), tuple(changes), refused)


def _option(evaluation: Mapping[str, Any], name: str) -> object:
    options = evaluation.get("options")
    return options.get(name) if isinstance(options, Mapping) else None


def _sources(evaluation: Mapping[str, Any], what: str) -> dict[Key, tuple[int, float]]:
    """Return rows and accuracy of each task, language, kind and source."""
    found: dict[Key, tuple[int, float]] = {}
    try:
        for line in evaluation["figures"]:
            if list(line["cut"]) == CUT and line["contender"] == CONTENDER:
                key = (str(line["task"]), str(line["lang"]), str(line["kind"]), str(line["source"]))
                found[key] = (int(line["rows"]), float(line["accuracy"]))
    except (KeyError, TypeError, ValueError) as exc:
        problem = f"{type(exc).__name__}: {exc}"
        raise ModelError(f"{what}: not written by `barograph evaluate --json`: {problem}") from None
    if not found:
        raise ModelError(f"{what}: holds no source; expected figures by language, kind and source")
    return found
