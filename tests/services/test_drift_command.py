"""Drift of what was archived: a stream whose topic shifts is told, one that goes on as before is not."""

from __future__ import annotations

import json
import random
import uuid
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from model.labels import TOPICS
from stream.archive.writer import Writer, prepare
from stream.broker.follow import Followed
from stream.broker.topics import DOCUMENTS_NEWS, PREDICTIONS, RETENTION
from stream.cli.main import app
from stream.codec import Origin, encode
from stream.settings import ConfigurationError
from tests.services.archive_tools import NOON, document, ms, prediction

IDS = {topic: str(uuid.UUID(int=n + 1)) for n, topic in enumerate(RETENTION)}
WORDS = ("shares", "profit", "bank", "rate", "deal", "chief", "oil", "growth")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAROGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / "archive"


def filled(root: Path, last_topics: tuple[str, ...]) -> None:
    """Write six days of 100 documents of every topic, then a day of 400 with these topics alone."""
    prepare(root)
    writer = Writer(root, keep_days=36_000, flush_s=3_600)
    writer.open([(topic, 0) for topic in RETENTION], IDS)
    draw = random.Random(4)
    for n in range(1_000):
        last = n >= 600
        at = NOON + (timedelta(days=6, minutes=n - 600) if last else timedelta(days=n // 100, minutes=n % 100))
        text = " ".join(draw.choices(WORDS, k=12))
        made = msgspec.structs.replace(document(n, at), text=text, title=None)
        topic = draw.choice(last_topics if last else TOPICS)
        read = msgspec.structs.replace(prediction(n, Origin(DOCUMENTS_NEWS, 0, n), at), topic=topic)
        writer.add([Followed(DOCUMENTS_NEWS, 0, n, ms(at), (), encode(made))])
        writer.add([Followed(PREDICTIONS, 0, n, ms(at), (), encode(read))])
    writer.flush(everything=True)


def test_a_stream_whose_topics_shift_has_drifted_and_the_measure_is_named(home: Path) -> None:
    filled(home, ("fx_crypto",))
    result = CliRunner().invoke(app, ["drift", "--json"])
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    (one,) = told["found"]
    assert (one["language"], one["kind"], one["documents"], one["level"]) == ("en", "news", 400, "drifted")
    assert told["own_past"] is True
    levels = {name: part["level"] for name, part in one["measures"].items()}
    assert levels.pop("topic") == "drifted"
    assert set(levels.values()) == {"steady"}


def test_a_stream_that_goes_on_as_before_is_steady_for_people_and_for_metrics(home: Path) -> None:
    filled(home, TOPICS)
    result = CliRunner().invoke(app, ["drift"])
    assert result.exit_code == 0, result.output
    assert "en news: steady, 400 documents" in result.stdout and "its own week before" in result.stdout
    lines = CliRunner().invoke(app, ["drift", "--metrics"]).stdout.splitlines()
    assert 'barograph_model_drift_level{language="en",kind="news"} 0' in lines


def test_few_documents_are_named_and_none_at_all_is_refused(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing is archived"):
        CliRunner().invoke(app, ["drift"], catch_exceptions=False)
    filled(home, TOPICS)
    result = CliRunner().invoke(app, ["drift", "--hours", "1"])
    assert result.exit_code == 0 and "60 documents are too few to tell" in result.stdout, result.output
