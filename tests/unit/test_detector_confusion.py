"""What was measured of a model's errors is read beside its weights, for that model alone, wherever it decides."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model import folder
from model.calibration import CALIBRATION, Calibration, as_json
from model.tiny import make_tiny
from stream.cli.desk import desk_of
from stream.core.clocks import CLOCKS
from stream.core.correction import Corrections, correction_of
from stream.core.readings import Counts
from stream.core.watch import Watch
from stream.detector.confusion import CONFUSION, corrections, revision, shipped
from stream.detector.engine import PRIOR_SHARE, Desk, Engine
from stream.detector.state import Chunk, pack, unpack
from stream.settings import Settings

MATRIX = [[80, 15, 5], [12, 80, 8], [3, 17, 80]]
SERIES = "news/market/all"
MONDAY = 1_704_067_200


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return make_tiny(tmp_path / "model")


def record(path: Path, **changed: Any) -> dict[str, Any]:
    cells = [{"language": "en", "kind": "news", "counts": MATRIX, "sources": ["fpb"]}]
    labels = ["negative", "neutral", "positive"]
    return {"schema": 1, "revision": folder.load(path)[2], "labels": labels, "cells": cells, **changed}


def write(path: Path, **changed: Any) -> None:
    (path / CONFUSION).write_text(json.dumps(record(path, **changed)), encoding="utf-8")


def test_a_folder_without_the_file_leaves_counts_as_they_are_and_says_nothing(
    tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert corrections(tiny) is None
    assert corrections(tiny / "nowhere") is None
    assert caplog.records == []


def test_the_file_gives_the_correction_of_its_cells(tiny: Path) -> None:
    write(tiny)
    found = corrections(tiny)
    assert found is not None
    assert found.of("news/lang/en") == correction_of(MATRIX)
    assert found.of("comment/lang/en") is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"revision": "0123456789abcdef"}, "measured on model '0123456789abcdef', and "),
        ({"schema": 2}, "schema 2; this version reads 1"),
        ({"labels": ["positive", "neutral", "negative"]}, "expected negative, neutral, positive"),
        ({"cells": [{"language": "en", "kind": "news", "counts": [[1, 2, 3]]}]}, "three rows of three counts"),
        (
            {"cells": [{"language": "en", "kind": "news", "counts": [[1, 2, 0.5], [1, 1, 1], [1, 1, 1]]}]},
            "whole numbers",
        ),
        ({"cells": [{"language": "en"}]}, "'kind'"),
        ({"cells": 3}, "not iterable"),
    ],
)
def test_a_file_of_another_model_or_that_cannot_be_used_is_named_in_one_line_and_passed_over(
    tiny: Path, caplog: pytest.LogCaptureFixture, changed: dict[str, Any], said: str
) -> None:
    write(tiny, **changed)
    with caplog.at_level(logging.WARNING):
        assert corrections(tiny) is None
    (line,) = [entry.getMessage() for entry in caplog.records]
    assert said in line
    assert CONFUSION in line


def test_a_damaged_file_is_passed_over(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    for damaged in ("{", "[1]", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        (tiny / CONFUSION).write_text(damaged, encoding="utf-8")
        assert corrections(tiny) is None
    assert len(caplog.records) == 3


def test_the_revision_is_that_of_the_model_with_and_without_temperatures(tiny: Path) -> None:
    before = revision(tiny)
    assert before == folder.load(tiny)[2]
    config = json.loads((tiny / folder.CONFIG).read_text())
    temperatures = Calibration({"en": 1.5, "zh": 1.0}, {"en": 0.8, "zh": 2.0})
    stated = as_json(temperatures, config["sha256"][folder.WEIGHTS])
    (tiny / CALIBRATION).write_text(json.dumps(stated), encoding="utf-8")
    assert revision(tiny) == folder.load(tiny)[2] != before


def test_a_folder_without_a_model_has_no_revision(tmp_path: Path) -> None:
    assert revision(tmp_path) is None


def test_the_shipped_folder_is_that_of_the_model() -> None:
    assert shipped() == folder.SHIPPED


def test_the_model_is_not_loaded_for_it() -> None:
    code = (
        "import sys; from stream.cli.desk import desk_of; from stream.settings import Settings; desk_of(Settings()); "
    )
    out = subprocess.run(
        [sys.executable, "-c", code + "print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not {name.split(".")[0] for name in out.stdout.split()} & {"torch", "transformers", "tokenizers"}


def test_a_setting_switches_it_on(tiny: Path) -> None:
    write(tiny)
    assert desk_of(Settings(model_path=tiny, correct_labels=True)).corrections is not None
    assert desk_of(Settings(model_path=tiny)).corrections is None
    assert desk_of(Settings(model_path=tiny)).model_revision == folder.load(tiny)[2]


def test_new_series_and_those_of_a_stored_state_are_read_with_the_same_correction() -> None:
    measured = Corrections({("en", "news"): MATRIX})
    engine = Engine(Desk(corrections=measured))
    followed = engine.follow(SERIES, MONDAY)
    expected = Watch(SERIES, PRIOR_SHARE, CLOCKS, measured.of(SERIES))
    for hour in range(200):
        window = ("1h", MONDAY + hour * 3_600, Counts(hour % 5, 12))
        followed.watch.prime(*window)
        expected.prime(*window)
    state = pack(Chunk(MONDAY, engine.followed))
    spike = ("1h", MONDAY + 200 * 3_600, Counts(10, 12))
    reading = expected.close(*spike)
    assert reading is not None
    assert followed.watch.close(*spike) == reading
    assert unpack(state, measured).followed[SERIES].watch.close(*spike) == reading
    plain = unpack(state).followed[SERIES].watch.close(*spike)
    assert plain is not None
    assert plain.share == pytest.approx(10 / 12)
    assert plain.z > reading.z


def test_a_series_of_which_nothing_was_measured_is_read_bit_for_bit_as_without() -> None:
    measured = Corrections({("en", "news"): MATRIX})
    watches = [Engine(desk).follow("comment/market/all", MONDAY).watch for desk in (Desk(corrections=measured), Desk())]
    for hour in range(100):
        readings = [watch.close("1h", MONDAY + hour * 3_600, Counts(hour % 7, 15)) for watch in watches]
        assert readings[0] == readings[1]
