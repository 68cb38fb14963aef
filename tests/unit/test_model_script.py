"""Traditional Chinese is read as the simplified that the networks were taught."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.classifier import Classifier
from model.explain import Explainer
from model.script import as_read, simplified
from model.text import clean
from model.tiny import make_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("央行宣布降準，銀行業績增長", "央行宣布降准，银行业绩增长"),
        ("皇后的頭髮，後天發財", "皇后的头发，后天发财"),
        ("profit up 3%", "profit up 3%"),
        ("", ""),
    ],
)
def test_characters_become_simplified_by_the_word_they_stand_in(text: str, read: str) -> None:
    assert simplified(text) == read
    assert as_read(text) == clean(read)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    once = as_read(text)
    assert once.encode().decode() == once  # no lone surrogate is left, which nothing after it could write


def test_both_scripts_give_the_same_reading(tiny: Path) -> None:
    classifier = Classifier.load(tiny, device="cpu", precision="float32")
    traditional, plain = classifier.read(["業績下降，銀行虧損", "业绩下降，银行亏损"], ["news", "news"])
    assert traditional == plain


def test_an_explanation_shows_the_text_in_its_own_characters(tiny: Path) -> None:
    traditional, plain = Explainer.load(tiny, device="cpu").explain(["業績下降", "业绩下降"], ["news", "news"])
    assert traditional.text == "業績下降"
    assert "".join(word.text for word in traditional.words) == "業績下降"
    assert traditional.sentiment == plain.sentiment
