"""The Model page, run by Streamlit's own harness against a real store and a real service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.source import configure
from model.tiny import make_tiny
from stream.settings import Settings
from tests.dashboard.alarming import Detector, incident
from tests.dashboard.test_alerts_page import run, turn
from tests.dashboard.test_live_page import SCRIPT
from tests.services.test_drift_command import filled
from tests.services.test_serve import TOKEN, serving

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Port of a running service with a tiny model."""
    tiny = make_tiny(tmp_path_factory.mktemp("tiny"))
    with serving(tmp_path_factory.mktemp("serve"), tiny) as (url, _):
        yield str(urlsplit(url).port)


@pytest.fixture
def page(redis_url: str, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    configure(lambda: Settings(redis_url=redis_url, namespace=run_id))
    monkeypatch.setenv("BAROGRAPH_HOME", str(tmp_path))
    opened = AppTest.from_file(str(SCRIPT), default_timeout=60)
    opened.context["timezone"] = "UTC"
    opened.run()
    return turn(opened, "model")


def tried(page: AppTest, text: str) -> AppTest:
    page.text_area(key="model_text").set_value(text)
    page.button[0].click()
    return run(page)


def test_a_text_is_read_and_its_words_are_coloured(page: AppTest, port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAROGRAPH_SERVE_PORT", port)
    monkeypatch.setenv("BAROGRAPH_INGEST_TOKEN", TOKEN)
    shown = tried(page, "<b>profit</b> up 银行降息")
    assert not shown.warning
    words = next(table.value for table in shown.dataframe if len(table.value) != 6)
    assert [str(word) for word in words.iloc[:, 0]][-3:] == ["up", "银行", "降息"]
    assert "revision" in shown.caption[0].value
    assert shown.expander[0].label == "Model card"


def test_a_service_that_is_not_there_is_one_quiet_line(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nothing that reads texts runs" in tried(page, "up").warning[0].value
    monkeypatch.setenv("BAROGRAPH_SERVE", "0")
    assert "BAROGRAPH_SERVE is off" in tried(page, "down").warning[0].value


def test_the_stories_of_an_incident_are_explained_when_asked(
    page: AppTest, port: str, redis_url: str, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Detector(redis_url, run_id)
    assert detector.lease.hold() is not None
    told = incident("news/market/all", int(time.time()) // 300 * 300 - 600)
    detector.fire(told)
    page.query_params["incident"] = told.incident_id
    shown = turn(page, "alerts")
    shown.button(key="alerts_why_button").click()
    assert "nothing that reads texts runs" in run(shown).warning[0].value
    monkeypatch.setenv("BAROGRAPH_SERVE_PORT", port)
    monkeypatch.setenv("BAROGRAPH_INGEST_TOKEN", TOKEN)
    shown.button(key="alerts_why_button").click()
    assert not run(shown).warning
    assert any("read now by revision" in caption.value for caption in shown.caption)
    detector.close()


def test_the_last_day_is_compared_with_the_week_before_when_asked(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.button(key="drift_button").click()
    assert "nothing is archived here" in run(page).warning[0].value
    filled(tmp_path / "archive", ("fx_crypto",))
    page.button(key="drift_button").click()
    assert not run(page).warning
    (row,) = next(table.value for table in page.dataframe if "Documents" in table.value).to_dict("records")
    assert (row["Language and kind"], row["Level"], row["Documents"]) == ("en · News", "✕ drifted", 400)
    assert row["Topic"].startswith("✕") and row["Length"].startswith("●")
