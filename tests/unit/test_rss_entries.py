"""Entries become documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from stream.codec import decode_document, encode
from stream.sources.authors import hashed_author
from stream.sources.rss.entries import Harvest, harvest, source_of
from stream.sources.rss.feeds import Feed
from stream.sources.rss.parsing import Parsed, ParsedEntry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = bytes(32)
FEED = Feed("https://news.example/feed")
ENTRY = ParsedEntry("g1", "https://news.example/1", "A title", "Some text", "", int(NOON.timestamp()) - 60)


def reaped(*entries: ParsedEntry, feed: Feed = FEED, source: str = "wire", total: int | None = None) -> Harvest:
    parsed = Parsed(
        feed=True,
        html=False,
        problem=None,
        grows=False,
        guessed_charset=None,
        title="T",
        ttl="",
        period="",
        frequency="",
        total=len(entries) if total is None else total,
        entries=entries,
    )
    return harvest(parsed, feed, source, received_at=NOON, key=KEY)


def entry(**changes: str | int | None) -> ParsedEntry:
    return msgspec.structs.replace(ENTRY, **changes)


def test_an_entry_is_a_document_that_the_agents_take() -> None:
    (document,) = reaped(entry(author="Ann"), feed=Feed(FEED.url, kind="comment", lang="en")).documents
    assert decode_document(encode(document), received_at=NOON) == document
    assert (document.kind, document.source, document.lang) == ("comment", "wire", "en")
    assert document.published_at == NOON - timedelta(minutes=1)
    assert document.author == hashed_author("Ann", KEY)


def test_an_id_stands_whatever_else_changes() -> None:
    ids = {
        reaped(changed).documents[0].id
        for changed in (ENTRY, entry(text="corrected"), entry(link="https://news.example/2"), entry(published_s=None))
    }
    assert len(ids) == 1
    assert reaped(ENTRY, source="other").documents[0].id not in ids
    assert reaped(entry(guid="g2")).documents[0].id not in ids


def test_without_a_guid_the_link_makes_the_id_and_without_both_the_text() -> None:
    assert reaped(entry(guid="")).documents[0].id == reaped(entry(guid="", text="x")).documents[0].id
    assert len(reaped(entry(guid="", link=""), entry(guid="", link="", text="x")).documents) == 2


def test_a_title_alone_is_text_and_nothing_at_all_is_named_and_not_sent() -> None:
    found = reaped(entry(text=""), entry(guid="empty", text="", title=""))
    assert [document.text for document in found.documents] == ["A title"]
    assert found.without_text == ["empty"]


def test_of_entries_with_one_guid_the_first_goes() -> None:
    found = reaped(ENTRY, entry(text="again"), entry(guid="g2"))
    assert [document.text for document in found.documents] == ["Some text", "Some text"]
    assert found.repeated == 1


@pytest.mark.parametrize(
    ("ahead_s", "kept"), [(-60, True), (3600, True), (86_400, True), (86_401, False), (10**11, False), (10**18, False)]
)
def test_more_than_a_day_ahead_is_no_published_time(ahead_s: int, kept: bool) -> None:
    found = reaped(entry(published_s=int(NOON.timestamp()) + ahead_s))
    assert (found.documents[0].published_at is not None) is kept
    assert found.ahead == ([] if kept else ["g1"])
    decode_document(encode(found.documents[0]), received_at=NOON)


@pytest.mark.parametrize("seconds", [None, 0, -(10**18), 631_151_999])
def test_before_1990_is_no_published_time(seconds: int | None) -> None:
    assert reaped(entry(published_s=seconds)).documents[0].published_at is None


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "data:text/html,x", "/relative", "", "https://", "http://[", "https://h/" + "x" * 2048],
)
def test_what_is_no_web_address_is_no_link(link: str) -> None:
    (document,) = reaped(entry(link=link)).documents
    assert document.url is None


def test_what_cannot_be_a_document_is_said() -> None:
    found = reaped(entry(text="x" * 100_001))
    assert found.documents == []
    assert found.refused == ["g1: text: has 100001 characters; at most 100000"]


def test_replacement_characters_are_counted_and_entries_beyond_too() -> None:
    found = reaped(entry(text="a \N{REPLACEMENT CHARACTER}"), entry(guid="2"), total=9)
    assert (found.damaged, found.beyond, len(found.documents)) == (1, 7, 2)


def test_a_source_is_given_or_kept_or_the_title_or_the_host() -> None:
    assert source_of(Feed(FEED.url, source="desk"), "kept", "T") == "desk"
    assert source_of(FEED, "kept", "T") == "kept"
    assert source_of(FEED, None, " A\n title ") == "A title"
    assert source_of(Feed("https://me:pw@News.example:81/feed"), None, "") == "news.example:81"
