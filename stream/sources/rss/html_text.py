"""The words of a piece of HTML, and nothing of what it would do."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

MAX_HTML_CHARS: Final = 400_000
_DROPPED: Final = frozenset("script style template noscript iframe object embed svg math head select textarea".split())
_BREAKS: Final = frozenset(
    "address article aside blockquote br dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li "
    "main nav ol p pre section table tr ul".split()
)
_GAPS: Final = frozenset(("td", "th", "option", "button"))


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._dropping: str | None = None
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping is not None:
            self._depth += tag == self._dropping
        elif tag in _DROPPED and tag != "embed":
            self._dropping, self._depth = tag, 1
        else:
            self._gap(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping is None:
            self._gap(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping is None:
            self._gap(tag)
        elif tag == self._dropping:
            self._depth -= 1
            if not self._depth:
                self._dropping = None

    def handle_data(self, data: str) -> None:
        if self._dropping is None:
            self.parts.append(data)

    def _gap(self, tag: str) -> None:
        if tag in _BREAKS:
            self.parts.append("\n")
        elif tag in _GAPS:
            self.parts.append(" ")


def html_text(html: str) -> str:
    """Return the text of HTML, one line a block, without scripts, styles, comments and control characters.

    What is longer than `MAX_HTML_CHARS` is cut. Text with no mark-up in it comes back with its blanks tidied.
    Mark-up made to be slow is slow: in Python 3.11, 100 KB of `<a ` take minutes.

    >>> html_text("<p>Shares <b>fell</b>&nbsp;5%</p><script>x()</script>")
    'Shares fell 5%'
    """
    words = _Words()
    words.feed(html[:MAX_HTML_CHARS])
    words.close()
    return tidy("".join(words.parts))


def tidy(text: str) -> str:
    """Return the text with runs of blanks as one, empty lines and control characters gone, half characters replaced."""
    whole = text.encode("utf-8", "replace").decode()
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in whole if c not in "\u200b\u00ad\ufeff")
    return "\n".join(line for line in (" ".join(line.split()) for line in shown.split("\n")) if line)
