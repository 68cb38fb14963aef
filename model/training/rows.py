"""Labelled rows: one text with a sentiment, or with topics, and where it came from."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import ModelError
from model.labels import KINDS, SENTIMENTS, TOPICS

NON_NEGATIVE = "non_negative"
SENTIMENT_FILE = "sentiment_dev.jsonl.gz"
TOPIC_FILE = "topics_dev.jsonl.gz"
COMMENT_SOURCES = frozenset({"fiqa_post"})


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled text; `labels` are the accepted answers of `task`, one or several."""

    task: str
    lang: str
    source: str
    kind: str
    text: str
    labels: tuple[str, ...]
    quality: str = ""


def read_labelled(folder: Path) -> list[Row]:
    """Return the rows of both files of the folder `labelled/`, in their order.

    Raises:
        ModelError: a file is missing, or a row has a label or kind that is not known.
    """
    return [*_read(folder / SENTIMENT_FILE, "sentiment"), *_read(folder / TOPIC_FILE, "topic")]


def _read(path: Path, task: str) -> Iterator[Row]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                row = _row(json.loads(line), task, f"{path}:{number}")
                if row.labels and row.text.strip():
                    yield row
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; expected labelled rows, one JSON object a line") from None
    except (OSError, EOFError, ValueError, KeyError) as exc:
        raise ModelError(f"{path}: not labelled rows: {exc}") from None


def _row(record: dict[str, Any], task: str, where: str) -> Row:
    source = str(record["source"])
    kind = record.get("kind") or ("comment" if source in COMMENT_SOURCES else "news")
    labels = (record["label"],) if task == "sentiment" else tuple(record["topics"])
    known = (*SENTIMENTS, NON_NEGATIVE) if task == "sentiment" else TOPICS
    for label in labels:
        if label not in known:
            raise ModelError(f"{where}: label {label!r}; expected one of {', '.join(known)}")
    if kind not in KINDS:
        raise ModelError(f"{where}: kind {kind!r}; expected one of {', '.join(KINDS)}")
    # FinESE texts are several headlines glued together; the segment is the one that was labelled.
    text = record.get("segment") or record["text"]
    return Row(task, str(record["lang"]), source, kind, str(text), labels, str(record.get("quality") or ""))
