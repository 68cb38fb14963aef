"""Incidents in a real browser: what is drawn, what stands still, what a click does, what never happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page

from stream.core.incidents import Incident
from stream.store.acts import Acts
from stream.store.incident_read import IncidentReader
from stream.supervision import ports
from tests.dashboard.alarming import HOSTILE, Detector, crisis, incident, resolved, story, write
from tests.dashboard.conftest import Serve
from tests.dashboard.filling import busy_hour, fill
from tests.dashboard.test_live_browser import DRAWN, WAIT_MS, Watch, opened
from tests.servers import running_valkey, wait_until

pytestmark = pytest.mark.timeout(180)
TITLE = ".sheet h2"
# A page that is not at the root looks there for what Streamlit serves at the root, and finds it after all.
_EXPECTED = "Failed to load resource: the server responded with a status of 404"


@dataclass(frozen=True)
class Running:
    """A dashboard that runs, its place in the store, and who fills it."""

    url: str
    place: tuple[str, str]
    detector: Detector


def lent(serve: Serve, redis_url: str, namespace: str) -> Iterator[Running]:
    detector = Detector(redis_url, namespace)
    with serve(redis_url, namespace) as url:
        yield Running(url, (redis_url, namespace), detector)
    detector.close()


@pytest.fixture(scope="module")
def running(serve: Serve, redis_url: str) -> Iterator[Running]:
    """One dashboard for this module, with an hour of documents and a crisis in which somebody plants markup."""
    now_s = int(time.time())
    fill(redis_url, "alertsbrowser", busy_hour(now_s))
    for one in lent(serve, redis_url, "alertsbrowser"):
        planted = story(9, title=HOSTILE, url="javascript:document.title='owned'", source="<b>s</b>")
        first, *others = crisis(now_s)
        one.detector.fire(replace(first, evidence=(planted, story(1))), *others)
        yield one


@pytest.fixture(scope="module")
def many(serve: Serve, redis_url: str) -> Iterator[Running]:
    """One dashboard for this module, with two hundred incidents, most of them over."""
    start_s = int(time.time()) // 300 * 300 - 600
    found = [incident(f"news/ticker/T{n:03d}", start_s - 300 * n) for n in range(200)]
    for one in lent(serve, redis_url, "alertsmany"):
        one.detector.fire(*found)
        one.detector.commit(*(write(resolved(old, old.opened_at_s + 900), "resolved") for old in found[20:]))
        yield one


def complaints(watch: Watch) -> list[str]:
    return [said for said in watch.complaints if not said.startswith(_EXPECTED)]


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def row(page: Page, one: Incident) -> Locator:
    return page.locator(f".item[data-id='{one.incident_id}']")


def redrawn(page: Page, times: int = 2) -> None:
    """Wait until the strip has told so many further seconds: the page's parts have redrawn themselves meanwhile."""
    for _ in range(2 * times):
        was = page.locator(".strip .clock").inner_text()
        wait_until(lambda was=was: page.locator(".strip .clock").inner_text() != was, 20, "the clock goes on", 0.1)  # type: ignore[misc]


def market_of(running: Running) -> Incident:
    return next(s.incident for s in IncidentReader(*running.place).open() if s.incident.series == "news/market/all")


def test_from_the_live_page_an_incident_is_one_click_away_and_back(browser: Browser, running: Running) -> None:
    one = market_of(running)
    with opened(browser, running.url) as (page, watch):
        page.wait_for_selector(DRAWN, timeout=WAIT_MS)
        page.locator(".strip a.incidents", has_text="open incidents").wait_for(timeout=WAIT_MS)
        assert page.locator(".tile[data-key=incidents] .value").inner_text() == "8"
        row(page, one).locator(".open").click()
        page.locator(TITLE, has_text="News · whole market").wait_for(timeout=WAIT_MS)
        assert asked(page) == {"incident": [one.incident_id]}
        page.go_back()
        page.locator(".tile[data-key=incidents]").wait_for(timeout=WAIT_MS)
        page.locator(".strip a.incidents").click()
        page.wait_for_url("**/alerts", timeout=WAIT_MS)
        page.locator(".item").first.wait_for(timeout=WAIT_MS)
        assert page.locator(TITLE).count() == 0
        assert complaints(watch) == []
        assert watch.hosts == {"127.0.0.1"}


def test_to_and_fro_while_everything_redraws_no_click_is_lost(browser: Browser, running: Running) -> None:
    one = market_of(running)
    with opened(browser, running.url) as (page, watch):
        for _ in range(5):  # the parts redraw each second or two: each turn meets another moment of theirs
            row(page, one).locator(".open").click()
            page.locator(TITLE, has_text="News · whole market").wait_for(timeout=WAIT_MS)
            page.get_by_role("link", name="Live").first.click()
            page.locator(".tile").first.wait_for(timeout=WAIT_MS)
        assert complaints(watch) == []


