"""What a request asks: documents in, what the model reads of each, or what is wrong with its fields. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from stream.api.body import JSON, media_type, problem_of, split
from stream.api.errors import Problem, RequestError, refuse
from stream.codec import BadRecord, json_problem
from stream.core.documents import problem, reading_text

METHODS: Final = ("path", "gradient", "integrated")
# Documents of classify that an explanation costs about as much as.
COSTS: Final = {"gradient": 5, "path": 15, "integrated": 150}


class _Incoming(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    kind: str = "news"
    title: str | None = None
    id: str | None = None


_decoder: Final = msgspec.json.Decoder(_Incoming)


@dataclass(frozen=True, slots=True)
class Ask:
    """One document that is asked about: its id, where one was given, and what the model reads."""

    id: str | None
    kind: str
    text: str


def read_asks(content_type: str | None, body: bytes, most: int) -> list[Ask]:
    """Return what a request asks, in order; at least one.

    Raises:
        RequestError: 415, another type than JSON; 400, no JSON; 413, more than `most` documents; 422, no documents,
            or bad ones: then every one of them is named.
    """
    if media_type(content_type) != JSON:
        raise refuse(415, "Content-Type", f"expected {JSON}")
    raws = split(JSON, body)
    if len(raws) > most:
        raise refuse(413, "documents", f"has {len(raws)} entries; at most {most} a request")
    asks: list[Ask] = []
    problems: list[Problem] = []
    for index, raw in enumerate(raws):
        try:
            asks.append(_ask(raw))
        except BadRecord as exc:
            problems.append(problem_of(exc, raw, index))
    if problems:
        raise RequestError(422, problems)
    return asks


def read_method(given: str | None) -> str:
    """Return the method of explanation that the query names, `path` where it names none.

    Raises:
        RequestError: 422, there is no such method.
    """
    method = given or METHODS[0]
    if method not in METHODS:
        raise refuse(422, "method", f"{method[:40]!r} is not one of {', '.join(METHODS)}")
    return method


def texts(asks: Sequence[Ask]) -> list[str]:
    """Return the texts alone."""
    return [ask.text for ask in asks]


def _ask(raw: bytes) -> Ask:
    try:
        found = _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadRecord(json_problem(exc, raw)) from None
    reason = problem(kind=found.kind, source="request", text=found.text, id=found.id, title=found.title)
    if reason:
        raise BadRecord(reason)
    return Ask(found.id, found.kind, reading_text(found.title, found.text))
