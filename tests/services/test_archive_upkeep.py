"""Putting files together, killed at any moment: readers see every row once, before, meanwhile and after."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from stream.archive import files
from stream.archive.queries import ask
from stream.archive.reading import Archive
from stream.archive.upkeep import upkeep
from stream.archive.values import ArchivedDocument
from stream.archive.writer import Writer, prepare
from stream.broker.follow import Followed
from stream.broker.topics import DOCUMENTS_NEWS, PREDICTIONS, RETENTION
from stream.codec import Origin, encode
from tests.services.archive_tools import NOON, ROOT, document, ms, prediction

IDS = {topic: f"00000000-0000-0000-0000-00000000000{n}" for n, topic in enumerate(RETENTION)}
FILES, ROWS = 40, 30
# What was put together is removed at once: the shortest time that a reader may have.
PROGRAM = """
import sys, time
from pathlib import Path
from stream.archive.upkeep import upkeep
while True:
    for _ in upkeep(Path(sys.argv[1]), "9999-01-01", "1970-01-01", time.time() + 1e6):
        pass
"""


def filled(root: Path, number: int) -> list[ArchivedDocument]:
    """Return what an archive of many small files over three days holds; repeats among its predictions."""
    prepare(root)
    writer = Writer(root, keep_days=36_000, flush_s=3_600)
    writer.open([(topic, 0) for topic in RETENTION], IDS)
    made = []
    for n in range(FILES * ROWS):
        at = NOON + timedelta(days=n % 3, seconds=n)
        value = encode(document(n, at))
        writer.add([Followed(DOCUMENTS_NEWS, 0, n, ms(at), (), value)])
        again = n - 5 if n % 7 == 6 else n
        told = encode(prediction(again, Origin(DOCUMENTS_NEWS, 0, again), NOON))
        writer.add([Followed(PREDICTIONS, 0, n, ms(at), (), told)])
        made.append(ArchivedDocument(DOCUMENTS_NEWS, IDS[DOCUMENTS_NEWS], 0, n, ms(at), None, value))
        if (n % ROWS == ROWS - 1 and number % 2 == 0) or n % (2 * ROWS) == 0:
            writer.flush(everything=True)
    writer.flush(everything=True)
    return made


def test_a_repeat_in_a_later_day_is_dropped_when_that_day_is_put_together(tmp_path: Path) -> None:
    prepare(tmp_path)
    writer = Writer(tmp_path, keep_days=36_000, flush_s=3_600)
    writer.open([(topic, 0) for topic in RETENTION], IDS)
    for n, (offset, day) in enumerate([(0, 0), (1, 0), (1, 1), (2, 1), (0, 2), (2, 2)]):
        told = encode(prediction(offset, Origin(DOCUMENTS_NEWS, 0, offset), NOON))
        writer.add([Followed(PREDICTIONS, 0, n, ms(NOON + timedelta(days=day)), (), told)])
    writer.flush(everything=True)
    query = "SELECT origin_offset FROM predictions ORDER BY 1"
    for _ in range(2):
        assert [row for batch in ask(tmp_path, query).batches for row in batch] == [(0,), (1,), (2,)]
        assert [one.origin.offset for one in Archive(tmp_path).predictions()] == [0, 1, 2]
        for _ in upkeep(tmp_path, "9999-01-01", "1970-01-01"):
            pass


def test_killed_while_it_puts_files_together_no_row_is_missing_or_there_twice(tmp_path: Path) -> None:
    chance = random.Random(3)
    outside = os.environ | {"PYTHONPATH": str(ROOT)}
    program = None
    for number in range(6):
        root = tmp_path / str(number)
        made = filled(root, number)
        origins = {n - 5 if n % 7 == 6 else n for n in range(FILES * ROWS)}
        archive = Archive(root)
        for _ in range(3):
            program = subprocess.Popen([sys.executable, "-c", PROGRAM, str(root)], env=outside)
            until_s = time.monotonic() + chance.uniform(0.3, 2.0)
            while time.monotonic() < until_s:
                assert list(archive.documents()) == made
                assert {one.origin.offset for one in archive.predictions()} == origins
            program.kill()
            program.wait()
            assert list(archive.documents()) == made
            assert [one.origin.offset for one in archive.predictions()] == sorted(origins)
        for _ in upkeep(root, "9999-01-01", "1970-01-01", time.time() + 1e6):
            pass
        for _ in upkeep(root, "9999-01-01", "1970-01-01", time.time() + 1e6):
            raise AssertionError("there was something left to do")
        assert list(archive.documents()) == made
        for kind in ("documents", "predictions"):
            assert len(files.stored(root, kind)) == 3
            assert len(list(root.glob(f"{kind}/day=*/*.parquet"))) == 3 + sum(
                path.name.startswith(".") for path in root.glob(f"{kind}/day=*/*.parquet")
            )
        prepare(root)
        assert files.scratch_files(root) == []
        asked = [
            row for batch in ask(root, "SELECT count(*), count(DISTINCT id) FROM documents").batches for row in batch
        ]
        assert asked == [(FILES * ROWS, FILES * ROWS)]
