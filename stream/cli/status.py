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
    from stream.broker.topics import DOCUMENT_TOPICS, beginning_offsets, end_offsets, topic_ids
    from stream.core.progress import lag
    from stream.store.client import StoreError
    from stream.store.deliveries import DeliveryReader
    from stream.store.incident_read import IncidentReader
    from stream.store.read import Reader

    found = Status(roles=_roles(settings))
    down = [f"{role} is not running" for role, alive in found.roles.items() if not alive]
    found = dataclasses.replace(found, problems=down)
    applied_all: dict[str, int] | None = None
    try:
        place = str(settings.redis_url), settings.namespace
        reader = Reader(*place)
        totals, applied_all = reader.totals(), reader.applied_all()
        age_s = round(now_s - totals.newest_received_ms / 1000, 3) if totals.newest_received_ms else None
        found = dataclasses.replace(
            found,
            scored=totals.scored,
            aggregated=totals.aggregated,
            duplicates=totals.duplicates,
            dead_letters=totals.dead_letters,
            newest_age_s=age_s,
            stories=totals.stories,
            late=totals.late,
            redelivered=totals.redelivered,
            open_incidents=IncidentReader(*place).count_open(),
            deliveries=dataclasses.asdict(DeliveryReader(*place).counts()),
        )
    except StoreError as exc:
        found.problems.append(str(exc))
    try:
        bootstrap = str(settings.kafka_bootstrap)
        ends = end_offsets(bootstrap, DOCUMENT_TOPICS)
        found = dataclasses.replace(found, received=sum(ends.values()))
        if applied_all is not None:
            ids = topic_ids(bootstrap, DOCUMENT_TOPICS)
            applied = {
                part: applied_all[field] for part in ends if (field := f"{ids.get(part[0])}:{part[1]}") in applied_all
            }
            waiting = lag(ends, beginning_offsets(bootstrap, DOCUMENT_TOPICS), applied)
            found = dataclasses.replace(found, lag=waiting)
    except BrokerError as exc:
        found.problems.append(str(exc))
    return found


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
