"""A file that a role touches while it makes progress: whoever watches from outside sees when it no longer does."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

# Above the longest pause that a role makes between two beats: a batch on a slow machine, a post of 15 s.
FRESH_S: Final = 60.0

log = logging.getLogger(__name__)


def beat(path: Path | None) -> None:
    """Touch the file, made where it is missing; nothing is done without one.

    Call it where a turn of the work has succeeded, never from a timer of its own: a role that hangs must fall silent.
    """
    if path is None:
        return
    try:
        path.touch(mode=0o600)
    except OSError as exc:
        # Work that goes on is worth more than the mark of it, which goes stale and so is seen.
        log.warning("heartbeat file %s: %s", path, exc.strerror or exc)


def silence_s(path: Path, now_s: float) -> float | None:
    """Return for how long nothing was heard, None where there never was a beat; OSError where it cannot be read."""
    try:
        return max(0.0, now_s - path.stat().st_mtime)
    except FileNotFoundError:
        return None
