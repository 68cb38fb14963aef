"""One writer an archive: a locked file in its root, for as long as the process lives."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from stream.archive.values import ArchiveError

LOCK_NAME: Final = "archive.lock"
# Of a process that was killed just now.
WAIT_S: Final = 5.0


def lock(root: Path, wait_s: float = WAIT_S) -> int:
    """Return the descriptor that holds the lock while it is open; ArchiveError where another process has it."""
    try:
        descriptor = os.open(root / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ArchiveError(f"archive {root}: cannot be used: {exc.strerror or exc}") from exc
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() < deadline_s:
                time.sleep(0.1)
                continue
            os.close(descriptor)
            raise ArchiveError(
                f"archive {root}: another `barograph archive` writes it; an archive has one writer"
            ) from None
        return descriptor
