"""Heartbeats, and the check that asks for them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from stream.cli.healthy import Watched, target_of
from stream.healthy import main, problem_of
from stream.heartbeat import FRESH_S, beat, silence_s
from stream.settings import ConfigurationError, Settings

ROOT = Path(__file__).parents[2]


def aged(path: Path, age_s: float, now_s: float) -> None:
    os.utime(path, (now_s - age_s, now_s - age_s))


def test_a_beat_makes_the_file_and_ends_the_silence(tmp_path: Path) -> None:
    path = tmp_path / "beat"
    assert silence_s(path, 1_000.0) is None
    beat(path)
    aged(path, 40.0, 1_000.0)
    assert silence_s(path, 1_000.0) == pytest.approx(40.0)
    beat(path)
    assert silence_s(path, path.stat().st_mtime) == 0.0
    # A clock that was set back is no silence of years.
    assert silence_s(path, 0.0) == 0.0
    beat(None)


def test_a_beat_that_cannot_be_written_is_a_line_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "stream.heartbeat"):
        beat(tmp_path / "missing" / "beat")
    assert [record.getMessage() for record in caplog.records] == [
        f"heartbeat file {tmp_path / 'missing' / 'beat'}: No such file or directory"
    ]


def test_silence_longer_than_the_longest_pause_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "beat"
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    assert main([str(path)]) == 1
    path.touch()
    aged(path, FRESH_S, 1_000_000.0)
    assert main([str(path)]) == 0
    aged(path, FRESH_S + 1, 1_000_000.0)
    assert main([str(path)]) == 1
    assert capsys.readouterr().out == f"{path}: no heartbeat yet\n{path}: no heartbeat for 61 s\n"
    assert main([]) == 2


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Lend the URL of a server that answers every request so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/health"
        finally:
            server.shutdown()
            thread.join(10)


def test_a_role_is_healthy_that_answers_with_200_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with answering(200) as url:
        assert problem_of(url) is None
    with answering(503) as url:
        assert problem_of(url) == f"{url}: answers 503"
    with answering(302) as url:
        assert problem_of(url) is not None
    assert "Connection refused" in (problem_of("http://127.0.0.1:1/health") or "")
    assert problem_of("http://127.0.0.1:port/") is not None


def test_each_role_is_asked_where_its_settings_say(tmp_path: Path) -> None:
    settings = Settings(dashboard_host="0.0.0.0", dashboard_port=1234, ingest_host="::1", ingest_port=4321)
    assert target_of(Watched.DASHBOARD, settings) == "http://127.0.0.1:1234/_stcore/health"
    assert target_of(Watched.INGEST, settings) == "http://[::1]:4321/healthz"
    with pytest.raises(ConfigurationError, match="BAROGRAPH_HEARTBEAT_FILE is not set"):
        target_of(Watched.WORKER, settings)
    beating = Settings(heartbeat_file=tmp_path / "beat")
    assert target_of(Watched.NOTIFY, beating) == str(tmp_path / "beat")


def test_the_check_brings_the_standard_library_only() -> None:
    code = "import sys, stream.healthy; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    brought = set(done.stdout.split())
    assert not brought & {"pydantic", "typer", "msgspec", "redis", "kafka", "httpx", "rich"}
