"""The benchmark's scoring on a tiny made case: what a found, a missed and a false alarm are worth."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bench.real_tweets import (
    FALSE_ALARM,
    File,
    best_threshold,
    left_out,
    normalised,
    own_threshold,
    raw_score,
    read_folder,
    sigmoid,
    strengths,
)

#   rows   0 .. 29 | 30 ........ 100 [=======) 119 ......... 199
#          seen    | judged        labelled window


def made(fired: dict[int, float], windows: tuple[tuple[int, int], ...] = ((100, 119),)) -> File:
    return File("made.csv", tuple(fired.get(i, 0.0) for i in range(200)), windows)


def score(file: File, threshold: float = 5.0) -> float:
    return normalised(raw_score(file, threshold), len(file.windows))


def test_silence_is_nothing_and_the_first_row_of_the_window_is_everything() -> None:
    assert score(made({})) == 0.0
    assert score(made({100: 9.0})) == pytest.approx(100.0)
    assert score(made({100: 9.0, 110: 9.0})) == pytest.approx(100.0)
    assert 50.0 < score(made({119: 9.0})) < score(made({112: 9.0})) < 100.0


def test_a_false_alarm_costs_more_the_further_it_is_behind_the_window() -> None:
    far, near = score(made({100: 9.0, 190: 9.0})), score(made({100: 9.0, 121: 9.0}))
    assert far < near < 100.0
    assert far == pytest.approx(100.0 - 50.0 * FALSE_ALARM)
    assert score(made({100: 9.0, 60: 9.0})) == pytest.approx(far)


def test_what_is_below_the_threshold_or_in_the_first_rows_does_not_count() -> None:
    assert score(made({100: 9.0, 150: 4.9, 29: 9.0})) == pytest.approx(100.0)
    assert score(made({100: 9.0, 30: 9.0})) < 100.0


def test_the_weight_of_a_row_is_that_of_the_paper() -> None:
    assert sigmoid(-1.0) == pytest.approx(0.98661, abs=1e-5)
    assert sigmoid(0.0) == 0.0
    assert sigmoid(3.01) == -1.0


def test_a_file_is_judged_with_the_threshold_of_the_others() -> None:
    quiet, loud = made({100: 3.0}), made({100: 9.0, 150: 4.0, 160: 4.0, 170: 4.0})
    assert best_threshold([quiet]) < 3.0 < 4.0 < best_threshold([loud])
    own, _ = own_threshold([quiet, loud])
    assert left_out([quiet, loud]) < own


def test_a_folder_of_the_benchmark_is_read_and_a_burst_found(tmp_path: Path) -> None:
    begin = datetime(2015, 2, 26, 21, 42, 53)
    stamps = [str(begin + timedelta(minutes=5 * i)) for i in range(1200)]
    values = [20 + (7 * i) % 9 if not 900 <= i < 912 else 40_000 for i in range(1200)]
    folder = tmp_path / "data" / "realTweets"
    folder.mkdir(parents=True)
    lines = [f"{stamp},{value}" for stamp, value in zip(stamps, values, strict=True)]
    (folder / "made.csv").write_text("\n".join(["timestamp,value", *lines]))
    (tmp_path / "labels").mkdir()
    labels = {"realTweets/made.csv": [[f"{stamps[880]}.000000", f"{stamps[960]}.000000"]]}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(labels))
    (file,) = read_folder(tmp_path)
    assert file.windows == ((880, 960),)
    assert max(file.strength) == max(strengths(values)[895:915])
    assert own_threshold([file])[0] > 90.0


def test_a_labelled_time_that_is_not_in_its_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "realTweets"
    folder.mkdir(parents=True)
    (folder / "made.csv").write_text("timestamp,value\n2015-02-26 21:42:53,4\n")
    (tmp_path / "labels").mkdir()
    labels = {"realTweets/made.csv": [["2015-02-27 00:00:00.000000", "2015-02-27 01:00:00.000000"]]}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(labels))
    with pytest.raises(ValueError, match=r"made\.csv: no row at the labelled time '2015-02-27"):
        read_folder(tmp_path)
