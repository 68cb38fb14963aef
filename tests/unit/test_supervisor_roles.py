"""The table of roles: order, environment, and nothing secret where others can read it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from stream.api.server import FINISH_TIMEOUT_S
from stream.broker.embedded import EmbeddedKafka, properties
from stream.serve.server import FINISH_TIMEOUT_S as SERVE_FINISH_TIMEOUT_S
from stream.settings import Settings
from stream.store.embedded import EmbeddedValkey
from stream.supervision.demo import Demo
from stream.supervision.places import Places, reachable
from stream.supervision.roles import Answers, Role, levels
from stream.supervision.table import application_roles, kafka_role, server_environment, valkey_role

TOKEN = "a-token-of-the-test"
PLACES = Places(
    kafka="127.0.0.1:21000",
    redis="redis://:pass-word@127.0.0.1:21002/0",
    kafka_port=21000,
    controller_port=21001,
    redis_port=21002,
    dashboard_host="0.0.0.0",
    dashboard_port=21003,
    ingest_host="127.0.0.1",
    ingest_port=21004,
    token=TOKEN,
    data=Path("/home-of-the-test"),
    serve_port=21006,
)
DEMO = Demo(Path("/home-of-the-test/demo"), Path("/home-of-the-test/demo/endpoints.toml"), 21005)


def role(name: str, *after: str) -> Role:
    return Role(name=name, command=["true"], ready=Answers(1), after=after)


def names(groups: list[list[Role]]) -> list[list[str]]:
    return [[member.name for member in group] for group in groups]


def test_a_role_comes_after_those_it_names_and_roles_not_there_count_as_met() -> None:
    roles = [role("worker", "kafka", "redis"), role("kafka"), role("page", "worker"), role("redis", "elsewhere")]
    assert names(levels(roles)) == [["kafka", "redis"], ["worker"], ["page"]]


@pytest.mark.parametrize("roles", [[role("a", "b"), role("b", "a")], [role("a", "a")], [role("a"), role("a")]])
def test_a_circle_and_a_name_given_twice_are_refused(roles: list[Role]) -> None:
    with pytest.raises(ValueError, match="roles"):
        levels(roles)


def application(tmp_path: Path, demo: Demo | None = None) -> list[Role]:
    settings = Settings(home=tmp_path, workers=3, ingest_token=SecretStr(TOKEN))
    places = replace(PLACES, data=tmp_path / "demo" if demo else tmp_path, demo=demo)
    return application_roles(settings, places, {"PATH": "/bin", "BAROGRAPH_HOME": "relative"})


def test_ingest_has_longer_to_end_than_it_gives_its_requests(tmp_path: Path) -> None:
    (ingest,) = (member for member in application(tmp_path) if member.name == "ingest")
    assert ingest.grace_s >= FINISH_TIMEOUT_S + 2


def test_each_worker_has_an_id_of_its_own(tmp_path: Path) -> None:
    ids = [member.environment.get("BAROGRAPH_WORKER_ID") for member in application(tmp_path)]
    assert ids == ["worker-1", "worker-2", "worker-3", None, None, None, None, None, None]


def test_without_the_demonstration_all_roles_start_at_once_and_end_before_the_servers(tmp_path: Path) -> None:
    servers = [role("kafka"), role("redis")]
    workers = ["worker-1", "worker-2", "worker-3"]
    assert names(levels([*servers, *application(tmp_path)])) == [
        ["kafka", "redis"],
        [*workers, "dashboard", "ingest", "detector", "notify", "archive", "serve"],
    ]


def test_with_the_demonstration_the_feed_needs_the_workers_and_the_detector_its_history(tmp_path: Path) -> None:
    servers = [role("kafka"), role("redis")]
    workers = ["worker-1", "worker-2", "worker-3"]
    assert names(levels([*servers, *application(tmp_path, DEMO)])) == [
        ["kafka", "redis", "receiver"],
        [*workers, "dashboard", "ingest", "notify", "archive", "serve"],
        ["demo"],
        ["detector"],
    ]


def test_the_archive_can_be_left_out(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, archive=False)
    roles = application_roles(settings, replace(PLACES, data=tmp_path), {"PATH": "/bin"})
    assert "archive" not in {member.name for member in roles}


def test_reading_on_request_can_be_left_out_and_ends_its_requests_in_time(tmp_path: Path) -> None:
    (serve,) = (member for member in application(tmp_path) if member.name == "serve")
    assert serve.environment["BAROGRAPH_SERVE_PORT"] == "21006"
    assert serve.grace_s >= SERVE_FINISH_TIMEOUT_S + 2
    places = replace(PLACES, data=tmp_path, serve_port=0)
    roles = application_roles(Settings(home=tmp_path, serve=False), places, {"PATH": "/bin"})
    assert "serve" not in {member.name for member in roles} and "serve" not in places.urls
    assert {member.environment["BAROGRAPH_SERVE"] for member in roles} == {"false"}


def test_with_endpoints_of_the_users_own_there_is_no_receiver(tmp_path: Path) -> None:
    own = Demo(tmp_path / "demo", tmp_path / "mine.toml", None)
    roles = application(tmp_path, own)
    assert "receiver" not in {member.name for member in roles}
    assert {member.environment["BAROGRAPH_ENDPOINTS_FILE"] for member in roles} == {str(tmp_path / "mine.toml")}


def test_every_role_of_the_demonstration_knows_it_and_keeps_its_things_apart(tmp_path: Path) -> None:
    for member in application(tmp_path, DEMO):
        assert member.environment["BAROGRAPH_DEMO"] == "1"
        assert member.environment["BAROGRAPH_HOME"] == str(tmp_path / "demo")
        assert member.environment["BAROGRAPH_ARCHIVE_DIR"] == str(tmp_path / "demo" / "archive")
        assert member.environment["BAROGRAPH_ENDPOINTS_FILE"] == str(DEMO.endpoints)
    assert not any("BAROGRAPH_DEMO" in member.environment for member in application(tmp_path))


def test_children_learn_where_everything_is(tmp_path: Path) -> None:
    environment = application(tmp_path)[0].environment
    assert environment["BAROGRAPH_HOME"] == str(tmp_path)
    assert environment["BAROGRAPH_KAFKA_BOOTSTRAP"] == PLACES.kafka
    assert environment["BAROGRAPH_REDIS_URL"] == PLACES.redis
    assert environment["BAROGRAPH_INGEST_TOKEN"] == TOKEN


def test_no_secret_stands_in_a_command_line_or_in_a_representation(tmp_path: Path) -> None:
    for member in [*application(tmp_path), *application(tmp_path, DEMO)]:
        shown = f"{member!r} {' '.join(member.command)} {PLACES!r}"
        assert TOKEN not in shown
        assert "pass-word" not in shown


def test_servers_of_other_people_do_not_see_our_settings() -> None:
    environ = {"PATH": "/bin", "BAROGRAPH_INGEST_TOKEN": TOKEN, "JAVA_TOOL_OPTIONS": "-Dx=y"}
    assert server_environment(environ) == {"PATH": "/bin", "LC_ALL": "C.UTF-8"}


def test_both_servers_listen_on_the_loopback_only(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path, tmp_path, 21000, 21001)
    listeners = [line for line in properties(kafka).splitlines() if "listeners=" in line]
    assert listeners == [
        "listeners=PLAINTEXT://127.0.0.1:21000,CONTROLLER://127.0.0.1:21001",
        "advertised.listeners=PLAINTEXT://127.0.0.1:21000",
    ]
    assert "auto.create.topics.enable=false\n" in properties(kafka)
    command = " ".join(valkey_role(EmbeddedValkey(tmp_path, 21002), {}).command)
    for words in ("--bind 127.0.0.1", "--protected-mode yes", "--appendonly yes", "--set-max-intset-entries 65536"):
        assert words in command
    assert kafka_role(kafka, {}).essential


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("box.lan", "box.lan")],
)
def test_an_address_to_listen_on_becomes_one_to_open(host: str, address: str) -> None:
    assert reachable(host) == address
