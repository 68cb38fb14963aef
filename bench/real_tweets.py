"""Score the volume channel on the tweet volumes of the Numenta Anomaly Benchmark, by that benchmark's rules.

    python -m bench.real_tweets FOLDER

FOLDER is a copy of the benchmark: `data/realTweets/*.csv` and `labels/combined_windows.json` are read. The channel's
constants were chosen with these files in view: quote that with its figures.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Final

from stream.core.volume import Volume

FALSE_ALARM: Final = 0.11  # what one costs at most, in found windows: the benchmark's standard profile
PROBATION: Final = 0.15  # of a file, and of at most 5,000 rows: seen, not judged
THRESHOLDS: Final = tuple(round(1.0 + 0.1 * step, 1) for step in range(150))


@dataclass(frozen=True, slots=True)
class File:
    """One series: per row how strongly it would fire, 0 where it would not, and the labelled rows `[first, last]`."""

    name: str
    strength: tuple[float, ...]
    windows: tuple[tuple[int, int], ...]

    @property
    def judged_from(self) -> int:
        return int(PROBATION * min(len(self.strength), 5_000))


def strengths(counts: Sequence[float]) -> tuple[float, ...]:
    """Return the excess of every window at which the channel would fire for a low enough threshold, else 0."""
    volume = Volume(0.0)
    return tuple(excess if fires else 0.0 for excess, fires in map(volume.close, counts))


def read_file(path: Path, labels: Sequence[Sequence[str]]) -> File:
    """Return one file's series. ValueError naming the file where a labelled time is not in it."""
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    at = {row["timestamp"]: i for i, row in enumerate(rows)}
    try:
        windows = tuple((at[first.partition(".")[0]], at[last.partition(".")[0]]) for first, last in labels)
    except KeyError as missing:
        raise ValueError(f"{path}: no row at the labelled time {missing}") from None
    return File(path.name, strengths([float(row["value"]) for row in rows]), windows)


def read_folder(folder: Path) -> list[File]:
    """Return the files of the benchmark's folder, by name. FileNotFoundError where it is none."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    paths = sorted((folder / "data" / "realTweets").glob("*.csv"))
    if not paths:
        raise FileNotFoundError(f"{folder / 'data' / 'realTweets'}: no .csv file")
    return [read_file(path, labels[f"realTweets/{path.name}"]) for path in paths]


def sigmoid(position: float) -> float:
    """Return the benchmark's weight of a row: near 1 at a window's start (-1), 0 at its end, -1 far behind (> 3)."""
    return -1.0 if position > 3.0 else 2.0 / (1.0 + exp(5.0 * position)) - 1.0


def raw_score(file: File, threshold: float) -> float:
    """Return the sum over windows and false alarms: at most one a window, -1 for each that is missed.

    References:
        Lavin & Ahmad (2015), Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark.
    """
    fired = [i for i, each in enumerate(file.strength) if i >= file.judged_from and each >= threshold]
    score = 0.0
    for first, last in file.windows:
        inside = [i for i in fired if first <= i <= last]
        width = last - first + 1
        score += sigmoid(-(last - inside[0] + 1) / width) / sigmoid(-1.0) if inside else -1.0
    for i in fired:
        if any(first <= i <= last for first, last in file.windows):
            continue
        behind = [(first, last) for first, last in file.windows if last < i]
        if behind:
            first, last = max(behind, key=lambda window: window[1])
            score += FALSE_ALARM * sigmoid((i - last) / max(last - first, 1))
        else:
            score -= FALSE_ALARM
    return score


def normalised(raw: float, windows: int) -> float:
    """Return the score on the benchmark's scale: 0 for silence, 100 for every window found at its first row."""
    return 100.0 * (raw + windows) / (2.0 * windows)


def best_threshold(files: Sequence[File]) -> float:
    """Return the threshold with the highest score over these files, the lowest of equal ones."""
    return max(THRESHOLDS, key=lambda threshold: sum(raw_score(file, threshold) for file in files))


def own_threshold(files: Sequence[File]) -> tuple[float, float]:
    """Return the score with the one threshold that is best on all files, and that threshold."""
    threshold = best_threshold(files)
    windows = sum(len(file.windows) for file in files)
    return normalised(sum(raw_score(file, threshold) for file in files), windows), threshold


def left_out(files: Sequence[File]) -> float:
    """Return the score where each file is judged with the threshold that is best on the others."""
    raw = sum(raw_score(file, best_threshold([other for other in files if other is not file])) for file in files)
    return normalised(raw, sum(len(file.windows) for file in files))


def main() -> None:
    """Print both scores, and each file's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    try:
        files = read_folder(folder)
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"real_tweets: {error}")
    score, threshold = own_threshold(files)
    windows = sum(len(file.windows) for file in files)
    print(f"{len(files)} files, {windows} windows")
    for file in files:
        print(f"  {file.name:32s}{normalised(raw_score(file, threshold), len(file.windows)):8.1f}")
    print(f"own threshold {threshold:g}: {score:.1f} (target 75; constants were chosen with these files in view)")
    print(f"threshold of the other files: {left_out(files):.1f} (target 70)")


if __name__ == "__main__":
    main()
