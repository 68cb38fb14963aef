"""`barograph doctor`: what is missing or misconfigured, and how to mend it."""

from __future__ import annotations

import json
import os
import platform
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stream.doctor import machine, probes, servers, system
from stream.doctor.findings import Finding, Level, any_problem, fine, lines, problem
from stream.settings import ConfigurationError, config_file

if TYPE_CHECKING:
    from stream.running import Running
    from stream.settings import Settings

DASHBOARD_RISK = "whoever reaches it sees every page and acknowledges incidents, without a password"
INGEST_RISK = "the token and all documents travel unencrypted"
COLOURS = {Level.OK: None, Level.WARNING: typer.colors.YELLOW, Level.PROBLEM: typer.colors.RED}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object: ok, and the findings")] = False,
) -> None:
    """Look at this machine, the settings, the servers and what runs; exit 1 if anything stops the system."""
    found: list[Finding] = []
    for finding in examine():
        found.append(finding)
        if not as_json:
            for line in lines([finding]):
                typer.secho(line, fg=COLOURS[finding.level])
    if as_json:
        typer.echo(json.dumps({"ok": not any_problem(found), "findings": [asdict(finding) for finding in found]}))
    raise typer.Exit(1 if any_problem(found) else 0)


def examine() -> Iterator[Finding]:
    """Yield what is found, one check after another: what takes a while comes when it is known."""
    yield machine.judge_python((sys.version_info[0], sys.version_info[1]), platform.system(), platform.machine())
    yield machine.judge_packages(*probes.packages())
    settings, errors = probes.settings_and_errors()
    file = None if errors else config_file()
    yield from system.judge_settings(errors, probes.given_settings(), None if file is None else str(file))
    if settings is None:
        return  # whatever else there is depends on them
    from stream.running import load_running

    running = None
    try:
        running = load_running(settings.home)
    except ConfigurationError as exc:
        yield problem("up.json", str(exc), "remove it, or run this as the user who runs `barograph up`")
    for part in (_machine, _roles_here, _servers):
        yield from _what_can_be_asked(part(settings, running))


def _what_can_be_asked(part: Iterator[Finding]) -> Iterator[Finding]:
    """Yield a part's findings; a package that it needs and that is missing ends the part, not the examination."""
    try:
        yield from part
    except ImportError as exc:
        yield problem("packages", f"{exc.name or exc} cannot be imported", machine.INSTALL)


def _machine(settings: Settings, running: Running | None) -> Iterator[Finding]:
    yield from machine.judge_home(probes.home_seen(settings.home.absolute()))
    yield machine.judge_memory(probes.available_memory(), settings.workers, runs=running is not None)
    folder = probes.model_folder(settings)
    yield machine.judge_model(folder, probes.model_trouble(folder))
    yield machine.judge_device(settings.device, probes.device_trouble(settings.device))


def _roles_here(settings: Settings, running: Running | None) -> Iterator[Finding]:
    from stream.running import is_alive
    from stream.supervision.demo import FEED

    alive = {} if running is None else {role: is_alive(pid) for role, pid in running.pids.items()}
    yield from system.judge_roles(alive)
    places = (
        ("dashboard", settings.dashboard_host, settings.dashboard_port, DASHBOARD_RISK),
        ("ingest", settings.ingest_host, settings.ingest_port, INGEST_RISK),
    )
    for role, host, port, risk in places:
        yield system.judge_port(role, host, port, probes.port_state(role, host, port))
        yield system.judge_exposure(role, host, risk)
    token = settings.ingest_token
    servers_of_others = bool(settings.kafka_bootstrap and settings.redis_url)
    yield system.judge_token(None if token is None else len(token.get_secret_value()), made_by_up=not servers_of_others)
    yield _endpoints(settings, demo=FEED in alive)


def _endpoints(settings: Settings, *, demo: bool) -> Finding:
    from stream.delivery.endpoints import FILE_NAME, load_endpoints
    from stream.supervision.demo import demo_folder

    home = settings.home.absolute()
    path = settings.endpoints_file or (demo_folder(home) if demo else home) / FILE_NAME
    try:
        loaded = load_endpoints(path, os.environ, required=settings.endpoints_file is not None)
    except ConfigurationError as exc:
        return system.judge_endpoints(str(path), None, None, str(exc))
    if not path.exists():
        return system.judge_endpoints(str(path), None, None, None)
    mode = stat.S_IMODE(path.stat().st_mode)
    return system.judge_endpoints(str(path), sum(one.enabled for one in loaded.endpoints), mode, None)


def _servers(settings: Settings, running: Running | None) -> Iterator[Finding]:
    if settings.kafka_bootstrap is None:
        yield machine.judge_embedded("java", probes.java_trouble())
        yield machine.judge_embedded("kafka's jars", probes.jars_trouble(), fetched=True)
    if settings.redis_url is None:
        yield machine.judge_embedded("valkey", probes.valkey_trouble())
    kafka = settings.kafka_bootstrap or (running and running.kafka)
    store = settings.redis_url or (running and running.redis)
    if kafka:
        yield from _kafka(kafka, settings)
    if store:
        yield from _store(store)
    if kafka and store:
        yield from _work(settings.model_copy(update={"kafka_bootstrap": kafka, "redis_url": store}))
    else:
        yield fine("running", f"nothing runs in {settings.home}: `barograph up` starts it")


def _kafka(bootstrap: str, settings: Settings) -> Iterator[Finding]:
    from stream.broker.errors import BrokerError
    from stream.broker.facts import kafka_facts
    from stream.broker.topics import RETENTION

    try:
        facts = kafka_facts(bootstrap, RETENTION)
    except BrokerError as exc:
        yield problem("kafka", str(exc), "start it, or name another in BAROGRAPH_KAFKA_BOOTSTRAP")
        return
    yield from servers.judge_kafka(facts, RETENTION, settings.partitions, settings.workers)


def _store(url: str) -> Iterator[Finding]:
    from stream.store.client import StoreError
    from stream.store.facts import store_facts

    try:
        facts = store_facts(url)
    except StoreError as exc:
        yield problem("store", str(exc), "start it, or name another in BAROGRAPH_REDIS_URL; a password belongs there")
        return
    yield from servers.judge_store(facts)


def _work(settings: Settings) -> Iterator[Finding]:
    """Yield what the counts say; a server that does not answer has been named before."""
    from stream.cli.status import collect
    from stream.store.client import StoreError
    from stream.store.deliveries import DeliveryReader
    from stream.store.incidents import DETECTOR_LEASE
    from stream.store.lease import read_lease

    status = collect(settings, time.time())
    lag = system.judge_lag(status.lag, status.newest_age_s)
    if lag is not None:
        yield lag
    url, namespace = str(settings.redis_url), settings.namespace
    try:
        held = read_lease(url, namespace, DETECTOR_LEASE)
        endpoints = DeliveryReader(url, namespace).endpoints()
    except StoreError:
        return
    yield system.judge_detector(None if held is None else held.owner)
    silent = [one.name for one in endpoints if one.enabled and (one.breaker_open or one.gone_at_ms is not None)]
    deliveries = system.judge_deliveries(status.deliveries, silent)
    if deliveries is not None:
        yield deliveries
