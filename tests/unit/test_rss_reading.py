"""What is read of a feed: every format, any charset, text without mark-up, and nothing from elsewhere."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from stream.sources.rss import parsing
from stream.sources.rss.errors import FeedError
from stream.sources.rss.parsing import Parsed, Parsing
from stream.sources.rss.reading import MAX_ENTRIES, read_feed
from tests.feed_bodies import BOMB, FILE_ENTITY, item, plain_feed, rss_feed

BASE = "https://news.example/feed"
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Atom wire</title>
<entry><id>urn:1</id><title type="html">A &amp;lt; B</title><link href="/a/1"/><author><name>Ann</name></author>
<updated>2026-01-02T10:00:00+08:00</updated><published>2026-01-02T09:00:00+08:00</published>
<summary>short</summary><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Long <b>text</b></p></div>
</content></entry></feed>"""
RDF = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel rdf:about="x"><title>RDF wire</title>
<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency></channel>
<item rdf:about="https://news.example/r/1"><title>Old</title><link>https://news.example/r/1</link>
<dc:date>2026-01-02T10:00:00Z</dc:date><dc:creator>Bob</dc:creator></item></rdf:RDF>"""
RSS_091 = """<rss version="0.91"><channel><title>Ancient wire</title><item><title>T</title>
<link>https://news.example/91</link><description>D</description></item></channel></rss>"""


def read(body: bytes | str, content_type: str = "application/xml") -> dict[str, Any]:
    return read_feed(body if isinstance(body, bytes) else body.encode(), content_type, BASE)


def test_atom() -> None:
    found = read(ATOM)
    assert (found["feed"], found["title"], found["problem"]) == (True, "Atom wire", None)
    assert found["entries"] == [
        {
            "guid": "urn:1",
            "link": "https://news.example/a/1",
            "title": "A < B",
            "text": "Long text",
            "author": "Ann",
            "published_s": 1767315600,
        }
    ]


def test_rss_1() -> None:
    found = read(RDF)
    assert (found["title"], found["period"], found["frequency"]) == ("RDF wire", "hourly", "2")
    (entry,) = found["entries"]
    assert (entry["guid"], entry["author"]) == ("https://news.example/r/1", "Bob")
    assert entry["published_s"] == 1767348000


def test_rss_091() -> None:
    (entry,) = read(RSS_091)["entries"]
    assert (entry["title"], entry["text"], entry["link"]) == ("T", "D", "https://news.example/91")


@pytest.mark.parametrize(
    ("stamp", "unix_s"),
    [
        ("Fri, 02 Jan 2026 10:00:00 GMT", 1767348000),
        ("Fri, 02 Jan 2026 10:00:00 EST", 1767366000),
        ("2026-01-02T10:00:00+08:00", 1767319200),
        ("2026-01-02 10:00:00", 1767348000),  # without a zone: UTC
        ("yesterday", None),
        ("Fri, 99 Jan 9999999 10:00:00 GMT", None),
    ],
)
def test_times(stamp: str, unix_s: int | None) -> None:
    (entry,) = read(rss_feed("t", [item("1", "x", pubDate=stamp)]))["entries"]
    assert entry["published_s"] == unix_s


CHINESE = "<?xml version='1.0' encoding='{}'?><rss version='2.0'><channel><title>财经</title><item><guid>1</guid>\
<title>股市大跌，投资者恐慌</title></item></channel></rss>"


@pytest.mark.parametrize(
    ("declared", "actual", "content_type"),
    [
        ("utf-8", "utf-8", "text/xml"),
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-1"),
        ("iso-8859-1", "utf-8", "application/xml"),
        ("gb2312", "gb18030", "application/xml"),
        ("gb2312", "utf-8", "text/xml; charset=gb2312"),
        ("utf-8", "gb18030", "text/xml; charset=utf-8"),
        ("big5", "big5", "application/xml"),
        ("utf-16", "utf-16", "application/xml"),
    ],
)
def test_a_charset_that_is_declared_wrongly_is_found_out(declared: str, actual: str, content_type: str) -> None:
    text = CHINESE.format(declared)
    if actual == "big5":
        text = text.replace("财经", "財經").replace("股市大跌，投资者恐慌", "股市大跌")
    found = read(text.encode(actual), content_type)
    assert found["entries"][0]["title"].startswith("股市大跌")
    assert (found["guessed_charset"], found["problem"]) == (None, None)


