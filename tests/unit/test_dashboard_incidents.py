"""Incidents in words, figures, lists and the URL: values in, plain values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from dashboard.alert_filters import AlertFilters, alert_filters_of, alert_query, families, in_state, is_id
from dashboard.delivery_sheet import sheet_deliveries
from dashboard.filters import Span
from dashboard.formats import Formats
from dashboard.i18n import LANGUAGES, words
from dashboard.incident_panels import href_of, inbox, incident_list, incidents_tile, strip_incidents
from dashboard.incident_sheet import sheet_head, sheet_history, sheet_stories
from dashboard.incident_words import STATE_MARKS, STEPS_S, incident_words, notes, series_words
from dashboard.palette import DARK_BACKGROUND, LIGHT_BACKGROUND, SEVERITIES, SEVERITY_MARKS, contrast
from dashboard.tables import incidents_table
from stream.core.incidents import EventType, IncidentEvent, Kind, Severity, State
from stream.core.series import DIMENSIONS
from stream.store.deliveries import Attempt, DeliverySeen
from stream.store.incident_read import Seen
from tests.dashboard.alarming import HOSTILE, incident, resolved, seen, story

START_S = 1_767_355_200  # 2026-01-02 12:00 UTC
SPAN = Span(START_S, START_S + 3_600, 60, 60)
NOW_S = START_S + 3_600
EN = Formats(words("en"), UTC)
ZH = Formats(words("zh"), ZoneInfo("Asia/Shanghai"))


def href(name: str) -> str:
    return href_of(AlertFilters(incident=name))


@pytest.mark.parametrize(
    ("series", "english", "chinese"),
    [
        ("news/market/all", "News · whole market", "新闻 · 全市场"),
        ("news/ticker/ACME", "News · ticker ACME", "新闻 · 代码 ACME"),
        ("comment/topic/macro", "Comments · topic Macro", "评论 · 主题 宏观经济"),
        ("news/lang/zh", "News · language Chinese", "新闻 · 语言 中文"),
        ("news/lang/fr", "News · language fr", "新闻 · 语言 fr"),
        ("news/source/\u202ewire\n2", "News · source wire 2", "新闻 · 来源 wire 2"),
        ("of no shape", "of no shape", "of no shape"),
    ],
)
def test_a_series_is_told_in_words(series: str, english: str, chinese: str) -> None:
    assert (series_words(series, EN.words), series_words(series, ZH.words)) == (english, chinese)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_an_incident_can_be_has_words(lang: str) -> None:
    known = words(lang).catalogue
    wanted = [f"state.{name}" for name in get_args(State)] + [f"severity.{name}" for name in get_args(Severity)]
    wanted += [f"event.{name}" for name in get_args(EventType)] + [f"kind_text.{name}" for name in get_args(Kind)]
    wanted += [f"series.{name}" for name in DIMENSIONS]
    wanted += [f"reason.{name}" for name in ("cleared", "not_confirmed", "no_data", "new_baseline")]
    assert [key for key in wanted if key not in known] == []
    assert STATE_MARKS.keys() == set(get_args(State)) and SEVERITY_MARKS.keys() == set(get_args(Severity))
    assert STEPS_S.keys() == {"5m", "1h", "6h", "1d"}


@pytest.mark.parametrize("background", [("light", LIGHT_BACKGROUND), ("dark", DARK_BACKGROUND)])
def test_severities_stand_out_as_words_from_their_background(background: tuple[str, str]) -> None:
    name, colour = background
    assert all(contrast(shade, colour) >= 4.5 for shade in SEVERITIES[name].values())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"early": True}, "Early: it opened before its window of 5 min had closed."),
        ({"late": True, "clock": "1h"}, "Late: it was decided more than ten minutes after"),
        ({"state": "recovering"}, "Recovering: the evidence has fallen below the closing level."),
        ({"state": "resolved", "reason": "not_confirmed", "early": True}, "Not confirmed: it opened before its window"),
        ({"state": "resolved", "reason": "no_data"}, "Resolved without data:"),
        ({"state": "resolved", "reason": "new_baseline"}, "It fired for more than a day;"),
    ],
)
def test_what_a_reader_must_know_of_an_incident_is_said_plainly(more: dict[str, Any], told: str) -> None:
    (note,) = notes(seen(**more), EN)
    assert note.startswith(told)


def test_an_ordinary_incident_needs_no_note() -> None:
    assert notes(seen(), EN) == []


QUERIES = [
    ({}, AlertFilters()),
    ({"state": "resolved", "range": "30d"}, AlertFilters("resolved", "30d")),
    ({"incident": "0" * 32}, AlertFilters(incident="0" * 32)),
    (
        {"state": "all", "range": "custom", "from": "2026-01-02T12:00:00Z", "to": "2026-01-02T13:00:00Z"},
        AlertFilters("all", "custom", START_S, START_S + 3_600),
    ),
]


@pytest.mark.parametrize(("query", "filters"), QUERIES)
def test_the_url_says_what_is_asked_and_is_read_back(query: dict[str, str], filters: AlertFilters) -> None:
    assert alert_filters_of(query) == filters
    assert alert_query(filters) == query


@pytest.mark.parametrize(
    "query",
    [
        {"state": "未结"},
        {"range": "forever"},
        {"range": "custom", "from": "2026-01-02T13:00:00Z", "to": "2026-01-02T12:00:00Z"},
        {"range": "custom", "from": "yesterday", "to": "now"},
        {"incident": ""},
    ],
)
def test_a_url_that_says_nonsense_asks_for_the_default(query: dict[str, str]) -> None:
    assert alert_filters_of(query) == AlertFilters()


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 33, "G" * 32, "0" * 31 + "}", "../" + "0" * 29])
def test_what_cannot_be_an_id_is_never_asked_for(text: str) -> None:
    assert not is_id(text)


def test_an_acknowledged_incident_is_open_still() -> None:
    acknowledged = seen(by="Jo")
    over = replace(acknowledged, incident=resolved(acknowledged.incident, START_S + 900))
    states = ("open", "acknowledged", "resolved", "all")
    assert [name for name in states if in_state(acknowledged, name)] == ["open", "acknowledged", "all"]
    assert [name for name in states if in_state(over, name)] == ["resolved", "all"]


def test_attached_incidents_stand_under_the_widest_that_is_there() -> None:
    market = seen("news/market/all")
    language = seen("news/lang/en", parent=market.incident.incident_id)
    ticker = seen("news/ticker/ACME", parent=language.incident.incident_id)
    orphan = seen("news/ticker/ZZZ", parent="f" * 32)
    found = families([orphan, ticker, language, market])
    assert found == [(orphan, []), (market, [ticker, language])]


def test_incidents_that_name_each_other_are_all_shown() -> None:
    a, b = seen("news/lang/en"), seen("news/lang/zh")
    a = replace(a, incident=replace(a.incident, parent=b.incident.incident_id))
    b = replace(b, incident=replace(b.incident, parent=a.incident.incident_id))
    assert [head for head, _ in families([a, b])] == [a, b]


def test_rows_are_known_by_id_and_say_severity_and_state_without_colour() -> None:
    market = seen("news/market/all", severity="critical", z=8.84)
    child = seen(parent=market.incident.incident_id, early=True)
    head, attached = incident_list([child, market], NOW_S, EN, href=href, selected=child.incident.incident_id)
    assert (head["id"], head["mark"], head["word"]) == (market.incident.incident_id, "◆", "critical")
    assert head["state_word"] == "◉ firing" and head["z"] == "z 8.8" and head["fold"] == "1 attached"
    assert attached["parent"] == head["id"] and attached["selected"] and attached["tags"] == ["early"]
    assert attached["href"] == f"alerts?incident={child.incident.incident_id}"
    assert attached["share"] == "64.0% negative · usual 18.2%"
    assert (attached["age"], attached["who"]) == ("55 min ago", "not acknowledged")


def test_the_inbox_holds_five_and_what_nobody_looks_after_first() -> None:
    found = [seen(f"news/ticker/T{n}", START_S + n * 300, by="Jo" if n == 0 else None) for n in range(8)]
    panel = inbox(found, NOW_S, EN, "quiet")
    assert [row["series"][-2:] for row in panel["rows"]] == ["T1", "T2", "T3", "T4", "T5"]
    assert panel["more"] == {"text": "and 3 more", "href": "alerts"}
    few = inbox(found[:2], NOW_S, EN, "quiet")
    assert [row["who"] for row in few["rows"]] == ["not acknowledged", "✓ Jo"] and few["more"] is None


def test_no_incident_is_told_quietly() -> None:
    assert inbox([], NOW_S, EN, "quiet")["rows"] == [] and inbox([], NOW_S, EN, "quiet")["empty"] == "quiet"
    assert strip_incidents([], EN) == {"text": "no open incidents", "severity": "none", "href": "alerts"}
    tile = incidents_tile([], EN)
    assert (tile["value"], tile["sub"], tile["foot"], tile["severity"]) == ("0", "nothing fires", "", None)


def test_strip_and_tile_count_and_name_the_worst() -> None:
    found = [seen(), seen("news/market/all", severity="critical"), seen("news/lang/en", by="Jo")]
    assert strip_incidents(found, EN)["text"] == "◆ 3 open incidents"
    assert strip_incidents(found[:1], ZH)["text"] == "▲ 1 条未结告警"
    tile = incidents_tile(found, EN)
    assert (tile["value"], tile["sub"], tile["foot"]) == ("3", "◆ 1 critical · ▲ 2 warning", "2 not acknowledged")


def sheet(one: Seen, parent: Seen | None = None, children: tuple[Seen, ...] = ()) -> dict[str, Any]:
    head, facts = sheet_head(one, parent, children, EN, href)
    return head | {"facts": {fact["label"]: (fact["value"], fact["sub"]) for fact in facts["facts"]}}


def test_the_sheet_tells_what_happened_against_what_was_expected() -> None:
    told = sheet(seen(z_peak=6.02))
    assert told["title"] == "News · ticker ACME"
    assert told["text"] == (
        "2 Jan 2026, 11:50–12:05: 32 of 50 stories were negative, 64.0% (95%: 50.1% to 75.9%). "
        "Expected: 18.2% of about 42. The share is high; the number of stories is not unusual."
    )
    facts = told["facts"]
    assert facts["Negative of all stories"] == ("32 of 50", "expected 7.6 of 42")
    assert facts["Usual share"] == ("18.2%", "+45.8 pp")
    assert facts["Evidence z"] == ("5.3", "highest z 6")
    assert facts["Time looked at"] == ("15 min", "in steps of 5 min")
    assert facts["False-alarm budget"][0] == "0.03 per series and week"
    assert facts["Acknowledged by"] == ("nobody yet", "")
    assert "Resolved" not in facts


def test_a_span_of_seconds_is_told_in_seconds() -> None:
    early = sheet(seen(early=True, window_start_s=START_S, window_end_s=START_S + 35))
    assert early["text"].startswith("2 Jan 2026, 12:00:00–12:00:35: 32 of 50")


def test_a_resolved_incident_says_when_and_why() -> None:
    one = seen(by="Jo <b>")
    told = sheet(replace(one, incident=resolved(one.incident, START_S + 1_800, "exchange \u202ehalted it")))
    assert told["facts"]["Resolved"] == ("2 Jan 2026, 12:30:00", "exchange halted it")
    assert told["facts"]["Acknowledged by"] == ("Jo <b>", "2 Jan 2026, 12:06:40")


def test_relatives_are_one_click_away_unless_they_are_gone() -> None:
    market = seen("news/market/all")
    child = seen(parent=market.incident.incident_id, announced=False)
    (above,) = sheet(child, parent=market)["notes"]
    assert above["text"].startswith("Part of a wider incident")
    assert above["links"][0]["id"] == market.incident.incident_id
    (gone,) = sheet(child)["notes"]
    assert gone["links"] == [{"name": "an incident that is no longer kept"}]
    (below,) = sheet(market, children=(child,))["notes"]
    assert [link["name"] for link in below["links"]] == ["News · ticker ACME"]


def test_stories_open_only_plain_web_links_and_stay_text() -> None:
    one = incident(
        evidence=(story(title=HOSTILE, url="javascript:alert(1)"), story(1, score=0.02), story(2, score=0.8))
    )
    rows = sheet_stories(one, EN)["rows"]
    assert rows[0][1] == {"text": HOSTILE, "url": None, "wide": True}
    assert rows[1][1]["url"] == "https://example.org/story/1"
    assert [row[0]["text"] for row in rows] == ["▼ −0.93", "● +0.02", "▲ +0.80"]
    assert rows[1][3]["text"] == "×2"
    assert sheet_stories(incident(evidence=()), EN)["rows"] == []


def test_the_history_names_who_did_what_newest_first() -> None:
    one = incident()
    events = [
        IncidentEvent(incident_id=one.incident_id, seq=1, type="fired", at_ms=one.fired_at_ms, incident=one),
        IncidentEvent(
            incident_id=one.incident_id, seq=2, type="commented", at_ms=one.fired_at_ms + 1, incident=one,
            actor="李雷", text="a\nb",
        ),
        IncidentEvent(
            incident_id=one.incident_id, seq=3, type="resolved", at_ms=one.fired_at_ms + 2, incident=one, text="cleared"
        ),
    ]  # fmt: skip
    rows = [[cell["text"] for cell in row][1:] for row in sheet_history(events, EN)["rows"]]
    assert rows == [
        ["resolved", "detector", "back to normal"],
        ["comment", "李雷", "a b"],
        ["▲ fired", "detector", "z 5.3"],
    ]


def test_deliveries_tell_each_attempt_and_when_the_next_one_comes() -> None:
    at_ms = START_S * 1000
    attempts = [
        Attempt(at_ms=at_ms, status=None, reason="refused", took_ms=3),
        Attempt(at_ms=at_ms + 5_000, status=500, reason="500", took_ms=1_204),
    ]
    waiting = DeliverySeen(
        id="d1", endpoint="desk", type="fired", seq=1, state="pending", attempts=attempts, next_at_ms=at_ms + 35_000
    )
    parked = DeliverySeen(id="d2", endpoint="old", type="resolved", seq=2, state="pending", attempts=[], parked=True)
    first, second = sheet_deliveries([waiting, parked], EN, START_S + 6)["rows"]
    assert [cell["text"] for cell in first] == [
        "old", "resolved", "… waiting; nobody sends to this endpoint", "0 attempts"
    ]  # fmt: skip
    assert second[3]["text"] == "2 attempts · 500 · next at 12:00:35"
    assert second[3]["lines"] == [
        "2 Jan 2026, 12:00:05 · 500 · took 1,204 ms",
        "2 Jan 2026, 12:00:00 · no answer · refused · took 3 ms",
    ]
    (late,) = sheet_deliveries([waiting], EN, START_S + 36)["rows"]
    assert late[3]["text"] == "2 attempts · 500 · due: waits until the endpoint takes messages again"


def test_an_incident_of_a_wide_series_names_the_ticker_that_leads_it() -> None:
    one = replace(seen("news/market/all").incident, led_by="AC\u202eME")
    assert incident_words(one, EN.words) == "News · whole market (mostly ACME)"
    assert incident_words(one, ZH.words) == "新闻 · 全市场（以 ACME 为主）"


def test_the_list_as_a_file_never_starts_a_formula() -> None:
    one = seen("news/source/=cmd|'/c calc'!A1", by="=1+1")
    table = incidents_table([replace(one, incident=resolved(one.incident, START_S + 900, "+reason"))], EN)
    cells = table.csv.splitlines()[1].split(",")
    assert len(table.rows[0]) == len(table.header)
    assert cells[-2:] == ["'=1+1", "'+reason"]
    assert cells[0] == one.incident.incident_id
