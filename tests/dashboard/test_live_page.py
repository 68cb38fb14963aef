"""The Live page in each of its states, run by Streamlit's own test harness against a real store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard.source import configure
from stream.settings import ConfigurationError, Settings
from stream.store.keys import Keys
from tests.dashboard.filling import Doc, busy_hour, fill
from tests.servers import wait_until

SCRIPT = Path(dashboard.__file__).parent / "views" / "app.py"
PAST_S = 1_517_832_000  # 2018-02-05 12:00 UTC


@pytest.fixture
def place(redis_url: str, run_id: str) -> Iterator[tuple[str, str]]:
    """Store and namespace that the page reads in this test."""
    configure(lambda: Settings(redis_url=redis_url, namespace=run_id))
    yield redis_url, run_id


def open_page(zone: str = "UTC", **query: str) -> AppTest:
    page = AppTest.from_file(str(SCRIPT), default_timeout=30)
    page.context["timezone"] = zone
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def parts(page: AppTest) -> dict[str, Any]:
    """Return the data of each component on the page, by its name."""
    found = {}
    for element in page.get("bidi_component"):
        proto = element.proto
        found[proto.id.rsplit("-", 1)[-1]] = json.loads(proto.json or proto.mixed.json)
    return found


def asked(page: AppTest, name: str) -> str:
    """Return what the URL says; the harness gives back a list, or the text that the test itself put there."""
    value = page.query_params[name]
    return value if isinstance(value, str) else value[0]


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in page.markdown)


def test_an_empty_store_says_how_to_fill_it(place: tuple[str, str]) -> None:
    page = open_page()
    assert "Nothing has been read yet" in texts(page)
    assert page.code[0].value == "barograph ingest file documents.jsonl.gz --wait"
    assert parts(page)["strip"]["age"] == "no documents yet"
    assert set(parts(page)) == {"strip"}


def test_a_busy_hour_fills_tiles_charts_and_headlines(place: tuple[str, str]) -> None:
    fill(*place, busy_hour(int(time.time())))
    shown = parts(open_page())
    tiles = {tile["key"]: tile for tile in shown["tiles"]["tiles"]}
    assert shown["strip"]["state"] == "live"
    assert tiles["share"]["value"].startswith("33.") and "to" in tiles["share"]["sub"]
    assert len(shown["headlines"]["rows"]) == 60
    bars = next(trace for trace in shown["chart"]["figure"]["data"] if trace["type"] == "bar")
    assert sum(bars["y"]) in range(340, 361)
    cells = shown["heatmap"]["figure"]["data"][0]
    assert len(cells["y"]) == 15
    assert {name for name, row in zip(cells["y"], cells["z"], strict=True) if any(v is not None for v in row)} == {
        "Earnings",
        "Macro",
        "FX & crypto",
    }


def test_an_ingested_past_is_one_click_away(place: tuple[str, str]) -> None:
    fill(*place, busy_hour(PAST_S))
    page = open_page()
    assert "No documents between" in texts(page)
    page.button(key="to_newest").click().run()
    shown = parts(page)
    assert shown["strip"]["state"] == "past"
    assert shown["chart"]["figure"]["layout"]["xaxis"]["range"][1].startswith("2018-02-05T12:0")
    assert asked(page, "end") == "newest"


def test_a_past_looks_quiet_however_old_its_newest_document_is(place: tuple[str, str]) -> None:
    fill(*place, busy_hour(PAST_S))
    shown = parts(open_page(end="newest"))
    assert (shown["strip"]["state"], shown["strip"]["level"]) == ("past", "none")
    assert shown["tiles"]["tiles"][3]["level"] == "none"


def test_a_past_says_how_many_headlines_are_kept_of_it(place: tuple[str, str]) -> None:
    told = "each day keeps its newest 500 headlines, for 14 d after the last came in"
    fill(*place, [*busy_hour(PAST_S), *busy_hour(int(time.time()))])
    past = open_page(end="2018-02-05T12:01:00Z")
    assert len(parts(past)["headlines"]["rows"]) == 60
    assert told in [caption.value for caption in past.caption]
    assert told not in [caption.value for caption in open_page().caption]


def test_a_past_whose_minutes_are_dropped_keeps_chart_and_heatmap(place: tuple[str, str]) -> None:
    url, namespace = place
    fill(url, namespace, busy_hour(PAST_S))
    with redis.Redis.from_url(url) as client:
        # What their lifetime does after two days.
        gone = list(client.scan_iter(match=Keys(namespace).window(60, 0)[:-1] + "*"))
        assert client.delete(*gone) > 50
    shown = parts(open_page(range="1h", end="newest"))
    bars = next(trace for trace in shown["chart"]["figure"]["data"] if trace["type"] == "bar")
    cells = shown["heatmap"]["figure"]["data"][0]
    assert sum(bars["y"]) in range(350, 361)
    assert {name for name, row in zip(cells["y"], cells["z"], strict=True) if any(v is not None for v in row)} == {
        "Earnings",
        "Macro",
        "FX & crypto",
    }


def test_an_end_in_the_hour_that_comes_twice_stays_where_it_is(place: tuple[str, str]) -> None:
    query = {"range": "custom", "from": "2026-10-24T23:30:00Z", "to": "2026-10-25T01:30:00Z"}
    page = open_page("Europe/Berlin", **query)
    assert asked(page, "to") == query["to"]
    page.segmented_control(key="f_kind").select("news").run()
    assert asked(page, "to") == query["to"] and asked(page, "kind") == "news"
    page.segmented_control(key="f_to_fold").select(0).run()
    assert asked(page, "to") == "2026-10-25T00:30:00Z"


@pytest.mark.parametrize("end", ["1990-01-01T00:00:00Z", "2010-05-06T18:00:00Z", "2099-12-31T23:59:00Z"])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai"])
def test_an_end_of_long_ago_stays_where_it_is(place: tuple[str, str], zone: str, end: str) -> None:
    page = open_page(zone, end=end)
    page.segmented_control(key="f_kind").select("news").run()
    assert not page.exception
    assert asked(page, "end") == end


def test_the_url_chooses_kind_range_end_and_topics(place: tuple[str, str]) -> None:
    fill(*place, busy_hour(PAST_S))
    page = open_page(kind="comment", range="6h", end="newest", topic="macro")
    shown = parts(page)
    assert shown["heatmap"]["figure"]["data"][0]["y"] == ["Macro"]
    assert {row["topic"] for row in shown["headlines"]["rows"]} == {"Macro"}
    assert page.selectbox(key="f_end").value == "newest"
    assert asked(page, "range") == "6h"


def test_filters_that_leave_nothing_offer_the_whole(place: tuple[str, str]) -> None:
    fill(*place, busy_hour(int(time.time())))
    page = open_page(topic="commodities_energy")
    assert "Only Commodities are shown." in texts(page)
    page.button(key="to_all").click().run()
    assert "tiles" in parts(page)


def test_pausing_freezes_the_charts_while_new_headlines_wait(place: tuple[str, str]) -> None:
    now_s = int(time.time())
    fill(*place, busy_hour(now_s))
    page = open_page()
    before = parts(page)
    page.button(key="pause").click().run()
    fill(*place, [Doc(int(time.time()) + 1, "Something new that happened while the reader had paused the page")])

    def waits() -> bool:
        page.run()
        return "Something new" in parts(page)["headlines"]["rows"][0]["title"]

    wait_until(waits, 20, "the new headline waits", every_s=0.2)
    after = parts(page)
    assert after["strip"]["state"] == "paused" and after["headlines"]["hold"] is True
    assert after["chart"]["figure"] == before["chart"]["figure"]
    assert after["tiles"]["tiles"][2]["sub"] == before["tiles"]["tiles"][2]["sub"]


def test_a_store_that_goes_down_leaves_the_last_picture_and_comes_back(place: tuple[str, str]) -> None:
    url, namespace = place
    fill(url, namespace, busy_hour(int(time.time())))
    page = open_page()
    drawn = parts(page)["chart"]["figure"]["data"]

    configure(lambda: Settings(redis_url="redis://127.0.0.1:1/0", namespace=namespace))
    page.run()
    down = parts(page)
    assert "The store does not answer" in texts(page)
    assert down["strip"]["state"] == "down" and down["chart"]["dim"] is True
    assert down["chart"]["figure"]["data"] == drawn

    configure(lambda: Settings(redis_url=url, namespace=namespace))
    page.run()
    assert parts(page)["chart"]["dim"] is False and "does not answer" not in texts(page)


def test_a_store_that_was_never_there_is_told_quietly(run_id: str) -> None:
    def stopped() -> Settings:
        raise ConfigurationError("nothing is running in /secret/folder")

    configure(stopped)
    page = open_page()
    assert "There is no earlier picture" in texts(page) and "/secret" not in texts(page)


def test_chinese_is_chinese_throughout_and_the_url_stays_the_same(place: tuple[str, str]) -> None:
    fill(*place, busy_hour(int(time.time())))
    page = open_page(kind="news")
    page.selectbox(key="w_lang").select("zh").run()
    shown = parts(page)
    assert shown["tiles"]["tiles"][0]["label"] == "情绪指数"
    assert "财报业绩" in shown["heatmap"]["figure"]["data"][0]["y"]
    assert asked(page, "kind") == "news" and "lang" not in page.query_params
    page.selectbox(key="w_lang").select("en").run()
    assert parts(page)["tiles"]["tiles"][0]["label"] == "Sentiment index"


def test_hostile_titles_reach_the_browser_as_text_only(place: tuple[str, str]) -> None:
    now_s = int(time.time())
    hostile = "<script>alert(1)</script>[click](javascript:alert(1)) :red[x] $x^2$"
    fill(*place, [Doc(now_s, hostile, url="javascript:alert(1)", source="<b>s</b>", tickers=("AAPL",))])
    page = open_page()
    (row,) = parts(page)["headlines"]["rows"]
    assert row["title"] == hostile and row["url"] is None
    assert hostile not in texts(page)


def test_the_table_behind_the_chart_opens_and_stays_still(place: tuple[str, str]) -> None:
    fill(*place, busy_hour(PAST_S))
    page = open_page(end="newest")
    assert not page.dataframe
    page.session_state["open_chart"] = True
    page.run()
    table = page.dataframe[0].value
    assert list(table.columns[:3]) == ["Start", "Documents", "Stories"]
    assert table["Documents"].sum() in range(350, 361)
