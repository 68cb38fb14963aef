"""What a replay was asked for: enough to begin it again after a crash, and a name for it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Literal

import msgspec

from stream.replay.rules import Rules


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One replay's words, paths absolute.

    Attributes:
        start_s, end_s: event time `[start, end)`, unix seconds; None leaves a side open.
        learn_s: documents of so long before the start teach the baselines.
        mapping: (our field, their column); `constants`: (our field, value for every document).
        time_zone: of instants that state none; None sets such lines aside.
        speed: seconds of virtual time in one; None as fast as it goes.
        in_store: aggregates go to the store of the settings, not to one that the replay starts and stops.
        fail_if: conditions on the report's figures.
        deliver_to: names of the endpoints that are told.
    """

    source: Literal["files", "archive", "kafka"]
    files: tuple[str, ...] = ()
    start_s: int | None = None
    end_s: int | None = None
    learn_s: int = 0
    speed: float | None = None
    rescore: bool = False
    rules: Rules = Rules()
    model: str | None = None
    mapping: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    time_zone: str | None = None
    in_store: bool = False
    labels: str | None = None
    report: str | None = None
    fail_if: tuple[str, ...] = ()
    deliver_to: tuple[str, ...] = ()

    @property
    def scores(self) -> bool:
        """Whether the model reads the documents: files have no predictions."""
        return self.rescore or self.source == "files"


def default_name(request: Request) -> str:
    """Return a name that the same request always gets: `files-20180125-3f2a91c0`."""
    digest = hashlib.blake2b(fingerprint(request), digest_size=4).hexdigest()
    day = "" if request.start_s is None else f"{datetime.fromtimestamp(request.start_s, UTC):%Y%m%d}-"
    return f"{request.source}-{day}{digest}"


def fingerprint(request: Request) -> bytes:
    """Return what decides a replay's outcome: not how fast it went, nor who is told of it."""
    bare = msgspec.structs.replace(
        request, speed=None, labels=None, report=None, in_store=False, fail_if=(), deliver_to=()
    )
    return msgspec.json.encode(bare, order="sorted")
