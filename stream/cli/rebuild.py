"""`barograph rebuild`: the store anew, from the archive and Kafka."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.logs import set_up_logging
from stream.running import connect_settings, load_running
from stream.settings import Settings, load_settings

if TYPE_CHECKING:
    from stream.archive.rebuild import Place, Rebuilt


def rebuild(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object at the end instead of words")] = False,
) -> None:
    """Empty the store and count everything anew from stored predictions; incidents come back with all that was done.

    Workers and the detector must not run. Where `barograph up` was stopped, its Kafka and store are started for this
    and stopped after it. What is still to be told stays, and nothing is told twice.
    """
    from stream.supervision.servers import with_servers

    settings = load_settings()
    set_up_logging(settings.log_level)
    # The client cannot read what other clients tell of themselves, and says so at length.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    if _has_servers_of_its_own(settings):
        if not yes:
            _confirm(settings, "the store of this home", "its Kafka")
        with_servers(settings, lambda found: _rebuild(found, yes=True, as_json=as_json), _say)
    else:
        _rebuild(connect_settings(settings), yes=yes, as_json=as_json)


def _has_servers_of_its_own(settings: Settings) -> bool:
    """Return whether `up` ran in this home on servers of its own, and does not run now."""
    if settings.kafka_bootstrap and settings.redis_url:
        return False
    begun = [settings.home / name for name in ("kafka", "valkey")]
    return any(folder.is_dir() for folder in begun) and load_running(settings.home) is None


def _rebuild(settings: Settings, *, yes: bool, as_json: bool) -> None:
    from stream.archive.rebuild import rebuild as do
    from stream.archive.rebuild import require_quiet
    from stream.store.client import address

    place = _place(settings)
    require_quiet(place)
    if not yes:
        _confirm(settings, address(place.redis_url), f"Kafka at {place.bootstrap}")
    _tell(do(place, _say), as_json=as_json)


def _place(settings: Settings) -> Place:
    from stream.archive.rebuild import Place

    return Place(
        archive=settings.archive_root.absolute(),
        bootstrap=str(settings.kafka_bootstrap),
        redis_url=str(settings.redis_url),
        namespace=settings.namespace,
        lateness_s=settings.lateness_s,
    )


def _confirm(settings: Settings, store: str, kafka: str) -> None:
    _say(f"This removes the counts and incidents in namespace {settings.namespace} of {store}")
    _say(f"and writes them anew from {settings.archive_root.absolute()} and {kafka}.")
    typer.confirm("Go on?", abort=True, err=True)


def _tell(done: Rebuilt, *, as_json: bool) -> None:
    counted = done.counted
    to_score = {f"{topic}-{partition}": offset for (topic, partition), offset in counted.to_score.items()}
    if as_json:
        plain = dataclasses.asdict(dataclasses.replace(counted, to_score={})) | {"to_score": to_score}
        more = {"incidents": done.incidents, "events": done.events, "tail": done.tail, "took_s": round(done.took_s, 3)}
        typer.echo(json.dumps(plain | more))
        return
    typer.echo(
        f"{counted.records:,} records in {done.took_s:.1f} s: {counted.aggregated:,} counted, {counted.duplicates:,} "
        f"duplicates, {counted.dead_letters:,} dead letters; {done.incidents:,} incidents with {done.events:,} events"
    )
    if to_score:
        typer.echo(f"a worker goes on at {', '.join(f'{part} offset {offset}' for part, offset in to_score.items())}")
    if counted.left_out:
        typer.echo(f"! {counted.left_out:,} records were never scored and are not in Kafka any more: left out")


def _say(line: str) -> None:
    typer.echo(line, err=True)
