"""What a document may be, what it is called, and what is read of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.documents import MAX_TEXT_CHARS, document_id, id_hash, language, problem, reading_text

GOOD = {"kind": "news", "source": "reuters", "text": "Oil slumps"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"tickers": ["AAPL", "BRK.B", "600519.SH", "^GSPC", "BTC-USD", "$TSLA", "贵州茅台"]}, None),
        ({"kind": "tweet"}, "kind: 'tweet' is not one of news, comment"),
        ({"text": " \n"}, "text: is empty"),
        ({"text": "x" * (MAX_TEXT_CHARS + 1)}, "text: has 100001 characters; at most 100000"),
        ({"text": "a\x00b"}, "text: has a zero byte at character 1"),
        ({"source": " "}, "source: is empty"),
        ({"id": ""}, "id: is empty; leave it out to have one made"),
        ({"url": "HTTPS://Example.org/a b"}, None),
        ({"url": "javascript:alert(1)"}, "url: expected http://… or https://… with a host"),
        ({"url": "java\nscript:alert(1)"}, "url: expected http"),
        ({"url": " https://example.org/"}, "url: expected http"),
        ({"url": "example.org/1"}, "url: expected http"),
        ({"url": "https:///1"}, "url: expected http"),
        ({"url": ""}, "url: expected http"),
        ({"lang": "<b>"}, "lang: '<b>' is not a language tag such as en or zh-CN"),
        ({"tickers": ["A|B"]}, "tickers: 'A|B' is not a ticker"),
        ({"tickers": ["A"] * 51}, "tickers: has 51 entries; at most 50"),
    ],
)
def test_a_problem_names_the_field_and_what_it_takes(change: dict[str, object], reason: str | None) -> None:
    found = problem(**(GOOD | change))  # type: ignore[arg-type]
    assert found is None if reason is None else (found or "").startswith(reason)


def test_a_url_is_the_identity_where_there_is_one() -> None:
    first = document_id(source="a", url="https://x/1", text="one")
    assert first == document_id(source="a", url="https://x/1", text="corrected")
    assert first != document_id(source="b", url="https://x/1", text="one")


def test_two_people_who_post_the_same_words_are_two_documents() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    ids = {document_id(source="s", author=author, published_at=when, text="to the moon") for author in ("a", "b", None)}
    assert len(ids) == 3
    assert all(len(one) == 32 for one in ids)


@given(st.text())
def test_an_id_hash_is_a_signed_64_bit_integer(document: str) -> None:
    assert -(2**63) <= id_hash(document.encode(errors="replace").decode()) < 2**63


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("Fed holds rates", None, "en"),
        ("比亚迪股价大跌", None, "zh"),
        ("AAPL和TSLA今天大跌,怎么办", None, "zh"),
        ("Alibaba (阿里巴巴) beats estimates in the third quarter", None, "en"),
        ("🚀🚀", None, "en"),
        ("任何", "en-US", "en"),
        ("bonjour", "fr", "fr"),
    ],
)
def test_the_language_is_the_one_given_or_that_of_the_script(text: str, given: str | None, expected: str) -> None:
    assert language(text, given) == expected


@pytest.mark.parametrize(
    ("title", "text", "read"),
    [
        (None, "body", "body"),
        ("Title", "Body", "Title. Body"),
        ("Really?", "Body", "Really? Body"),
        ("Oil slumps", "OIL SLUMPS on demand worries", "OIL SLUMPS on demand worries"),
    ],
)
def test_title_and_text_are_read_together_without_repeating(title: str | None, text: str, read: str) -> None:
    assert reading_text(title, text) == read
