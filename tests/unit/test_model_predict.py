from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from model.classifier import Classifier
from model.labels import SENTIMENTS, TOPICS
from model.predict import LINES_A_BATCH, Item, Problem, parse_line, predict_lines
from model.tiny import make_tiny
from stream.cli.evaluate import evaluate
from stream.cli.model import predict
from stream.cli.train import train
from stream.settings import ConfigurationError

app = typer.Typer()
for command in (predict, evaluate, train):
    app.command()(command)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


def run(*arguments: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=given, catch_exceptions=False)


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


BAD_LINES = {
    b"": "not JSON",
    b"{": "not JSON",
    b"[1]": "list found",
    b"\xff\xfe": "not UTF-8",
    b'{"id": true, "text": "x"}': "id: of the wrong type",
    b'{"id": 1}': "text: missing",
    b'{"id": 1, "text": 5}': "text: missing or of the wrong type",
    b'{"id": 1, "text": " \\n"}': "text: empty",
    b'{"id": 1, "text": "x", "kind": "rumour"}': "expected one of news, comment",
    b'{"id": 1, "text": "x", "kind": []}': "expected one of news, comment",
    b"[" * 100_000: "not JSON",
    b'{"id": ' + b"9" * 9000 + b"}": "not JSON",
}


@pytest.mark.parametrize(("line", "error"), BAD_LINES.items(), ids=range(len(BAD_LINES)))
def test_a_line_that_cannot_be_read_is_a_problem_with_its_reason(line: bytes, error: str) -> None:
    entry = parse_line(line, 7)
    assert isinstance(entry, Problem)
    assert error in entry.error and "\n" not in entry.error


def test_a_line_without_an_id_gets_its_number() -> None:
    for line in (b'{"text": "x"}', b'{"id": null, "text": "x"}'):
        entry = parse_line(line, 7)
        assert isinstance(entry, Item) and entry.id == 7


@given(st.binary(max_size=200))
def test_no_bytes_make_parsing_raise(line: bytes) -> None:
    assert isinstance(parse_line(line, 7), (Item, Problem))


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "text", "kind", "x"]), inner),
    max_leaves=8,
)


@given(VALUES)
def test_no_json_makes_parsing_raise(value: object) -> None:
    assert isinstance(parse_line(json.dumps(value).encode(), 7), (Item, Problem))


def test_every_line_gets_one_line_in_order_across_batches(tiny: Path) -> None:
    classifier = Classifier.load(tiny, device="cpu", precision="float32")
    lines = [json.dumps({"id": i, "text": f"up {i}"}).encode() if i % 7 else b"?" for i in range(LINES_A_BATCH + 40)]
    out = [json.loads(line) for line, _ in predict_lines(classifier.read, lines)]
    assert [entry["id"] for entry in out] == [i if i % 7 else None for i in range(len(lines))]


@pytest.mark.parametrize("packed", [False, True])
def test_predict_writes_a_reading_or_an_error_for_each_line(tiny: Path, tmp_path: Path, packed: bool) -> None:
    lines = [
        {"id": "a", "text": "profit up 3%", "kind": "news", "lang": "en"},
        {"id": 2, "text": "公司业绩下降\ud800", "kind": "comment", "extra": 1},
        {"id": "c", "text": ""},
    ]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode() + b"not json"
    source = tmp_path / ("in.jsonl.gz" if packed else "in.jsonl")
    source.write_bytes(gzip.compress(data) if packed else data)
    result = run("predict", source, "--out", tmp_path / "out.jsonl", "--model", tiny, "--device", "cpu")
    assert result.exit_code == 0
    assert "4 lines: 2 read, 2 with an error" in result.stderr
    first, second, empty, broken = records(tmp_path / "out.jsonl")
    assert [first["id"], second["id"], empty["id"], broken["id"]] == ["a", 2, "c", None]
    assert set(first) == {"id", "sentiment", "score", "topic", "topics"}
    assert list(first["sentiment"]) == list(SENTIMENTS) and list(first["topics"]) == list(TOPICS)
    assert first["score"] == pytest.approx(first["sentiment"]["positive"] - first["sentiment"]["negative"], abs=2e-6)
    assert sum(second["topics"].values()) == pytest.approx(1, abs=1e-4)
    assert set(empty) == {"id", "error"} == set(broken)
    assert {path.name for path in tmp_path.iterdir()} == {source.name, "out.jsonl"}


def test_predict_reads_standard_input_and_writes_standard_output(tiny: Path) -> None:
    result = run("predict", "-", "--out", "-", "--model", tiny, given=b'{"id": 1, "text": "up"}\n{"id": 2}\n')
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["id"], second) == (1, {"id": 2, "error": "text: missing or of the wrong type; expected a string"})


def test_no_lines_give_an_empty_file(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").touch()
    assert run("predict", tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl", "--model", tiny).exit_code == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_damaged_gzip_leaves_the_old_output_as_it_was(tiny: Path, tmp_path: Path) -> None:
    packed = gzip.compress(b'{"id": 1, "text": "up"}\n' * 5000)
    (tmp_path / "in.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "out.jsonl").write_text("old\n")
    with pytest.raises(ConfigurationError, match="damaged"):
        run("predict", tmp_path / "in.gz", "--out", tmp_path / "out.jsonl", "--model", tiny)
    assert (tmp_path / "out.jsonl").read_text() == "old\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_not_there_is_named_in_one_line(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.jsonl: no such file"):
        run("predict", tmp_path / "nowhere.jsonl", "--out", "-", "--model", tiny)
    with pytest.raises(ConfigurationError, match="no model here"):
        run("predict", "-", "--out", "-", "--model", tmp_path, given=b"")
    with pytest.raises(ConfigurationError, match="does not exist"):
        run("predict", "-", "--out", tmp_path / "no" / "out.jsonl", "--model", tiny, given=b"")
    with pytest.raises(ConfigurationError, match=r"sentiment_dev.jsonl.gz: no such file"):
        run("evaluate", "--data", tmp_path, "--model", tiny)
    with pytest.raises(ConfigurationError, match=r"run.toml: No such file"):
        run("train", tmp_path / "run.toml", "--data", tmp_path, "--out", tmp_path / "out")
