"""References of drift in a file: reference.json beside the weights, or wherever a stream's own past is kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from model.drift import BUCKETS, CONFIDENCES, LENGTHS, Reference
from model.errors import ModelError
from model.labels import SENTIMENTS, TOPICS

SCHEMA: Final = 1
BINS: Final = {
    "sentiment": len(SENTIMENTS),
    "topic": len(TOPICS),
    "confidence": CONFIDENCES,
    "length": LENGTHS,
    "words": BUCKETS,
}


def as_json(references: Sequence[Reference], revision: str) -> dict[str, Any]:
    """Return references as plain values; `revision` is that of the model whose readings they count."""
    return {
        "schema": SCHEMA,
        "revision": revision,
        "labels": {"sentiment": list(SENTIMENTS), "topic": list(TOPICS)},
        "references": [
            asdict(part) | {"frequent": _packed(part.frequent), "unknown": round(part.unknown, 6)}
            for part in references
        ],
    }


def read_references(path: Path) -> list[Reference]:
    """Return the references of a file, or none where there is no file.

    Raises:
        ModelError: the file is not one of references, or counts other labels than this version's.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as exc:
        raise ModelError(f"{path}: not references of drift: {exc}") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise ModelError(f"{path}: not references of drift that this version reads; expected schema {SCHEMA}")
    if record.get("labels") != {"sentiment": list(SENTIMENTS), "topic": list(TOPICS)}:
        raise ModelError(f"{path}: counts other labels than this version's; make it anew: barograph evaluate --write")
    try:
        return [_reference(part) for part in record["references"]]
    except (KeyError, TypeError, ValueError) as exc:
        raise ModelError(f"{path}: not references of drift: {exc!r}") from None


def _reference(part: dict[str, Any]) -> Reference:
    counts = {name: tuple(int(value) for value in part[name]) for name in BINS}
    for name, bins in BINS.items():
        if len(counts[name]) != bins or min(counts[name]) < 0:
            raise ValueError(f"{name}: expected {bins} counts")
    return Reference(
        str(part["language"]), str(part["kind"]), int(part["documents"]), counts["sentiment"], counts["topic"],
        counts["confidence"], counts["length"], counts["words"], _unpacked(part["frequent"]), float(part["unknown"]),
    )  # fmt: skip


def _packed(codes: frozenset[int]) -> str:
    """Return 32-bit hashes as base64 of little-endian words, least first."""
    return base64.b64encode(b"".join(code.to_bytes(4, "little") for code in sorted(codes))).decode()


def _unpacked(text: str) -> frozenset[int]:
    data = base64.b64decode(text, validate=True)
    if len(data) % 4:
        raise ValueError("frequent: expected 32-bit words")
    return frozenset(int.from_bytes(data[place : place + 4], "little") for place in range(0, len(data), 4))
