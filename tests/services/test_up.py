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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from model.tiny import make_tiny
from stream.broker import topics
from stream.running import RUNNING_NAME, Running, is_alive, load_running
from stream.store.read import Reader, Totals
from tests.servers import wait_until

START_S = 60.0
STOP_S = 25.0
STAND_IN = Path(__file__).with_name("stand_in_up.py")


class Up:
    """One `up` process and what it printed."""

    def __init__(self, home: Path, program: Sequence[str], environment: Mapping[str, str]) -> None:
        self.home = home
        self._log = home.parent / f"{home.name}.{time.monotonic_ns()}.log"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                program,
                env={**clean_environment(), **environment},
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

    def wait_ready(self, timeout_s: float = START_S) -> Running:
        wait_until(self.is_ready, timeout_s, "up is ready")
        return self.running()

    def totals(self) -> Totals:
        reader = Reader(self.running().redis, "live")
        try:
            return reader.totals()
        finally:
            reader.close()

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
def started(home: Path, *words: str, **environment: str) -> Iterator[Up]:
    """Lend an `up` with stand-ins for the roles; `words` go behind its home."""
    with running_up(Up(home, [sys.executable, str(STAND_IN), str(home), *words], environment)) as up:
        yield up


@contextmanager
def started_whole(home: Path, *words: str) -> Iterator[Up]:
    """Lend a real `barograph up` with a tiny model; `words` are its options."""
    model = home.parent / "model"
    if not model.exists():
        make_tiny(model)
    program = [sys.executable, "-m", "stream.cli.main", "up", "--home", str(home), *words]
    free = {f"BAROGRAPH_{name}": str(value) for name, value in (("DASHBOARD_PORT", 0), ("INGEST_PORT", 0))}
    tiny = {"BAROGRAPH_MODEL_PATH": str(model), "BAROGRAPH_PRECISION": "float32", "OMP_NUM_THREADS": "1"}
    with running_up(Up(home, program, free | tiny)) as up:
        yield up


@contextmanager
def running_up(up: Up) -> Iterator[Up]:
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
    done = command("--feed", "everything")
    assert done.returncode == 2
    assert "none" in done.stderr


def test_the_demonstration_is_refused_on_servers_of_your_own(home: Path) -> None:
    done = command("--feed", "demo", "--home", str(home), BAROGRAPH_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "barograph: --feed demo runs servers of its own, and BAROGRAPH_KAFKA_BOOTSTRAP is set: invented documents "
        "never go to servers of yours; unset, or leave --feed demo out\n"
    )
    assert not home.exists()


def test_what_is_invented_lies_apart_from_what_is_yours(home: Path) -> None:
    for words in ((), ("demo",)):
        with started(home, *words) as up:
            running = up.wait_ready()
            with redis.Redis.from_url(running.redis) as client:
                assert client.get("whose") is None
                client.set("whose", " ".join(words) or "yours")
            only = "only-demo" if words else "only-yours"
            topics.create_topics(running.kafka, {only: timedelta(days=1)}, 1, 1)
            assert (home / RUNNING_NAME).exists()
    with started(home) as up:
        running = up.wait_ready()
        with redis.Redis.from_url(running.redis) as client:
            assert client.get("whose") == b"yours"
        assert set(topics.topic_ids(running.kafka, ["only-yours", "only-demo"])) == {"only-yours"}
    assert {path.name for path in (home / "demo").iterdir()} >= {"kafka", "valkey", "endpoints.toml"}


OWN_ROLES = {"worker-1", "dashboard", "ingest", "detector", "notify", "archive", "serve"}
SERVERS = {"supervisor", "kafka", "redis"}
WHOLE_START_S = 150.0


@pytest.mark.timeout(400)
def test_every_role_runs_comes_back_when_killed_and_goes_at_the_end(home: Path) -> None:
    with started_whole(home) as up:
        before = up.wait_ready(WHOLE_START_S)
        assert set(before.pids) == SERVERS | OWN_ROLES
        killed = ("detector", "notify", "ingest")
        for role in killed:
            os.kill(before.pids[role], signal.SIGKILL)
        wait_until(
            lambda: all(up.running().pids[role] != before.pids[role] for role in killed),
            START_S,
            "others in their place",
        )
        after = up.wait_ready(WHOLE_START_S)
        assert {role for role in before.pids if before.pids[role] != after.pids[role]} == set(killed)
        assert up.totals().records == 0
        assert up.ended(signal.SIGINT) < STOP_S
        assert up.process.returncode == 0, up.said()
        assert not any(is_alive(pid) for pid in after.pids.values())
    assert not (home / "demo").exists()


@pytest.mark.timeout(600)
def test_the_demonstration_has_six_hours_of_the_past_says_that_they_are_invented_and_fills_only_gaps(
    home: Path,
) -> None:
    with started_whole(home, "--feed", "demo") as up:
        running = up.wait_ready(240)
        assert set(running.pids) == SERVERS | OWN_ROLES | {"demo", "receiver"}
        first = up.totals()
        assert 3_600 < first.records < 5_100  # six hours of a day or of a night
        wait_until(lambda: "every document here is invented" in up.said(), 10, "what a person has to know")
        assert "In 90 s one company, Brontavia (BRONTV), gets into a crisis" in up.said()
        for name in OWN_ROLES | {"demo", "receiver"}:
            environ = Path(f"/proc/{running.pids[name]}/environ").read_bytes().split(b"\0")
            assert b"BAROGRAPH_DEMO=1" in environ
        os.kill(running.pids["demo"], signal.SIGKILL)
        wait_until(lambda: up.running().pids["demo"] != running.pids["demo"], START_S, "another feed")
        up.wait_ready(WHOLE_START_S)
        assert up.ended(signal.SIGINT) < STOP_S
        assert not any(is_alive(pid) for pid in running.pids.values())
    with started_whole(home, "--feed", "demo") as up:
        up.wait_ready(WHOLE_START_S)
        again = up.totals()
        assert again.duplicates == 0
        assert again.records < first.records + 200
    assert not {"kafka", "valkey", "faust", "author.key"} & {path.name for path in home.iterdir()}


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
