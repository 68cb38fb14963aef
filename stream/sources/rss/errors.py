"""What can go wrong with one feed; it concerns no other."""

from __future__ import annotations


class FeedError(Exception):
    """A feed could not be fetched or read this time; one line says why.

    Attributes:
        permanent: always False: the feed is tried again.
        retry_after_s: how long its server asks us to stay away; None where it says nothing.
    """

    permanent = False

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