def test_marks_on_the_chart_have_shapes_of_their_own(browser: Browser, running: Running) -> None:
    with opened(browser, running.url) as (page, _watch):
        page.wait_for_selector(DRAWN, timeout=WAIT_MS)
        symbols = page.locator(DRAWN).first.evaluate(
            "root => root.querySelector('.plot').data.filter(t => t.mode === 'markers' && t.x.length)"
            ".map(t => [t.marker.symbol, t.marker.color])"
        )
        assert sorted(symbol for symbol, _ in symbols) == ["diamond", "triangle-up"]
        assert all(colour.startswith("#") for _, colour in symbols)


def test_attached_incidents_unfold_and_stay_unfolded(browser: Browser, running: Running) -> None:
    one = market_of(running)
    with opened(browser, f"{running.url}/alerts") as (page, _watch):
        row(page, one).wait_for(timeout=WAIT_MS)
        assert page.locator(".item:visible").count() == 3
        fold = row(page, one).locator(".fold")
        fold.click()
        assert page.locator(".item:visible").count() == 8 and fold.get_attribute("aria-expanded") == "true"
        redrawn(page)
        assert page.locator(".item:visible").count() == 8


def test_hostile_text_is_only_text_and_links_are_safe(browser: Browser, running: Running) -> None:
    one = market_of(running)
    Acts(*running.place).comment(one.incident_id, "<i>x</i>", HOSTILE, int(time.time() * 1000))
    with opened(browser, f"{running.url}/alerts?incident={one.incident_id}") as (page, watch):
        page.locator(TITLE).wait_for(timeout=WAIT_MS)
        stories = page.locator("section[data-key=stories]")
        assert stories.locator("td.wide").first.inner_text() == HOSTILE
        links = stories.locator("a")
        assert links.count() == 1
        assert links.first.get_attribute("rel") == "noopener noreferrer nofollow"
        assert HOSTILE in page.locator("section[data-key=history]").inner_text()
        assert page.locator(".sheet img, .sheet script, .sheet b, .sheet i").count() == 0
        assert "owned" not in page.title() and complaints(watch) == []


def test_the_page_redraws_without_remounting_and_keeps_what_is_being_written(
    browser: Browser, running: Running
) -> None:
    one = market_of(running)
    with opened(browser, f"{running.url}/alerts?incident={one.incident_id}") as (page, watch):
        page.wait_for_selector(DRAWN, timeout=WAIT_MS)
        for place in (".item", ".sheet", ".sheet section", ".barograph-chart .plot", ".st-key-alerts_acts button"):
            page.locator(place).first.evaluate("element => { element.marked = 1; }")
        draft = page.get_by_label("Comment", exact=True)
        draft.click()
        page.keyboard.type("half a sentence")
        redrawn(page)
        assert draft.input_value() == "half a sentence"
        assert draft.evaluate("element => element === document.activeElement")
        running.detector.commit(write(replace(one, z=9.9, z_peak=9.9), "reminder", int(time.time() * 1000)))
        page.locator("section[data-key=facts]", has_text="highest z 9.9").wait_for(timeout=WAIT_MS)
        for place in (".item", ".sheet", ".barograph-chart .plot", ".st-key-alerts_acts button"):
            assert page.locator(place).first.evaluate("element => element.marked") == 1, place
        assert draft.input_value() == "half a sentence"
        assert complaints(watch) == []


