"""What the shipped weights and the labelled data must hold; skipped where one of them is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from model import folder
from model.classifier import Classifier
from model.evaluation.measure import Figures, answers, by
from model.training.rows import Row, read_labelled
from model.training.run import split_rows
from model.training.split import leaks

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("BAROGRAPH_DATA", ROOT / ".." / "shared" / "data"))
MAX_BYTES = 48_000_000

# TF-IDF n-grams with a linear model, trained on the same data, reach this accuracy on unseen rows.
FLOORS = {"tfn_sent": 0.81, "sentfin": 0.81, "stockemotions": 0.715, "finentity": 0.77}
ROWS_A_SOURCE = 800

needs_weights = pytest.mark.skipif(not (folder.SHIPPED / folder.CONFIG).is_file(), reason="no weights are shipped here")
needs_data = pytest.mark.skipif(
    not (DATA / "labelled").is_dir(), reason=f"no labelled data in {DATA}; BAROGRAPH_DATA names the folder"
)


@pytest.fixture(scope="module")
def parts() -> tuple[list[Row], list[Row]]:
    return split_rows(read_labelled(DATA / "labelled"), 0, 0)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


@pytest.fixture(scope="module")
def english(parts: tuple[list[Row], list[Row]], classifier: Classifier) -> dict[tuple[str, ...], Figures]:
    rows: dict[str, list[Row]] = {}
    for row in parts[1]:
        if row.task == "sentiment" and row.lang == "en":
            rows.setdefault("fiqa" if row.source.startswith("fiqa") else row.source, []).append(row)
    found = answers(classifier.read, [row for source in rows.values() for row in source[:ROWS_A_SOURCE]])
    return by(found, "source")


@needs_weights
def test_the_shipped_folder_is_small_and_holds_no_pickle() -> None:
    files = [path for path in folder.SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    assert {path.suffix for path in files} <= {".safetensors", ".json", ""}
    assert (folder.SHIPPED / "LICENSE").is_file()


@needs_weights
@pytest.mark.parametrize(
    ("text", "kind", "label"),
    [
        ("Company's quarterly profit jumps 40%, beating forecasts", "news", "positive"),
        ("Shares plunge after the company cuts its full-year outlook", "news", "negative"),
        ("公司上半年净利润同比增长85%，业绩大幅超预期", "news", "positive"),
        ("公司因涉嫌信息披露违法违规被证监会立案调查，股价跌停", "news", "negative"),
        ("又跌停了，垃圾股，亏惨了", "comment", "negative"),
    ],
)
def test_the_shipped_model_reads_plain_cases_in_both_languages(
    classifier: Classifier, text: str, kind: str, label: str
) -> None:
    assert classifier.read([text], [kind])[0].label == label


@needs_weights
def test_the_shipped_tokenizer_knows_chinese_and_emoji() -> None:
    _, tokenizer, _ = folder.load(folder.SHIPPED)
    tokens = tokenizer.encode("特斯拉股价暴跌,融资融券余额下降🚀🚀 EBITDA").tokens
    assert "[UNK]" not in tokens
    assert {"涨", "跌", "券", "📈", "💎"} <= set(tokenizer.get_vocab())


@needs_data
def test_phrasebank_stays_out_of_training_and_near_copies_on_one_side(parts: tuple[list[Row], list[Row]]) -> None:
    train, held = parts
    assert not any(row.source == "fpb" for row in train)
    sample = [row.text for row in held if row.source not in {"gold", "fpb"}][::4]
    assert leaks([row.text for row in train], sample) <= len(sample) // 500  # MinHash misses a few templated texts


@needs_data
@needs_weights
@pytest.mark.parametrize("source", FLOORS)
def test_shipped_weights_beat_the_simple_rival(english: dict[tuple[str, ...], Figures], source: str) -> None:
    assert english["sentiment", source].accuracy > FLOORS[source]
