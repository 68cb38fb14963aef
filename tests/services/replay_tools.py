"""Replays as processes of their own, and streams for them: labels known, a spike where one is wanted."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from model.classifier import Classifier
from stream.cli.main import app
from stream.settings import ConfigurationError

ROOT = Path(__file__).parents[2]
MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
SPIKE = timedelta(days=2, hours=5)
SPIKE_LENGTH = timedelta(hours=3)
WORDS = "股市 up down shares bank rate 亏损 业绩 loss gain cut raise deal oil gold 12 7% q3 !".split()
# What two replays agree in, byte by byte; report.json but for the run's own times.
FILES = ("incidents.jsonl", "report.html", "counts.csv")


@dataclass(frozen=True)
class Home:
    """A home, and a model that reads nonsense in it, always the same."""

    folder: Path
    model: Path

    @property
    def environment(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
        return outside | {
            "BAROGRAPH_HOME": str(self.folder / "home"),
            "BAROGRAPH_MODEL_PATH": str(self.model),
            "BAROGRAPH_DEVICE": "cpu",
            "BAROGRAPH_PRECISION": "float32",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "stream.cli.main", *words],
            env=self.environment | dict(environment or {}),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0, environment: Mapping[str, str] | None = None) -> str:
        """Run a command to its end and return all it said."""
        process = self.start(*words, environment=environment)
        out, err = process.communicate(timeout=200)
        assert process.returncode == code, (process.returncode, out[-2000:], err[-3000:])
        assert "Traceback" not in err, err[-3000:]
        return out + err

    def refusal(self, words: list[str]) -> str:
        """Run a command in this process, which fails, and return the one line that it would have said."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("BAROGRAPH_")]:
                patch.delenv(name)
            for name, value in self.environment.items():
                if name.startswith("BAROGRAPH_"):
                    patch.setenv(name, value)
            patch.chdir(self.folder)
            with pytest.raises(Exception) as found:
                app(words, standalone_mode=False)
        said = str(found.value)
        assert isinstance(found.value, ConfigurationError) or hasattr(found.value, "permanent"), repr(found.value)
        assert len(said.splitlines()) == 1, said
        return said

    def status(self, run: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "home" / "replays" / run / "status.json").read_bytes())
        except FileNotFoundError:
            return {"state": "none", "clock_s": 0, "documents": 0}
        return found

    def report(self, run: str) -> dict[str, Any]:
        """Return what is compared of a run's report."""
        folder = self.folder / "home" / "replays" / run / "report"
        report = json.loads((folder / "report.json").read_bytes())
        del report["run"]
        return {name: (folder / name).read_bytes() for name in FILES} | {"report.json": report}

    def incidents(self, run: str) -> list[dict[str, Any]]:
        lines = (self.folder / "home" / "replays" / run / "report" / "incidents.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def pools(model: Path, texts: int = 2_500) -> tuple[list[str], list[str]]:
    """Return texts that the model reads as negative, and others."""
    draw = random.Random(3)
    made = [" ".join(draw.choices(WORDS, k=draw.randint(1, 9))) + f" {n}" for n in range(texts)]
    readings = Classifier.load(model, device="cpu", precision="float32").read(made, ["news"] * texts)
    negative = [text for text, reading in zip(made, readings, strict=True) if reading.label == "negative"]
    others = [text for text, reading in zip(made, readings, strict=True) if reading.label != "negative"]
    return negative, others


def instants(days: float, an_hour: int = 12) -> Iterator[tuple[datetime, bool]]:
    """Yield when documents come, and whether each is negative: an eighth are, and nearly all of the spike."""
    draw = random.Random(5)
    at = MONDAY
    while at < MONDAY + timedelta(days=days):
        hot = SPIKE <= at - MONDAY < SPIKE + SPIKE_LENGTH
        yield at, draw.random() < (0.9 if hot else 0.12)
        at += timedelta(seconds=round(3_600 / an_hour / (3 if hot else 1) * draw.uniform(0.4, 1.6)))


def stream_file(path: Path, model: Path, days: float = 3) -> Path:
    """Write a stream with one spike, as JSONL."""
    negative, others = (iter(pool) for pool in pools(model))
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for number, (at, is_negative) in enumerate(instants(days)):
            row = {
                "id": f"d{number}",
                "kind": "news",
                "source": f"source {number % 3}",
                "published_at": at.isoformat(),
                "text": next(negative if is_negative else others),
            }
            file.write(json.dumps(row) + "\n")
    return path
