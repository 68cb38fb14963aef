"""What a run achieved on the rows it held out: before and after, by source; in OUT/held-out.json and for the user."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from model.classifier import Classifier
from model.evaluation.measure import Figures, answers, by
from model.training.rows import Row

FILE = "held-out.json"

Measured = Mapping[tuple[str, ...], Figures]


def measure(classifier: Classifier, rows: Sequence[Row]) -> Measured:
    """Return the figures by (task, language, source)."""
    return by(answers(classifier.read, rows), "lang", "source")


def report(before: Measured, after: Measured, out: Path, tell: Callable[[str], None]) -> None:
    """Write the figures to `out` and tell them, a line a source; `before` is empty where the heads were new."""
    lines = []
    for key, figures in after.items():
        old = before.get(key)
        lines.append(
            {
                **dict(zip(("task", "language", "source"), key, strict=True)),
                "rows": figures.rows,
                "before": None if old is None else {"accuracy": old.accuracy, "macro_f1": old.macro_f1},
                "after": {"accuracy": figures.accuracy, "macro_f1": figures.macro_f1},
            }
        )
        tell(f"{' '.join(key)}: {figures.rows:,} rows held out, accuracy / macro-F1 {_change(old, figures)}")
    (out / FILE).write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")


def _change(before: Figures | None, after: Figures) -> str:
    pairs = [f"{part.accuracy:.3f} / {part.macro_f1:.3f}" for part in (before, after) if part is not None]
    return " -> ".join(pairs)
