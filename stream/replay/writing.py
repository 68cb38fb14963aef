"""The files of a report: each is there when it is whole, not before."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec

from stream.core.aggregates import Aggregate
from stream.replay.errors import ReplayError
from stream.replay.folder import replace_file
from stream.replay.items import time_text
from stream.replay.outcome import SCHEMA, Outcome, incident_lines, report
from stream.replay.page import page

REPORT: Final = "report.json"
INCIDENTS: Final = "incidents.jsonl"
PAGE: Final = "report.html"
COUNTS: Final = "counts.csv"
_HEADER: Final = ("series", "window_start", "negative", "total", "documents")


def write_report(outcome: Outcome, folder: Path, run: Mapping[str, Any]) -> None:
    """Write the report's files, `report.json` last; OSError where there is no room.

    Args:
        run: its name and times, which nothing is compared by.
    """
    _made(folder)
    replace_file(folder / INCIDENTS, b"".join(incident_lines(outcome.told)))
    replace_file(folder / PAGE, page(outcome).encode())
    content = msgspec.json.format(msgspec.json.encode(report(outcome) | {"run": run}), indent=1)
    replace_file(folder / REPORT, content + b"\n")


class CountsFile:
    """`counts.csv`: hours, with the columns and in the order of `barograph counts --window 1h`."""

    def __init__(self, folder: Path) -> None:
        _made(folder)
        self._place = folder / COUNTS
        self._scratch = folder / f".{COUNTS}"

    def __enter__(self) -> CountsFile:
        self._file = self._scratch.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(_HEADER)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self._file.close()
            if exc is None:
                self._scratch.replace(self._place)
        finally:
            self._scratch.unlink(missing_ok=True)

    def write(self, start_s: int, by_series: Mapping[str, Aggregate]) -> None:
        """Write one hour."""
        for name in sorted(by_series):
            one = by_series[name]
            self._rows.writerow((name, time_text(start_s), one.negative, one.total, one.documents))


def read_report(folder: Path) -> dict[str, Any]:
    """Return `report.json` of a folder.

    Raises:
        ReplayError: there is none.
    """
    try:
        found: dict[str, Any] = msgspec.json.decode((folder / REPORT).read_bytes())
    except (OSError, msgspec.DecodeError):
        raise ReplayError(f"{folder}: holds no {REPORT}; expected a finished replay's report") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ReplayError(f"{folder / REPORT}: not a report that this version reads; replay it again")
    return found


def read_incidents(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of `incidents.jsonl`; ReplayError."""
    try:
        lines = (folder / INCIDENTS).read_bytes().splitlines()
        return [msgspec.json.decode(line) for line in lines]
    except (OSError, msgspec.DecodeError):
        raise ReplayError(f"{folder}: holds no {INCIDENTS}; expected a finished replay's report") from None


def read_counts(folder: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Return negative and total by series and start of the hour; nothing where there is no file of counts."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        text = (folder / COUNTS).read_text(encoding="utf-8")
    except OSError:
        return found
    for row in csv.DictReader(io.StringIO(text)):
        found.setdefault(row["series"], {})[row["window_start"]] = int(row["negative"]), int(row["total"])
    return found


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ReplayError(f"--report {folder}: {exc.strerror}; expected a folder that can be made") from None
