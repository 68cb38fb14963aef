"""The one error of this room."""

from __future__ import annotations


class SourceError(Exception):
    """Documents could not be read or handed on; one line says what to check.

    Attributes:
        permanent: True where trying again cannot help (no such file), False for an outage.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
