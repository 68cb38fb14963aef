"""`barograph up`, without its command line: servers, topics, roles, up.json, signals, the end."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stream.broker import embedded as kafka_parts
from stream.broker.errors import BrokerError
from stream.broker.fetch import ensure_jars
from stream.broker.topics import ensure_topics
from stream.running import Running, remove_running, write_running
from stream.settings import Settings
from stream.store import embedded as valkey_parts
from stream.store.client import StoreError, connect, store_errors
from stream.supervision.demo import prepare_demo, refuse_servers
from stream.supervision.lock import HomeError, exposure, lock_home
from stream.supervision.output import Output
from stream.supervision.places import Places, choose_places
from stream.supervision.roles import Role
from stream.supervision.table import application_roles, kafka_role, valkey_role
from stream.supervision.welcome import welcome
from stream.supervisor import Supervisor

SERVERS_WITHIN_S = 10.0
AGAIN_S = 0.3
UP = "up"

RolesOf = Callable[[Settings, Places, Mapping[str, str]], Sequence[Role]]


def launch(settings: Settings, roles_of: RolesOf = application_roles, *, demo: bool = False) -> int:
    """Run everything until told to stop; return the exit code.

    Args:
        demo: with the demonstration: invented documents, on servers whose data lie apart.

    Raises:
        HomeError, ConfigurationError, BrokerError, StoreError, RoleFailedError: it cannot start; the message says why.
    """
    began_s = time.monotonic()
    settings = settings.model_copy(update={"home": settings.home.absolute()})
    if demo:
        refuse_servers(settings)
    lock = lock_home(settings.home)
    try:
        remove_running(settings.home)
        token = settings.ingest_token.get_secret_value() if settings.ingest_token else secrets.token_urlsafe(24)
        places = choose_places(settings, token, demo=demo)
        if places.demo is not None:
            prepare_demo(places.demo)
        applications = list(roles_of(settings, places, os.environ))
        output = Output(sys.stdout, [UP, "kafka", "redis", *(role.name for role in applications)])
        _log_to(output)
        if exposed := exposure(settings.home):
            output.say(UP, exposed)
        try:
            servers = _servers(settings, places, os.environ)
            run = _Run(
                settings=settings,
                places=places,
                servers=servers,
                applications=applications,
                output=output,
                lock=lock,
                began_s=began_s,
            )
            return asyncio.run(run.main())
        finally:
            output.close()
    finally:
        os.close(lock)


def _servers(settings: Settings, places: Places, environ: Mapping[str, str]) -> list[Role]:
    roles = []
    if settings.kafka_bootstrap is None:
        kafka = kafka_parts.EmbeddedKafka(
            places.data / "kafka", ensure_jars(), places.kafka_port, places.controller_port
        )
        kafka_parts.prepare(kafka)
        roles.append(kafka_role(kafka, environ))
    if settings.redis_url is None:
        valkey = valkey_parts.EmbeddedValkey(places.data / "valkey", places.redis_port)
        _make(valkey.folder)
        roles.append(valkey_role(valkey, environ))
    return roles


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise HomeError(f"{folder}: {exc.strerror or exc}; expected a folder that can be made and written") from exc


def _log_to(output: Output) -> None:
    logging.basicConfig(level=logging.WARNING, handlers=[_ToOutput(output)], force=True)
    logging.getLogger("stream").setLevel(logging.INFO)


class _ToOutput(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.say(UP, record.getMessage())


@dataclass(kw_only=True)
class _Run:
    """One run, from the first process to the last."""

    settings: Settings
    places: Places
    servers: Sequence[Role]
    applications: Sequence[Role]
    output: Output
    lock: int
    began_s: float

    def __post_init__(self) -> None:
        self._told = asyncio.Event()
        self._complete = False
        self._pids: dict[str, int] = {}
        self._written: Running | None = None
        self._supervisor = Supervisor(self.output.say, self._changed, keep_open=[self.lock])

    async def main(self) -> int:
        """Start, wait for the signal to stop, stop; return the exit code."""
        self._take_signals()
        self._changed()
        running = asyncio.create_task(self._start_and_keep())
        told = asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            running.cancel()
            told.cancel()
            await asyncio.gather(running, told, return_exceptions=True)
            await self._supervisor.stop()
            remove_running(self.settings.home)
        self.output.say(UP, "everything has stopped")
        return 0

    async def _start_and_keep(self) -> None:
        await self._supervisor.start(self.servers)
        await self._prepare()
        await self._supervisor.start(self.applications)
        self._complete = True
        self._changed()
        self.output.text(welcome(self.settings, self.places, time.monotonic() - self.began_s))
        await self._supervisor.until_broken()

    async def _prepare(self) -> None:
        """Make the topics and greet the store; wait a little for servers that are only just there."""
        settings, places = self.settings, self.places
        await self._until_done(lambda: ensure_topics(places.kafka, settings.partitions, settings.replication))
        await self._until_done(lambda: ping(places.redis))

    async def _until_done(self, step: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + SERVERS_WITHIN_S
        said = ""
        while True:
            try:
                await asyncio.to_thread(step)
                return
            except (BrokerError, StoreError) as exc:
                if exc.permanent or time.monotonic() > deadline_s:
                    raise
                if said != (said := str(exc)):
                    self.output.say(UP, f"waiting: {said}")
            await asyncio.sleep(AGAIN_S)

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Whoever started us under nohup wants us to outlive the terminal.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._tell)

    def _tell(self) -> None:
        if self._told.is_set():
            self.output.say(UP, "killing everything at once")
            self._supervisor.kill()
            return
        self.output.say(UP, "stopping; once more kills everything at once")
        self._told.set()

    def _changed(self) -> None:
        statuses = self._supervisor.statuses()
        self._pids |= {name: status.pid for name, status in statuses.items() if status.pid is not None}
        running = Running(
            ready=self._complete and not self._told.is_set() and self._supervisor.all_ready(),
            urls=self.places.urls,
            token=self.places.token,
            kafka=self.places.kafka,
            redis=self.places.redis,
            pids={"supervisor": os.getpid(), **self._pids},
        )
        if running != self._written:
            try:
                write_running(self.settings.home, running)
            except OSError as exc:
                self.output.say(UP, f"up.json cannot be written: {exc}")
                return
            self._written = running


def ping(url: str) -> None:
    """Return once the store has answered.

    Raises:
        StoreError: it does not, or refuses.
    """
    with store_errors(url), connect(url) as client:
        client.ping()
