"""Which feeds are followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.settings import ConfigurationError
from stream.sources.rss.feeds import Feed, distinct, feeds_of, made_feed
from stream.sources.rss.follow import names_of

URL = "https://news.example/feed"
DEFAULTS = {"kind": "news", "interval_s": 60.0}


def written(folder: Path, text: str, name: str = "feeds.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_toml_file(tmp_path: Path) -> None:
    second = f'url = "{URL}2"\nkind = "comment"\nsource = "s"\nlang = "zh"\ninterval_s = 5'
    text = f'[[feed]]\nurl = "{URL}"\n[[feed]]\n{second}'
    assert feeds_of(written(tmp_path, text), {**DEFAULTS, "lang": "en"}) == [
        Feed(URL, "news", None, "en", 60.0),
        Feed(f"{URL}2", "comment", "s", "zh", 5.0),
    ]


def test_an_opml_file(tmp_path: Path) -> None:
    text = f"""<?xml version="1.0"?><opml version="2.0"><head><title>mine</title></head><body><outline text="a">
    <outline type="rss" text="b &amp; c" xmlUrl="{URL}?a=1&amp;b=2"/><outline xmlUrl="{URL}"/><outline xmlUrl="{URL}"/>
    </outline></body></opml>"""
    assert [feed.url for feed in feeds_of(written(tmp_path, text, "mine.opml"), DEFAULTS)] == [f"{URL}?a=1&b=2", URL]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no feed"),
        ("feed = 1", r"expected only \[\[feed\]\] tables"),
        ("[other]\na = 1", r"expected only \[\[feed\]\] tables"),
        ("[[feed", "not a TOML file"),
        ('[[feed]]\nkind = "news"', "feed 1: url: is missing"),
        ("[[feed]]\nurl = 5", "feed 1: url: is missing"),
        (f'[[feed]]\nurl = "{URL}"\ncolour = "red"', "feed 1: colour: no such key; a feed has url, kind"),
        (f'[[feed]]\nurl = "{URL}"\nkind = "tweet"', "feed 1: kind: 'tweet' is not one of news, comment"),
        (f'[[feed]]\nurl = "{URL}"\nkind = 5', "feed 1: kind=5: expected text"),
        (f'[[feed]]\nurl = "{URL}"\nsource = " "', "feed 1: source: is empty"),
        (f'[[feed]]\nurl = "{URL}"\nlang = "?"', "is not a language tag"),
        (f'[[feed]]\nurl = "{URL}"\ninterval_s = 0', "interval_s=0: expected seconds from 1 to 86400"),
        (f'[[feed]]\nurl = "{URL}"\ninterval_s = true', "interval_s=True: expected seconds"),
        (f'[[feed]]\nurl = "{URL}"\ninterval_s = nan', "interval_s=nan: expected seconds"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        feeds_of(written(tmp_path, text), DEFAULTS)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: No such file"):
        feeds_of(tmp_path / "none.toml", DEFAULTS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "news.example/feed",
        "ftp://h/x",
        "file:///etc/passwd",
        "http://",
        "http://h:99999/",
        "http://h/a b",
        "http://[",
    ],
)
def test_a_url_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(ConfigurationError, match="expected http"):
        made_feed({"url": url}, "feed 1")


def test_a_url_that_is_none_shows_no_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        made_feed({"url": "htp://me:hush@h/"}, "feed 1")
    assert "hush" not in str(caught.value)


def test_feeds_are_followed_once() -> None:
    assert distinct([Feed(URL), Feed(URL), Feed(f"{URL}2")]) == [Feed(URL), Feed(f"{URL}2")]
    with pytest.raises(ConfigurationError, match="named twice, with different settings"):
        distinct([Feed(URL), Feed(URL, interval_s=5)])
    with pytest.raises(ConfigurationError, match="no feed"):
        distinct([])
    with pytest.raises(ConfigurationError, match="1,001 feeds"):
        distinct(Feed(f"{URL}{n}") for n in range(1001))


def test_lines_tell_feeds_of_one_source_or_host_apart() -> None:
    assert names_of([Feed(URL), Feed("https://other.example/x")]) == [None, None]
    assert names_of([Feed(URL), Feed(f"{URL}2?k=v")]) == ["news.example/feed", "news.example/feed2"]
    assert names_of([Feed(URL, source="s"), Feed(f"{URL}2", source="s")]) == [
        "s, news.example/feed",
        "s, news.example/feed2",
    ]


def test_state_belongs_to_url_kind_and_source() -> None:
    keys = {feed.key for feed in (Feed(URL), Feed(URL, "comment"), Feed(URL, source="s"), Feed(URL, interval_s=9))}
    assert len(keys) == 3
