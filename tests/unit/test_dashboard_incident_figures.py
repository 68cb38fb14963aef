"""Incidents on charts: marks and shades on the index, and the chart of one incident."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from dashboard.alert_figure import BEFORE_STEPS, around, series_figure
from dashboard.figures import index_figure
from dashboard.filters import Filters, Span
from dashboard.formats import Formats
from dashboard.i18n import words
from dashboard.incident_words import STEPS_S
from dashboard.marks import marked, shown_on
from stream.core.aggregates import Aggregate
from stream.store.incident_read import Seen
from tests.dashboard.alarming import incident, resolved, seen

START_S = 1_767_355_200  # 2026-01-02 12:00 UTC
SPAN = Span(START_S, START_S + 3_600, 60, 60)
NOW_S = START_S + 3_600
EN = Formats(words("en"), UTC)


def chart(found: list[Seen], filters: Filters = Filters(), now_s: float = NOW_S) -> dict[str, Any]:  # noqa: B008
    windows = [Aggregate(at, 10, 4, 2, 4, 800) for at in range(SPAN.start_s, SPAN.end_s, SPAN.step_s)]
    figure = index_figure(windows, SPAN, EN, "v")
    drawn: dict[str, Any] = marked(figure, shown_on(found, filters), SPAN, now_s, EN, drawn=filters.series)
    return json.loads(json.dumps(drawn, allow_nan=False)) and drawn


def marks(figure: dict[str, Any]) -> dict[str, list[str]]:
    return {t["marker"]["symbol"]: t["x"] for t in figure["data"] if t.get("mode") == "markers" and t["x"]}


def test_incidents_are_marked_where_they_opened() -> None:
    found = [seen(opened_s=START_S + 600), seen("news/market/all", START_S + 1_200, severity="critical")]
    figure = chart(found)
    assert marks(figure) == {"triangle-up": ["2026-01-02T12:10:00"], "diamond": ["2026-01-02T12:20:00"]}
    hover = [t["customdata"][0] for t in figure["data"] if t.get("mode") == "markers"]
    assert hover[0] == "▲ 2 Jan 2026, 12:10 · <b>News · ticker ACME</b> · z 5.3"


def test_incidents_of_one_step_share_a_mark_that_names_the_strongest() -> None:
    found = [seen(f"news/ticker/T{n}", START_S + 600, z_peak=float(n)) for n in range(9)]
    figure = chart([*found, seen("news/market/all", START_S + 600, severity="critical")])
    assert marks(figure) == {"diamond": ["2026-01-02T12:10:00"]}
    (told,) = [t["customdata"][0] for t in figure["data"] if t.get("mode") == "markers" and t["x"]]
    assert told.startswith("▲ 2 Jan 2026, 12:10 · <b>News · ticker T8</b>") and told.endswith("<br>and 4 more")


def test_markup_in_a_series_stays_text_in_the_chart() -> None:
    figure = chart([seen("news/source/<a href='javascript:x'>")])
    (told,) = [t["customdata"][0] for t in figure["data"] if t.get("mode") == "markers" and t["x"]]
    assert "<a" not in told and "&lt;a" in told


#  12:00    :10     :20     :30     :40     :50   13:00
#  [ before ─────────┤                                   resolved 12:20
#            [ market, critical ─────────┤               12:10 to 12:40
#                            [ market, warning ───────── 12:30, fires on
def test_the_time_that_fired_is_shaded_once() -> None:
    over = seen("comment/market/all", START_S - 600)
    over = replace(over, incident=resolved(over.incident, START_S + 1_200))
    worst = seen("news/market/all", START_S + 600, severity="critical")
    worst = replace(worst, incident=resolved(worst.incident, START_S + 2_400))
    found = [over, worst, seen("comment/market/all", START_S + 1_800)]
    shades = [(s["x0"][11:16], s["x1"][11:16], s["fillcolor"]) for s in chart(found)["layout"]["shapes"]]
    assert shades == [
        ("12:10", "12:40", "@critical/0.13"),
        ("12:00", "12:10", "@warning/0.13"),
        ("12:40", "13:00", "@warning/0.13"),
    ]


def test_a_part_of_what_is_drawn_gets_a_stripe_and_no_shade() -> None:
    whole, part = chart([seen("news/market/all")]), chart([seen("news/ticker/ACME")])
    heights = [shapes["layout"]["shapes"][0]["y1"] - shapes["layout"]["shapes"][0]["y0"] for shapes in (whole, part)]
    assert heights[1] < heights[0] / 10


def test_filters_and_attachment_decide_which_incidents_the_chart_shows() -> None:
    market, topic = seen("news/market/all"), seen("news/topic/macro")
    found = [market, topic, seen("comment/market/all"), seen("news/lang/en", announced=False)]
    assert shown_on(found, Filters(kind="news")) == [market, topic]
    assert shown_on(found, Filters(topics=("macro",))) == [topic]


def test_a_chart_without_incidents_is_as_it_was() -> None:
    figure = chart([])
    assert figure["layout"]["shapes"] == [] and marks(figure) == {}


@pytest.mark.parametrize(("clock", "step_s"), STEPS_S.items())
def test_the_chart_of_an_incident_begins_well_before_it_in_steps_of_its_clock(clock: str, step_s: int) -> None:
    one = incident(clock=clock)
    span = around(one, START_S + 900)
    assert span.step_s == step_s and span.start_s % step_s == 0 and span.end_s % step_s == 0
    assert one.opened_at_s - span.start_s >= BEFORE_STEPS * step_s
    assert span.end_s > one.opened_at_s and span.length_s % span.step_s == 0 and span.step_s % span.width_s == 0


def test_the_chart_of_an_old_incident_ends_soon_after_it_was_resolved() -> None:
    span = around(resolved(incident(), START_S + 1_800), START_S + 90 * 86_400)
    assert span.end_s == START_S + 1_800 + 12 * 300


def test_share_is_drawn_against_what_was_expected() -> None:
    one = incident(window_start_s=START_S, window_end_s=START_S + 900, expected_total=42.0)
    span = around(one, START_S + 900)
    windows = [Aggregate(at, 12, 3, 3, 4) for at in range(span.start_s, span.end_s, span.step_s)]
    figure = series_figure(windows, span, one, EN, one.incident_id)
    json.dumps(figure, allow_nan=False)
    levels = [(trace["yaxis"], trace["y"][0]) for trace in figure["data"] if trace.get("line", {}).get("dash")]
    assert levels == [("y", 0.182), ("y2", 14.0)]
    (shade,) = figure["layout"]["shapes"]
    assert (shade["x0"], shade["x1"]) == ("2026-01-02T12:00:00", "2026-01-02T12:15:00")
    early = replace(one, window_end_s=START_S + 35)
    (thin,) = series_figure(windows, span, early, EN, "v")["layout"]["shapes"]
    assert (thin["x0"], thin["x1"]) == ("2026-01-02T12:00:00", "2026-01-02T12:05:00")
    assert "Usual 18.2%" in figure["data"][1]["customdata"][0]
