"""A run's folder: what was asked, how far it is, who works on it, what it was told to do."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from stream.replay.errors import ReplayError
from stream.replay.request import Request

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
FOLDER: Final = "replays"
SCORES: Final = "scores.sqlite3"

State = Literal["running", "paused", "stopped", "done", "failed"]
Word = Literal["pause", "stop"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is. `clock_s` and `end_s` are the virtual clock, unix seconds, 0 before it is known."""

    state: State
    clock_s: float = 0.0
    end_s: float = 0.0
    documents: int = 0
    incidents: int = 0
    message: str = ""


class RunFolder:
    """One run of one home. ReplayError where the folder cannot be used."""

    def __init__(self, home: Path, name: str) -> None:
        if not NAME.fullmatch(name):
            raise ReplayError(f"--name {name}: expected up to 40 small letters, digits, - and _, none of those first")
        self.name = name
        self.path = home / FOLDER / name

    @property
    def namespace(self) -> str:
        """Where its aggregates lie in a store."""
        return f"replay:{self.name}"

    @property
    def report(self) -> Path:
        """Where its report lies if nothing else was asked for."""
        return self.path / "report"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run: nobody else works on it meanwhile."""
        try:
            # What people wrote is nobody else's to read.
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise ReplayError(f"{self.path}: {exc.strerror}; expected a folder that can be made and written") from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ReplayError(f"replay {self.name} is running already; another --name runs beside it") from None
            (self.path / "control").unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Return whether some process works on it."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def request(self) -> Request | None:
        """Return what was asked, None where nothing was."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode((self.path / "request.json").read_bytes(), type=Request)
        return None

    def status(self) -> Status | None:
        """Return how far it is, None where it never began."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode((self.path / "status.json").read_bytes(), type=Status)
        return None

    def write_request(self, request: Request) -> None:
        """Remember what was asked."""
        replace_file(self.path / "request.json", msgspec.json.encode(request))

    def write_status(self, status: Status) -> None:
        """Say how far it is."""
        replace_file(self.path / "status.json", msgspec.json.encode(status))

    def word(self) -> Word | None:
        """Return what somebody told the run to do."""
        with suppress(OSError):
            said = (self.path / "control").read_text(encoding="ascii").strip()
            return "pause" if said == "pause" else "stop" if said == "stop" else None
        return None

    def say(self, word: Word | None) -> None:
        """Tell the run to pause or to stop; None to go on."""
        if word is None:
            (self.path / "control").unlink(missing_ok=True)
        else:
            replace_file(self.path / "control", word.encode())


def runs(home: Path) -> list[RunFolder]:
    """Return the runs of a home, by name."""
    folder = home / FOLDER
    if not folder.is_dir():
        return []
    return [
        RunFolder(home, path.name) for path in sorted(folder.iterdir()) if NAME.fullmatch(path.name) and path.is_dir()
    ]


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole: readers see the old one or the new one. OSError."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
