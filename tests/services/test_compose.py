"""docker-compose.yml without Docker: every service of ours with its own command, environment and health check.

Kafka and Valkey are real ones, started with the settings that the file gives them. What a container would put in
place is put in place by hand: names of services become addresses of this machine, ports free ones, folders the test's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from stream.broker import embedded as kafka_parts
from stream.broker.fetch import ensure_jars
from stream.store.embedded import binary_path
from stream.supervision import ports
from tests.compose import ROOT, interpolated, load, ours
from tests.servers import running, wait_until

TOKEN = "a-token-of-the-tests"
CLI = (sys.executable, "-P", "-m", "stream.cli.main")
HEALTHY_S = 120.0


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


class Stack:
    """The services as processes."""

    def __init__(self, folder: Path, replaced: dict[str, str]) -> None:
        self.services: dict[str, Any] = interpolated(load()["services"], {"BAROGRAPH_INGEST_TOKEN": TOKEN})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._folder = folder
        self._replaced = replaced

    def here(self, name: str, text: str) -> str:
        """Return a word of a service as it has to be outside its container."""
        own = {"/tmp/": f"{self._folder / name}/", "/var/lib/barograph": str(self._folder / name)}
        places = self._replaced | own
        # In one pass: what is put in may itself hold what is looked for.
        return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)

    def environment(self, name: str) -> dict[str, str]:
        given = {key: self.here(name, value) for key, value in self.services[name]["environment"].items()}
        # A service's name is an address within Docker's network, and its port the one it has in its container.
        given = {key: "127.0.0.1" if value in self.services else value for key, value in given.items()}
        given.setdefault("BAROGRAPH_SERVE_PORT", self.here(name, "8089"))
        outside = {key: value for key, value in os.environ.items() if not key.startswith("BAROGRAPH_")}
        home = {"BAROGRAPH_HOME": str(self._folder / name)}
        # Two cores are shared with a broker, a store and whatever else runs.
        return outside | home | given | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def begin(self, name: str) -> None:
        (self._folder / name).mkdir()
        with (self._folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*CLI, *self.services[name]["command"]],
                env=self.environment(name),
                cwd=self._folder / name,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_healthy(self, name: str) -> bool:
        """Run the service's own health check; False where it fails."""
        code = self.processes[name].poll()
        assert code is None, f"{name} ended with {code}: {self.log(name)[-3000:]}"
        kind, interpreter, *words = self.services[name]["healthcheck"]["test"]
        assert (kind, interpreter) == ("CMD", "python")
        command = [sys.executable, *(self.here(name, word) for word in words)]
        limit_s = seconds(self.services[name]["healthcheck"]["timeout"])
        asked = subprocess.run(
            command, env=self.environment(name), capture_output=True, check=False, timeout=limit_s + 10
        )
        return asked.returncode == 0

    def run(self, name: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command as `docker compose exec` would, this text on its standard input."""
        return subprocess.run(
            [*CLI, *words],
            env=self.environment(name),
            cwd=self._folder / name,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def end(self, name: str) -> tuple[int, float]:
        """Stop a service as `docker compose stop` does; return its exit code and the seconds it took."""
        process, began_s = self.processes[name], time.monotonic()
        process.terminate()
        try:
            code = process.wait(seconds(self.services[name]["stop_grace_period"]))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        return code, time.monotonic() - began_s


@contextmanager
def kafka_of_the_file(folder: Path, service: dict[str, Any]) -> Iterator[str]:
    """Lend the address of a broker whose settings are those of the service, as its image reads them."""
    taken: set[int] = set()
    port, controller_port = ports.choose([], taken), ports.choose([], taken)
    kafka = kafka_parts.EmbeddedKafka(folder, ensure_jars(), port, controller_port)
    kafka_parts.prepare(kafka)
    given = service["environment"]
    lines = []
    for name in (name for name in given if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"):
        value = re.sub(r"(0\.0\.0\.0|kafka):9092", kafka.bootstrap, given[name])
        value = re.sub(r"(0\.0\.0\.0|kafka):9093", f"127.0.0.1:{controller_port}", value)
        value = value.replace("/var/lib/kafka/data", kafka_parts.DATA_NAME)
        lines.append(f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={value}\n")
    kafka.properties_file.write_text("".join(lines))
    with running(kafka_parts.server_command(kafka), port, folder / "kafka.log"):
        yield kafka.bootstrap


@contextmanager
def valkey_of_the_file(folder: Path, service: dict[str, Any]) -> Iterator[str]:
    """Lend the address of a store that runs with the words of the service."""
    port = ports.choose([], set())
    server, *words = service["command"]
    assert server == "valkey-server"
    folder.mkdir()
    command = [str(binary_path()), *words, "--bind", "127.0.0.1", "--port", str(port), "--dir", "."]
    with running(command, port, folder / "valkey.log"):
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("compose")
    services = load()["services"]
    with ExitStack() as servers:
        kafka = servers.enter_context(kafka_of_the_file(folder / "kafka", interpolated(services["kafka"], {})))
        store = servers.enter_context(valkey_of_the_file(folder / "redis", services["redis"]))
        taken: set[int] = set()
        stack = Stack(
            folder,
            {
                "kafka:9092": kafka,
                "redis:6379": store,
                "8501": str(ports.choose([], taken)),
                "8088": str(ports.choose([], taken)),
                "8089": str(ports.choose([], taken)),
                "0.0.0.0": "127.0.0.1",
                "/etc/barograph": str(ROOT / "deploy" / "notify"),
            },
        )
        try:
            yield stack
        finally:
            for process in stack.processes.values():
                if process.poll() is None:
                    process.kill()
                    process.wait()


@pytest.mark.timeout(400)
def test_the_services_start_in_order_count_a_document_and_stop_when_told(stack: Stack) -> None:
    order = [name for name in ours(stack.services) if "profiles" not in stack.services[name]]
    assert order[0] == "topics"
    assert set(order) == {"topics", "worker", "detector", "notify", "archive", "serve", "dashboard", "ingest"}
    for name in order:
        stack.begin(name)
        if name == "topics":
            assert stack.processes[name].wait(60) == 0, stack.log(name)
    roles = order[1:]
    for name in roles:
        wait_until(lambda name=name: stack.is_healthy(name), HEALTHY_S, f"{name} is healthy", 0.2)  # type: ignore[misc]

    url = stack.here("ingest", "http://127.0.0.1:8088/v1/documents")
    document = {"kind": "news", "source": "wire", "text": "Profit warning: shares plunge after accounting fraud"}
    assert httpx.post(url, json=document).status_code == 401
    answer = httpx.post(url, json=document, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = {}

    def counted() -> bool:
        asked = stack.run("dashboard", "status", "--json")
        assert asked.returncode == 0, asked.stderr
        found.update(json.loads(asked.stdout))
        return bool(found["aggregated"] == 1)

    wait_until(counted, 60, "the document is counted", 0.2)
    assert found["problems"] == []
    assert (found["received"], found["lag"], found["open_incidents"]) == (1, 0, 0)
    assert found["deliveries"] == {"pending": 0, "delivered": 0, "dead": 0}
    lines = "".join(json.dumps(document | {"text": f"Shares of number {n} rise"}) + "\n" for n in range(3))
    sent = stack.run("ingest", "ingest", "file", "-", "--wait", text=lines)
    assert sent.returncode == 0 and "3 sent, 0 set aside" in sent.stdout, sent.stdout + sent.stderr
    served = stack.here("serve", "http://127.0.0.1:8089/v1/classify")
    read = httpx.post(served, json={"documents": [document]}, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
    assert read.status_code == 200 and read.json()["results"][0]["label"] == "negative", read.text
    csv = stack.run("dashboard", "counts", "--out", "-")
    assert any(line.startswith("news/market/all,") for line in csv.stdout.splitlines()), csv.stdout
    advice = stack.run("dashboard", "doctor")
    assert advice.returncode == 0, advice.stdout
    assert "✗" not in advice.stdout

    for name in reversed(roles):
        code, took_s = stack.end(name)
        assert code == 0, f"{name} ended with {code} after {took_s:.1f} s: {stack.log(name)[-3000:]}"
        assert TOKEN not in stack.log(name)
        assert "Traceback" not in stack.log(name), stack.log(name)[-3000:]


def test_a_role_that_never_began_or_fell_silent_is_not_healthy(tmp_path: Path) -> None:
    """The check that the services use, at its edges."""
    beat = tmp_path / "heartbeat"

    def asked() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "stream.healthy", str(beat)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.returncode, done.stdout

    assert asked() == (1, f"{beat}: no heartbeat yet\n")
    beat.touch()
    assert asked() == (0, "")
    old_s = time.time() - 61
    os.utime(beat, (old_s, old_s))
    code, said = asked()
    assert code == 1 and re.fullmatch(rf"{beat}: no heartbeat for 6\d s\n", said)
