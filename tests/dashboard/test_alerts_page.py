"""The Alerts page, and what other pages tell of incidents, run by Streamlit's own harness against a real store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.incident_panels import Panel
from dashboard.source import configure
from stream.settings import Settings
from stream.store.acts import Acts
from stream.store.incident_read import IncidentReader
from tests.dashboard.alarming import Detector, crisis, incident, resolved, write
from tests.dashboard.filling import Doc, busy_hour, fill
from tests.dashboard.test_live_page import SCRIPT, asked, parts, texts

Place = tuple[str, str]


@pytest.fixture
def place(redis_url: str, run_id: str) -> Iterator[Place]:
    """Store and namespace that the page reads in this test."""
    configure(lambda: Settings(redis_url=redis_url, namespace=run_id))
    yield redis_url, run_id


@pytest.fixture
def detector(place: Place) -> Iterator[Detector]:
    """A detector that holds the lease."""
    lent = Detector(*place)
    assert lent.lease.hold() is not None
    yield lent
    lent.close()


def open_alerts(zone: str = "UTC", **query: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=30)
    page.context["timezone"] = zone
    page.run()
    for name, value in query.items():
        page.query_params[name] = value
    return turn(page, "alerts")


def turn(page: AppTest, path: str) -> AppTest:
    """Go to another page, as the navigation does."""
    pages = page.session_state["pages"]
    page._page_hash = pages[path]._script_hash
    return run(page)


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception, page.exception
    return page


def listed(page: AppTest) -> list[Panel]:
    rows: list[Panel] = parts(page)["alerts"]["rows"]
    return rows


def block(page: AppTest, key: str) -> Any:
    """Return one block of the detail."""
    blocks = [*parts(page)["sheet_head"]["blocks"], *parts(page)["sheet_more"]["blocks"]]
    return next(found for found in blocks if found["key"] == key)


def now_s() -> int:
    return int(time.time())


def test_an_empty_list_tells_a_calm_market_from_a_detector_that_is_not_there(place: Place) -> None:
    alone = parts(open_alerts())["alerts"]
    assert alone["rows"] == [] and "No detector is running" in alone["empty"]


def test_an_empty_list_says_how_many_series_are_watched(place: Place, detector: Detector) -> None:
    fill(*place, [Doc(now_s(), "One document about the market of today", tickers=("ACME",))])
    told = parts(open_alerts())["alerts"]["empty"]
    assert told.startswith("No incident is open. The detector watches 5 series")


def test_a_crisis_is_listed_with_attached_incidents_under_their_parent(place: Place, detector: Detector) -> None:
    detector.fire(*crisis(now_s()))
    page = open_alerts()
    rows = listed(page)
    assert len(rows) == 8
    assert [row["series"] for row in rows if not row.get("parent")] == [
        "Comments · whole market",
        "News · whole market",
        "Comments · ticker 600519.SH",
    ]
    head = rows[1]
    assert head["children"] == 5 and all(row["parent"] == head["id"] for row in rows[2:7])
    assert parts(page)["strip"]["incidents"]["text"] == "◆ 8 open incidents"
    assert "8 incidents" in [caption.value for caption in page.caption]


def test_state_and_range_stand_in_the_url_whatever_the_language(place: Place, detector: Detector) -> None:
    old, over = incident(opened_s=now_s() - 20 * 86_400), incident("news/lang/en", now_s() - 7_200)
    detector.fire(old, over)
    detector.commit(*(write(resolved(one, one.opened_at_s + 900), "resolved") for one in (old, over)))
    page = open_alerts()
    assert listed(page) == []
    page.segmented_control(key="a_state").select("resolved")
    assert [row["series"] for row in listed(run(page))] == ["News · language English"]
    page.pills(key="a_range").select("30d")
    assert len(listed(run(page))) == 2
    assert (asked(page, "state"), asked(page, "range")) == ("resolved", "30d")
    page.selectbox(key="w_lang").select("zh")
    assert listed(run(page))[0]["state_word"] == "○ 已结束"
    assert (asked(page, "state"), asked(page, "range")) == ("resolved", "30d")


def test_a_shared_link_shows_the_same_list_and_detail(place: Place, detector: Detector) -> None:
    over = incident(opened_s=now_s() - 20 * 86_400)
    detector.fire(over)
    detector.commit(write(resolved(over, over.opened_at_s + 900), "resolved"))
    page = open_alerts(state="resolved", range="30d", incident=over.incident_id)
    assert [row["selected"] for row in listed(page)] == [True]
    assert block(page, "head")["title"] == "News · ticker ACME"
    assert asked(page, "incident") == over.incident_id


def test_filters_are_kept_while_the_reader_is_on_another_page(place: Place, detector: Detector) -> None:
    page = open_alerts(state="all", range="90d")
    page.query_params.clear()
    turn(page, "live")
    page.segmented_control(key="f_kind").select("comment")
    run(page)
    page.query_params.clear()
    turn(page, "alerts")
    assert page.segmented_control(key="a_state").value == "all" and asked(page, "range") == "90d"
    page.query_params.clear()
    turn(page, "live")
    assert page.segmented_control(key="f_kind").value == "comment" and asked(page, "kind") == "comment"


def test_the_detail_shows_chart_stories_history_and_deliveries(place: Place, detector: Detector) -> None:
    opened = now_s() // 300 * 300 - 300
    docs = [
        Doc(opened + i, f"ACME loses case number {i} in court", "negative", -0.9, tickers=("ACME",)) for i in range(20)
    ]
    fill(*place, docs)
    one = incident(opened_s=opened)
    detector.fire(one)
    detector.commit(write(replace(one, severity="critical", z=7.0, z_peak=7.0), "escalated", one.fired_at_ms + 9))
    page = open_alerts(incident=one.incident_id)
    assert [badge["text"] for badge in block(page, "head")["badges"]] == ["◆ critical", "◉ firing"]
    bars = [trace for trace in parts(page)["incident_chart"]["figure"]["data"] if trace["type"] == "bar"]
    assert [sum(trace["y"]) for trace in bars] == [20, 20]
    assert len(block(page, "stories")["rows"]) == 5
    assert [row[1]["text"] for row in block(page, "history")["rows"]] == ["◆ escalated", "▲ fired"]
    assert block(page, "deliveries")["rows"] == []


@pytest.mark.parametrize("name", ["0" * 32, "nope", "<script>alert(1)</script>", "*"])
def test_an_unknown_incident_is_told_quietly(place: Place, detector: Detector, name: str) -> None:
    page = open_alerts(incident=name)
    assert "There is no such incident" in texts(page) and "<script>" not in texts(page)
    assert set(parts(page)) == {"strip", "alerts"}


def test_acknowledging_takes_a_name_and_is_told_everywhere(place: Place, detector: Detector) -> None:
    one = incident(opened_s=now_s() - 600)
    detector.fire(one)
    page = open_alerts(incident=one.incident_id)
    button = f"acknowledge_{one.incident_id}"
    page.button(key=button).click()
    assert ":orange[Please give your name first: the history says who did what.]" in [
        caption.value for caption in run(page).caption
    ]
    page.text_input(key="w_actor").set_value("  李 雷 ")
    page.button(key=button).click()
    run(page)
    assert listed(page)[0]["who"] == "✓ 李 雷"
    assert [row[2]["text"] for row in block(page, "history")["rows"]] == ["李 雷", "detector"]
    assert button not in [b.key for b in page.button]
    assert parts(page)["strip"]["remember"]["barograph_name"] == "李 雷"
    assert IncidentReader(*place).history(one.incident_id)[-1].type == "acknowledged"


def test_who_comes_second_is_told_so(place: Place, detector: Detector) -> None:
    one = incident(opened_s=now_s() - 600)
    detector.fire(one)
    page = open_alerts(incident=one.incident_id)
    assert Acts(*place).acknowledge(one.incident_id, "Jo", now_s() * 1000)
    page.text_input(key="w_actor").set_value("Li")
    page.button(key=f"acknowledge_{one.incident_id}").click()
    assert any("somebody was faster" in caption.value for caption in run(page).caption)
    assert listed(page)[0]["who"] == "✓ Jo"


def test_a_comment_is_kept_as_text_and_the_field_is_free_again(place: Place, detector: Detector) -> None:
    one = incident(opened_s=now_s() - 600)
    detector.fire(one)
    page = open_alerts(incident=one.incident_id)
    page.text_input(key="w_actor").set_value("Jo")
    page.text_input(key=f"comment_{one.incident_id}").set_value("<b>halted</b> [x](javascript:y)")
    page.button(key=f"send_{one.incident_id}").click()
    run(page)
    assert [cell["text"] for cell in block(page, "history")["rows"][0]][1:] == [
        "comment", "Jo", "<b>halted</b> [x](javascript:y)"
    ]  # fmt: skip
    assert page.text_input(key=f"comment_{one.incident_id}").value == ""
    assert "halted" not in texts(page)


def test_a_store_that_goes_down_leaves_list_and_detail_and_records_nothing(place: Place, detector: Detector) -> None:
    url, namespace = place
    one = incident(opened_s=now_s() - 600)
    detector.fire(one)
    page = open_alerts(incident=one.incident_id)
    page.text_input(key="w_actor").set_value("Jo")
    run(page)
    configure(lambda: Settings(redis_url="redis://127.0.0.1:1/0", namespace=namespace))
    page.button(key=f"acknowledge_{one.incident_id}").click()
    run(page)
    shown = parts(page)
    assert shown["strip"]["state"] == "down" and shown["strip"]["incidents"] is None
    assert shown["alerts"]["dim"] and shown["sheet_head"]["dim"] and len(shown["alerts"]["rows"]) == 1
    assert any("The store did not answer" in caption.value for caption in page.caption)
    configure(lambda: Settings(redis_url=url, namespace=namespace))
    assert not parts(run(page))["alerts"]["dim"]
    assert len(IncidentReader(*place).history(one.incident_id)) == 1


def test_a_store_that_was_never_there_is_told_quietly(run_id: str) -> None:
    configure(lambda: Settings(redis_url="redis://127.0.0.1:1/0", namespace=run_id))
    page = open_alerts()
    assert "The store does not answer" in texts(page)


def test_the_list_can_be_taken_away_as_a_file(place: Place, detector: Detector) -> None:
    detector.fire(incident("news/source/=cmd", now_s() - 600), incident(opened_s=now_s() - 600))
    page = open_alerts()
    page.session_state["open_incidents"] = True
    table = run(page).dataframe[0].value
    assert len(table) == 2 and list(table.columns[:2]) == ["Incident", "Series"]


def test_of_very_many_incidents_the_newest_are_listed(place: Place, detector: Detector) -> None:
    start = now_s() // 300 * 300
    many = [incident(f"news/ticker/T{n}", start - 300 * n) for n in range(230)]
    detector.fire(*many)
    detector.commit(*(write(resolved(one, one.opened_at_s + 900), "resolved") for one in many[20:]))
    page = open_alerts(state="all")
    assert [row["id"] for row in listed(page)] == [one.incident_id for one in many[:200]]
    assert "the newest 200 of 230; the table has all of these" in [caption.value for caption in page.caption]
    assert parts(page)["strip"]["incidents"]["text"] == "▲ 20 open incidents"


def test_live_shows_tile_marks_and_inbox(place: Place, detector: Detector) -> None:
    fill(*place, busy_hour(now_s()))
    detector.fire(*crisis(now_s()))
    page = AppTest.from_file(str(SCRIPT), default_timeout=30)
    shown = parts(run(page))
    tile = next(tile for tile in shown["tiles"]["tiles"] if tile["key"] == "incidents")
    assert (tile["value"], tile["foot"]) == ("8", "8 not acknowledged")
    traces = shown["chart"]["figure"]["data"]
    marks = {t["marker"]["symbol"]: len(t["x"]) for t in traces if t.get("mode") == "markers"}
    assert marks == {"triangle-up": 1, "diamond": 1}
    assert shown["chart"]["figure"]["layout"]["shapes"]
    assert [row["series"] for row in shown["inbox"]["rows"] if not row.get("parent")] == [
        "Comments · whole market", "News · whole market", "Comments · ticker 600519.SH"
    ]  # fmt: skip


def test_a_demonstration_says_so_on_every_page(redis_url: str, run_id: str) -> None:
    configure(lambda: Settings(redis_url=redis_url, namespace=run_id, demo=True))
    page = open_alerts()
    assert parts(page)["strip"]["demo"] == "DEMO · documents are invented"
    assert parts(turn(page, "live"))["strip"]["demo"] == "DEMO · documents are invented"
    page.selectbox(key="w_lang").select("zh")
    assert parts(run(page))["strip"]["demo"] == "演示 · 文档均为虚构"


def test_what_is_real_is_not_called_a_demonstration(place: Place) -> None:
    assert parts(open_alerts())["strip"]["demo"] == ""
