"""When the crisis of this run begins: kept in the home, so that a feed that is started again goes on with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

CRISIS_NAME: Final = "crisis.json"


def read_crisis(home: Path) -> int | None:
    """Return the start of the crisis, unix seconds; None where none has been set."""
    try:
        return int(json.loads((home / CRISIS_NAME).read_text(encoding="ascii"))["start_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_crisis(home: Path, start_s: int) -> None:
    """Keep the start of the crisis."""
    scratch = home / f".{CRISIS_NAME}"
    scratch.write_text(json.dumps({"start_s": start_s}), encoding="ascii")
    scratch.replace(home / CRISIS_NAME)


def forget_crisis(home: Path) -> None:
    """Make room for the crisis of a new run."""
    (home / CRISIS_NAME).unlink(missing_ok=True)
