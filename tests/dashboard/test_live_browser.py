"""The Live page in a real browser: what is drawn, what is kept, what never happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Dialog, Page

from stream.supervision import ports
from tests.dashboard.conftest import Serve
from tests.dashboard.filling import Doc, busy_hour, fill
from tests.servers import running_valkey, wait_until

pytestmark = pytest.mark.timeout(180)
WAIT_MS = 45_000
DRAWN = ".barograph-chart[data-draws]"


HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "[link](javascript:document.title='owned') **bold** :red[red] $x^2$",
    "{{constructor.constructor('alert(1)')()}}",
    "\u202egnp.exe",
)


class Watch:
    """What a page said and asked for."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, url: str) -> None:
        if urlsplit(url).hostname:
            self.hosts.add(str(urlsplit(url).hostname))


@contextmanager
def opened(browser: Browser, url: str, **context: Any) -> Iterator[tuple[Page, Watch]]:
    """Lend a page that has drawn its charts."""
    given: dict[str, Any] = {"viewport": {"width": 1440, "height": 1000}, "locale": "en-US"}
    lent = browser.new_context(**(given | context))
    page = lent.new_page()
    watch = Watch(page)
    page.goto(url)
    try:
        yield page, watch
    finally:
        lent.close()


@dataclass(frozen=True)
class Running:
    """A dashboard that runs, and the place it reads."""

    url: str
    store: str
    namespace: str

    def add(self, docs: list[Doc]) -> None:
        """Let documents arrive."""
        fill(self.store, self.namespace, docs)


@pytest.fixture(scope="module")
def running(serve: Serve, redis_url: str) -> Iterator[Running]:
    """One dashboard for this module, with a busy hour and some hostile headlines."""
    namespace, now_s = "browser", int(time.time())
    hostile = [
        Doc(now_s, title, url="javascript:document.title='owned'", source=title[:60], tickers=("<b>X</b>",))
        for title in HOSTILE
    ]
    good = Doc(now_s, "A good link to the market news of today", url="https://example.org/?a=<b>&c=d")
    fill(redis_url, namespace, [*busy_hour(now_s), *hostile, good])
    with serve(redis_url, namespace) as url:
        yield Running(url, redis_url, namespace)


def draws(page: Page) -> int:
    return int(page.locator(DRAWN).first.get_attribute("data-draws") or 0)


def plot_range(page: Page) -> list[str]:
    found: list[str] = page.locator(DRAWN).first.evaluate("root => root.querySelector('.plot').layout.xaxis.range")
    return found


def test_the_page_draws_and_asks_nobody_else(browser: Browser, running: Running) -> None:
    with opened(browser, running.url) as (page, watch):
        page.wait_for_selector(DRAWN, timeout=WAIT_MS)
        page.get_by_text("Latest headlines").wait_for(timeout=WAIT_MS)
        assert page.locator(".tile").count() == 5
        assert page.locator(".row[data-id]").count() == 60
        label = page.locator(".barograph-chart").first.get_attribute("aria-label") or ""
        assert "sentiment index" in label and "documents" in label
        buttons = page.locator(".barograph-chart").first.locator(".modebar-btn")
        titles = [buttons.nth(i).get_attribute("data-title") for i in range(buttons.count())]
        assert titles == ["Zoom", "Pan", "Zoom in", "Zoom out", "Whole range"]
        assert watch.complaints == []
        assert watch.hosts == {"127.0.0.1"}


def test_hostile_titles_are_only_text(browser: Browser, running: Running) -> None:
    with opened(browser, running.url) as (page, watch):
        page.wait_for_selector(".row[data-id]", timeout=WAIT_MS)
        assert set(HOSTILE[:4]) <= set(page.locator(".row .title").all_inner_texts())
        links = page.locator(".headlines a")
        assert links.count() == 1
        assert "noopener" in (links.first.get_attribute("rel") or "")
        assert page.locator(".headlines img, .headlines script, .headlines b").count() == 0
        assert "owned" not in page.title()
        assert watch.complaints == []


def test_zoom_is_kept_while_new_documents_come(browser: Browser, running: Running) -> None:
    with opened(browser, running.url) as (page, _watch):
        page.wait_for_selector(DRAWN, timeout=WAIT_MS)
        whole = plot_range(page)
        box = page.locator(".barograph-chart .nsewdrag").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 42, steps=8)
        page.mouse.up()
        wait_until(lambda: plot_range(page) != whole, 10, "zoomed")
        zoomed, before = plot_range(page), draws(page)
        page.locator(DRAWN).first.evaluate("root => { root.querySelector('.plot').marked = 1; }")
        running.add([Doc(int(time.time()), f"Fresh news number {i} about the market") for i in range(9)])
        wait_until(lambda: draws(page) > before, 30, "the chart is drawn anew", every_s=0.2)
        assert plot_range(page) == zoomed
        assert page.locator(DRAWN).first.evaluate("root => root.querySelector('.plot').marked") == 1


