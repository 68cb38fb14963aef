"""Files that commands write: there when they are whole, not before."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stream.settings import ConfigurationError


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """Lend a text file beside its place, moved there at the end, dropped after an error; `-` is standard output.

    The umask decides who may read it. A pipe or device that is there is written to, never replaced.

    Raises:
        ConfigurationError: it cannot be made; the message names it.
    """
    if str(path) == "-":
        yield sys.stdout
        return
    if path.exists() and not path.is_file():
        with _opened(path, path, os.O_WRONLY) as file:
            yield file
        return
    place = path.resolve()
    if not place.parent.is_dir():
        raise ConfigurationError(f"{path}: the folder {place.parent} does not exist")
    scratch = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        with _opened(path, scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
            yield file
        scratch.replace(place)
    finally:
        scratch.unlink(missing_ok=True)


def _opened(path: Path, place: Path, flags: int) -> IO[str]:
    try:
        return os.fdopen(os.open(place, flags, 0o666), "w", encoding="utf-8", newline="")
    except OSError as exc:
        raise ConfigurationError(f"{path}: {exc.strerror}; expected a file that can be written") from None
