"""`barograph serve` as the process that users run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from model.classifier import Classifier
from model.tiny import make_tiny
from stream.serve.client import ServeClient, ServeError
from stream.supervision import ports
from tests.servers import stop, wait_until

TOKEN = "a-token-of-the-tests"
COMMAND = [sys.executable, "-m", "stream.cli.main", "serve"]
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(240)


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    ours = {"BAROGRAPH_HOME": str(home), "BAROGRAPH_PRECISION": "float32", "PYTHONPATH": str(ROOT)}
    return kept | ours | more


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@contextmanager
def serving(home: Path, tiny: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    home.mkdir(parents=True, exist_ok=True)
    port, log = ports.choose([], set()), home / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "--port", str(port), "--model", str(tiny)],
            env=environment(home, BAROGRAPH_INGEST_TOKEN=TOKEN),
            cwd=home,
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"

    def healthy() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(healthy, 120, "serve is healthy")
        yield url, process
    finally:
        stop(process)
    assert "serve ready at" in log.read_text()
    assert TOKEN not in log.read_text()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("serve"), tiny) as (address, _):
        yield address


def test_callers_at_once_each_get_what_the_classifier_reads(url: str, tiny: Path) -> None:
    texts = [f"profit up {n}% 银行" for n in range(24)]
    client = ServeClient(url, TOKEN)
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda text: client.classify([{"text": text}]), texts))
    readings = Classifier.load(tiny, device="cpu", precision="float32").read(texts, ["news"] * len(texts))
    for answer, reading in zip(answers, readings, strict=True):
        assert answer["results"][0]["score"] == pytest.approx(reading.score, abs=1e-4)


def test_the_client_gets_words_and_refusals_in_one_line(url: str) -> None:
    client = ServeClient(url, TOKEN)
    (one,) = client.explain([{"text": "央行宣布降息", "kind": "comment"}])["results"]
    assert [word["text"] for word in one["words"]] == ["央行", "宣布", "降息"]
    with pytest.raises(ServeError, match=r"text: is empty") as caught:
        client.classify([{"text": " "}])
    assert caught.value.permanent
    other = ServeClient(url, "another-token-altogether")
    with pytest.raises(ServeError, match="Authorization"):
        other.classify([{"text": "x"}])
    nowhere = ServeClient(f"http://127.0.0.1:{ports.choose([], set())}", TOKEN)
    with pytest.raises(ServeError, match="does not answer") as gone:
        nowhere.classify([{"text": "x"}])
    assert not gone.value.permanent and TOKEN not in str(gone.value)


@pytest.mark.parametrize("wanted", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, tiny: Path, wanted: signal.Signals) -> None:
    with serving(tmp_path, tiny) as (_, process):
        process.send_signal(wanted)
        assert process.wait(30) == 0


def test_what_it_cannot_start_with_is_named_in_one_line(tmp_path: Path, tiny: Path) -> None:
    token = {"BAROGRAPH_INGEST_TOKEN": TOKEN}
    cases: list[tuple[list[str], dict[str, str], str]] = [
        ([], {}, "BAROGRAPH_INGEST_TOKEN is not set"),
        (["--model", "/nowhere"], token, "/nowhere: no model here"),
        (["--host", "203.0.113.1", "--model", str(tiny)], token, "203.0.113.1"),
    ]
    for arguments, more, words in cases:
        found = subprocess.run(
            [*COMMAND, "--port", "0", *arguments],
            env=environment(tmp_path, **more),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert found.returncode == 1, found.stderr
        assert words in found.stderr.splitlines()[-1]
        assert "Traceback" not in found.stderr
