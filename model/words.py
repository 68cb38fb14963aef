"""Where words begin and end, as people see them: Chinese ones too, which the tokenizer reads by characters."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from typing import Any

Span = tuple[int, int]

_HAN = "㐀-䶿一-鿿豈-\ufaff"
_LETTER = rf"[^\W_{_HAN}]"
# A class of Chinese shares; a run of Chinese characters; a word, name, cashtag or number with its sign and its per
# cent; any other sign.
_PART = re.compile(
    r"[ABH]股"
    rf"|(?P<han>[{_HAN}]+)"
    rf"|(?:[+-](?=[$€£¥\d]))?[$#@€£¥]?{_LETTER}+(?:[.,'’&_-]{_LETTER}+)*%?"
    r"|\S"
)


def words(text: str) -> list[Span]:
    """Return the spans [start, end) of the words of `text`, in order, each without white space, none empty.

    Every character that is not white space stands in exactly one word. Runs of Chinese characters are cut by a
    dictionary and, for what it does not know, by the likeliest cut.
    """
    spans: list[Span] = []
    for match in _PART.finditer(text):
        if match["han"] is None:
            spans.append(match.span())
        else:
            spans.extend(_chinese(match["han"], match.start()))
    return spans


def word_of(starts: Sequence[int], position: int) -> int:
    """Return the index of the word that a character stands in; the word before where it stands in none.

    Args:
        starts: where each word starts, in order; at least one.
        position: of the character, from 0.
    """
    return max(0, bisect_right(starts, position) - 1)


def _chinese(run: str, at: int) -> list[Span]:
    return [(at + start, at + end) for _, start, end in _segmenter().tokenize(run)]


@cache
def _segmenter() -> Any:
    # Its dictionary takes a tenth of a second to read: not before the first Chinese text.
    import rjieba

    return rjieba.Jieba()
