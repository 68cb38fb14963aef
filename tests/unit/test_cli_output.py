"""Files that commands write: whole or not at all, with the mode that the umask leaves."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream.cli.output import whole_file
from stream.settings import ConfigurationError


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o027, 0o640), (0o002, 0o664)])
def test_the_umask_decides_who_may_read_the_file(tmp_path: Path, mask: int, mode: int) -> None:
    out = tmp_path / "out.csv"
    with umask(mask), whole_file(out) as file:
        file.write("a\n")
    assert stat.S_IMODE(out.stat().st_mode) == mode


def test_it_is_there_at_the_end_only_and_alone(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")
    with whole_file(out) as file:
        file.write("三\n")
        assert out.read_text() == "old"
    assert out.read_bytes() == "三\n".encode()
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("before", [None, "old"])
def test_an_error_leaves_what_was_there(tmp_path: Path, before: str | None) -> None:
    out = tmp_path / "out.csv"
    if before is not None:
        out.write_text(before)
    with pytest.raises(KeyboardInterrupt), whole_file(out) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert (out.read_text() if out.exists() else None) == before
    assert len(list(tmp_path.iterdir())) == (before is not None)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    with whole_file(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    with whole_file(pipe) as file:
        file.write("rows")
    reader.join(30)
    assert read == ["rows"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_dash_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with whole_file(Path("-")) as file:
        file.write("rows")
    assert capsys.readouterr().out == "rows"


@pytest.mark.parametrize(
    ("out", "said"), [("none/out.csv", "none does not exist"), (".", "Is a directory; expected a file")]
)
def test_a_place_that_cannot_be_is_named(tmp_path: Path, out: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught, whole_file(tmp_path / out):
        pass
    assert str(caught.value).startswith(f"{tmp_path / out}: ")
    assert said in str(caught.value)
