"""What children print reaches the terminal as plain lines, and not too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.supervision.lines import LONGEST_LINE, Cutter, Gate, clean, prefixed


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[?25l\x1b[2Kgone", "gone"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("50%\r100%", "100%"),
        ("line\r", "line"),
        ("a\x00b\x08c\x9b31md", "abc31md"),
        ("tab\tstays 中文", "tab\tstays 中文"),
    ],
)
def test_a_line_cannot_steer_the_terminal(raw: str, plain: str) -> None:
    assert clean(raw) == plain


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    assert all(char == "\t" or char.isprintable() or ord(char) > 0x9F for char in clean(text))


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_lines_do_not_depend_on_how_the_stream_was_cut(chunks: list[bytes]) -> None:
    whole, parts = Cutter(), Cutter()
    expected = whole.feed(b"".join(chunks)) + whole.end()
    assert [line for chunk in chunks for line in parts.feed(chunk)] + parts.end() == expected


def test_an_endless_line_is_cut() -> None:
    cutter = Cutter()
    lines = cutter.feed(b"x" * 10 * LONGEST_LINE)
    assert [len(line) for line in lines] == [LONGEST_LINE + 1]
    assert cutter.end() == []


def test_a_flood_is_held_back_and_counted() -> None:
    gate = Gate(rate_per_s=4, burst=5)
    assert [gate.admit(100.0) for _ in range(8)] == [True] * 5 + [False] * 3
    # A quarter of a second later: one more.
    assert [gate.admit(100.25), gate.admit(100.25)] == [True, False]
    assert (gate.take_held_back(), gate.take_held_back()) == (4, 0)


def test_prefixes_line_up_and_take_colour_only_where_one_is_given() -> None:
    assert prefixed("redis", "up", 8, None) == "redis    | up"
    assert prefixed("redis", "up", 8, 36) == "\x1b[36mredis    |\x1b[0m up"
