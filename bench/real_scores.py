"""What a model reads in a stream, kept under its revision: a second run scores only what is new, a killed one goes on.

python -m bench.real_scores [STREAM…]        score whole streams ahead of `bench.real_cases`
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.real_streams import ROOT, Line, lines, names
from model.classifier import Classifier, Reading
from model.labels import TOPICS
from stream.agents.outcome import PLACES

FOLDER: Final = ROOT / "runs" / "real"
BATCH: Final = 512  # documents; so many are lost at most when a run is killed


class Scored(NamedTuple):
    """Probabilities rounded as the workers round them, and the topic."""

    negative: float
    neutral: float
    positive: float
    topic: str


class Reads(Protocol):
    """What is needed of a classifier."""

    revision: str

    def read(self, texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]: ...


class Scores:
    """The scores of one stream by one model.

    Args:
        folder: where they are kept, in a folder of the model's revision.
    """

    def __init__(self, classifier: Reads, stream: str, folder: Path = FOLDER) -> None:
        self._classifier = classifier
        self._stream = stream
        self._path = folder / classifier.revision / f"{stream}.jsonl"
        self._known = _kept(self._path)

    def of(self, documents: Iterable[Line]) -> Mapping[str, Scored]:
        """Return the scores by `key`, with a bar on standard error where a person looks."""
        wanted = {key(line): line for line in documents}
        missing = [(name, line) for name, line in wanted.items() if name not in self._known]
        if missing:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file, _bar() as bar:
                task = bar.add_task(f"scoring {self._stream}", total=len(missing))
                for start in range(0, len(missing), BATCH):
                    batch = missing[start : start + BATCH]
                    for name, scored in self._read(batch):
                        self._known[name] = scored
                        file.write(json.dumps([name, *scored]) + "\n")
                    file.flush()
                    bar.advance(task, len(batch))
        return self._known

    def _read(self, batch: Sequence[tuple[str, Line]]) -> list[tuple[str, Scored]]:
        texts, kinds = [line.read for _, line in batch], [line.kind for _, line in batch]
        readings = self._classifier.read(texts, kinds)
        return [(name, _rounded(reading)) for (name, _), reading in zip(batch, readings, strict=True)]


def key(line: Line) -> str:
    """Return the name of what the model reads: equal texts of a kind are scored once."""
    return hashlib.blake2b(f"{line.kind}\x1f{line.read}".encode(errors="surrogatepass"), digest_size=12).hexdigest()


def _rounded(reading: Reading) -> Scored:
    negative, neutral, positive = (round(p, PLACES) for p in reading.sentiment)
    return Scored(negative, neutral, positive, TOPICS[reading.topics.index(max(reading.topics))])


def _kept(path: Path) -> dict[str, Scored]:
    """Return what is kept; a last line that was cut off when a run was killed is passed over."""
    known: dict[str, Scored] = {}
    if not path.is_file():
        return known
    with path.open("r+", encoding="utf-8") as file:
        text = file.read()
        whole = text[: text.rfind("\n") + 1]
        if len(whole) < len(text):
            file.seek(0)
            file.write(whole)
            file.truncate()
    for line in whole.splitlines():
        name, negative, neutral, positive, topic = json.loads(line)
        known[name] = Scored(negative, neutral, positive, topic)
    return known


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def main() -> None:
    """Score streams."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("streams", nargs="*", metavar="STREAM", help="all that are there if not given")
    classifier = Classifier.load()
    for stream in parser.parse_args().streams or names():
        known = Scores(classifier, stream).of(lines(stream))
        print(f"{stream}: {len(known):,} texts by {classifier.revision}", flush=True)


if __name__ == "__main__":
    main()
