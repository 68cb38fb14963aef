"""HTML to text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources.rss.html_text import html_text, tidy
from stream.sources.rss.words import place, plain


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain words", "plain words"),
        ("a &lt; b &amp; c&nbsp;d &#20013;", "a < b & c d 中"),
        ("<p>one</p><p>two<br>three</p>", "one\ntwo\nthree"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "1 2"),
        ("x<script>var a = '<p>no</p>';</script>y", "xy"),
        ("x<style>p { color: red }</style>y", "xy"),
        ("x<svg><svg>no</svg>no</svg>y", "xy"),
        ("x<iframe src=a>no</iframe>y", "xy"),
        ("x<img src=a alt=b onerror=alert(1)>y", "xy"),
        ("x<!-- no <p> -->y", "xy"),
        ("x<script>never closed", "x"),
        ("a < b and c > d", "a < b and c > d"),
        ("in<b>vest</b>ors", "investors"),
        ("zero\u200bwidth\x00and\x1b[31m", "zerowidth and [31m"),
        ("", ""),
        ("<p> </p>", ""),
    ],
)
def test_words_stay_and_markup_goes(html: str, text: str) -> None:
    assert html_text(html) == text


@given(st.text())
def test_any_text_is_taken_and_none_is_unprintable(html: str) -> None:
    for character in html_text(html):
        assert character.isprintable() or character == "\n"


@given(st.text())
def test_tidying_twice_changes_nothing(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


@pytest.mark.parametrize("piece", ["<", "&#", "<script>", "</", "<![CDATA[", "<div>"])
def test_markup_that_never_ends_is_not_slow(piece: str) -> None:
    started = time.process_time()
    html_text(piece * (100_000 // len(piece)))
    assert time.process_time() - started < 10


def test_a_line_is_one_line() -> None:
    assert plain("a\r\nb\x1b]0;c\x07\u202ed") == "a b ]0;c d"
    assert len(plain("x" * 1000)) == 200


def test_a_url_for_people_has_no_secret() -> None:
    assert place("http://u:p@h:1/a/b?k=v#f") == "http://h:1/a/b"
