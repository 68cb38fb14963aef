"""A dashboard over this run's own Valkey, and a browser where there is one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from stream.supervision import ports
from tests.servers import wait_until

_FLAGS = (
    "--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --disable-component-update "
    "--disable-sync --disable-default-apps --disable-extensions --no-first-run"
).split()
Serve = Callable[[str, str], AbstractContextManager[str]]


def chromium() -> str | None:
    """Return the path of the browser to test with; None where there is none."""
    named = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in named if (found := shutil.which(name))), None)


# For a module, not the session: while it is driven, no asyncio test could run in this process.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless browser that asks nobody for anything by itself."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium on this machine: browser tests need one on the PATH")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield opened
        opened.close()


@contextmanager
def serving(redis_url: str, namespace: str, folder: Path) -> Iterator[str]:
    """Lend the URL of a `barograph dashboard` of its own; it has to end cleanly, and soon, on SIGTERM."""
    port = ports.choose([], set())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    log = folder / f"dashboard-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "stream.cli.main", "dashboard", "--port", str(port)],
            env=kept | {"BAROGRAPH_REDIS_URL": redis_url, "BAROGRAPH_NAMESPACE": namespace},
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or _healthy(url), 60, f"{url} is ready")
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("the dashboard did not stop within 10 s of SIGTERM") from None
    told = log.read_text()
    assert "Traceback" not in told, told


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_stcore/health", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """`serve(redis_url, namespace)` lends the URL of a running dashboard."""
    folder = tmp_path_factory.mktemp("dashboard")
    return lambda redis_url, namespace: serving(redis_url, namespace, folder)
