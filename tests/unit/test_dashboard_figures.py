"""Figures, tiles, strip, headlines and tables: aggregates in, plain values out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboard.drawing import FEW
from dashboard.figures import heatmap_figure, index_figure
from dashboard.filters import Span
from dashboard.formats import Formats
from dashboard.i18n import words
from dashboard.panels import (
    LIVE,
    PAST,
    PAUSED,
    Moment,
    Sums,
    age_level,
    down_strip,
    headline_rows,
    mode,
    strip,
    tiles,
)
from dashboard.tables import chart_table, headlines_table, topics_table
from stream.core.aggregates import Aggregate
from stream.store.read import Headline, Totals

START_S = 1_767_355_200
SPAN = Span(START_S, START_S + 300, 60, 60)
EN = Formats(words("en"), UTC)


def window(i: int, negative: int, neutral: int, positive: int) -> Aggregate:
    total = negative + neutral + positive
    return Aggregate(START_S + i * 60, total, negative, neutral, positive, (positive - negative) * 8_000)


#              full              few               empty              full              full
WINDOWS = [window(0, 4, 2, 4), window(1, 1, 0, 1), window(2, 0, 0, 0), window(3, 0, 5, 5), window(4, 9, 1, 0)]


def headline(**more: Any) -> Headline:
    given: dict[str, Any] = {
        "id": "1", "event_s": START_S, "received_ms": START_S * 1000, "kind": "news", "lang": "en", "source": "wire",
        "title": "t", "label": "negative", "score": -0.9, "topic": "macro", "story": "00",
    }  # fmt: skip
    return Headline(**(given | more))


def test_a_figure_is_plain_json_and_every_window_has_its_place() -> None:
    figure = index_figure(WINDOWS, SPAN, EN, "default")
    assert json.loads(json.dumps(figure, allow_nan=False))["layout"]["uirevision"] == "default"
    assert figure["layout"]["xaxis"]["range"] == ["2026-01-02T12:00:00", "2026-01-02T12:05:00"]


def test_windows_with_few_stories_are_grey_and_empty_ones_a_gap() -> None:
    thin, solid = [trace for trace in index_figure(WINDOWS, SPAN, EN, "v")["data"] if trace.get("yaxis") == "y"][1:3]
    assert thin["line"]["color"] == "@few"
    assert thin["y"] == [0.0, 0.0, None, 0.4, -0.72]
    assert solid["line"]["color"] == "@accent"
    assert solid["y"] == [0.0, None, None, 0.4, -0.72]


def test_the_band_is_one_closed_polygon_for_each_unbroken_run() -> None:
    band = index_figure(WINDOWS, SPAN, EN, "v")["data"][0]
    runs = [i for i, x in enumerate(band["x"]) if x is None]
    assert len(runs) == 2 and len(band["x"]) == len(band["y"])
    # The first run is one window, which gets some width; the second has two windows, four corners.
    assert runs == [4, 9]
    assert all(-1 <= y <= 1 for y in band["y"] if y is not None)


#  clock    01:30    02:00    02:30    02:00    02:30    03:00    03:30
#  UTC      23:30    00:00    00:30    01:00    01:30    02:00    02:30
def test_time_runs_forward_through_an_hour_that_comes_twice() -> None:
    start_s = int(datetime(2026, 10, 24, 23, 30, tzinfo=UTC).timestamp())
    span = Span(start_s, start_s + 3 * 3_600, 1_800, 60)
    windows = [Aggregate(at, 10, 4, 2, 4, 800) for at in range(span.start_s, span.end_s, span.step_s)]
    berlin = Formats(words("en"), ZoneInfo("Europe/Berlin"))
    chart = index_figure(windows, span, berlin, "v")
    heatmap = heatmap_figure({"macro": windows}, span, berlin, "v")
    for figure in (chart, heatmap):
        for trace in [trace for trace in figure["data"] if trace.get("fill") is None]:
            assert trace["x"] == sorted(set(trace["x"])) and len(trace["x"]) == 6
        assert figure["layout"]["xaxis"]["range"] == ["2026-10-25T00:30:00", "2026-10-25T03:30:00"]
    hover = chart["data"][1]["customdata"]
    assert hover[0].startswith("25 Oct 2026, 01:30–02:00 UTC+2<br>")
    assert hover[2].startswith("25 Oct 2026, 02:30 UTC+2–02:00 UTC+1<br>")
    starts = [row[0] for row in chart_table(windows, berlin).rows]
    assert len(set(starts)) == 6 and starts[-1] == "2026-10-25T01:30:00+02:00"


def test_the_volume_counts_documents_not_stories() -> None:
    busy = [Aggregate(START_S, documents=40, negative=1, neutral=1, positive=1)]
    bars = next(trace for trace in index_figure(busy, SPAN, EN, "v")["data"] if trace["type"] == "bar")
    assert bars["y"] == [40]


def test_the_heatmap_leaves_cells_without_stories_blank_and_its_scale_fixed() -> None:
    cells, veil = heatmap_figure({"macro": WINDOWS}, SPAN, EN, "v")["data"]
    assert cells["z"] == [[0.0, 0.0, None, 0.4, -0.72]]
    assert (cells["zmin"], cells["zmax"]) == (-1, 1)
    assert veil["z"] == [[None, 1, None, None, None]]
    assert cells["y"] == ["Macro"]
    assert FEW == 5


def test_hovering_tells_interval_and_counts() -> None:
    told = index_figure(WINDOWS, SPAN, EN, "v")["data"][1]["customdata"]
    assert "10 stories" in told[0] and "Negative 40.0%" in told[0]
    assert "few stories" in told[1]
    assert told[2].endswith("0 documents")


def test_the_share_tile_has_the_wilson_interval_and_the_change_in_points() -> None:
    before = Aggregate(0, 10, negative=1, neutral=9)
    share = tiles(Sums(window(0, 4, 2, 4), before, WINDOWS, 300, 300), Totals(), START_S, EN)[1]
    assert share["value"] == "40.0%"
    # 4 of 10: 0.168 to 0.687 (Wilson, 95%).
    assert share["sub"] == "95%: 16.8% to 68.7%"
    assert share["change"] == {"text": "↑ +30.0 pp", "tone": "neg", "hint": "against the equal time before"}


def test_tiles_without_a_past_show_no_change() -> None:
    nothing = Aggregate(0)
    shown = tiles(Sums(nothing, nothing, [], 60, 60), Totals(), START_S, EN)
    assert [tile["value"] for tile in shown] == ["–", "–", "0.0", "–"]
    assert all(tile.get("change") is None for tile in shown)


def test_documents_a_minute_are_counted_over_the_time_that_has_passed() -> None:
    rate = tiles(Sums(window(0, 0, 30, 0), Aggregate(0, 50), WINDOWS, 120, 300), Totals(), START_S, EN)[2]
    assert rate["value"] == "15.0"
    assert rate["change"]["text"] == "↑ +50 %"


@pytest.mark.parametrize(("age_s", "level"), [(0, "fresh"), (1.99, "fresh"), (2, "slow"), (9.99, "slow"), (10, "old")])
def test_age_turns_amber_at_two_seconds_and_red_at_ten(age_s: float, level: str) -> None:
    assert age_level(age_s) == level


def test_a_quiet_market_is_told_in_words() -> None:
    seen = Totals(newest_received_ms=(START_S - 185) * 1000)
    assert strip(seen, LIVE, Moment(START_S), SPAN, EN)["age"] == "newest document 3 min ago"
    assert strip(Totals(), LIVE, Moment(START_S), SPAN, EN)["age"] == "no documents yet"
    assert down_strip(34, Moment(START_S), EN)["age"] == "picture is 34 s old"


@pytest.mark.parametrize(
    ("now_s", "paused_s", "expected"),
    [(SPAN.end_s, None, LIVE), (SPAN.end_s + 120, None, LIVE), (SPAN.end_s + 121, None, PAST), (0, 1.0, PAUSED)],
)
def test_the_strip_says_whether_it_is_live(now_s: float, paused_s: float | None, expected: str) -> None:
    assert mode(SPAN, Moment(now_s, paused_s)) == expected


@pytest.mark.parametrize(
    ("now_s", "paused_s", "level"),
    [
        (SPAN.end_s, None, "old"),
        (SPAN.end_s + 3_600, None, "none"),
        (SPAN.end_s + 3_600, SPAN.end_s, "old"),
        (SPAN.end_s + 3_600, SPAN.end_s + 3_600, "none"),
    ],
    ids=["live", "past", "paused while live", "paused in a past"],
)
def test_the_age_of_the_data_draws_no_eye_in_a_past(now_s: float, paused_s: float | None, level: str) -> None:
    seen, moment = Totals(newest_received_ms=START_S * 1000), Moment(now_s, paused_s)
    shown = strip(seen, mode(SPAN, moment), moment, SPAN, EN)
    assert shown["level"] == level
    assert shown["age"].startswith("newest document ")


@pytest.mark.parametrize(("past", "level"), [(False, "old"), (True, "none")])
def test_the_tile_of_the_age_is_grey_in_a_past(past: bool, level: str) -> None:
    seen = Totals(newest_received_ms=START_S * 1000)
    shown = tiles(Sums(WINDOWS[0], WINDOWS[1], WINDOWS, 300, 300), seen, START_S + 3_600, EN, past=past)[3]
    assert (shown["level"], shown["value"]) == (level, "1 h")


@pytest.mark.parametrize(
    ("label", "mark", "tone"), [("negative", "▼", "neg"), ("neutral", "●", "neu"), ("positive", "▲", "pos")]
)
def test_a_headline_has_mark_sign_and_tone(label: str, mark: str, tone: str) -> None:
    (row,) = headline_rows([headline(label=label, score=0.5, copies=1_200)], START_S, EN)
    assert (row["mark"], row["tone"], row["score"], row["copies"]) == (mark, tone, "+0.50", "×1,200")


def test_hostile_headlines_become_text() -> None:
    hostile = headline(
        title="<img src=x onerror=alert(1)>\u202e[x](javascript:1)\n**b**",
        url="javascript:alert(1)",
        source="<b>s\u0000</b>" * 20,
        topic="<script>",
        label="??",
        tickers=tuple(f"T{i}" for i in range(9)),
    )
    (row,) = headline_rows([hostile], START_S, EN)
    assert row["title"] == "<img src=x onerror=alert(1)>[x](javascript:1) **b**"
    assert row["url"] is None
    assert len(row["source"]) <= 40 and "\x00" not in row["source"]
    assert row["topic"] == "<script>" and row["tone"] == "neu"
    assert row["tickers"][-1] == "+5"


def test_the_tables_hold_what_the_charts_show_newest_first() -> None:
    chart = chart_table(WINDOWS, EN)
    assert chart.rows[0][0] == "2026-01-02T12:04:00+00:00"
    assert dict(zip(chart.header, chart.rows[2], strict=True))["Index"] is None
    topics = topics_table({"macro": WINDOWS}, SPAN, EN)
    assert topics.columns["Macro"] == [-0.72, 0.4, None, 0.0, 0.0]
    csv = headlines_table([headline(title="=cmd|' /C calc'!A0")], EN).csv
    assert "'=cmd|" in csv
