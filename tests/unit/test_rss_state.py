"""What is known of feeds over restarts."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from stream.sources.errors import SourceError
from stream.sources.rss import state as module
from stream.sources.rss.state import FILE, FeedState, StateFile

STATE = FeedState("wire", '"e"', "Fri, 02 Jan 2026 12:00:30 GMT", b"\1\2", "https://h/", 900.0, 12.5, 7.0, 3, 8)


def ident(number: int) -> str:
    return f"{number:032x}"


def test_what_is_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "home")
    assert file.load("f") == FeedState()
    file.store("f", STATE, [ident(1), ident(2)])
    file.store("g", FeedState(), [ident(3)])
    file.close()
    again = StateFile(tmp_path / "home")
    assert again.load("f") == STATE
    assert again.seen("f") == {ident(1), ident(2)}
    assert again.seen("g") == {ident(3)}
    again.close()
    assert (tmp_path / "home" / FILE).stat().st_mode & 0o777 == 0o600


def test_what_was_sent_is_bounded_and_what_still_stands_in_a_feed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SEEN", 10)
    file = StateFile(tmp_path)
    file.store("g", FeedState(), [ident(99)])
    for poll in range(20):
        file.store("f", FeedState(poll=poll), [ident(0), ident(poll + 1)])
    seen = file.seen("f")
    assert len(seen) == 10
    assert {ident(0), ident(20)} <= seen
    assert file.seen("g") == {ident(99)}
    file.close()


def test_threads_share_the_file(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    threads = [
        threading.Thread(target=lambda n=n: file.store(f"f{n}", FeedState(poll=n), [ident(n)])) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(file.seen(f"f{n}") == {ident(n)} for n in range(20))
    file.close()


def test_a_file_that_is_none_or_newer_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database" * 100)
    with pytest.raises(SourceError, match=r"rss\.sqlite: what was sent cannot be kept: file is not a database"):
        StateFile(tmp_path)
    (tmp_path / FILE).unlink()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(SourceError, match=r"another version \(state 7, this one reads 1\)"):
        StateFile(tmp_path)


def test_a_home_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be kept"):
        StateFile(tmp_path / "file")
