"""Whether real text is counted the same, byte for byte, whatever is killed on the way.

    python -m bench.exactness            # about ten minutes on two cores

Three homes of their own, each with everything `barograph up` starts: one undisturbed; one whose worker is
killed (-9) twice and whose Kafka is killed once; and that one again, its Valkey killed and started on an
older copy of its file. Reads `en_reddit_2018_2022` (2018-01-25 to 02-07) and `zh_weibo_hot_finance` from
the folder of streams (BAROGRAPH_DATA, else ../shared/data).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench.home import READY_TIMEOUT_S, Home, wait
from bench.texts import data_folder

ALL_TIMEOUT_S = 1_800.0
PRECISION = os.environ.get("PRECISION", "float32")


class Counting(Home):
    """A home that reads both streams and counts them."""

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
        print(f"    killing {role} at {self.aggregated():,} records")
        super().kill(role)


def finish(home: Counting, lines: int) -> str:
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
    home = Counting(folders[0], PRECISION=PRECISION)
    with home.up():
        expected = finish(home, home.ingest())
    print("   ", expected[:16])
    print("worker killed twice, Kafka once")
    home = Counting(folders[1], PRECISION=PRECISION)
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
