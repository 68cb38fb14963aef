"""What comes from outside becomes a document: read, its author hashed, its received time ours."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec

from stream.codec import BadRecord, Document, decode_document
from stream.core.documents import document_id
from stream.sources.authors import hashed_author


class _Given(msgspec.Struct, frozen=True):
    id: str | None = None


# As msgspec writes a path: `tickers[0]`; "not JSON" is none.
_FIELD: Final = re.compile(r"^[\w.\[\]]+$")
_given: Final = msgspec.json.Decoder(_Given)


def read_incoming(raw: bytes, *, received_at: datetime, key: bytes) -> Document:
    """Return the document in one JSON object that somebody outside wrote.

    Args:
        raw: the object. A received time in it is passed over, an author replaced by its hash.
        received_at: aware; when it came.
        key: of this home's authors.

    Raises:
        BadRecord: with the field and the reason.
    """
    document = decode_document(raw, received_at=received_at, trust_received_at=False)
    if document.author is None:
        return document
    author = hashed_author(document.author, key) if document.author.strip() else None
    if _given.decode(raw).id is not None:
        return msgspec.structs.replace(document, author=author)
    # An id made from the handle would give it away to anyone who can guess it.
    made = document_id(
        source=document.source,
        url=document.url,
        author=author,
        published_at=document.published_at,
        text=document.text,
    )
    return msgspec.structs.replace(document, author=author, id=made)


def field_and_reason(bad: BadRecord) -> tuple[str, str]:
    """Return the field that a record is bad for, `document` where it is the whole, and the reason."""
    field, _, reason = str(bad).partition(": ")
    return (field, reason) if reason and _FIELD.match(field) else ("document", str(bad))
