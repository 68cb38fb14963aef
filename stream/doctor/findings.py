"""What an examination finds: one value a check, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """How bad it is: PROBLEM stops the system or makes it wrong, WARNING does not yet."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


SIGNS: Final = {Level.OK: "✓", Level.WARNING: "!", Level.PROBLEM: "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome.

    Attributes:
        about: what was looked at.
        said: what was found, one line.
        mend: what to do; None only where nothing has to be.
    """

    level: Level
    about: str
    said: str
    mend: str | None = None

    def __post_init__(self) -> None:
        if (self.level is Level.OK) != (self.mend is None):
            raise ValueError(f"{self.about}: {self.level}, mend {self.mend!r}; a warning tells what to do")


def fine(about: str, said: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(Level.OK, about, said)


def warning(about: str, said: str, mend: str) -> Finding:
    """Return a finding that does not stop the system."""
    return Finding(Level.WARNING, about, said, mend)


def problem(about: str, said: str, mend: str) -> Finding:
    """Return a finding that stops the system or makes it wrong."""
    return Finding(Level.PROBLEM, about, said, mend)


def any_problem(findings: Iterable[Finding]) -> bool:
    """Return whether something stops the system."""
    return any(finding.level is Level.PROBLEM for finding in findings)


def lines(findings: Iterable[Finding]) -> list[str]:
    """Return a line for each finding, and under it what to do, where anything is."""
    shown = []
    for finding in findings:
        shown.append(f"{SIGNS[finding.level]} {finding.about}: {finding.said}")
        if finding.mend is not None:
            shown.append(f"    → {finding.mend}")
    return shown