def test_headlines_wait_under_the_readers_hand(browser: Browser, running: Running) -> None:
    with opened(browser, running.url) as (page, _watch):
        page.wait_for_selector(".row[data-id]", timeout=WAIT_MS)
        first = page.locator(".row[data-id]").first
        first.hover()
        was = first.get_attribute("data-id")
        running.add([Doc(int(time.time()) + 2, f"Breaking story {i} that comes in later") for i in range(3)])
        waiting = page.get_by_role("button", name="3 new")
        waiting.wait_for(timeout=WAIT_MS)
        assert first.get_attribute("data-id") == was
        waiting.click()
        assert "Breaking story" in first.inner_text()


def test_an_hour_that_comes_twice_is_drawn_once_and_asked_for(browser: Browser, running: Running) -> None:
    start_s = int(datetime(2026, 10, 24, 23, 30, tzinfo=UTC).timestamp())
    running.add([Doc(start_s + i * 60, f"News of minute {i} of the long night on the market") for i in range(120)])
    query = "range=custom&from=2026-10-24T23:30:00Z&to=2026-10-25T01:15:00Z"
    with opened(browser, f"{running.url}/?{query}", timezone_id="Europe/Berlin") as (page, watch):
        page.wait_for_selector(DRAWN, timeout=WAIT_MS)
        assert plot_range(page) == ["2026-10-25T00:30:00", "2026-10-25T02:15:00"]
        assert page.get_by_text("the axis is UTC+1 throughout").count() == 2
        page.get_by_role("radio", name="News").click()
        page.wait_for_url("**/?*kind=news*", timeout=WAIT_MS)
        assert "to=2026-10-25T01:15:00Z" in unquote(page.url)
        page.get_by_role("radio", name="UTC+2").click()
        page.wait_for_url(lambda url: "to=2026-10-25T00:15:00Z" in unquote(url), timeout=WAIT_MS)
        assert watch.complaints == []


@pytest.mark.parametrize(
    ("locale", "scheme", "word", "lang"),
    [("zh-CN", "light", "情绪指数", "zh-CN"), ("en-GB", "dark", "Sentiment index", "en")],
)
def test_the_first_visit_is_in_the_browsers_language_and_light(
    browser: Browser, running: Running, locale: str, scheme: str, word: str, lang: str
) -> None:
    with opened(browser, running.url, locale=locale, color_scheme=scheme) as (page, watch):
        page.wait_for_selector(DRAWN, timeout=WAIT_MS)
        assert page.locator(".tile h3").first.inner_text() == word
        assert page.evaluate("document.documentElement.lang") == lang
        background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 17, 23)"}[scheme]
        assert watch.complaints == []


def test_a_narrow_screen_needs_no_sideways_scrolling(browser: Browser, running: Running) -> None:
    with opened(browser, running.url, viewport={"width": 390, "height": 844}) as (page, _watch):
        page.wait_for_selector(DRAWN, timeout=WAIT_MS)
        page.wait_for_selector(".row[data-id]", timeout=WAIT_MS)
        edges = page.evaluate(
            "[...document.querySelectorAll('.stMainBlockContainer, .barograph-chart .plot')]"
            ".map(e => e.getBoundingClientRect().right)"
        )
        assert max(edges) <= 390


def test_the_server_answers_only_under_its_own_name_with_strict_headers(running: Running) -> None:
    good = httpx.get(running.url)
    assert good.status_code == httpx.codes.OK
    assert "default-src 'self'" in good.headers["content-security-policy"]
    assert good.headers["x-content-type-options"] == "nosniff"
    assert httpx.get(running.url, headers={"host": "evil.example"}).status_code == httpx.codes.BAD_REQUEST
    script = httpx.get(f"{running.url}/barograph/plotly.min.js")
    assert script.status_code == httpx.codes.OK and len(script.content) > 1_000_000
    typed = httpx.get(f"{running.url}/live?range=6h")
    assert (typed.status_code, typed.headers["location"]) == (httpx.codes.TEMPORARY_REDIRECT, "/?range=6h")


def test_the_page_survives_its_store(
    browser: Browser, serve: Serve, run_id: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("store")
    port = ports.choose([], set())
    with ExitStack() as store:
        valkey = store.enter_context(running_valkey(folder, port))
        fill(valkey.url, run_id, busy_hour(int(time.time())))
        with serve(valkey.url, run_id) as url, opened(browser, url) as (page, _watch):
            page.wait_for_selector(DRAWN, timeout=WAIT_MS)
            store.close()
            page.get_by_text("The store does not answer").wait_for(timeout=WAIT_MS)
            page.locator(".strip .label", has_text="NO ANSWER").wait_for(timeout=WAIT_MS)
            assert page.locator(".barograph-chart.dim").count() == 2
            with running_valkey(folder, port):
                page.locator(".strip .label", has_text="LIVE").wait_for(timeout=WAIT_MS)
                page.locator(".barograph-chart:not(.dim)").first.wait_for(timeout=WAIT_MS)
