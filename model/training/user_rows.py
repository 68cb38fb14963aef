"""A user's own labelled rows: JSON lines or CSV, each problem told with the number of its line."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.errors import ModelError
from model.labels import KINDS, SENTIMENTS, TOPICS
from model.training.recipe import TWO_CLASSES_ONLY
from model.training.rows import NON_NEGATIVE, Row

SPLITS = ("train", "held")
ENCODINGS = ("utf-8-sig", "gb18030")
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
COLUMNS = ("text", "sentiment", "topic", "language", "kind", "source", "split")
LANGUAGES = ("en", "zh")
LEAST_POLAR = 50


@dataclass(frozen=True, slots=True)
class UserRow:
    """One row, the side it was put on ("" where the file does not say), and where it stands."""

    row: Row
    split: str
    where: str


def read_user_rows(path: Path, source: str | None = None) -> list[UserRow]:
    """Return the rows of a .jsonl, .json or .csv file, .gz or not; a text with both labels gives two rows.

    Columns: `text`; `sentiment`, `topic`, or both; maybe `language` (else by its script), `kind` (else news),
    `source` (else `source`, else the name of the file) and `split` (train or held). Others are passed over. Read as
    UTF-8, UTF-16 with its mark, or GB 18030.

    Raises:
        ModelError: the file or a line of it cannot be used, or it has no rows.
    """
    text = _decode(path)
    name = path.name.removesuffix(".gz")
    records = _csv(text, path) if name.endswith(".csv") else _json_lines(text, path)
    default = source or name.rsplit(".", 1)[0]
    rows = [row for number, record in records for row in _rows(record, default, f"{path}:{number}")]
    if not rows:
        raise ModelError(f"{path}: no rows; expected columns {', '.join(COLUMNS[:3])}")
    return _marked(rows)


def _marked(rows: list[UserRow]) -> list[UserRow]:
    """Return `rows` with those of a source that never says neutral marked, so that they do not push neutral down."""
    labels: dict[str, Counter[str]] = {}
    for row in rows:
        if row.row.task == "sentiment":
            labels.setdefault(row.row.source, Counter())[row.row.labels[0]] += 1
    polar = {
        source
        for source, counts in labels.items()
        if counts.total() >= LEAST_POLAR and set(counts) == {"negative", "positive"}
    }
    return [
        replace(row, row=replace(row.row, quality=TWO_CLASSES_ONLY))
        if row.row.task == "sentiment" and row.row.source in polar
        else row
        for row in rows
    ]


def _decode(path: Path) -> str:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise ModelError(f"{path}: {reason}; expected rows as JSON lines or CSV") from None
    for encoding in [MARKS[raw[:2]]] if raw[:2] in MARKS else ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ModelError(f"{path}: neither UTF-8, UTF-16 nor GB 18030; expected one of them")


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise ModelError(f"{path}:{number}: not JSON: {str(exc)[:120]}") from None
        if not isinstance(record, dict):
            raise ModelError(f"{path}:{number}: {type(record).__name__} found; expected an object")
        yield number, record


def _csv(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    if "text" not in (reader.fieldnames or []):
        raise ModelError(f"{path}:1: columns {', '.join(reader.fieldnames or ['none'])}; expected a column text")
    try:
        for record in reader:
            if None in record:
                raise ModelError(f"{path}:{reader.line_num}: more cells than the heading has columns")
            yield reader.line_num, record
    except csv.Error as exc:
        raise ModelError(f"{path}:{reader.line_num}: not CSV: {exc}") from None


def _rows(record: dict[str, Any], default: str, where: str) -> list[UserRow]:
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        raise ModelError(f"{where}: text {text!r}; expected some text")
    language = _one_of(record, "language", LANGUAGES, where) or _one_of(record, "lang", LANGUAGES, where)
    language = language or _language(text)
    kind = _one_of(record, "kind", KINDS, where) or KINDS[0]
    split = _one_of(record, "split", SPLITS, where)
    source = str(record.get("source") or default)
    sentiment = _one_of(record, "sentiment", (*SENTIMENTS, NON_NEGATIVE), where)
    topic = _one_of(record, "topic", TOPICS, where)
    labels = [(task, label) for task, label in (("sentiment", sentiment), ("topic", topic)) if label]
    if not labels:
        raise ModelError(f"{where}: neither sentiment nor topic; expected one of them or both")
    return [UserRow(Row(task, language, source, kind, text, (label,)), split, where) for task, label in labels]


def _one_of(record: dict[str, Any], name: str, known: tuple[str, ...], where: str) -> str:
    value = record.get(name)
    if value is None or value == "":
        return ""
    found = value.strip().lower() if isinstance(value, str) else value
    if found not in known:
        raise ModelError(f"{where}: {name} {str(value)[:40]!r}; expected one of {', '.join(known)}")
    return str(found)


def _language(text: str) -> str:
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in text)
    return "zh" if chinese * 4 >= len(text.replace(" ", "")) else "en"
