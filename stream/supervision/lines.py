"""Lines of children's output: cut, cleaned of what would steer a terminal, prefixed, and kept from flooding."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LONGEST_LINE = 4_000
COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def clean(line: str) -> str:
    """Return the line without colours, cursor movements and other control characters."""
    last = line.rstrip("\r\n").rpartition("\r")[2]
    return _CONTROLS.sub("", _ESCAPES.sub("", last))


class Cutter:
    """Cuts a stream of bytes into clean lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that this chunk completes; an endless one is cut."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            whole, self._rest = [*whole, self._rest], b""
        return [_text(line) for line in whole]

    def end(self) -> list[str]:
        """Return what is left when the stream has ended."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    text = clean(line[: 4 * LONGEST_LINE].decode("utf-8", "replace"))
    return text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + "…"


def prefixed(name: str, line: str, width: int, colour: int | None) -> str:
    """Return `name | line`, the name padded to the width, in a colour of its own where one is given."""
    label = f"{name:<{width}} |"
    return f"\x1b[{colour}m{label}\x1b[0m {line}" if colour is not None else f"{label} {line}"


@dataclass
class Gate:
    """Lets a burst of lines through, then so many a second, and counts what it holds back.

    Attributes:
        rate_per_s: lines a second in the long run.
        burst: lines at once.
    """

    rate_per_s: float = 20.0
    burst: int = 200
    held_back: int = 0
    _tokens: float = field(default=-1.0, repr=False)
    _last_s: float = field(default=0.0, repr=False)

    def admit(self, now_s: float) -> bool:
        """Return whether a line may pass at this moment of a clock that never goes back."""
        if self._tokens < 0:
            self._tokens = float(self.burst)
        else:
            self._tokens = min(float(self.burst), self._tokens + (now_s - self._last_s) * self.rate_per_s)
        self._last_s = now_s
        if self._tokens < 1:
            self.held_back += 1
            return False
        self._tokens -= 1
        return True

    def take_held_back(self) -> int:
        """Return how many lines were held back since the last call."""
        count, self.held_back = self.held_back, 0
        return count
