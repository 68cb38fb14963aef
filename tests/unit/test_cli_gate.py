from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from stream.cli.gate import gate
from stream.settings import ConfigurationError
from tests.unit.test_model_gate import OLD, evaluation

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(gate)
BETTER = (("sentiment", "tfn", 200, 0.88), ("topic", "tfn", 100, 0.80), ("sentiment", "fiqa", 50, 0.6))
WORSE = (("sentiment", "tfn", 200, 0.99), ("topic", "tfn", 100, 0.78), ("sentiment", "fiqa", 50, 0.6))


def written(folder: Path, name: str, figures: dict[str, Any]) -> str:
    (folder / name).write_text(json.dumps(figures))
    return str(folder / name)


def test_the_exit_code_tells_a_script_and_the_lines_tell_a_person(tmp_path: Path) -> None:
    old = written(tmp_path, "old.json", OLD)
    good = CliRunner().invoke(app, [old, written(tmp_path, "better.json", evaluation("b" * 16, *BETTER))])
    assert (good.exit_code, good.stdout.splitlines()[-1]) == (0, f"{'b' * 16} may replace {'a' * 16}")
    worse = written(tmp_path, "worse.json", evaluation("b" * 16, *WORSE))
    bad = CliRunner().invoke(app, [old, worse])
    assert bad.exit_code == 1
    assert bad.stdout.splitlines()[0].startswith("x topic en news tfn: 0.800 -> 0.780")
    assert "refused: topic tfn lose more than 1 points" in bad.stderr
    assert CliRunner().invoke(app, [old, worse, "--most-lost", "2"]).exit_code == 0


def test_files_that_are_no_evaluations_are_one_line(tmp_path: Path) -> None:
    old = written(tmp_path, "old.json", OLD)
    (tmp_path / "broken.json").write_text("{")
    for name, words in (("nowhere.json", "No such file"), ("broken.json", "not JSON")):
        found = CliRunner().invoke(app, [old, str(tmp_path / name)])
        assert isinstance(found.exception, ConfigurationError)
        with pytest.raises(ConfigurationError, match=words):
            raise found.exception
