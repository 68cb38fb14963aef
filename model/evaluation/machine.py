"""The comparison as plain values, for machines; and the files beside the weights that are made of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from model import calibration, drift_file, folder
from model.errors import ModelError
from model.evaluation import confusion
from model.evaluation.calibrate import A_SOURCE, BINS, FOLDS, Calibrated, temperatures
from model.evaluation.compare import Comparison, Key
from model.evaluation.measure import Figures, by_class

SCHEMA = 1
DIGITS = 6


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return all that was measured; shares and intervals as numbers of six decimals."""
    record = {
        "schema": SCHEMA,
        "revision": comparison.revision,
        "held_out": comparison.held_out,
        "trained_on": comparison.trained_on,
        "options": asdict(comparison.options),
        "notes": list(comparison.notes),
        "means": comparison.means,
        "figures": _figures(comparison),
        "agreement": [
            {"source": part.source, "at_least": part.at_least, "contender": part.contender}
            | asdict(part.figures)
            | {"accuracy_interval": part.intervals.accuracy, "macro_f1_interval": part.intervals.macro_f1}
            for part in comparison.agreed
        ],
        "calibration": [asdict(part) for part in comparison.calibrated],
        "negative_recall": [asdict(part) for part in comparison.negatives],
        "robustness": None if comparison.robust is None else asdict(comparison.robust),
        "confusion": list(comparison.cells),
    }
    return dict(rounded(record))


def named(path: Path, comparison: Comparison) -> Comparison:
    """Return the comparison under the revision that readings of the folder carry, with its present temperatures."""
    try:
        return replace(comparison, revision=folder.revision(path))
    except ModelError as exc:
        return replace(comparison, notes=(*comparison.notes, str(exc)))


def write_files(path: Path, comparison: Comparison) -> Comparison:
    """Write calibration.json, confusion.json and reference.json into a folder of weights.

    Return the comparison under the revision that readings of the folder carry from now on.
    """
    weights = folder.weights_sha256(path)
    calibrated = calibration.as_json(temperatures(comparison.calibrated), weights)
    calibrated["measured"] = [_measured(part) for part in comparison.calibrated]
    calibrated["how"] = {"rows": comparison.held_out, "folds": FOLDS, "bins": BINS, "rows_a_source_at_most": A_SOURCE}
    _replace(path / calibration.CALIBRATION, rounded(calibrated))
    found = named(path, comparison)
    _replace(path / folder.CONFUSION, confusion.as_json(found.cells, found.revision))
    _replace(path / folder.REFERENCE, drift_file.as_json(found.references, found.revision))
    return found


def rounded(value: Any) -> Any:
    """Return a value with each number in it rounded, tuples as lists."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, list | tuple) else value


def _figures(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        _line(names, key, who, figures)
        | {"accuracy_interval": interval.accuracy, "macro_f1_interval": interval.macro_f1}
        for names, lines in comparison.cuts.items()
        for key, contenders in lines.items()
        for who, (figures, interval) in contenders.items()
    ]


def _line(names: Key, key: Key, who: str, figures: Figures) -> dict[str, Any]:
    head = {"cut": list(names), "task": key[0], **dict(zip(names, key[1:], strict=True)), "contender": who}
    per_class = {
        name: {"rows": rows, "precision": precision, "recall": recall, "f1": f1}
        for name, (rows, precision, recall, f1) in by_class(figures).items()
    }
    return head | asdict(figures) | {"by_class": per_class}


def _measured(part: Calibrated) -> dict[str, Any]:
    names = ("task", "lang", "rows", "ece_before", "ece_after", "even_before", "even_after")
    return {name: getattr(part, name) for name in names}


def _replace(path: Path, record: Any) -> None:
    scratch = path.with_name(f"{path.name}.part")
    scratch.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    scratch.replace(path)
