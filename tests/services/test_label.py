"""`barograph label` beside a worker: what to label next, a label put right, training rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from model import folder
from model.training.user_rows import read_user_rows
from stream.broker.labels import LABELS, read_labels, send_label
from stream.cli.main import app
from stream.settings import ConfigurationError
from tests.services.worker_tools import Desk, running_desk

pytestmark = pytest.mark.timeout(300)
LONG = "Acme warns that its loss will be larger than the market expected this year. " * 6


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with running_desk(tmp_path_factory.mktemp("label")) as one:
        rows = [
            {"id": "d1", "kind": "news", "source": "wire", "title": "Acme warns", "text": LONG},
            {"id": "d2", "kind": "comment", "source": "board", "text": "不看好这只股票\x1b[2J[bold]"},
            {"id": "d3", "kind": "news", "source": "wire", "text": "Bank raises its outlook after a good quarter"},
        ]
        one.start_worker()
        one.send([json.dumps(row).encode() for row in rows])
        one.wait_for_records(3)
        yield one


@pytest.fixture
def label(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command of `barograph label` in this process, in the settings of the desk."""
    for name, value in desk.environment.items():
        if name.startswith("BAROGRAPH_"):
            monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["label", *arguments])

    return run


def test_from_the_queue_to_training_rows(desk: Desk, label: Callable[..., Result], tmp_path: Path) -> None:
    listed = [json.loads(line) for line in label("next", "--json").stdout.splitlines()]
    assert {row["id"] for row in listed} == {"d1", "d2", "d3"}
    assert [row["priority"] for row in listed] == sorted((row["priority"] for row in listed), reverse=True)
    shown = label("next").stdout
    assert "不看好" in shown and "\x1b[2J" not in shown and "[bold]" in shown

    label("add", "d1", "--sentiment", "positive", "--by", "ben")
    said = label("add", "d1", "--sentiment", "negative", "--topic", "earnings", "--by", "anna").stdout
    assert said.startswith("noted as negative and earnings: Acme warns")
    label("add", "d2", "--sentiment", "negative", "--by", "anna")
    assert [json.loads(line)["id"] for line in label("next", "--json").stdout.splitlines()] == ["d3"]

    extra = tmp_path / "mine.jsonl"
    label("add", "--text", "Shares flat", "--sentiment", "neutral", "--by", "anna", "--file", str(extra))
    send_label(desk.bootstrap, b"x", b'{"text": "not a correction"}')
    out = tmp_path / "corrections.jsonl"
    exported = label("export", "--out", str(out), "--file", str(extra))
    assert "record 3 of topic labels is left out" in exported.stderr and "3 rows" in exported.stderr
    rows = {row["text"]: row for row in map(json.loads, out.read_text(encoding="utf-8").splitlines())}
    acme = next(row for text, row in rows.items() if text.startswith("Acme"))
    # The whole of what the model read, which the store keeps only the beginning of.
    assert acme["text"] == f"Acme warns. {LONG.strip()}" or acme["text"] == LONG.strip()
    assert (acme["sentiment"], acme["topic"], acme["by"], acme["document_id"]) == ("negative", "earnings", "anna", "d1")
    assert (acme["source"], acme["kind"], acme["language"]) == ("correction", "news", "en")
    assert acme["model_revision"] == folder.revision(desk.folder / "model")
    assert rows["Shares flat"]["document_id"] is None
    comment = next(row for row in rows.values() if row["document_id"] == "d2")
    assert (comment["kind"], comment["language"]) == ("comment", "zh")
    assert len(read_user_rows(out)) == 4
    assert len(read_labels(desk.bootstrap)) == 4 and LABELS == "labels"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add"], "expected the ID of a document, or --text"),
        (["add", "nobody", "--sentiment", "negative"], "nobody: no such document"),
        (["add", "d1", "--by", "anna"], "sentiment: is missing, and so is topic"),
        (["add", "d1", "--topic", "gossip"], "topic: 'gossip' is not one of"),
        (["export", "--offline", "--out", "-"], "there are no corrections"),
        (["export", "--offline", "--out", "-", "--file", "/nowhere.jsonl"], "/nowhere.jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_line(label: Callable[..., Result], arguments: list[str], words: str) -> None:
    found = label(*arguments)
    assert isinstance(found.exception, ConfigurationError), found.output
    assert words in str(found.exception) and "\n" not in str(found.exception)
