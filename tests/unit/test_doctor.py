"""What an examination says of values, without asking anything of the world, and the probes of this machine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stream.broker.facts import KafkaFacts, TopicFacts
from stream.doctor import machine, probes, servers, system
from stream.doctor.findings import Finding, Level, any_problem, fine, lines, problem, warning
from stream.doctor.machine import GB, HomeSeen
from stream.store.facts import StoreFacts
from stream.supervision import ports

OK, WARNING, PROBLEM = Level.OK, Level.WARNING, Level.PROBLEM

KAFKA = KafkaFacts((4, 3), 1, False, {"a": TopicFacts(8, 1, 0), "b": TopicFacts(8, 1, 0)})
STORE = StoreFacts(
    server="Valkey 9.1.2",
    compatible=(7, 2),
    replica=False,
    appends=True,
    snapshots=False,
    failing_writes=False,
    policy="noeviction",
    used_bytes=1_000_000,
    maxmemory_bytes=0,
    intset_entries=65_536,
    skew_s=0.01,
)


def levels(findings: list[Finding]) -> dict[str, Level]:
    """Return the worst level of each thing that was looked at."""
    order = list(Level)
    worst: dict[str, Level] = {}
    for finding in findings:
        worst[finding.about] = max(worst.get(finding.about, OK), finding.level, key=order.index)
    return worst


def worst(findings: list[Finding]) -> set[str]:
    return {about for about, level in levels(findings).items() if level is not OK}


def test_whoever_is_warned_is_told_what_to_do() -> None:
    with pytest.raises(ValueError, match="disk"):
        Finding(WARNING, "disk", "full")
    with pytest.raises(ValueError, match="disk"):
        Finding(OK, "disk", "empty", "nothing")


def test_a_line_a_finding_with_its_mend_below_and_only_problems_fail() -> None:
    found = [fine("a", "well"), warning("b", "so so", "do this"), problem("c", "ill", "do that")]
    assert lines(found) == ["✓ a: well", "! b: so so", "    → do this", "✗ c: ill", "    → do that"]
    assert any_problem(found)
    assert not any_problem(found[:2])


@pytest.mark.parametrize(
    ("version", "os_name", "level"),
    [((3, 10), "Linux", PROBLEM), ((3, 11), "Linux", OK), ((3, 13), "Darwin", OK), ((3, 14), "Linux", PROBLEM)],
)
def test_python_is_one_that_is_supported(version: tuple[int, int], os_name: str, level: Level) -> None:
    assert machine.judge_python(version, os_name, "x86_64").level is level
    assert machine.judge_python((3, 12), "Windows", "AMD64").level is WARNING


def test_a_missing_package_stops_the_system_and_another_version_does_not() -> None:
    assert machine.judge_packages(["torch"], []).level is PROBLEM
    other = machine.judge_packages([], [f"p{n} 1" for n in range(7)])
    assert (other.level, other.said) == (WARNING, "not as locked: p0 1, p1 1, p2 1, p3 1, p4 1 and 2 more")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (HomeSeen(Path("h"), 0o700, True, 50 * GB), {"home": OK, "disk": OK}),
        (HomeSeen(Path("h"), None, True, 50 * GB), {"home": OK, "disk": OK}),
        (HomeSeen(Path("h"), 0o755, True, 5 * GB), {"home": WARNING, "disk": WARNING}),
        (HomeSeen(Path("h"), 0o700, True, GB // 2), {"home": OK, "disk": PROBLEM}),
        (HomeSeen(Path("h"), 0o700, False, 50 * GB), {"home": PROBLEM}),
    ],
)
def test_a_home_is_writable_private_and_roomy(seen: HomeSeen, expected: dict[str, Level]) -> None:
    assert levels(machine.judge_home(seen)) == expected


def test_memory_is_measured_against_what_is_to_run_or_runs_already() -> None:
    assert machine.judge_memory(3 * GB, 1, runs=False).level is OK
    assert machine.judge_memory(3 * GB, 4, runs=False).level is WARNING
    assert machine.judge_memory(GB, 4, runs=True).level is OK
    assert machine.judge_memory(GB // 5, 1, runs=True).level is WARNING
    assert machine.judge_memory(None, 1, runs=False).level is OK


def test_a_kafka_as_it_should_be_has_no_finding_to_mend() -> None:
    assert worst(servers.judge_kafka(KAFKA, KAFKA.topics, 8, 1)) == set()


@pytest.mark.parametrize(
    ("changed", "about", "level", "word"),
    [
        (replace(KAFKA, version=(2, 7)), "kafka", PROBLEM, "2.7"),
        (replace(KAFKA, version=(3, 9)), "kafka", WARNING, "3.9"),
        (replace(KAFKA, creates_topics=True), "kafka auto-creation", WARNING, "misspelt"),
        (replace(KAFKA, topics={"a": TopicFacts(8, 1, 0)}), "topics", PROBLEM, "missing: b"),
        (replace(KAFKA, topics={}), "topics", PROBLEM, "missing: a, b"),
        (replace(KAFKA, topics={n: TopicFacts(2, 1, 0) for n in "ab"}), "topics", WARNING, "4 workers"),
        (replace(KAFKA, topics={n: TopicFacts(6, 1, 0) for n in "ab"}), "topics", WARNING, "settings say 8"),
        (replace(KAFKA, brokers=3), "kafka copies", WARNING, "1 with 3 brokers"),
        (
            replace(KAFKA, brokers=3, topics={n: TopicFacts(8, 3, 2) for n in "ab"}),
            "kafka copies",
            WARNING,
            r"a \(2 partitions\)",
        ),
    ],
)
def test_each_fault_of_a_kafka_is_named(changed: KafkaFacts, about: str, level: Level, word: str) -> None:
    found = servers.judge_kafka(changed, ["a", "b"], 8, 4)
    assert levels(found)[about] is level
    assert worst(found) == {about}
    assert any(re.search(word, finding.said) for finding in found if finding.level is level)


def test_a_kafka_that_does_not_tell_its_settings_is_not_blamed_for_it() -> None:
    assert worst(servers.judge_kafka(replace(KAFKA, creates_topics=None), ["a", "b"], 8, 1)) == set()


@pytest.mark.parametrize(
    ("changed", "about", "level", "word"),
    [
        (replace(STORE, compatible=(6, 2)), "store", WARNING, "Valkey"),
        (replace(STORE, appends=False, snapshots=True), "store persistence", WARNING, "snapshots only"),
        (replace(STORE, appends=False, snapshots=False), "store persistence", WARNING, "off"),
        (replace(STORE, failing_writes=True), "store persistence", PROBLEM, "disk fails"),
        (replace(STORE, policy="allkeys-lru"), "store memory", WARNING, "would vanish"),
        (replace(STORE, policy="volatile-ttl", maxmemory_bytes=GB), "store memory", PROBLEM, "counts vanish"),
        (replace(STORE, used_bytes=9, maxmemory_bytes=10), "store memory", WARNING, "90%"),
        (replace(STORE, intset_entries=512), "store sets", WARNING, "512"),
        (replace(STORE, skew_s=-5.0), "clocks", WARNING, "5.0 s apart"),
        (replace(STORE, skew_s=31.0), "clocks", PROBLEM, "31.0 s apart"),
        (replace(STORE, replica=True), "store role", PROBLEM, "replica"),
    ],
)
def test_each_fault_of_a_store_is_named(changed: StoreFacts, about: str, level: Level, word: str) -> None:
    found = servers.judge_store(changed)
    assert worst(found) == {about}
    assert levels(found)[about] is level
    assert any(re.search(word, finding.said) for finding in found if finding.about == about)


def test_a_store_as_it_should_be_or_that_tells_little_has_no_finding_to_mend() -> None:
    assert worst(servers.judge_store(STORE)) == set()
    assert worst(servers.judge_store(replace(STORE, snapshots=None, policy=None, intset_entries=None))) == set()


def test_every_error_of_the_settings_is_found_and_a_misspelt_name_gets_the_likely_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("BAROGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAROGRAPH_PARTITION", "8")
    monkeypatch.setenv("BAROGRAPH_WORKERS", "0")
    monkeypatch.setenv("BAROGRAPH_INGEST_TOKEN", "hunter2")
    (tmp_path / "barograph.toml").write_text("batchmax = 7\n")
    settings, errors = probes.settings_and_errors()
    assert settings is None
    named = [error.split(":")[0].split("=")[0] for error in errors]
    assert named[0] == "BAROGRAPH_PARTITION"
    assert set(named[1:]) == {"batchmax", "BAROGRAPH_WORKERS", "BAROGRAPH_INGEST_TOKEN"}
    assert os.environ["BAROGRAPH_PARTITION"] == "8"
    found = system.judge_settings(errors, [], None)
    assert {finding.level for finding in found} == {PROBLEM}
    assert found[0].mend == "perhaps BAROGRAPH_PARTITIONS is meant"
    assert not any("hunter2" in line for line in lines(found))


def test_settings_that_hold_are_named_without_their_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAROGRAPH_INGEST_TOKEN", "hunter2-hunter2-hunter2")
    settings, errors = probes.settings_and_errors()
    assert settings is not None and errors == []
    (finding,) = system.judge_settings(errors, probes.given_settings(), "barograph.toml")
    assert "BAROGRAPH_INGEST_TOKEN" in finding.said and "hunter2" not in finding.said


@pytest.mark.parametrize(
    ("port", "state", "level"),
    [
        (8501, "free", OK),
        (8501, "ours", OK),
        (0, "free", OK),
        (8501, "taken", WARNING),
        (8501, "no address of this machine", PROBLEM),
    ],
)
def test_a_port_is_free_ours_or_somebody_elses(port: int, state: str, level: Level) -> None:
    assert system.judge_port("dashboard", "127.0.0.1", port, state).level is level


def test_the_state_of_a_port_is_seen() -> None:
    assert probes.port_state("dashboard", "127.0.0.1", ports.choose([], set())) == "free"
    assert probes.port_state("ingest", "192.0.2.1", 8088) == "no address of this machine"
    # It accepts and says nothing that a dashboard would say.
    with socket.create_server(("127.0.0.1", 0)) as other, closing_soon(other):
        assert probes.port_state("dashboard", "127.0.0.1", other.getsockname()[1]) == "taken"


@contextmanager
def closing_soon(server: socket.socket) -> Iterator[None]:
    """Accept one connection and close it at once, in a thread."""

    def accept() -> None:
        with server.accept()[0]:
            pass

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)


@pytest.mark.parametrize(
    ("host", "level"), [("127.0.0.1", OK), ("::1", OK), ("0.0.0.0", WARNING), ("dash.internal", WARNING)]
)
def test_whoever_listens_beyond_this_machine_is_told_the_risk(host: str, level: Level) -> None:
    finding = system.judge_exposure("dashboard", host, "everybody reads it")
    assert finding.level is level
    assert ("everybody reads it" in finding.said) == (level is WARNING)


def test_a_token_is_long_or_made_by_up() -> None:
    assert system.judge_token(None, made_by_up=True).level is OK
    assert system.judge_token(None, made_by_up=False).level is WARNING
    assert system.judge_token(16, made_by_up=False).level is WARNING
    assert system.judge_token(32, made_by_up=False).level is OK


def test_endpoints_are_usable_and_nobody_else_changes_them() -> None:
    assert system.judge_endpoints("e.toml", None, None, None).level is OK
    assert system.judge_endpoints("e.toml", 2, 0o644, None).level is OK
    assert system.judge_endpoints("e.toml", 2, 0o664, None).level is WARNING
    assert system.judge_endpoints("e.toml", None, None, "e.toml: is not TOML").level is PROBLEM


def test_what_runs_is_judged_by_what_it_says() -> None:
    assert system.judge_roles({}) == []
    assert system.judge_roles({"worker-1": True})[0].level is OK
    assert system.judge_roles({"worker-1": False, "kafka": True})[0].said == "not running: worker-1"
    assert system.judge_lag(None, None) is None
    assert levels([found for found in [system.judge_lag(9_999, 1.0)] if found]) == {"lag": OK}
    assert levels([found for found in [system.judge_lag(10_000, None)] if found]) == {"lag": WARNING}
    assert system.judge_detector("host-1").level is OK
    assert system.judge_detector(None).level is WARNING
    assert system.judge_deliveries(None, []) is None
    dead = system.judge_deliveries({"pending": 1, "delivered": 2, "dead": 3}, [])
    assert dead is not None and (dead.level, dead.said) == (WARNING, "3 were given up")
    silent = system.judge_deliveries({"pending": 1, "delivered": 2, "dead": 0}, ["desk"])
    assert silent is not None and (silent.level, silent.said) == (WARNING, "not reached: desk")


def test_weights_are_checked_against_their_manifest(tmp_path: Path) -> None:
    assert probes.model_trouble(tmp_path) == f"{tmp_path / 'config.json'}: No such file or directory"
    (tmp_path / "config.json").write_text("[]")
    assert probes.model_trouble(tmp_path) == f"{tmp_path / 'config.json'}: no manifest of weights"
    sums = {"model.safetensors": hashlib.sha256(b"weights").hexdigest()}
    (tmp_path / "config.json").write_text(json.dumps({"sha256": sums}))
    assert probes.model_trouble(tmp_path) == f"{tmp_path / 'model.safetensors'}: No such file or directory"
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert probes.model_trouble(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"weight")
    assert "damaged" in (probes.model_trouble(tmp_path) or "")


def test_only_what_is_installed_otherwise_than_locked_differs() -> None:
    here = probes.installed("pytest")
    assert probes.differing(f"pytest=={here} \\\n    --hash=sha256:00\nno-such-package==1\n") == []
    assert probes.differing("pytest==0.1 ; sys_platform == 'win32' \\\n") == [f"pytest {here}"]
    # One lock for several Pythons names a package twice.
    assert probes.differing(f"pytest==0.1\npytest=={here}\n") == []


def test_a_home_that_is_not_there_yet_is_judged_by_where_it_would_be_made(tmp_path: Path) -> None:
    seen = probes.home_seen(tmp_path / "a" / "b")
    assert (seen.mode, seen.writable) == (None, True)
    (tmp_path / "file").write_text("")
    assert not probes.home_seen(tmp_path / "file").writable
