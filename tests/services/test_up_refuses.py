"""`barograph up` refuses at once what one of its roles would refuse again and again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def started(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    ours = {f"BAROGRAPH_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-P", "-m", "stream.cli.main", "up", "--home", str(home), *words]
    return subprocess.run(command, env=outside | ours, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [(), ("--feed", "demo")])
def test_a_folder_without_weights_starts_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = started(tmp_path / "var", *words, MODEL_PATH=str(tmp_path / "nothing"))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert str(tmp_path / "nothing") in line and "BAROGRAPH_MODEL_PATH" in line
    assert not (tmp_path / "var").exists()


def test_endpoints_that_cannot_be_used_start_nothing(tmp_path: Path) -> None:
    (tmp_path / "endpoints.toml").write_text('[[endpoint]]\nname = "desk"\nurl = "http://10.0.0.5/hook"\n')
    done = started(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "endpoint 'desk': url: plain http is taken only with allow_private = true" in line
    assert not (tmp_path / "kafka").exists()
