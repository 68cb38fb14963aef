from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.words import word_of, words


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Apple's Q3 profit fell -3.5%, S&P 500 up",
            ["Apple's", "Q3", "profit", "fell", "-3.5%", ",", "S&P", "500", "up"],
        ),
        ("$TSLA to $1,234.5m!!", ["$TSLA", "to", "$1,234.5m", "!", "!"]),
        ("宁德时代净利润下滑12.5%，跌停", ["宁德", "时代", "净利润", "下滑", "12.5%", "，", "跌停"]),
        ("A股大涨 beats预期", ["A股", "大涨", "beats", "预期"]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_words_are_cut_as_people_see_them(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@given(st.text(alphabet=st.sampled_from("aZ9é_ \n-+.,%$#@'涨跌停利润𠮷한字豈"), max_size=60) | st.text(max_size=60))
def test_every_character_but_white_space_stands_in_exactly_one_word(text: str) -> None:
    spans = words(text)
    assert all(start < end for start, end in spans)
    assert all(before <= after for (_, before), (after, _) in pairwise(spans))
    covered = {i for start, end in spans for i in range(start, end)}
    assert covered == {i for i, character in enumerate(text) if not character.isspace()}


def test_a_character_belongs_to_the_word_it_stands_in() -> None:
    starts = [0, 6, 9]
    assert [word_of(starts, position) for position in (0, 5, 6, 8, 9, 40)] == [0, 0, 1, 1, 2, 2]
