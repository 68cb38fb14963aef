from __future__ import annotations

import random
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.classifier import Reading
from model.evaluation.bootstrap import share_interval
from model.evaluation.pairs import DIFFERING, FILLERS, turned
from model.evaluation.perturb import KEEPING, other_entity, other_numbers, typo
from model.evaluation.robust import robustness
from model.evaluation.traditional import TABLE, traditional
from model.labels import TOPICS
from model.text import clean
from model.training.rows import Row

EVEN = tuple(1 / len(TOPICS) for _ in TOPICS)


def test_a_typo_swaps_two_neighbours_within_a_word_and_nothing_else() -> None:
    text = "Profit rises at Nokia"
    for seed in range(20):
        changed = typo(text, random.Random(seed))
        places = [i for i, (a, b) in enumerate(zip(text, changed, strict=True)) if a != b]
        assert sorted(changed) == sorted(text) and len(places) in {0, 2}
        assert all(text[i].isalpha() for i in places)
    assert sorted(typo("净利润增长", random.Random(0))) == sorted("净利润增长")
    assert typo("up 3%", random.Random(0)) == "up 3%"


@given(st.text(st.sampled_from("aZ 0123.,%-$涨12345678901234"), max_size=30), st.integers(0, 5))
def test_other_numbers_keep_their_shape_and_their_order(text: str, seed: int) -> None:
    changed = other_numbers(text, random.Random(seed))
    assert re.sub(r"\d", "0", changed) == re.sub(r"\d", "0", text)


def test_other_numbers_change_amounts_and_keep_years_and_stock_codes() -> None:
    text = "Profit rose to 13.1 mn from 8.7 mn in 2010; 600519 净利润3.2亿元"
    before = [13.1, 8.7, 3.2]
    changed = [other_numbers(text, random.Random(seed)) for seed in range(10)]
    for one in changed:
        first, second, year, code, third = re.findall(r"\d+(?:\.\d+)?", one)
        assert (year, code) == ("2010", "600519")
        assert sorted(map(float, (first, second, third))) == sorted(map(float, (third, second, first)))
        assert float(third) < float(second) < float(first)
    assert any([float(x) for x in re.findall(r"\d+\.\d+", one)] != before for one in changed)


def test_another_company_takes_the_place_of_each_mention_of_one() -> None:
    changed = other_entity("Nokia and $TSLA: Nokia up; 比亚迪（002594）涨", random.Random(1))
    first = changed.split(" and ")[0]
    assert first != "Nokia" and changed.count(first) >= 2
    assert "TSLA" not in changed and "比亚迪" not in changed and "002594" not in changed
    assert other_entity("no company here", random.Random(1)) == "no company here"


def test_traditional_characters_are_one_for_one_and_of_no_simplified_form() -> None:
    assert traditional("国务院：减税利好银行业绩，股价大涨") == "國務院：減稅利好銀行業績，股價大漲"
    assert not {chr(code) for code in TABLE} & set(TABLE.values())
    assert len(set(TABLE.values())) >= len(TABLE) - 25  # few traditional characters have two simplified ones


@pytest.mark.parametrize("name", ["upper case", "full-width"])
def test_some_changes_are_undone_by_cleaning(name: str) -> None:
    changed = KEEPING[name][1]("Nokia ＣＥＯ says profit up 3%", random.Random(0))
    assert clean(changed).lower() == clean("Nokia CEO says profit up 3%").lower()


def test_a_word_is_turned_to_its_opposite_only_where_it_is_the_only_one() -> None:
    assert turned("Shares fell after results", "en") == ("Shares rose after results", "negative")
    assert turned("公司业绩增长", "zh") == ("公司业绩下降", "positive")
    assert turned("up today, down tomorrow", "en") is None
    assert turned("nothing here", "en") is None


def test_every_pair_names_a_company_in_both_texts_and_there_are_both_languages() -> None:
    for pairs in DIFFERING.values():
        assert {pair[0] for pair in pairs} == set(FILLERS)
        for _, kind, good, bad in pairs:
            assert good.count("{}") == bad.count("{}") == 1 and good != bad and kind in {"news", "comment"}


def by_capitals(texts: Sequence[str], kinds: Sequence[str]) -> list[Reading]:
    """A reader that a model must not be: capitals are bad, and only the word "not" or 不 moves it else."""

    def one(text: str) -> Reading:
        bad = text.isupper() or "not" in text or "不" in text
        return Reading((0.8, 0.1, 0.1) if bad else (0.1, 0.1, 0.8), EVEN)

    return [one(text) for text in texts]


def test_robustness_counts_what_changed_of_what_was_touched() -> None:
    rows = [
        Row("sentiment", "en", "sentfin", "news", f"profit rises {i} at plant", ("positive",)) for i in range(10, 30)
    ]
    rows += [Row("sentiment", "zh", "finfe", "comment", f"公司业绩增长 第{i}次", ("positive",)) for i in range(10)]
    found = robustness(by_capitals, rows, 0)
    kept = {(part.name, part.lang): part for part in found.kept}
    assert kept["upper case", "en"].changed == 1.0 and kept["upper case", "en"].accuracy_after == 0.0
    assert kept["upper case", "en"].rows == 20 and kept["upper case", "en"].interval == share_interval(20, 20)
    assert kept["plain emoji added", "zh"].changed == 0.0 and kept["plain emoji added", "zh"].rows == 10
    assert ("other company or ticker", "en") not in kept  # no row names one
    differed = {(part.name, part.lang): part for part in found.differed}
    assert 0.3 < differed["negation", "en"].changed < 1
    assert differed["negation", "en"].moved <= differed["negation", "en"].changed
    assert differed["word turned to its opposite", "en"].pairs == 20
    assert differed["word turned to its opposite", "en"].changed == 0.0
    assert robustness(by_capitals, rows, 0) == found
