"""A Valkey that a replay starts and stops itself: nothing else reaches it, and nothing of it stays."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from stream.replay.errors import ReplayError
from stream.store.client import StoreError
from stream.store.embedded import EmbeddedValkey, server_command
from stream.store.scratch import wait_for_store
from stream.supervision.command import dying_with_us

_START_S: Final = 30.0
_STOP_S: Final = 10.0
_SOCKET: Final = "store.sock"


@contextmanager
def own_store() -> Iterator[str]:
    """Lend the URL of an empty store that listens on a socket which only this user can open.

    Raises:
        ReplayError: none can be started here.
    """
    # In the system's folder for such: the path of a socket has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="barograph-replay-"))
    try:
        with _running(folder) as process:
            url = f"unix://{folder / _SOCKET}"
            try:
                wait_for_store(url, _START_S)
            except StoreError as exc:
                said = (folder / "store.log").read_text(errors="replace").strip().splitlines()
                raise ReplayError(f"{exc}: {said[-1] if said else f'exit code {process.poll()}'}") from None
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
