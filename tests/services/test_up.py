"""`barograph up` as a process: ready, killed, stopped, started again."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from stream.broker import topics
from stream.running import RUNNING_NAME, Running, is_alive, load_running
from tests.servers import wait_until

START_S = 60.0
STOP_S = 25.0
STAND_IN = Path(__file__).with_name("stand_in_up.py")


class Up:
    """One `up` process and what it printed."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self._log = home.parent / f"{home.name}.{time.monotonic_ns()}.log"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(STAND_IN), str(home)],
                env=clean_environment() | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def said(self) -> str:
        return self._log.read_text()

    def running(self) -> Running:
        running = load_running(self.home)
        assert running is not None, self.said()
        return running

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.said()
        running = load_running(self.home)
        return running is not None and running.ready

    def wait_ready(self) -> Running:
        wait_until(self.is_ready, START_S, "up is ready")
        return self.running()

    def ended(self, signal_number: signal.Signals) -> float:
        """Send the signal; return the seconds until the end."""
        began_s = time.monotonic()
        self.process.send_signal(signal_number)
        self.process.wait(60)
        return time.monotonic() - began_s


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `barograph up` with these words to its end."""
    return subprocess.run(
        [sys.executable, "-c", "from stream.cli.up import up; import typer; typer.run(up)", *words],
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def clean_environment() -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    root = str(Path(__file__).parents[2])
    return environment | {"PYTHONPATH": root}


@contextmanager
def started(home: Path, **environment: str) -> Iterator[Up]:
    up = Up(home, **environment)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.ended(signal.SIGTERM)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with started(tmp_path_factory.mktemp("shared") / "home") as up:
        up.wait_ready()
        yield up


def test_up_says_where_everything_is_and_keeps_its_secret(shared: Up) -> None:
    running = shared.wait_ready()
    assert set(running.pids) == {"supervisor", "kafka", "redis", "worker-1", "dashboard"}
    assert all(is_alive(pid) for pid in running.pids.values())
    assert set(topics.topic_ids(running.kafka)) == set(topics.RETENTION)
    with urllib.request.urlopen(running.urls["dashboard"], timeout=10) as answer:
        assert answer.status == 200
    assert stat.S_IMODE((shared.home / RUNNING_NAME).stat().st_mode) == 0o600
    wait_until(lambda: "ready after" in shared.said(), 10, "the table of addresses")
    assert running.token not in shared.said()
    for pid in running.pids.values():
        assert running.token.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_second_up_in_the_same_home_says_so_and_stops(shared: Up) -> None:
    running = shared.wait_ready()
    second = command("--home", str(shared.home))
    assert second.returncode == 1
    assert second.stderr == (
        f"barograph: {shared.home}: already running there (pid {shared.process.pid}); "
        "stop it first, or choose another BAROGRAPH_HOME\n"
    )
    assert shared.running() == running


@pytest.mark.parametrize("role", ["kafka", "redis", "worker-1"])
def test_a_killed_role_comes_back_under_a_new_pid_and_the_others_stay(shared: Up, role: str) -> None:
    before = shared.wait_ready()
    with redis.Redis.from_url(before.redis) as client:
        client.set("kept", role)
    os.kill(before.pids[role], signal.SIGKILL)
    wait_until(lambda: shared.running().pids[role] != before.pids[role], START_S, f"another {role}")
    after = shared.wait_ready()
    assert {name for name in before.pids if before.pids[name] != after.pids[name]} == {role}
    assert (after.kafka, after.redis) == (before.kafka, before.redis)
    assert set(topics.topic_ids(after.kafka)) == set(topics.RETENTION)
    with redis.Redis.from_url(after.redis) as client:
        assert client.get("kept") == role.encode()
    assert f"{role:<9} | was ended by SIGKILL; starts again in 0.5 s" in shared.said()


def test_sigterm_stops_everything_in_time_and_data_and_addresses_are_there_the_next_time(home: Path) -> None:
    with started(home) as up:
        before = up.wait_ready()
        ids = topics.topic_ids(before.kafka)
        with redis.Redis.from_url(before.redis) as client:
            client.set("kept", "yes")
        assert up.ended(signal.SIGTERM) < STOP_S
        assert up.process.returncode == 0
        assert not any(is_alive(pid) for pid in before.pids.values())
        assert not (home / RUNNING_NAME).exists()
    with started(home) as up:
        after = up.wait_ready()
        assert (after.kafka, after.redis) == (before.kafka, before.redis)
        assert topics.topic_ids(after.kafka) == ids
        with redis.Redis.from_url(after.redis) as client:
            assert client.get("kept") == b"yes"
        assert after.token != before.token


def test_no_child_outlives_a_killed_supervisor_and_an_up_right_after_it_waits_for_them(home: Path) -> None:
    with started(home) as up:
        before = up.wait_ready()
        up.ended(signal.SIGKILL)
        with started(home) as following:
            wait_until(
                lambda: not any(is_alive(pid) for pid in before.pids.values()), STOP_S, "the children have ended"
            )
            after = following.wait_ready()
            assert set(after.pids.values()).isdisjoint(before.pids.values())


def test_a_signal_during_the_start_stops_what_has_started(home: Path) -> None:
    with started(home) as up:
        wait_until(lambda: "kafka" in pids_so_far(home), START_S, "Kafka has a pid")
        pids = pids_so_far(home)
        assert up.ended(signal.SIGINT) < STOP_S
        assert up.process.returncode == 0
        assert not any(is_alive(pid) for pid in pids.values())


def pids_so_far(home: Path) -> dict[str, int]:
    try:
        return dict(json.loads((home / RUNNING_NAME).read_text())["pids"])
    except FileNotFoundError:
        return {}


def test_a_second_signal_kills_at_once(home: Path) -> None:
    with started(home) as up:
        running = up.wait_ready()
        # A stopped process cannot end by SIGTERM: without the second signal this takes Kafka's whole grace.
        os.kill(running.pids["kafka"], signal.SIGSTOP)
        up.process.send_signal(signal.SIGINT)
        wait_until(lambda: not is_alive(running.pids["worker-1"]), STOP_S, "the worker has ended")
        up.process.send_signal(signal.SIGINT)
        up.process.wait(3)
        assert not any(is_alive(pid) for pid in running.pids.values())


def test_servers_of_your_own_are_used_and_left_running(home: Path, kafka_bootstrap: str, redis_url: str) -> None:
    with started(home, BAROGRAPH_KAFKA_BOOTSTRAP=kafka_bootstrap, BAROGRAPH_REDIS_URL=redis_url) as up:
        running = up.wait_ready()
        assert (running.kafka, running.redis) == (kafka_bootstrap, redis_url)
        assert set(running.pids) == {"supervisor", "worker-1", "dashboard"}
    assert set(topics.topic_ids(kafka_bootstrap)) == set(topics.RETENTION)
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("BAROGRAPH_KAFKA_BOOTSTRAP", "127.0.0.1:1", "barograph: Kafka at 127.0.0.1:1: Connection refused; check that"),
        ("BAROGRAPH_REDIS_URL", "redis://:pass-word@127.0.0.1:1/0", "barograph: store redis://127.0.0.1:1/0 does not"),
    ],
)
def test_a_server_of_your_own_that_is_not_there_ends_the_start_with_a_line(
    home: Path, kafka_bootstrap: str, redis_url: str, variable: str, value: str, line: str
) -> None:
    ours = {"BAROGRAPH_KAFKA_BOOTSTRAP": kafka_bootstrap, "BAROGRAPH_REDIS_URL": redis_url}
    done = command("--home", str(home), **{**ours, variable: value})
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith(line)
    assert "up       | waiting: " in done.stdout.replace("up        |", "up       |")
    assert "pass-word" not in done.stdout + done.stderr
    assert not (home / RUNNING_NAME).exists()


def test_a_store_that_cannot_start_ends_the_start_with_its_last_words(home: Path) -> None:
    data = home / "valkey" / "appendonlydir"
    data.mkdir(parents=True)
    (data / "appendonly.aof.manifest").write_text("nonsense\n")
    done = command("--home", str(home))
    assert done.returncode == 1
    assert done.stderr.startswith("barograph: redis: ended with exit code 1; failed 3 times in a row. It said last:\n")
    assert "manifest" in done.stderr


def test_a_feed_that_does_not_exist_is_refused() -> None:
    done = command("--feed", "demo")
    assert done.returncode == 2
    assert "none" in done.stderr


def test_an_output_that_nobody_reads_stops_nothing(home: Path) -> None:
    up = subprocess.Popen(
        [sys.executable, str(STAND_IN), str(home)],
        env=clean_environment() | {"STAND_IN_CHATTER": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_until(lambda: (running := load_running(home)) is not None and running.ready, START_S, "up is ready")
        running = load_running(home)
        assert running is not None
        os.kill(running.pids["worker-1"], signal.SIGKILL)
        wait_until(lambda: pids_so_far(home)["worker-1"] != running.pids["worker-1"], START_S, "the worker comes back")
        up.terminate()
        assert up.wait(STOP_S) == 0
    finally:
        up.kill()
        up.communicate()


def test_a_home_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = command(BAROGRAPH_HOME=str(tmp_path / "file"))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"barograph: BAROGRAPH_HOME={tmp_path / 'file'}: File exists; expected a folder that can be made and written"
    ]
