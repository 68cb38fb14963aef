"""Parents are known from a series' name, decided first, and their firing incident takes children in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.core.incidents import Incident, Story, incident_id
from stream.core.parents import belongs, depth, languages, open_parents, parents, told_with


def incident(series: str, z: float = 6.0) -> Incident:
    return Incident(
        incident_id=incident_id(series, 0),
        rule="negative",
        series=series,
        state="firing",
        severity="warning",
        kind="negative_share",
        clock="5m",
        opened_at_s=0,
        fired_at_ms=300_000,
        window_start_s=0,
        window_end_s=300,
        z=z,
        z_peak=z + 3,
        share=0.6,
        baseline_share=0.2,
        negative=30,
        total=50,
        expected_total=40.0,
        false_alarms_per_week=0.03,
    )


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("news/market/all", ()),
        ("comment/lang/zh", ("comment/market/all",)),
        ("news/topic/macro", ("news/market/all",)),
        ("news/ticker/BRK.B", ("news/market/all",)),
        ("news/source/a/b", ("news/market/all",)),
    ],
)
def test_parents_are_of_the_same_kind_and_wider(series: str, expected: tuple[str, ...]) -> None:
    assert parents(series) == expected


def test_a_topic_of_known_languages_has_them_as_parents_too_after_the_market() -> None:
    assert parents("news/topic/macro", ["en", "zh"]) == ("news/market/all", "news/lang/en", "news/lang/zh")
    assert parents("news/lang/en", ["en"]) == ("news/market/all",)


def test_parents_come_first_in_the_order_of_depth() -> None:
    drawn = ["news/ticker/A", "news/lang/en", "comment/market/all", "news/topic/t", "news/market/all"]
    assert [depth(series) for series in sorted(drawn, key=depth)] == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    "series", ["", "sales", "a/b", "a/b/c", "news/ticker/", "news/ticker", "//", "a,b\n", "ä/ö/ü/ß"]
)
def test_any_other_string_has_no_parents_and_comes_last(series: str) -> None:
    assert (parents(series, ["en"]), depth(series)) == ((), 2)


def test_open_incidents_of_parents_come_widest_first() -> None:
    market, lang = incident("news/market/all"), incident("news/lang/en")
    both = {"news/lang/en": lang, "news/market/all": market, "news/topic/other": incident("news/topic/other")}
    assert open_parents("news/topic/macro", both, ["en"]) == (market, lang)
    assert open_parents("news/topic/macro", both) == (market,)
    assert open_parents("news/market/all", both) == ()
    assert open_parents("sales", both) == ()


def test_a_child_is_told_with_the_widest_that_fires_and_is_not_far_below() -> None:
    market, lang = incident("news/market/all", 5.0), incident("news/lang/en", 8.0)
    assert told_with(6.0, (market, lang)) is market
    assert told_with(6.5, (market, lang)) is lang
    assert told_with(9.5, (market, lang)) is None
    assert told_with(6.0, (replace(market, state="recovering"), lang)) is lang
    assert told_with(6.0, ()) is None


def story(lang: str) -> Story:
    return Story(id=lang, title="t", source="s", lang=lang, score=-1.0, event_s=0)


def test_the_language_is_known_where_all_stories_share_it() -> None:
    assert languages([story("zh"), story("zh")]) == ("zh",)
    assert languages([story("zh"), story("en")]) == ()
    assert languages([]) == ()


@pytest.mark.parametrize(("z", "taken"), [(5.0, True), (7.49, True), (7.5, False), (9.0, False)])
def test_a_child_far_above_its_parent_stands_alone(z: float, taken: bool) -> None:
    assert belongs(z, incident("news/market/all", 6.0)) is taken


def test_without_a_firing_parent_a_child_stands_alone() -> None:
    assert not belongs(5.0, None)
    assert not belongs(5.0, replace(incident("news/market/all"), state="recovering"))
