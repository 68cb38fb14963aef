"""The one exception of replays: its words are for the user."""

from __future__ import annotations

import errno
import sqlite3


class ReplayError(Exception):
    """A replay cannot begin or go on; one clear line."""

    permanent = True


def disk_is_full(exc: BaseException) -> bool:
    """Return whether an exception says that there is no room left to write."""
    if isinstance(exc, OSError):
        return exc.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(exc, sqlite3.OperationalError) and "full" in str(exc)
