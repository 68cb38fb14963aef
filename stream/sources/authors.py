"""Authors: outside handles are never stored, only a keyed hash that tells one author from another."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from stream.sources.errors import SourceError

KEY_FILE: Final = "author.key"
KEY_BYTES: Final = 32
_PREFIX: Final = "a1:"
_HEX_DIGITS: Final = 16


def hashed_author(handle: str, key: bytes) -> str:
    """Return `a1:` and the first 16 hexadecimal digits of HMAC-SHA256 over the handle.

    A handle that looks hashed already is hashed like any other: nobody outside can claim to be another author.

    >>> hashed_author("@someone", bytes(32))
    'a1:2a752a531312c08e'
    """
    return _PREFIX + hmac.new(key, handle.encode(), hashlib.sha256).hexdigest()[:_HEX_DIGITS]


def author_key(home: Path) -> bytes:
    """Return the 32-byte key of this home, made (mode 0600) where there is none.

    Raises:
        SourceError: the file cannot be read or written, or holds no key.
    """
    path = home / KEY_FILE
    try:
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as exc:
        raise SourceError(f"{path}: the key for authors cannot be used: {exc.strerror}", permanent=True) from exc
    if len(key) != KEY_BYTES:
        raise SourceError(
            f"{path}: has {len(key)} bytes; a key for authors has {KEY_BYTES}. "
            "Put the right one back; removing it makes every author a new one",
            permanent=True,
        )
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: of two processes that start at once, one makes the key and both use it.
        with suppress(FileExistsError):
            os.link(scratch, path)
    finally:
        scratch.unlink()
