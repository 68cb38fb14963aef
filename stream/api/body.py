"""The body of a request: unpacked, cut into documents, each read or refused with its field. No I/O."""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from stream.api.errors import Problem, RequestError, refuse
from stream.codec import BadRecord, Document, json_problem, lone_surrogate
from stream.sources.incoming import field_and_reason, read_incoming

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
MAX_MEMBERS: Final = 1_000

# zlib copies what is left of its input at the end of each gzip member.
_SLICE_BYTES: Final = 65_536
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_FIELD: Final = re.compile(rb'(?<!\\)"(\w{1,40})"\s*:')


class _Batch(msgspec.Struct, frozen=True):
    documents: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_object: Final = msgspec.json.Decoder(_Batch)


def media_type(header: str | None) -> str:
    """Return which of the two kinds of body this is.

    Raises:
        RequestError: 415, it is neither.
    """
    kind = (header or "").partition(";")[0].strip().lower()
    if kind not in (JSON, NDJSON):
        raise refuse(415, "Content-Type", f"{kind[:80]!r} is not {JSON} or {NDJSON}")
    return kind


def is_gzip(header: str | None) -> bool:
    """Return whether the body is compressed.

    Raises:
        RequestError: 415, in another way than gzip.
    """
    coding = (header or "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise refuse(415, "Content-Encoding", f"{coding[:80]!r} is not gzip", Accept_Encoding="gzip")
    return coding == "gzip"


def unpacked(body: bytes, max_bytes: int) -> bytes:
    """Return what a gzip body holds, never unpacking more than is allowed.

    Raises:
        RequestError: 413, it is larger; 400, it is no gzip data, not all of it, or in more than `MAX_MEMBERS` members.
    """
    parts: list[bytes] = []
    left, at, members = max_bytes, 0, 0
    unpacker = None
    while at < len(body):
        if unpacker is None or unpacker.eof:
            unpacker, members = zlib.decompressobj(wbits=31), members + 1
            if members > MAX_MEMBERS:
                raise refuse(400, "body", f"has more than {MAX_MEMBERS} gzip members; pack it as one")
        piece = body[at : at + _SLICE_BYTES]
        try:
            parts.append(unpacker.decompress(piece, left + 1))
        except zlib.error as exc:
            raise refuse(400, "body", f"is not gzip data: {exc}") from None
        left -= len(parts[-1])
        if left < 0:
            raise too_large(max_bytes)
        at += len(piece) - len(unpacker.unused_data)
    if unpacker is not None and not unpacker.eof:
        raise refuse(400, "body", "ends in the middle of its gzip data")
    return b"".join(parts)


def too_large(max_bytes: int) -> RequestError:
    """Return the refusal of a body above the limit."""
    return refuse(413, "body", f"is larger than {max_bytes} bytes; send it in parts")


def split(kind: str, body: bytes) -> list[bytes]:
    """Return the documents in a body, each a JSON text that is not read yet.

    Args:
        kind: `JSON` (one object, an array of them, or `{"documents": [...]}`) or `NDJSON`.

    Raises:
        RequestError: 400, it is not JSON; 422, there is no document in it.
    """
    documents = _split_json(body) if kind == JSON else [line for line in map(bytes.strip, body.split(b"\n")) if line]
    if not documents:
        raise refuse(422, "documents", "is empty: a request holds at least one document")
    return documents


def _split_json(body: bytes) -> list[bytes]:
    try:
        if body.lstrip()[:1] == b"[":
            return [bytes(raw) for raw in _array.decode(body)]
        batch = _object.decode(body)
    except msgspec.ValidationError as exc:
        raise RequestError(422, [problem_of(BadRecord(json_problem(exc, body)), body)]) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise RequestError(400, [problem_of(BadRecord(json_problem(exc, body)), body)]) from None
    return [body] if isinstance(batch.documents, msgspec.UnsetType) else [bytes(raw) for raw in batch.documents]


def read_documents(raws: Sequence[bytes], *, received_at: datetime, key: bytes) -> tuple[list[Document], list[Problem]]:
    """Return the documents in order, and what is wrong with those that are none."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for index, raw in enumerate(raws):
        try:
            documents.append(read_incoming(raw, received_at=received_at, key=key))
        except BadRecord as exc:
            problems.append(problem_of(exc, raw, index))
    return documents, problems


def problem_of(bad: BadRecord, raw: bytes, index: int | None = None) -> Problem:
    """Return the problem; where the text is not JSON, of the field it breaks off in."""
    field, reason = field_and_reason(bad)
    if not reason.startswith("not JSON"):
        return Problem(field, reason, index)
    try:
        raw.decode()
    except UnicodeDecodeError as exc:
        return Problem(_field_before(raw, exc.start), f"not JSON: byte {exc.start} is not UTF-8", index)
    byte, half = _BYTE.search(reason), lone_surrogate(raw)
    at = half if half is not None else int(byte[1]) if byte else 0
    return Problem(_field_before(raw, at), reason, index)


def _field_before(raw: bytes, position: int) -> str:
    found = deque(_FIELD.finditer(raw, 0, position), maxlen=1)
    return found[0][1].decode(errors="replace") if found else "body"
