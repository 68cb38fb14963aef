"""Whether real text is counted the same, byte for byte, whatever is killed on the way.

    python -m bench.exactness            # about ten minutes on two cores

Three homes of their own, each with everything `barograph up` starts: one undisturbed; one whose worker is
killed (-9) twice and whose Kafka is killed once; and that one again, its Valkey killed and started on an
older copy of its file. Reads `en_reddit_2018_2022` (2018-01-25 to 02-07) and `zh_weibo_hot_finance` from
the folder of streams (BAROGRAPH_DATA, else ../shared/data).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.texts import data_folder
from stream.running import Running, load_running

BAROGRAPH = (sys.executable, "-m", "stream.cli.main")
READY_TIMEOUT_S = 180.0
ALL_TIMEOUT_S = 1_800.0


class Home:
    """One home with a running `barograph up`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
        ports = {"BAROGRAPH_DASHBOARD_PORT": "0", "BAROGRAPH_INGEST_PORT": "0"}
        kept = {name: value for name, value in os.environ.items() if name in {"BAROGRAPH_MODEL_PATH"}}
        self.environment = (
            outside
            | kept
            | ports
            | {"BAROGRAPH_HOME": str(folder), "BAROGRAPH_PRECISION": os.environ.get("PRECISION", "float32")}
        )

    @contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / "up.log").open("ab") as log:
            process = subprocess.Popen([*BAROGRAPH, "up"], env=self.environment, stdout=log, stderr=log)
        try:
            wait(lambda: self.running().ready if load_running(self.folder) else False, READY_TIMEOUT_S, "ready")
            yield process
        finally:
            process.terminate()
            process.wait(60)

    def running(self) -> Running:
        found = load_running(self.folder)
        if found is None:
            raise RuntimeError(f"{self.folder}: not running; {(self.folder / 'up.log').read_text()[-2000:]}")
        return found

    def run(self, *words: str) -> str:
        done = subprocess.run([*BAROGRAPH, *words], env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json"))
        return found

    def ingest(self) -> int:
        """Send both streams as fast as they go; return the lines sent."""
        streams = data_folder() / "streams"
        lines = 0
        for name, limits in (
            ("en_reddit_2018_2022", ("--from", "2018-01-25", "--to", "2018-02-08")),
            ("zh_weibo_hot_finance_2020_2026", ()),
        ):
            said = self.run("ingest", "file", str(streams / f"{name}.jsonl.gz"), "--speed", "max", *limits)
            print("   ", said.strip().splitlines()[-1])
            lines += int(said.split(" sent")[0].split()[-1].replace(",", ""))
        return lines

    def aggregated(self) -> int:
        found = self.status()
        return sum(found[name] or 0 for name in ("aggregated", "duplicates", "dead_letters"))

    def counts(self) -> str:
        out = self.folder / "counts.csv"
        self.run("counts", "--out", str(out))
        return hashlib.sha256(out.read_bytes()).hexdigest()

    def kill(self, role: str) -> None:
        pid = self.running().pids[role]
        os.kill(pid, signal.SIGKILL)
        print(f"    killed {role} at {self.aggregated():,} records")
        wait(lambda: self.running().pids.get(role) != pid, READY_TIMEOUT_S, f"{role} again")


def wait(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.5)


def finish(home: Home, lines: int) -> str:
    started = time.monotonic()
    wait(lambda: home.aggregated() >= lines and home.status()["lag"] == 0, ALL_TIMEOUT_S, f"{lines} records")
    found = home.status()
    names = ("received", "aggregated", "duplicates", "dead_letters", "redelivered", "stories", "lag")
    print("   ", {name: found[name] for name in names}, f"{time.monotonic() - started:.0f} s")
    together = found["aggregated"] + found["duplicates"] + found["dead_letters"]
    print(f"    {lines:,} lines, {together:,} = aggregated + duplicates + dead letters: {lines == together}")
    return home.counts()


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="barograph-exactness-"))
    folders = [root / name for name in ("undisturbed", "disturbed")]
    for folder in folders:
        folder.mkdir()
    print("undisturbed")
    home = Home(folders[0])
    with home.up():
        expected = finish(home, home.ingest())
    print("   ", expected[:16])
    print("worker killed twice, Kafka once")
    home = Home(folders[1])
    older = root / "older"
    with home.up() as supervisor:
        lines = home.ingest()
        for share, role in ((0.2, "worker-1"), (0.4, "kafka"), (0.6, "worker-1")):
            wait(lambda share=share: home.aggregated() >= lines * share, ALL_TIMEOUT_S, f"{share:.0%}")  # type: ignore[misc]
            if role == "kafka":
                # A copy of files that are being written: what a snapshot of a disk would hold.
                shutil.copytree(folders[1] / "valkey", older)
                print(f"    copied Valkey's files at {home.aggregated():,} records")
            home.kill(role)
        disturbed = finish(home, lines)
        print("   ", disturbed[:16], "the same:", disturbed == expected)
        print("Valkey killed, and started on the older copy")
        supervisor.send_signal(signal.SIGSTOP)  # or it would start Valkey again before its files are exchanged
        os.kill(home.running().pids["redis"], signal.SIGKILL)
        shutil.rmtree(folders[1] / "valkey")
        shutil.copytree(older, folders[1] / "valkey")
        supervisor.send_signal(signal.SIGCONT)
        wait(lambda: (home.status()["aggregated"] or lines) < lines, READY_TIMEOUT_S, "the older state")
        print(f"    Valkey is back with {home.aggregated():,} records")
        restored = finish(home, lines)
        print("   ", restored[:16], "the same:", restored == expected)
    shutil.rmtree(root)
    sys.exit(0 if expected == disturbed == restored else 1)


if __name__ == "__main__":
    main()
