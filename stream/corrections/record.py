"""A label that a person corrected: a record on the wire, a line of a file, and a training row, all the same JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from model.labels import KINDS, SENTIMENTS, TOPICS
from stream.codec import BadRecord, json_problem
from stream.core.documents import MAX_NAME_CHARS, MAX_TEXT_CHARS

SOURCE: Final = "correction"
MAX_LINE_BYTES: Final = 1_048_576


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One corrected label; at least one of `sentiment` and `topic` is given. All text is from outside.

    Attributes:
        text: what the model reads: the document's title and text.
        language: `en` or `zh`.
        by: who says so.
        at: when, aware.
        document_id: None for a text that came with no document.
        model_revision: of the model whose label was corrected, where it is known.
    """

    text: str
    sentiment: str | None = None
    topic: str | None = None
    language: str
    kind: str
    source: Literal["correction"] = SOURCE
    by: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    document_id: str | None = None
    model_revision: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What it corrects: a document, else a text."""
        return ("document", self.document_id) if self.document_id is not None else ("text", self.text)


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Correction)


def checked(correction: Correction) -> Correction:
    """Return the correction.

    Raises:
        BadRecord: it says nothing, or something that no model here knows; the message names the field.
    """
    if not correction.text.strip() or len(correction.text) > MAX_TEXT_CHARS:
        raise BadRecord(f"text: has {len(correction.text.strip())} characters; expected 1 to {MAX_TEXT_CHARS}")
    if correction.sentiment is None and correction.topic is None:
        raise BadRecord("sentiment: is missing, and so is topic; expected one of them or both")
    fields: tuple[tuple[str, str | None, Sequence[str]], ...] = (
        ("sentiment", correction.sentiment, SENTIMENTS),
        ("topic", correction.topic, TOPICS),
        ("kind", correction.kind, KINDS),
        ("language", correction.language, ("en", "zh")),
    )
    for name, value, known in fields:
        if value is not None and value not in known:
            raise BadRecord(f"{name}: {value[:40]!r} is not one of {', '.join(known)}")
    if not correction.by.strip() or len(correction.by) > MAX_NAME_CHARS:
        raise BadRecord(f"by: expected a name of 1 to {MAX_NAME_CHARS} characters")
    return correction


def encode_correction(correction: Correction) -> bytes:
    """Return the correction as one line of JSON, without its end."""
    return _encoder.encode(correction)


def decode_correction(raw: bytes) -> Correction:
    """Return the correction in a record or line.

    Raises:
        BadRecord: with the field and the reason.
    """
    if len(raw) > MAX_LINE_BYTES:
        raise BadRecord(f"document: has {len(raw)} bytes; at most {MAX_LINE_BYTES}")
    try:
        found = _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadRecord(json_problem(exc, raw)) from None
    return checked(found)


def newest(corrections: Iterable[Correction]) -> list[Correction]:
    """Return what holds: of several corrections of one document or text, each label as it was given last.

    In the order in which documents were corrected last. A later correction of the topic alone leaves the
    sentiment as it was.
    """
    held: dict[tuple[str, str], Correction] = {}
    for one in sorted(corrections, key=lambda correction: correction.at):
        before = held.pop(one.key, None)
        if before is not None:
            one = msgspec.structs.replace(  # noqa: PLW2901 - what holds is the two together
                one, sentiment=one.sentiment or before.sentiment, topic=one.topic or before.topic
            )
        held[one.key] = one
    return list(held.values())