def test_a_charset_that_has_to_be_guessed_is_said() -> None:
    body = b"<?xml version='1.0' encoding='utf-8'?><rss><item><title>caf\xe9 prices</title></item></rss>"
    found = read(body, "text/xml; charset=utf-8")
    assert found["guessed_charset"] == "windows-1252"
    assert found["entries"][0]["title"] == "café prices"


def test_scripts_and_styles_are_no_text() -> None:
    html = "<style>p{}</style><p>Shares <i>fell</i></p><script>steal()</script><p>again &amp; again"
    (entry,) = read(rss_feed("t", [item("1", "x", description=html)]))["entries"]
    assert entry["text"] == "Shares fell\nagain & again"


@pytest.mark.parametrize("body", [b"/etc/passwd", b"https://news.example/other", b"file:///etc/passwd"])
def test_a_body_that_names_a_file_or_a_url_is_only_a_body(body: bytes) -> None:
    assert read(body)["feed"] is False


def test_an_entity_brings_no_file() -> None:
    (entry,) = read(FILE_ENTITY)["entries"]
    assert entry["title"].split() == ["before", "after"]


def test_entities_that_multiply_stay_small() -> None:
    found = read(BOMB)
    assert found["grows"]
    assert len(json.dumps(found)) < 10_000


def test_what_is_cut_off_is_read_as_far_as_it_goes() -> None:
    found = read(plain_feed("t", 5)[:-60])
    assert found["problem"].startswith("line 1: ")
    assert [entry["title"] for entry in found["entries"]][:4] == [f"Headline {n} of t" for n in (4, 3, 2, 1)]


def test_entries_are_bounded() -> None:
    found = read(rss_feed("t", (item(str(n), "x") for n in range(MAX_ENTRIES + 3))))
    assert (found["total"], len(found["entries"])) == (MAX_ENTRIES + 3, MAX_ENTRIES)


async def test_the_other_process_reads_the_same() -> None:
    parsed = await Parsing().read(ATOM.encode(), "application/xml", BASE)
    assert isinstance(parsed, Parsed)
    assert parsed.entries[0].text == "Long text"


@pytest.mark.parametrize("reference", ["&#xD83D;", "&#55357;", "&#x110000;", "&#99999999999999999999;", "&#0;"])
async def test_a_character_that_there_is_not_costs_no_entry(reference: str) -> None:
    body = rss_feed("t", [f"<item><title>a{reference}b</title></item>", "<item><title>next</title></item>"])
    first, second = (await Parsing().read(body, "", BASE)).entries
    assert (first.title[0], second.title) == ("a", "next")


async def test_a_body_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "WALL_S", 0.01)
    with pytest.raises(FeedError, match=r"could not be read within 0\.01 s"):
        await Parsing().read(plain_feed("t", 100), "", BASE)


async def test_mark_up_that_takes_minutes_costs_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "CPU_S", 1)
    slow = rss_feed("t", [item("1", "x", description="<p>" + "<!--" * 90_000)])
    with pytest.raises(FeedError, match=r"takes more time than a feed may \([\d,]+ bytes\)"):
        await Parsing().read(slow, "", BASE)


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux bounds the memory of a process")
    monkeypatch.setattr(parsing, "MEMORY_BYTES", 150_000_000)
    with pytest.raises(FeedError, match="takes more memory than a feed may"):
        await Parsing().read(b"<rss version='2.0'><channel>" + b"<item><a>" * 300_000, "", BASE)


async def test_the_other_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAROGRAPH_INGEST_TOKEN", "hush-hush-hush-hush")
    monkeypatch.setattr(parsing, "_CODE", "import os, sys; sys.stderr.write(' '.join(os.environ)); sys.exit(3)")
    with pytest.raises(FeedError) as caught:
        await Parsing().read(b"", "", BASE)
    assert "PATH" in str(caught.value)
    assert "BAROGRAPH" not in str(caught.value)


async def test_reading_does_not_hold_up_this_process() -> None:
    body = b"<rss version='2.0'><channel>" + b"<item><a>" * 20_000
    reading = asyncio.create_task(Parsing().read(body, "", BASE))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1_000
