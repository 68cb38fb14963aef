from __future__ import annotations

import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import KINDS, SENTIMENTS, TOPICS
from model.text import MAX_CHARS, clean

ROOT = Path(__file__).parents[2]
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


@given(ANY_TEXT)
def test_cleaning_never_raises_and_leaves_text_that_can_be_encoded(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert len(cleaned) <= MAX_CHARS
    assert not any(unicodedata.category(character) == "Cc" for character in cleaned)
    assert cleaned == cleaned.strip()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Profit\t up \n 3%  ", "Profit up 3%"),
        ("ＡＰＰＬＥ　涨停！", "APPLE 涨停!"),
        ("AT&amp;T beats https://t.co/abc now", "AT&T beats now"),
        ("RT @trader_1: $AAPL to the moon", "$AAPL to the moon"),
        ("ask @JimCramer about it", "ask @user about it"),
        ("mail me at jim@example.com", "mail me at jim@example.com"),
        ("soooooo good!!!!!!", "sooo good!!!"),
        ("loss of 1000000 dollars", "loss of 1000000 dollars"),
        ("a\ud800b\x00c\u200bd", "ab cd"),
        ("&#xD800; &#0; ok", "ok"),
        ("", ""),
    ],
)
def test_cleaning_folds_what_says_nothing(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_ten_megabytes_are_cut_before_they_cost() -> None:
    start = time.perf_counter()
    assert len(clean("\ufdfa @x &amp; " * 1_000_000)) <= MAX_CHARS
    assert time.perf_counter() - start < 1


def test_label_lists_are_those_of_the_heads() -> None:
    assert (len(SENTIMENTS), len(TOPICS), len(set(TOPICS)), len(KINDS)) == (3, 15, 15, 2)
    assert TOPICS[-1] == "other"


@pytest.mark.parametrize("module", ["model.labels", "model.text"])
def test_pure_modules_import_the_standard_library_only(module: str) -> None:
    own = _loaded("pass")
    loaded = _loaded(f"sys.path.insert(0, {str(ROOT)!r}); import {module}")
    assert loaded - own == {"model"}


def _loaded(statement: str) -> set[str]:
    """Return the top-level modules outside the standard library that a fresh process has after `statement`."""
    listing = "print(*{name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    code = f"import sys; {statement}; {listing}"
    done = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())
