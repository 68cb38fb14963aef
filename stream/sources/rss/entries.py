"""Entries of a feed become documents. The clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from stream.codec import Document
from stream.core.documents import MAX_NAME_CHARS, MAX_TITLE_CHARS, document_id, problem
from stream.core.event_time import EARLIEST, MOST_AHEAD
from stream.core.links import web_link
from stream.sources.authors import hashed_author
from stream.sources.rss.feeds import Feed
from stream.sources.rss.parsing import Parsed, ParsedEntry
from stream.sources.rss.words import plain

REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
_SOURCE_CHARS: Final = 80


@dataclass(slots=True)
class Harvest:
    """What a poll's entries became: total = documents + without_text + repeated + refused + beyond.

    Attributes:
        without_text: names of the entries that have neither title nor text.
        repeated: entries whose id an earlier one of the same poll has.
        refused: why others cannot be documents.
        beyond: entries after the most that are read of one feed.
        ahead: names of documents dated more than a day ahead; they go without a published time.
        damaged: documents with replacement characters: the charset was not what the feed says.
    """

    total: int
    documents: list[Document] = field(default_factory=list)
    without_text: list[str] = field(default_factory=list)
    repeated: int = 0
    refused: list[str] = field(default_factory=list)
    beyond: int = 0
    ahead: list[str] = field(default_factory=list)
    damaged: int = 0


def source_of(feed: Feed, kept: str | None, title: str) -> str:
    """Return the source of a feed's documents: as given, else as it was kept, else its title now, else its host."""
    return feed.source or kept or plain(title, _SOURCE_CHARS) or feed.host


def harvest(parsed: Parsed, feed: Feed, source: str, *, received_at: datetime, key: bytes) -> Harvest:
    """Return the documents in a feed, in its order, and what became of the other entries.

    Args:
        parsed: the feed.
        feed: says kind and language.
        source: of the documents; the ids depend on it.
        received_at: aware.
        key: of this home's authors.
    """
    found = Harvest(parsed.total, beyond=parsed.total - len(parsed.entries))
    ids: set[str] = set()
    for entry in parsed.entries:
        if not (entry.text or entry.title):
            found.without_text.append(_name(entry))
            continue
        document = _document(entry, feed, source, received_at, key)
        if document.id in ids:
            found.repeated += 1
            continue
        ids.add(document.id)
        reason = problem(
            kind=document.kind, source=source, text=document.text, title=document.title, lang=document.lang
        )
        if reason:
            found.refused.append(f"{_name(entry)}: {reason}")
            continue
        if _is_ahead(entry.published_s, received_at):
            found.ahead.append(_name(entry))
        found.damaged += REPLACED in document.text or REPLACED in entry.title
        found.documents.append(document)
    return found


def _document(entry: ParsedEntry, feed: Feed, source: str, received_at: datetime, key: bytes) -> Document:
    text = entry.text or entry.title
    published_at = _published_at(entry.published_s, received_at)
    author = hashed_author(entry.author, key) if entry.author else None
    return Document(
        id=document_id(
            source=source, url=entry.guid or entry.link or None, author=author, published_at=published_at, text=text
        ),
        kind=feed.kind,
        source=source,
        text=text,
        received_at=received_at.astimezone(UTC),
        published_at=published_at,
        title=entry.title[:MAX_TITLE_CHARS].replace("\n", " ") or None,
        url=web_link(entry.link),
        lang=feed.lang,
        author=author,
    )


def _is_ahead(seconds: int | None, received_at: datetime) -> bool:
    return seconds is not None and seconds > (received_at + MOST_AHEAD).timestamp()


def _published_at(seconds: int | None, received_at: datetime) -> datetime | None:
    if seconds is None or seconds < EARLIEST.timestamp() or _is_ahead(seconds, received_at):
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _name(entry: ParsedEntry) -> str:
    return plain(entry.guid or entry.link or entry.title or "(no guid, no link)", MAX_NAME_CHARS)
