"""The shared source, and what the server lets in."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from streamlit import config

from dashboard.server import allowed_hosts, check_address, streamlit_settings
from dashboard.source import Source
from stream.settings import ConfigurationError, Settings
from stream.store.client import StoreError
from stream.store.read import Reader

NOWHERE = Settings(redis_url="redis://:secret@127.0.0.1:1/0")


def ping(reader: Reader) -> str:
    reader.ping()
    return "answered"


def source_of(resolve: Callable[[], Settings], now: list[float]) -> Source:
    return Source(resolve, monotonic=lambda: now[0])


def test_a_store_that_is_down_is_asked_once_a_second_not_by_every_session() -> None:
    asked = []

    def asking(reader: Reader) -> str:
        asked.append(reader)
        return ping(reader)

    now = [0.0]
    source = source_of(lambda: NOWHERE, now)
    for _ in range(25):
        with pytest.raises(StoreError):
            source.read(asking)
    assert len(asked) == 1
    now[0] = 1.1
    with pytest.raises(StoreError):
        source.read(asking)
    assert len(asked) == 2


def test_a_client_of_each_kind_is_made_once_and_closed_when_the_store_is_lost() -> None:
    told: list[str] = []

    class Counting:
        def __init__(self, url: str, namespace: str) -> None:
            told.append(f"made for {namespace}")

        def close(self) -> None:
            told.append("closed")

        def answer(self, *, down: bool) -> bool:
            if down:
                raise StoreError("gone")
            return True

    source = source_of(lambda: NOWHERE, [0.0])
    assert source.using(Counting, lambda one: one.answer(down=False))
    assert source.using(Counting, lambda one: one.answer(down=False))
    assert told == ["made for live"]
    with pytest.raises(StoreError):
        source.using(Counting, lambda one: one.answer(down=True))
    assert told == ["made for live", "closed"]


def test_whether_documents_are_invented_is_known_before_and_after_the_store_is() -> None:
    places: list[Settings] = [NOWHERE.model_copy(update={"demo": True})]

    def resolve() -> Settings:
        if not places:
            raise ConfigurationError("nothing is running")
        return places[0]

    source = source_of(resolve, [0.0])
    assert source.demo
    with pytest.raises(StoreError):
        source.read(ping)
    places.clear()
    assert source.demo


def test_a_store_that_moved_is_found(redis_url: str) -> None:
    places = [NOWHERE, Settings(redis_url=redis_url)]
    now = [0.0]
    source = source_of(lambda: places.pop(0), now)
    with pytest.raises(StoreError):
        source.read(ping)
    now[0] = 1.1
    assert source.read(ping) == "answered"


def test_a_system_that_was_stopped_is_no_answer_rather_than_a_defect() -> None:
    def stopped() -> Settings:
        raise ConfigurationError("nothing is running in var")

    with pytest.raises(StoreError, match="nothing is running"):
        source_of(stopped, [0.0]).read(ping)
    with pytest.raises(StoreError, match="BAROGRAPH_REDIS_URL"):
        source_of(Settings, [0.0]).read(ping)


def test_no_message_holds_the_password() -> None:
    with pytest.raises(StoreError) as caught:
        source_of(lambda: NOWHERE, [0.0]).read(ping)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "there", "missing"),
    [("127.0.0.1", "localhost", "evil.example"), ("::1", "[::1]", "*"), ("10.0.0.5", "10.0.0.5", "*")],
)
def test_a_server_answers_only_under_its_own_names(host: str, there: str, missing: str) -> None:
    hosts = allowed_hosts(host)
    assert there in hosts and missing not in hosts


def test_a_server_on_every_address_answers_under_any_name() -> None:
    assert allowed_hosts("0.0.0.0") == ["*"]
    assert allowed_hosts("0.0.0.0", "https://pages.example.com:8443") == ["pages.example.com", *allowed_hosts("::1")]
    assert allowed_hosts("127.0.0.1", "https://pages.example.com")[0] == "pages.example.com"


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"^BAROGRAPH_DASHBOARD_PORT={port}: taken on 127.0.0.1; take an"):
            check_address("127.0.0.1", port)
    check_address("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_machine_is_refused_by_name(host: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^BAROGRAPH_DASHBOARD_HOST={host}, port 0: no server can listen"):
        check_address(host, 0)


def test_the_settings_shipped_are_known_to_streamlit_and_keep_it_quiet() -> None:
    shipped = streamlit_settings("127.0.0.1", 0, ["localhost"])
    assert set(shipped) <= set(config.get_config_options())
    assert shipped["runner.postScriptGC"] is False
    assert shipped["browser.gatherUsageStats"] is False
    assert shipped["client.showErrorDetails"] == "none"
    assert shipped["server.fileWatcherType"] == "none"
