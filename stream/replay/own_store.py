"""A Valkey that a replay starts and stops itself: nothing else reaches it, and nothing of it stays."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from stream.replay.errors import ReplayError
from stream.store.client import StoreError
from stream.store.embedded import EmbeddedValkey, server_command
from stream.store.scratch import wait_for_store
from stream.supervision.command import dying_with_us

_START_S: Final = 30.0
_STOP_S: Final = 10.0
_SOCKET: Final = "store.sock"
# What every system takes as the path of a socket, in bytes.
_LONGEST: Final = 103
_OPEN_FILES: Final = Path("/proc/self/fd")


@contextmanager
def own_store(folder: Path | None = None) -> Iterator[str]:
    """Lend the URL of an empty store that listens on a socket which only this user can open.

    Args:
        folder: of this store alone, removed before and afterwards: what was killed leaves nothing for long. One of
            the system's if None.

    Raises:
        ReplayError: none can be started here.
    """
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="barograph-replay-"))
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    try:
        with _running(folder) as process, _reachable(folder) as place:
            url = f"unix://{quote(str(place / _SOCKET))}"
            try:
                wait_for_store(url, _START_S)
            except StoreError as exc:
                said = (folder / "store.log").read_text(errors="replace").strip().splitlines()
                raise ReplayError(f"{exc}: {said[-1] if said else f'exit code {process.poll()}'}") from None
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _reachable(folder: Path) -> Iterator[Path]:
    """Lend a path of the folder that is short enough for a socket in it, for this process alone; ReplayError."""
    if len(os.fsencode(folder / _SOCKET)) <= _LONGEST:
        yield folder
        return
    if not _OPEN_FILES.is_dir():
        raise ReplayError(f"{folder}: too long a path for a socket in it; expected a home with a shorter one")
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _OPEN_FILES / str(opened)
    finally:
        os.close(opened)


@contextmanager
def _running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    try:
        command = server_command(EmbeddedValkey(folder, 0))
    except Exception as exc:  # the package has no binary for this system, or is not there
        raise ReplayError(f"a replay needs a store of its own, and none can be started: {exc}") from None
    # The last of two values of an option counts.
    words = [*command, "--appendonly", "no", "--unixsocket", _SOCKET, "--unixsocketperm", "700"]
    with (folder / "store.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own words only
            dying_with_us(words, signal.SIGKILL), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
