"""Parents are known from a series' name, decided first, and their firing incident takes children in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.core.incidents import Incident, incident_id
from stream.core.parents import belongs, depth, firing_parent, parents


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


def test_the_widest_firing_parent_is_taken() -> None:
    market, lang = incident("news/market/all"), incident("news/lang/en")
    both = {"news/market/all": market, "news/lang/en": lang}
    assert firing_parent("news/topic/macro", both, ["en"]) is market
    assert firing_parent("news/topic/macro", {"news/lang/en": lang}, ["en"]) is lang
    assert firing_parent("news/topic/macro", {"news/lang/en": lang}) is None
    assert firing_parent("news/market/all", both) is None
    recovering = {**both, "news/market/all": replace(market, state="recovering")}
    assert firing_parent("news/topic/macro", recovering, ["en"]) is lang


@pytest.mark.parametrize(("z", "taken"), [(5.0, True), (7.49, True), (7.5, False), (9.0, False)])
def test_a_child_far_above_its_parent_stands_alone(z: float, taken: bool) -> None:
    assert belongs(z, incident("news/market/all", 6.0)) is taken


def test_without_a_firing_parent_a_child_stands_alone() -> None:
    assert not belongs(5.0, None)
    assert not belongs(5.0, replace(incident("news/market/all"), state="recovering"))
