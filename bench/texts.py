"""Real documents to measure with: the data streams where they are, made-up headlines where they are not."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA_VARIABLE = "BAROGRAPH_DATA"
STREAMS = ("en_reddit_2018_2022.jsonl.gz", "en_headlines_2017_2020.jsonl.gz", "zh_weibo_hot_finance_2020_2026.jsonl.gz")
_MADE_UP = (
    "{} beats estimates and raises its outlook",
    "{} cuts jobs as orders fall",
    "{} names a new chief executive",
)


def data_folder() -> Path:
    """Return the folder of the data: `BAROGRAPH_DATA`, else `../shared/data` beside the repository.

    The variable is taken out of the environment: it is no setting of the product.
    """
    named = os.environ.pop(DATA_VARIABLE, None)
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"


def documents(most: int) -> list[dict[str, Any]]:
    """Return so many documents, the streams taken in turn; fields as the sources read them."""
    files = [path for name in STREAMS if (path := data_folder() / "streams" / name).is_file()]
    if not files:
        print("no data streams here: made-up headlines are used")
    rows = _in_turn([_rows(path) for path in files]) if files else _made_up()
    return list(itertools.islice(rows, most))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield {name: row[name] for name in ("kind", "source", "lang", "text", "title") if row.get(name)}


def _in_turn(streams: list[Iterator[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    while streams:
        for stream in list(streams):
            row = next(stream, None)
            if row is None:
                streams.remove(stream)
            else:
                yield row


def _made_up() -> Iterator[dict[str, Any]]:
    for number in itertools.count():
        text = _MADE_UP[number % len(_MADE_UP)].format(f"Company {number}")
        yield {"kind": "news", "source": "made up", "lang": "en", "text": text}
