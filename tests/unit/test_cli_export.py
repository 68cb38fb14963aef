from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from model.tiny import make_tiny
from stream.cli.export import export
from stream.settings import ConfigurationError

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(export)


def test_what_was_written_is_loaded_back_and_compared(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    tiny, out = make_tiny(tmp_path / "tiny"), tmp_path / "out"
    sample = tmp_path / "sample.jsonl"
    sample.write_text('{"text": "profit up"}\n{"text": "银行降息", "kind": "comment"}\n', encoding="utf-8")
    arguments = ["--onnx", "--out", str(out), "--model", str(tiny), "--json"]
    found = json.loads(CliRunner().invoke(app, [*arguments, "--sample", str(sample)]).stdout)
    assert (found["texts"], found["same_sentiment"], found["same_topic"]) == (2, 1.0, 1.0)
    assert found["most"] < 1e-5 and found["bytes"] == (out / "model.onnx").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "expected --onnx"),
        (["--onnx", "--sample", "/nowhere.jsonl"], "--sample /nowhere.jsonl: No such file"),
        (["--onnx", "--model", "/nowhere"], "/nowhere: no model here"),
    ],
)
def test_what_cannot_be_exported_is_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    found = CliRunner().invoke(app, ["--out", str(tmp_path / "out"), *arguments])
    assert isinstance(found.exception, ConfigurationError)
    assert words in str(found.exception) and "\n" not in str(found.exception)


def test_a_bad_line_of_a_sample_is_named(tmp_path: Path) -> None:
    (tmp_path / "sample.jsonl").write_text('{"text": "up"}\n{"text": " "}\n')
    found = CliRunner().invoke(
        app, ["--onnx", "--out", str(tmp_path / "out"), "--sample", str(tmp_path / "sample.jsonl")]
    )
    assert "line 2: text: empty" in str(found.exception)
