"""Command lines whose processes do not outlive this one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import stream

SCRIPT = Path(stream.__file__).parent / "die_with_parent.py"


def dying_with_us(command: Sequence[str], death: signal.Signals) -> list[str]:
    """Return the command line that runs `command` and sends it `death` when this process ends.

    Start it from the main thread.
    """
    return [sys.executable, "-I", "-S", str(SCRIPT), str(int(death)), str(os.getpid()), *command]
