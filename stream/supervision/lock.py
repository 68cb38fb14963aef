"""One supervisor a home: a locked file, whose descriptor every child inherits."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from pathlib import Path

LOCK_NAME = "up.lock"
# A killed supervisor's children hold the lock until they have ended too.
DYING_S = 15.0


class HomeError(Exception):
    """The home cannot be used; the message says why in one line."""


def lock_home(home: Path, wait_s: float = DYING_S) -> int:
    """Return the descriptor that holds the home's lock, for as long as it is open in any process.

    Raises:
        HomeError: another supervisor has it, or the folder cannot be written.
    """
    try:
        # What people wrote is nobody else's to read.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise HomeError(
            f"BAROGRAPH_HOME={home}: {exc.strerror or exc}; expected a folder that can be made and written"
        ) from exc
    deadline = time.monotonic() + wait_s
    while not _locked(descriptor):
        holder = _holder(descriptor)
        if (holder is not None and is_alive(holder)) or time.monotonic() > deadline:
            os.close(descriptor)
            raise HomeError(_taken(home, holder))
        time.sleep(0.1)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def exposure(home: Path) -> str | None:
    """Return a line where others than the owner can read or change what lies in the home, None where not."""
    mode = stat.S_IMODE(home.stat().st_mode)
    if not mode & 0o077:
        return None
    return f"{home}: other users of this machine have access (mode {mode:04o}); `chmod 700 {home}` ends that"


def is_held(home: Path) -> bool:
    """Return whether some process holds the home's lock."""
    try:
        descriptor = os.open(home / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def is_alive(pid: int) -> bool:
    """Return whether a process of this id runs; one that has ended and waits to be collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # no such file outside Linux
        return False
    return status.rpartition(")")[2].split()[:1] == ["Z"]


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None


def _taken(home: Path, holder: int | None) -> str:
    if holder is None or not is_alive(holder):
        return f"{home}: processes of an earlier run still hold it; end them, or choose another BAROGRAPH_HOME"
    return f"{home}: already running there (pid {holder}); stop it first, or choose another BAROGRAPH_HOME"