def test_a_name_typed_just_now_counts_and_is_remembered(browser: Browser, running: Running) -> None:
    one = incident("comment/lang/en", int(time.time()) // 300 * 300)
    running.detector.fire(one)
    with opened(browser, f"{running.url}/alerts?incident={one.incident_id}") as (page, _watch):
        page.locator(TITLE).wait_for(timeout=WAIT_MS)
        page.get_by_label("Your name").fill("李 雷; Path=/")
        page.get_by_role("button", name="Acknowledge", exact=False).first.click()
        row(page, one).locator(".who", has_text="✓ 李 雷; Path=/").wait_for(timeout=WAIT_MS)
        assert IncidentReader(*running.place).history(one.incident_id)[-1].actor == "李 雷; Path=/"
        wait_until(lambda: any(c["name"] == "barograph_name" for c in page.context.cookies()), 20, "it is remembered")
        page.reload()
        page.locator(TITLE).wait_for(timeout=WAIT_MS)
        assert page.get_by_label("Your name").input_value() == "李 雷; Path=/"
        page.get_by_label("Comment", exact=True).fill("On it <b>now</b>")
        page.get_by_role("button", name="Add comment").click()
        page.locator("section[data-key=history] td", has_text="On it <b>now</b>").wait_for(timeout=WAIT_MS)
        assert page.get_by_label("Comment", exact=True).input_value() == ""
    running.detector.commit(write(resolved(one, int(time.time())), "resolved"))


def test_the_right_incident_opens_while_the_list_moves(browser: Browser, many: Running) -> None:
    with opened(browser, f"{many.url}/alerts?state=all") as (page, watch):
        page.locator(".item").nth(199).wait_for(state="attached", timeout=WAIT_MS)
        scroll = page.locator(".incidents .scroll")
        scroll.evaluate("element => { element.scrollTop = 1400; }")
        page.mouse.move(*middle(scroll))
        fresh = [incident(f"news/ticker/NEW{n}", int(time.time()) // 300 * 300 + n) for n in range(3)]
        many.detector.fire(*fresh)
        page.get_by_role("button", name="3 new").wait_for(timeout=WAIT_MS)
        assert scroll.evaluate("element => element.scrollTop") == 1400
        under = page.locator(".item", has_text="News · ticker T040")
        wanted = under.get_attribute("data-id")
        under.locator(".open").click()
        page.locator(TITLE, has_text="News · ticker T040").wait_for(timeout=WAIT_MS)
        assert asked(page)["incident"] == [wanted] and asked(page)["state"] == ["all"]
        page.go_back()
        page.locator(TITLE).wait_for(state="detached", timeout=WAIT_MS)
        assert complaints(watch) == []


def middle(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_waits_is_shown_on_a_click(browser: Browser, many: Running) -> None:
    with opened(browser, f"{many.url}/alerts") as (page, _watch):
        page.locator(".item").first.wait_for(timeout=WAIT_MS)
        redrawn(page, 1)
        page.locator(".item .open").first.hover()
        one = incident("news/ticker/LAST", int(time.time()) // 300 * 300 + 60)
        many.detector.fire(one)
        page.get_by_role("button", name="1 new").click(timeout=WAIT_MS)
        assert page.locator(".item").first.get_attribute("data-id") == one.incident_id


def test_j_and_k_walk_the_list(browser: Browser, many: Running) -> None:
    with opened(browser, f"{many.url}/alerts") as (page, _watch):
        page.locator(".item").first.wait_for(timeout=WAIT_MS)
        page.locator(".item .open").first.focus()
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        second = page.locator(".item").nth(1).get_attribute("data-id")
        page.keyboard.press("Enter")
        page.locator(TITLE).wait_for(timeout=WAIT_MS)
        assert asked(page)["incident"] == [second]


@pytest.mark.parametrize("path", ["", "/alerts", "/alerts?incident={id}"])
def test_a_narrow_screen_needs_no_sideways_scrolling(browser: Browser, running: Running, path: str) -> None:
    one = market_of(running)
    address = running.url + path.format(id=one.incident_id)
    with opened(browser, address, viewport={"width": 390, "height": 844}) as (page, _watch):
        page.wait_for_selector(TITLE if "id" in path else ".item", timeout=WAIT_MS)
        redrawn(page, 1)
        parts = ".stMainBlockContainer, .stMainBlockContainer [data-testid=stElementContainer]"
        edges = page.locator(parts).evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
        assert max(edges) <= 390
        assert page.locator(".st-key-alerts_beside").is_visible() is False


@pytest.mark.parametrize(
    ("locale", "scheme", "word", "state"),
    [("zh-CN", "light", "新闻 · 全市场", "◉ 触发中"), ("en-GB", "dark", "News · whole market", "◉ firing")],
)
def test_the_alerts_page_is_in_the_browsers_language(
    browser: Browser, running: Running, locale: str, scheme: str, word: str, state: str
) -> None:
    with opened(browser, f"{running.url}/alerts", locale=locale, color_scheme=scheme) as (page, watch):
        found = row(page, market_of(running))
        found.wait_for(timeout=WAIT_MS)
        assert found.locator(".series").inner_text() == word
        assert found.locator(".state").inner_text().startswith(state)
        assert complaints(watch) == []


def test_the_alerts_page_survives_its_store(
    browser: Browser, serve: Serve, run_id: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, port = tmp_path_factory.mktemp("store"), ports.choose([], set())
    one = incident(opened_s=int(time.time()) // 300 * 300)
    with ExitStack() as store:
        valkey = store.enter_context(running_valkey(folder, port))
        detector = Detector(valkey.url, run_id)
        detector.fire(one)
        detector.close()
        address = f"/alerts?incident={one.incident_id}"
        with serve(valkey.url, run_id) as url, opened(browser, url + address) as (page, _watch):
            page.locator(TITLE).wait_for(timeout=WAIT_MS)
            store.close()
            page.locator(".sheet.dim").first.wait_for(timeout=WAIT_MS)
            page.locator(".strip .label", has_text="NO ANSWER").wait_for(timeout=WAIT_MS)
            assert row(page, one).count() == 1
            with running_valkey(folder, port):
                page.locator(".sheet:not(.dim)").first.wait_for(timeout=WAIT_MS)
                page.locator(".strip .label", has_text="LIVE").wait_for(timeout=WAIT_MS)
