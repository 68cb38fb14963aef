"""Known incidents, and how well what fired agrees with them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import msgspec

from stream.detector.past import Told
from stream.replay.errors import ReplayError
from stream.sources.schedule import parse_instant

AROUND_S: Final = 86_400
_FIELDS: Final = "name, at and perhaps from, to, series"


@dataclass(frozen=True, slots=True)
class Label:
    """One known incident.

    Attributes:
        at_s: the instant that lead times are counted to, unix seconds.
        from_s, to_s: an incident that fires in `[from_s, to_s]` finds it.
        series: a pattern such as `news/*`; None for any.
    """

    name: str
    at_s: int
    from_s: int
    to_s: int
    series: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """What fired against what is known.

    Attributes:
        found: (label, the incident that found it first or None), in the order of the labels.
        false: announced incidents that no label explains.
        announced: how many were announced at all.
    """

    found: tuple[tuple[Label, Told | None], ...]
    false: tuple[Told, ...]
    announced: int

    @property
    def precision(self) -> float | None:
        """Part of the announced incidents that a label explains; None where nothing was announced."""
        return None if not self.announced else (self.announced - len(self.false)) / self.announced

    @property
    def recall(self) -> float | None:
        """Part of the labels that an incident found; None without labels."""
        return None if not self.found else sum(one is not None for _, one in self.found) / len(self.found)

    @property
    def leads_s(self) -> list[int]:
        """How long before its label's instant each label was found, seconds; negative is after it."""
        return sorted(lead_s(label, one) for label, one in self.found if one is not None)


def lead_s(label: Label, one: Told) -> int:
    """Return how long before the label's instant the incident fired, seconds; negative is after it."""
    return label.at_s - one.opened.fired_at_ms // 1000


def agreement(told: Iterable[Told], labels: Sequence[Label]) -> Agreement:
    """Return how what was announced agrees with the labels."""
    announced = [one for one in told if one.last.announced]
    found = tuple((label, next((one for one in announced if _finds(one, label)), None)) for label in labels)
    false = tuple(one for one in announced if not any(_finds(one, label) for label in labels))
    return Agreement(found, false, len(announced))


def _finds(one: Told, label: Label) -> bool:
    fired_s = one.opened.fired_at_ms // 1000
    fits = label.series is None or fnmatchcase(one.opened.series, label.series)
    return fits and label.from_s <= fired_s <= label.to_s


def read_labels(path: Path) -> tuple[Label, ...]:
    """Return the labels in a file, JSONL or CSV by its name.

    Raises:
        ReplayError: it cannot be read, or a row is no label; the message names the row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        said = exc.strerror if isinstance(exc, OSError) else "is not UTF-8"
        raise ReplayError(f"--labels {path}: {said}; expected JSONL or CSV with {_FIELDS}") from None
    rows = _csv_rows(text) if path.suffix == ".csv" else _json_rows(text, path)
    found = tuple(_label(row, path, number) for number, row in rows)
    if not found:
        raise ReplayError(f"--labels {path}: holds no label; expected JSONL or CSV with {_FIELDS}")
    return found


def _csv_rows(text: str) -> list[tuple[int, dict[str, Any]]]:
    rows = csv.DictReader(io.StringIO(text))
    return [(number, {k: v for k, v in row.items() if k and v}) for number, row in enumerate(rows, 2)]


def _json_rows(text: str, path: Path) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except msgspec.DecodeError as exc:
            raise ReplayError(f"--labels {path}:{number}: not JSON: {exc}") from None
        if not isinstance(row, dict):
            raise ReplayError(f"--labels {path}:{number}: no object; expected {_FIELDS}")
        rows.append((number, row))
    return rows


def _label(row: dict[str, Any], path: Path, number: int) -> Label:
    unknown = sorted(row.keys() - {"name", "at", "from", "to", "series"})
    if unknown:
        raise ReplayError(f"--labels {path}:{number}: {', '.join(unknown)}: no such field; expected {_FIELDS}")
    times = {}
    for field in ("at", "from", "to"):
        try:
            times[field] = None if row.get(field) is None else int(parse_instant(str(row[field])).timestamp())
        except ValueError as exc:
            raise ReplayError(f"--labels {path}:{number}: {field}: {exc}") from None
    at_s = times["at"]
    if at_s is None:
        raise ReplayError(f"--labels {path}:{number}: at: is missing; expected {_FIELDS}")
    from_s = at_s - AROUND_S if times["from"] is None else times["from"]
    to_s = at_s + AROUND_S if times["to"] is None else times["to"]
    if from_s > to_s:
        raise ReplayError(f"--labels {path}:{number}: from is after to")
    return Label(str(row.get("name") or f"line {number}"), at_s, from_s, to_s, row.get("series"))
