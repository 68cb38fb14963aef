"""up.json and the lock of the home."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from stream.delivery.endpoints import load_endpoints
from stream.running import (
    RUNNING_NAME,
    Running,
    connect_settings,
    is_alive,
    load_running,
    remove_running,
    write_running,
)
from stream.settings import ConfigurationError, Settings
from stream.sources.demo.begun import read_crisis, write_crisis
from stream.supervision.demo import prepare_demo, refuse_servers
from stream.supervision.lock import HomeError, exposure, lock_home
from stream.supervision.places import choose_places
from tests.servers import wait_until

RUNNING = Running(
    ready=True,
    urls={"dashboard": "http://127.0.0.1:1", "ingest": "http://127.0.0.1:2"},
    token="a-token-of-the-test",
    kafka="127.0.0.1:3",
    redis="redis://127.0.0.1:4/0",
    pids={"supervisor": os.getpid(), "worker-1": 5},
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_what_is_written_is_read_while_the_lock_is_held(home: Path) -> None:
    lock = lock_home(home)
    write_running(home, RUNNING)
    assert load_running(home) == RUNNING
    os.close(lock)
    assert load_running(home) is None


def test_a_file_left_by_a_process_that_is_gone_does_not_count(home: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock = lock_home(home)
    write_running(home, replace(RUNNING, pids={"supervisor": gone.pid}))
    assert load_running(home) is None
    os.close(lock)


def test_only_the_owner_may_read_it_whatever_the_umask(home: Path) -> None:
    home.mkdir()
    before = os.umask(0)
    try:
        write_running(home, RUNNING)
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / RUNNING_NAME).stat().st_mode) == 0o600


def test_a_reader_never_sees_half_a_file(home: Path) -> None:
    home.mkdir()
    write_running(home, RUNNING)
    path, stop, broken = home / RUNNING_NAME, threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                json.loads(path.read_text())
            except (OSError, ValueError) as exc:
                broken.append(exc)

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(100):
        write_running(home, replace(RUNNING, token="x" * (n * 200 + 1)))
    stop.set()
    reader.join()
    assert broken == []
    assert list(home.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pids": 3}', '{"pids": {"supervisor": "x"}}'])
def test_something_else_under_that_name_is_named(home: Path, text: str) -> None:
    home.mkdir()
    (home / RUNNING_NAME).write_text(text)
    with pytest.raises(ConfigurationError, match="not written by `barograph up`"):
        load_running(home)


def test_settings_are_filled_from_what_runs_and_their_own_values_win(home: Path) -> None:
    lock = lock_home(home)
    write_running(home, RUNNING)
    found = connect_settings(Settings(home=home, redis_url="redis://elsewhere:1/0"))
    assert (found.kafka_bootstrap, found.redis_url) == (RUNNING.kafka, "redis://elsewhere:1/0")
    assert found.ingest_token == SecretStr(RUNNING.token)
    os.close(lock)


def test_nothing_running_says_what_to_do(home: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing is running in .*home; start it with `barograph up` or set"):
        connect_settings(Settings(home=home))


def test_servers_of_your_own_need_nothing_running(home: Path) -> None:
    settings = Settings(home=home, kafka_bootstrap="k:1", redis_url="redis://r:1")
    assert connect_settings(settings) == settings


def test_one_home_has_one_supervisor(home: Path) -> None:
    lock = lock_home(home)
    with pytest.raises(HomeError, match=rf"already running there \(pid {os.getpid()}\)"):
        lock_home(home, wait_s=0.0)
    os.close(lock)
    os.close(lock_home(home))


def test_children_of_a_dead_supervisor_hold_the_home_until_they_end(home: Path) -> None:
    code = (
        "import subprocess, sys; from pathlib import Path; from stream.supervision.lock import lock_home\n"
        "lock = lock_home(Path(sys.argv[1]))\n"
        "child = subprocess.Popen(['sleep', '600'], pass_fds=[lock], stdout=-3, stderr=-3)\n"
        "print(child.pid)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True)
    child = int(done.stdout)
    try:
        with pytest.raises(HomeError, match="processes of an earlier run still hold it"):
            lock_home(home, wait_s=0.0)
    finally:
        os.kill(child, 9)
    os.close(lock_home(home))


def test_a_home_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match=r"BAROGRAPH_HOME=.*/file/home: Not a directory; expected a folder"):
        lock_home(tmp_path / "file" / "home")


@pytest.mark.parametrize(("mode", "exposed"), [(0o700, False), (0o750, True), (0o704, True), (0o711, True)])
def test_a_home_that_others_can_look_into_is_named_and_left_as_it_is(home: Path, mode: int, exposed: bool) -> None:
    home.mkdir()
    home.chmod(mode)
    said = exposure(home)
    assert (said is not None) is exposed
    assert said is None or (f"{mode:04o}" in said and "\n" not in said)
    assert stat.S_IMODE(home.stat().st_mode) == mode


def test_a_home_that_is_made_is_the_owners_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        os.close(lock_home(home))
    finally:
        os.umask(before)
    assert exposure(home) is None


def test_removing_what_is_not_there_is_fine(home: Path) -> None:
    home.mkdir()
    remove_running(home)
    assert load_running(home) is None


def test_ports_of_the_servers_stay_the_same_between_runs_while_free(home: Path) -> None:
    home.mkdir()
    settings = Settings(home=home, dashboard_port=0, ingest_port=0)
    first, second = choose_places(settings, "t"), choose_places(settings, "t")
    assert (first.kafka, first.redis, first.controller_port) == (second.kafka, second.redis, second.controller_port)


def test_a_port_in_use_is_replaced_by_a_free_one(home: Path) -> None:
    import socket

    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        wanted = server.getsockname()[1]
        places = choose_places(Settings(home=home, dashboard_port=wanted, ingest_port=0), "t")
    assert places.dashboard_port != wanted


def test_the_demonstration_keeps_its_data_apart_and_its_secret_to_itself(home: Path) -> None:
    home.mkdir()
    settings = Settings(home=home, dashboard_port=0, ingest_port=0)
    assert choose_places(settings, "t").data == home
    secrets_of_two_runs = set()
    for _ in range(2):
        places = choose_places(settings, "t", demo=True)
        assert places.demo is not None
        assert (places.data, places.demo.folder) == (home / "demo", home / "demo")
        places.demo.folder.mkdir(exist_ok=True)
        write_crisis(places.demo.folder, 1)
        prepare_demo(places.demo)
        assert read_crisis(places.demo.folder) is None
        for path in (places.demo.secret, places.demo.endpoints):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        (endpoint,) = load_endpoints(places.demo.endpoints, {}, required=True).endpoints
        assert endpoint.url == f"http://127.0.0.1:{places.demo.receiver_port}/"
        secrets_of_two_runs.add(endpoint.secrets)
    assert len(secrets_of_two_runs) == 2


def test_the_demonstration_writes_no_endpoints_where_the_user_named_some(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    own = tmp_path / "mine.toml"
    places = choose_places(Settings(home=home, endpoints_file=own, dashboard_port=0, ingest_port=0), "t", demo=True)
    assert places.demo is not None
    prepare_demo(places.demo)
    assert (places.demo.endpoints, places.demo.receiver_port) == (own, None)
    assert list(places.demo.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"kafka_bootstrap": "box:9092"}, "BAROGRAPH_KAFKA_BOOTSTRAP is set"),
        ({"redis_url": "redis://:pass-word@box/0"}, "BAROGRAPH_REDIS_URL is set"),
        (
            {"kafka_bootstrap": "box:9092", "redis_url": "redis://box/0"},
            "BAROGRAPH_KAFKA_BOOTSTRAP and BAROGRAPH_REDIS_URL are set",
        ),
    ],
)
def test_nothing_invented_goes_to_servers_of_the_users_own(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as refused:
        refuse_servers(Settings.model_validate(given))
    assert "pass-word" not in str(refused.value)


def test_a_host_that_is_not_ours_is_a_configuration_error(home: Path) -> None:
    home.mkdir()
    with pytest.raises(ConfigurationError, match="BAROGRAPH_INGEST_HOST"):
        choose_places(Settings(home=home, ingest_host="203.0.113.7"), "t")


def test_a_process_that_has_ended_but_was_not_collected_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    assert is_alive(os.getpid())
    wait_until(lambda: not is_alive(process.pid), 30, "the process has ended")
    assert process.poll() == 0
