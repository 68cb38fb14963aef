"""What the archive hands out, and the one error of this room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["documents", "predictions", "dead_letters", "incident_events"]


class ArchiveError(Exception):
    """A file of the archive could not be read or written; one line says which and why.

    Attributes:
        permanent: True where trying again cannot help, False for a disk that is full.
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Place:
    """One partition of one topic; a topic made anew has another id."""

    topic: str
    topic_id: str
    partition: int


@dataclass(frozen=True, slots=True)
class ArchivedDocument:
    """One record of a documents topic, as it came.

    Attributes:
        timestamp_ms: the record's own, unix milliseconds: when it was received.
        problem: why its source set it aside; None for a document.
        value: the record's bytes.
    """

    topic: str
    topic_id: str
    partition: int
    offset: int
    timestamp_ms: int
    problem: str | None
    value: bytes
