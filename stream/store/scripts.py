"""Lua scripts: their text, and what their failures mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Final

import redis

from stream.store.client import StoreError, store_errors

# A server that cannot save, or has too few replicas, says so inside a script too. What it says when it is full, a
# replica or loading has classes of their own.
_PASSING: Final = ("MISCONF", "NOREPLICAS")


def script(*names: str) -> str:
    """Return the text of one script made of these files of this folder, in order."""
    folder = resources.files("stream.store")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


@contextmanager
def script_errors(url: str) -> Iterator[None]:
    """Turn what a script raises into StoreError; permanent where the fault is the script's or its keys'."""
    try:
        with store_errors(url):
            yield
    except StoreError as exc:
        fault = type(exc.__cause__) is redis.exceptions.ResponseError and "user_script" in str(exc)
        if fault and not answer(exc).startswith(_PASSING):
            raise StoreError(str(exc), permanent=True) from exc.__cause__
        raise


def answer(exc: StoreError) -> str:
    """Return the server's own words behind an error; empty where it gave none."""
    return str(exc.__cause__) if isinstance(exc.__cause__, redis.exceptions.RedisError) else ""
