"""Which feeds are followed, and how: from the command line, a TOML file or an OPML file."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

from stream.core.documents import KINDS, MAX_NAME_CHARS, MAX_URL_CHARS, problem
from stream.settings import ConfigurationError
from stream.sources.rss.words import place, plain

DEFAULT_INTERVAL_S: Final = 60.0
LEAST_INTERVAL_S: Final = 1.0
LONGEST_INTERVAL_S: Final = 86_400.0
MAX_FEEDS: Final = 1_000
_MAX_FILE_BYTES: Final = 10_000_000
_KEYS: Final = ("url", "kind", "source", "lang", "interval_s")
_OUTLINES: Final = (".opml", ".xml")

Kind = Literal["news", "comment"]


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed and what its entries become.

    Attributes:
        url: http or https, from whoever runs this; it may hold a password.
        source: of its documents; None: the feed's title when it is first read, or its host.
        lang: of its documents; None: told from each text.
        interval_s: from one poll to the next, more where the feed asks for more.
    """

    url: str
    kind: Kind = "news"
    source: str | None = None
    lang: str | None = None
    interval_s: float = DEFAULT_INTERVAL_S

    @property
    def key(self) -> str:
        """Under which its state is kept; another kind or source makes other documents, and another state."""
        named = "\x1f".join((self.url, self.kind, self.source or ""))
        return hashlib.blake2b(named.encode(), digest_size=16).hexdigest()

    @property
    def host(self) -> str:
        """Host of the URL, with its port where one is given."""
        return plain(urlsplit(self.url).netloc.rpartition("@")[2].lower(), MAX_NAME_CHARS)


def made_feed(fields: Mapping[str, Any], where: str) -> Feed:
    """Return the feed of these fields, `url` and those of `_KEYS` that are given.

    Raises:
        ConfigurationError: one cannot be used; the message begins with `where`.
    """
    unknown = sorted(set(fields) - set(_KEYS))
    if unknown:
        raise ConfigurationError(f"{where}: {', '.join(unknown)}: no such key; a feed has {', '.join(_KEYS)}")
    url = _checked_url(fields.get("url"), where)
    for name in ("kind", "source", "lang"):
        if not isinstance(fields.get(name, ""), str):
            raise ConfigurationError(f"{where}: {name}={fields[name]!r}: expected text")
    kind, source, lang = fields.get("kind", KINDS[0]), fields.get("source"), fields.get("lang")
    reason = problem(kind=kind, source="-" if source is None else source, text="-", lang=lang)
    if reason:
        raise ConfigurationError(f"{where}: {reason}")
    return Feed(url, cast("Kind", kind), source, lang, _checked_interval(fields.get("interval_s"), where))


def feeds_of(file: Path, defaults: Mapping[str, Any]) -> list[Feed]:
    """Return the feeds in a TOML file (`[[feed]]` tables) or an OPML file, what they leave open from the defaults.

    Raises:
        ConfigurationError: the file cannot be read or used, or has no feed.
    """
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise ConfigurationError(f"{file}: is larger than {_MAX_FILE_BYTES:,} bytes; expected a list of feeds")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise ConfigurationError(f"{file}: {exc.strerror}; expected a TOML or OPML file of feeds") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: is not UTF-8; expected a TOML or OPML file of feeds") from None
    rows = _outlines(text) if file.suffix.lower() in _OUTLINES else _tables(file, text)
    if not rows:
        raise ConfigurationError(
            f"{file}: has no feed; expected [[feed]] tables with a url (or, named .opml, outlines with an xmlUrl)"
        )
    return [made_feed({**defaults, **row}, f"{file}: feed {number}") for number, row in enumerate(rows, 1)]


def distinct(feeds: Iterable[Feed]) -> list[Feed]:
    """Return the feeds, each once.

    Raises:
        ConfigurationError: there is none, there are too many, or two polls of one differ in their settings.
    """
    found: dict[str, Feed] = {}
    for feed in feeds:
        if found.setdefault(feed.key, feed) != feed:
            raise ConfigurationError(f"{place(feed.url)}: is named twice, with different settings")
    if not found:
        raise ConfigurationError("no feed: name the URLs of feeds, or a file of them with --feeds")
    if len(found) > MAX_FEEDS:
        raise ConfigurationError(f"{len(found):,} feeds; one process follows at most {MAX_FEEDS:,}")
    return list(found.values())


def _checked_url(url: Any, where: str) -> str:
    if not isinstance(url, str):
        raise ConfigurationError(f"{where}: url: is missing; expected http://… or https://…")
    try:
        parts = urlsplit(url)
        fits = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or len(url) > MAX_URL_CHARS or not url.isprintable() or " " in url:
        # A URL that cannot be taken apart may hold a password anywhere.
        shown = repr(plain(url, 60)) if "@" not in url else "(hidden)"
        raise ConfigurationError(
            f"{where}: url {shown}: expected http://… or https://… with a host, at most {MAX_URL_CHARS} characters"
        )
    return url


def _checked_interval(value: Any, where: str) -> float:
    if value is None:
        return DEFAULT_INTERVAL_S
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not LEAST_INTERVAL_S <= value <= LONGEST_INTERVAL_S:
        raise ConfigurationError(
            f"{where}: interval_s={value!r}: expected seconds from {LEAST_INTERVAL_S:g} to {LONGEST_INTERVAL_S:g}"
        )
    return float(value)


def _tables(file: Path, text: str) -> list[dict[str, Any]]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"{file}: not a TOML file: {exc}") from None
    rows = found.get("feed", [])
    if set(found) - {"feed"} or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigurationError(f"{file}: expected only [[feed]] tables, with {', '.join(_KEYS)}")
    return rows


class _Outlines(HTMLParser):
    """Collects `xmlUrl`s: an HTML parser knows no entities to expand, and takes what is not quite XML."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = dict(attrs).get("xmlurl")
        if tag == "outline" and url:
            self.urls.append(url.strip())


def _outlines(text: str) -> list[dict[str, Any]]:
    parser = _Outlines()
    parser.feed(text)
    parser.close()
    return [{"url": url} for url in dict.fromkeys(parser.urls)]
