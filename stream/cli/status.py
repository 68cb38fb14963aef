"""`barograph status`: what came in, what became of it, what waits."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from stream.running import connect_settings, load_running
from stream.settings import load_settings

if TYPE_CHECKING:
    from stream.settings import Settings


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """Cumulative figures; None where the part that knows does not answer.

    Attributes:
        received: records in the documents' topics since they were made.
        scored: documents that the model read and that were applied.
        lag: records that wait to be applied.
        newest_age_s: seconds since the newest document applied was received.
        open_incidents: incidents that fire or recover.
        deliveries: of webhooks, how many are pending, delivered and dead.
        roles: which processes of `barograph up` are alive.
        problems: one line each.
    """

    received: int | None = None
    scored: int | None = None
    aggregated: int | None = None
    duplicates: int | None = None
    dead_letters: int | None = None
    lag: int | None = None
    newest_age_s: float | None = None
    stories: int | None = None
    late: int | None = None
    redelivered: int | None = None
    open_incidents: int | None = None
    deliveries: dict[str, int] | None = None
    roles: dict[str, bool] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object instead of a table")] = False,
) -> None:
    """Show what came in, what was counted, and what waits. Exits 0 whenever it can answer."""
    found = collect(connect_settings(load_settings()), time.time())
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found)))
        return
    _show(found)


def collect(settings: Settings, now_s: float) -> Status:
    """Return the status; what does not answer is left out and named among the problems."""
    from stream.broker.errors import BrokerError
    from stream.store.client import StoreError

    found = Status(roles=_roles(settings))
    found.problems.extend(f"{role} is not running" for role, alive in found.roles.items() if not alive)
    applied: dict[str, int] | None = None
    try:
        found, applied = _of_store(found, str(settings.redis_url), settings.namespace, now_s)
    except StoreError as exc:
        found.problems.append(str(exc))
    try:
        found = _of_kafka(found, str(settings.kafka_bootstrap), applied)
    except BrokerError as exc:
        found.problems.append(str(exc))
    return found


def _of_store(found: Status, url: str, namespace: str, now_s: float) -> tuple[Status, dict[str, int]]:
    """Add what the store knows, and return also the highest offset applied by field; StoreError."""
    from stream.store.deliveries import DeliveryReader
    from stream.store.incident_read import IncidentReader
    from stream.store.read import Reader

    reader, deliveries = Reader(url, namespace), DeliveryReader(url, namespace)
    totals, applied = reader.totals(), reader.applied_all()
    newest_ms = totals.newest_received_ms
    found = dataclasses.replace(
        found,
        scored=totals.scored,
        aggregated=totals.aggregated,
        duplicates=totals.duplicates,
        dead_letters=totals.dead_letters,
        # Clocks of two machines, or of one that was put right, may differ a little.
        newest_age_s=round(max(0.0, now_s - newest_ms / 1000), 3) if newest_ms else None,
        stories=totals.stories,
        late=totals.late,
        redelivered=totals.redelivered,
        open_incidents=IncidentReader(url, namespace).count_open(),
        deliveries=dataclasses.asdict(deliveries.counts()),
    )
    for endpoint in deliveries.endpoints():
        if endpoint.enabled and endpoint.gone_at_ms is not None:
            found.problems.append(f"endpoint {endpoint.name} answered 410: nothing is sent there any more")
        elif endpoint.enabled and endpoint.breaker_open:
            found.problems.append(f"endpoint {endpoint.name} takes nothing: it is tried once a minute")
    return found, applied


def _of_kafka(found: Status, bootstrap: str, applied: dict[str, int] | None) -> Status:
    """Add what Kafka knows: what came, and where it is known what was applied, what waits; BrokerError."""
    from stream.broker.topics import DOCUMENT_TOPICS, beginning_offsets, end_offsets, topic_ids
    from stream.core.progress import lag

    ends = end_offsets(bootstrap, DOCUMENT_TOPICS)
    found = dataclasses.replace(found, received=sum(ends.values()))
    if applied is None:
        return found
    ids = topic_ids(bootstrap, DOCUMENT_TOPICS)
    done = {part: applied[field] for part in ends if (field := f"{ids.get(part[0])}:{part[1]}") in applied}
    return dataclasses.replace(found, lag=lag(ends, beginning_offsets(bootstrap, DOCUMENT_TOPICS), done))


def _roles(settings: Settings) -> dict[str, bool]:
    from stream.running import is_alive

    running = load_running(settings.home)
    return {} if running is None else {role: is_alive(pid) for role, pid in running.pids.items()}


def _show(found: Status) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name in ("received", "aggregated", "duplicates", "dead_letters", "lag", "scored", "stories", "late"):
        value = getattr(found, name)
        table.add_row(name.replace("_", " "), "–" if value is None else f"{value:,}")
    age = found.newest_age_s
    table.add_row("open incidents", "–" if found.open_incidents is None else f"{found.open_incidents:,}")
    told = found.deliveries or {}
    table.add_row("webhooks", ", ".join(f"{count:,} {state}" for state, count in told.items()) or "–")
    table.add_row("newest document", "–" if age is None else f"{age:,.1f} s ago")
    console = Console()
    console.print(table)
    alive = [role for role, up in found.roles.items() if up]
    if alive:
        console.print(f"[dim]running[/]  {', '.join(alive)}", highlight=False)
    for problem in found.problems:
        console.print(f"! {problem}", style="yellow", markup=False, highlight=False)
