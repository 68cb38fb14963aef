"""Temperatures of the heads: probabilities that mean what they say, labels as they were.

A temperature divides a head's logits before softmax. It was fitted for one set of weights, and the file
`calibration.json` beside them says for which; a folder without the file reads with all temperatures 1.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.errors import ModelError
from model.revision import temperatures_digest

CALIBRATION: Final = "calibration.json"
SCHEMA: Final = 1
HEADS: Final = ("sentiment", "topic")
LANGUAGES: Final = ("en", "zh")
LEAST, MOST = 0.05, 20.0

_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
_LETTER = re.compile(r"[^\W\d_]")
_READ_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Calibration:
    """One temperature a head and language, each above 0; 1 changes nothing."""

    sentiment: dict[str, float]
    topic: dict[str, float]

    def of(self, text: str) -> tuple[float, float]:
        """Return the temperatures of sentiment and topic for a text."""
        language = written_in(text)
        return self.sentiment[language], self.topic[language]

    def digest(self) -> str:
        """Return the hash of the temperatures alone: what else the file tells changes no reading."""
        return temperatures_digest(self.sentiment, self.topic)


def written_in(text: str) -> str:
    """Return `zh` where Chinese characters carry the text, else `en`; never raises.

    What counts is what the network reads, whatever language a source says it writes. A Chinese character
    carries about as much as three Latin letters.
    """
    if text.isascii():
        return "en"
    head = text[:_READ_CHARS]
    chinese = len(_HAN.findall(head))
    return "zh" if chinese and chinese * 3 >= len(_LETTER.findall(head)) - chinese else "en"


def read_calibration(path: Path, weights_sha256: str) -> Calibration | None:
    """Return the calibration of the folder `path`, or None where it has none.

    Raises:
        ModelError: the file cannot be read, or belongs to other weights than those of this hash.
    """
    file = path / CALIBRATION
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise ModelError(f"{file}: cannot be read: {exc}") from None
    record = _object(text, file)
    if record.get("weights_sha256") != weights_sha256:
        raise ModelError(f"{file}: fitted for other weights; remove it, or make it anew: barograph evaluate --write")
    temperatures = record.get("temperatures")
    if not isinstance(temperatures, dict):
        raise ModelError(f"{file}: no temperatures; expected an object with {' and '.join(HEADS)}")
    return Calibration(*(_head(temperatures.get(head), f"{file}: temperatures of {head}") for head in HEADS))


def as_json(calibration: Calibration, weights_sha256: str) -> dict[str, Any]:
    """Return the fields that `read_calibration` needs."""
    temperatures = {"sentiment": calibration.sentiment, "topic": calibration.topic}
    return {"schema": SCHEMA, "weights_sha256": weights_sha256, "temperatures": temperatures}


def _object(text: str, file: Path) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError as exc:
        raise ModelError(f"{file}: not JSON: {exc}") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else None
        raise ModelError(f"{file}: schema {found!r}; this version reads {SCHEMA}")
    return record


def _head(found: object, where: str) -> dict[str, float]:
    values = found if isinstance(found, dict) else {}
    if set(values) != set(LANGUAGES):
        raise ModelError(f"{where}: for {sorted(map(str, values))}; expected one each for {', '.join(LANGUAGES)}")
    for language, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST <= value <= MOST:
            raise ModelError(f"{where}: {language} {value!r}; expected a number from {LEAST} to {MOST}")
    return {language: float(values[language]) for language in LANGUAGES}
