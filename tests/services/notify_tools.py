"""Receivers of webhooks that do as a test tells them, and what a notifier needs around it."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream.core.incidents import Incident
from stream.delivery.endpoints import Endpoint, Loaded, load_endpoints
from stream.delivery.lane import Pace
from stream.delivery.notifier import Notifier
from stream.delivery.post import Poster
from stream.delivery.signing import is_signed
from stream.store.deliveries import DeliveryReader, DeliverySeen
from stream.store.delivery_queue import AsyncDeliveries
from stream.store.incidents import Write
from stream.store.outbox import Outbox
from tests.services.incident_tools import NOON_MS, NOON_S, Detector, incident

SECRET = "whsec_" + base64.b64encode(b"an endpoint's secret of 32 bytes").decode()
OTHER = "whsec_" + base64.b64encode(b"some other secret, also 32 bytes").decode()


@dataclass(frozen=True)
class Message:
    """One POST as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Answering = Callable[[Message], Awaitable[bytes]]


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Return a response as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} X", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Receiver:
    """A server that answers in turn what it was told, then the last of it for ever."""

    answers: list[bytes | Answering]
    messages: list[Message] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *rest = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
            body = await reader.readexactly(int(headers["content-length"]))
            message = Message(first.split(" ")[1], headers, body, time.time())
            planned = self.answers[min(len(self.messages), len(self.answers) - 1)]
            self.messages.append(message)
            writer.write(planned if isinstance(planned, bytes) else await planned(message))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):  # the other side has gone, as some tests have it
            pass
        finally:
            writer.close()

    def signed(self, secret: str = SECRET) -> bool:
        """Return whether every message carries this secret's signature."""
        return all(is_signed([secret], message.headers, message.body) for message in self.messages)


@asynccontextmanager
async def receiving(*answers: bytes | Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Lend a receiver on a free port of this machine."""
    receiver = Receiver(list(answers) or [answer(204)])
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


async def until(condition: Callable[[], Any], what: str, timeout_s: float = 20.0) -> None:
    """Return as soon as the condition holds; fail the test, naming it, when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        await asyncio.sleep(0.005)


def endpoint(name: str, url: str, secret: str = SECRET, **changes: Any) -> Endpoint:
    return Endpoint(name, url, (secret,), **{"allow_private": True, **changes})


@dataclass
class Office:
    """A notifier in this process, its store, and what pages see of it."""

    url: str
    namespace: str
    reader: DeliveryReader
    beats: list[float]
    notifier: Notifier
    task: asyncio.Task[None]

    def seen(self, incident: Incident) -> list[DeliverySeen]:
        return self.reader.of_incident(incident.incident_id)

    def states(self, incident: Incident) -> list[str]:
        return [one.state for one in self.seen(incident)]


def of(*endpoints: Endpoint) -> Callable[[], Loaded]:
    """Return what loads these endpoints, from no file."""
    return lambda: Loaded(endpoints, (), ())


def of_file(path: Path) -> Callable[[], Loaded]:
    return lambda: load_endpoints(path, os.environ, required=True)


@asynccontextmanager
async def notifying(
    url: str,
    namespace: str,
    load: Callable[[], Loaded],
    *,
    schedule_s: Sequence[float] = (0.0, 0.01, 0.01),
    probe_every_s: float = 60.0,
    timeout_s: float = 15.0,
    clock: Callable[[], float] = time.time,
    empty_for_s: float = 2.0,
) -> AsyncIterator[Office]:
    """Run a notifier; at the end it finishes what is in flight."""
    store, outbox, reader = AsyncDeliveries(url, namespace), Outbox(url, namespace), DeliveryReader(url, namespace)
    beats: list[float] = []
    notifier = Notifier(
        store,
        outbox,
        load,
        lambda one: Poster(one, timeout_s=timeout_s),
        Pace(clock, lambda: 0.5, schedule_s, probe_every_s, reload_every_s=0.02, empty_for_s=empty_for_s),
        loaded=load(),
        public_url=None,
        beat=lambda: beats.append(time.monotonic()),
    )
    task = asyncio.create_task(notifier.run())
    try:
        yield Office(url, namespace, reader, beats, notifier, task)
        assert not task.done() or task.cancelled(), task
        await notifier.finish()
    finally:
        task.cancel()
        await asyncio.wait([task])
        await asyncio.gather(store.close(), outbox.close())
        reader.close()
    error = None if task.cancelled() else task.exception()
    assert error is None, error


def fire(desk: Detector, number: int = 0, **changes: object) -> Incident:
    """Let the detector fire an incident, and return it."""
    one = incident(number, **changes)
    desk.commit(Write("fired", NOON_MS, one))
    return one


def resolve(desk: Detector, number: int = 0) -> Incident:
    one = incident(number, state="resolved", resolved_at_s=NOON_S + 600, reason="cleared")
    desk.commit(Write("resolved", NOON_MS + 600_000, one))
    return one


def write_endpoints(path: Path, *tables: str) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text("".join(f"[[endpoint]]\n{table}\n" for table in tables))
    scratch.chmod(0o600)
    scratch.replace(path)


def table(name: str, url: str, secret: str = SECRET, more: str = "") -> str:
    return f'name = "{name}"\nurl = "{url}"\nsecret = "{secret}"\nallow_private = true\n{more}'


class Process:
    """A real `barograph notify`."""

    def __init__(self, folder: Path, redis_url: str, namespace: str, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "notify.log"
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
        ours = {
            "BAROGRAPH_REDIS_URL": redis_url,
            "BAROGRAPH_NAMESPACE": namespace,
            "BAROGRAPH_HOME": str(folder),
            "BAROGRAPH_LEASE_S": "1",
        }
        code = "from stream.cli.notify import notify; import typer; typer.run(notify)"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code], env=outside | ours | environment, stdout=log, stderr=log
            )

    def said(self, words: str) -> int:
        return self.log.read_text(errors="replace").count(words)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End it politely and return its exit code."""
        self.process.terminate()
        return self.process.wait(20)
