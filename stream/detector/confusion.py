"""What was measured of the model's errors: `confusion.json` beside its weights. Read without loading the model."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Final

from model import revision as revisions
from model.labels import SENTIMENTS
from stream.core.correction import Corrections

log = logging.getLogger(__name__)

CONFUSION: Final = "confusion.json"
CALIBRATION: Final = "calibration.json"
SCHEMA: Final = 1
HEADS: Final = ("sentiment", "topic")
# What the shipped weights' folder is called, beside the modules that read it.
WEIGHTS: Final = "weights"


def shipped() -> Path:
    """Return the folder of the weights that are shipped."""
    import model

    return Path(model.__path__[0]) / WEIGHTS


def corrections(folder: Path) -> Corrections | None:
    """Return what was measured of the model in this folder; None, and counts stay as they are, where nothing was.

    A file that cannot be read, or that tells of another model, is named in one log line and passed over: a detector
    without it decides all the same.
    """
    path = folder / CONFUSION
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        log.warning("%s cannot be read, shares stay as they were counted: %s", path, exc)
        return None
    try:
        return _of(record, revision(folder))
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        log.warning("%s: %s; shares stay as they were counted", path, exc)
        return None


def _of(record: dict[str, Any], ours: str | None) -> Corrections:
    if record["schema"] != SCHEMA:
        raise ValueError(f"schema {record['schema']!r}; this version reads {SCHEMA}")
    if record["labels"] != list(SENTIMENTS):
        raise ValueError(f"labels {record['labels']!r}; expected {', '.join(SENTIMENTS)}")
    if record["revision"] != ours:
        raise ValueError(f"measured on model {record['revision']!r}, and {ours} is here")
    return Corrections({(cell["language"], cell["kind"]): _counts(cell["counts"]) for cell in record["cells"]})


def _counts(rows: Any) -> list[list[int]]:
    counts = [[int(count) for count in row] for row in rows]
    if counts != rows:
        raise ValueError(f"counts {rows!r}; expected whole numbers")
    return counts


def revision(folder: Path) -> str | None:
    """Return the revision of the model in a folder, as `model.folder` makes it, from what its files state.

    None where there is no model.
    """
    try:
        stated = json.loads((folder / revisions.CONFIG).read_text(encoding="utf-8"))["sha256"]
        hashes = {name: str(found) for name, found in stated.items()}
        temperatures = _temperatures(folder / CALIBRATION)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return revisions.of(hashes, temperatures)


def _temperatures(path: Path) -> str | None:
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))["temperatures"]
    except FileNotFoundError:
        return None
    return revisions.temperatures_digest(*({name: float(v) for name, v in stated[head].items()} for head in HEADS))
