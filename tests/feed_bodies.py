"""Bodies that feeds' servers send, for the tests of `ingest rss`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

BOMB = (
    b"<?xml version='1.0'?><!DOCTYPE z [<!ENTITY e0 'lol'>"
    + b"".join(b"<!ENTITY e%d '%s'>" % (i, b"&e%d;" % (i - 1) * 10) for i in range(1, 10))
    + b"]><rss version='2.0'><channel><title>bomb</title><item><guid>1</guid><title>&e9;</title>"
    b"<description>&e9;&e9;</description></item></channel></rss>"
)
FILE_ENTITY = (
    b"<?xml version='1.0'?><!DOCTYPE z [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><rss version='2.0'><channel>"
    b"<title>t</title><item><guid>1</guid><title>before &x; after</title></item></channel></rss>"
)


def item(guid: str, title: str, **more: str) -> str:
    """Return one RSS item; a guid of blanks only is left out."""
    parts = {"title": title} | more
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts.items())
    return f"<item><guid isPermaLink='false'>{escape(guid)}</guid>{inner}</item>" if guid else f"<item>{inner}</item>"


def rss_feed(title: str, items: Iterable[str], head: str = "") -> bytes:
    """Return an RSS 2.0 feed in UTF-8."""
    return (
        f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>{escape(title)}</title>{head}"
        f"{''.join(items)}</channel></rss>"
    ).encode()


def plain_feed(title: str, count: int, first: int = 0) -> bytes:
    """Return a feed of `count` entries, newest first, with guids `{title}-{n}` from `first` on."""
    return rss_feed(
        title,
        (
            item(
                f"{title}-{n}",
                f"Headline {n} of {title}",
                description=f"<p>Body <b>{n}</b> of {title}</p>",
                link=f"https://news.example/{title}/{n}",
                pubDate="Fri, 02 Jan 2026 10:00:00 +0100",
            )
            for n in reversed(range(first, first + count))
        ),
    )
