"""A home of its own with everything `barograph up` starts, for measurements that kill things."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stream.running import Running, load_running

BAROGRAPH = (sys.executable, "-m", "stream.cli.main")
READY_TIMEOUT_S = 300.0


class Home:
    """One home; `settings` are further variables, by name without their prefix."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
        kept = {name: value for name, value in os.environ.items() if name in {"BAROGRAPH_MODEL_PATH"}}
        ours = {"DASHBOARD_PORT": "0", "INGEST_PORT": "0", "HOME": str(folder)} | settings
        self.environment = outside | kept | {f"BAROGRAPH_{name}": value for name, value in ours.items()}

    @contextmanager
    def up(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start everything, lend it once it is ready, stop it."""
        with (self.folder / "up.log").open("ab") as log:
            process = subprocess.Popen([*BAROGRAPH, "up", *options], env=self.environment, stdout=log, stderr=log)
        try:
            wait(lambda: self.is_ready() or process.poll() is not None, READY_TIMEOUT_S, "ready")
            if process.poll() is not None:
                raise SystemExit(f"`barograph up` ended: {(self.folder / 'up.log').read_text()[-2000:]}")
            yield process
        finally:
            process.terminate()
            process.wait(60)

    def is_ready(self) -> bool:
        """Return whether every role is ready now."""
        found = load_running(self.folder)
        return found is not None and found.ready

    def running(self) -> Running:
        """Return what runs."""
        found = load_running(self.folder)
        if found is None:
            raise RuntimeError(f"{self.folder}: not running; {(self.folder / 'up.log').read_text()[-2000:]}")
        return found

    def run(self, *words: str) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run([*BAROGRAPH, *words], env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        """Return `barograph status --json`."""
        found: dict[str, Any] = json.loads(self.run("status", "--json"))
        return found

    def kill(self, role: str) -> None:
        """Kill a role (-9) and wait until its successor is there."""
        pid = self.running().pids[role]
        os.kill(pid, signal.SIGKILL)
        wait(lambda: self.running().pids.get(role) != pid, READY_TIMEOUT_S, f"{role} again")


def wait(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.5)
