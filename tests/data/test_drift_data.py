"""Drift on real streams, read by the shipped weights; and that what lies beside those weights is of their revision."""

from __future__ import annotations

import gzip
import json
import os
from itertools import islice
from pathlib import Path

import pytest

from model import folder
from model.classifier import Classifier
from model.drift import Observation, compare, references
from model.drift_file import read_references
from model.training.rows import read_labelled

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("BAROGRAPH_DATA", ROOT / ".." / "shared" / "data"))
HEADLINES = DATA / "streams" / "en_headlines_2017_2020.jsonl.gz"
CRYPTO = DATA / "streams" / "en_crypto_2022_2023.jsonl.gz"
FIRST = 20_000
EARLIER, WINDOW = 500, 250

needs_weights = pytest.mark.skipif(not (folder.SHIPPED / folder.CONFIG).is_file(), reason="no weights are shipped here")
needs_streams = pytest.mark.skipif(
    not (HEADLINES.is_file() and CRYPTO.is_file()), reason=f"no streams in {DATA}; BAROGRAPH_DATA names the folder"
)
needs_measured = pytest.mark.skipif(
    not all((folder.SHIPPED / name).is_file() for name in folder.MEASURED),
    reason="nothing measured lies beside the shipped weights; barograph evaluate --write puts it there",
)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(device="cpu")


def observed(classifier: Classifier, path: Path, first: int, count: int) -> list[Observation]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, islice(file, first, first + 2 * count)) if row["kind"] == "news"][:count]
    texts = [row["text"] or row.get("title", "") for row in rows]
    readings = classifier.read(texts, ["news"] * len(texts))
    return [Observation("en", "news", r.sentiment, r.topic, text) for text, r in zip(texts, readings, strict=True)]


@needs_weights
@needs_streams
def test_headlines_that_go_on_are_steady_and_headlines_that_turn_to_crypto_drift_in_topic(
    classifier: Classifier,
) -> None:
    earlier = observed(classifier, HEADLINES, FIRST, EARLIER)
    (reference,) = references(earlier)
    later = compare(reference, observed(classifier, HEADLINES, FIRST + 2 * EARLIER, WINDOW))
    shifted = compare(reference, observed(classifier, CRYPTO, 0, WINDOW))
    assert later is not None and later.level == "steady", later
    assert shifted is not None and shifted.measures["topic"].level == "drifted", shifted
    assert shifted.measures["topic"].value > 4 * later.measures["topic"].value


@needs_weights
@needs_measured
def test_what_lies_beside_the_shipped_weights_is_of_their_revision(classifier: Classifier) -> None:
    assert classifier.calibration is not None
    for name in (folder.CONFUSION, folder.REFERENCE):
        record = json.loads((folder.SHIPPED / name).read_text(encoding="utf-8"))
        assert record["revision"] == classifier.revision == folder.revision(folder.SHIPPED), name


@needs_weights
@needs_measured
@pytest.mark.skipif(not (DATA / "labelled").is_dir(), reason=f"no labelled data in {DATA}; BAROGRAPH_DATA names it")
def test_text_like_the_training_text_is_like_its_reference(classifier: Classifier) -> None:
    (reference,) = (
        part for part in read_references(folder.SHIPPED / folder.REFERENCE)
        if (part.language, part.kind) == ("en", "comment")
    )  # fmt: skip
    rows = [row for row in read_labelled(DATA / "labelled") if row.source == "stockemotions"][::24]
    readings = classifier.read([row.text for row in rows], [row.kind for row in rows])
    window = [
        Observation(row.lang, row.kind, reading.sentiment, reading.topic, row.text)
        for row, reading in zip(rows, readings, strict=True)
    ]
    found = compare(reference, window)
    assert found is not None and found.level == "steady", found
