"""`barograph ingest demo`: invented documents, the last hours at once, then live."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stream.settings import Settings
    from stream.sources.publisher import Publisher
    from stream.store.read import Reader

VISIBLE_WITHIN_S = 1_800.0
LAST_FLUSH_S = 10.0


def demo(
    seed: Annotated[int, typer.Option(help="which feed: another number, other documents")] = 1,
    history_hours: Annotated[float, typer.Option(min=0, max=6, help="how much of the past is filled")] = 6.0,
    crisis: Annotated[bool, typer.Option(help="whether one of the invented companies gets into trouble")] = True,
    crisis_after: Annotated[float, typer.Option(min=0, help="seconds from everything being ready to the crisis")] = 90,
    up_home: Annotated[
        Path | None, typer.Option("--up", hidden=True, help="home of the `barograph up` that has to be ready")
    ] = None,
) -> None:
    """Publish invented news and comments about invented companies: six hours of the past, then live.

    Only on a system whose documents are all invented; `barograph up --feed demo` runs one.
    """
    from stream.cli.logs import set_up_logging
    from stream.running import connect_settings
    from stream.settings import ConfigurationError, load_settings

    settings = load_settings()
    if not settings.demo:
        raise ConfigurationError(
            "BAROGRAPH_DEMO is not set: invented documents must not be counted among your own; "
            "`barograph up --feed demo` keeps them apart, or set BAROGRAPH_DEMO=1 on a system that holds no others"
        )
    set_up_logging(settings.log_level)
    # Whoever stops it, by key or by signal: what was sent is confirmed and counted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run(connect_settings(settings), seed, history_hours, crisis_after if crisis else None, up_home)


def run(
    settings: Settings, seed: int, history_hours: float, crisis_after_s: float | None, up_home: Path | None
) -> None:
    """Publish until told to stop. `settings` name Kafka and the store.

    Raises:
        SourceError, StoreError: Kafka or the store do not answer for too long.
    """
    from stream.sources.authors import author_key
    from stream.sources.demo.begun import read_crisis
    from stream.sources.demo.play import Player
    from stream.sources.errors import SourceError
    from stream.sources.publisher import Publisher
    from stream.sources.sender import FileSender, Options
    from stream.store.read import Reader

    publisher = Publisher(str(settings.kafka_bootstrap))
    reader = Reader(str(settings.redis_url), settings.namespace)
    player = Player(
        sender=FileSender(publisher, author_key(settings.home), Options()),
        around=_System(settings, publisher, reader, up_home),
        seed=seed,
        history_s=history_hours * 3600,
        crisis_after_s=crisis_after_s,
        crisis_start_s=read_crisis(settings.home) if up_home and crisis_after_s is not None else None,
    )
    try:
        player.lay_history()
        player.play()
    except KeyboardInterrupt:
        try:
            publisher.flush(LAST_FLUSH_S)
        except SourceError as exc:
            typer.echo(f"barograph: {exc}", err=True)
    finally:
        publisher.close(timeout_s=0)
        reader.close()


class _System:
    """The running system, as the feed sees it."""

    def __init__(self, settings: Settings, publisher: Publisher, reader: Reader, up_home: Path | None) -> None:
        self._settings = settings
        self._publisher = publisher
        self._reader = reader
        self._up_home = up_home

    def known(self, ids: Collection[str]) -> set[str]:
        from stream.core.event_time import day_number
        from stream.store.known import known_ids

        return known_ids(str(self._settings.redis_url), self._settings.namespace, ids, day_number(int(time.time())))

    def wait_visible(self, on_look: Callable[[int], None]) -> None:
        from stream.broker.topics import DOCUMENT_TOPICS, end_offsets
        from stream.sources.visible import wait_until_applied

        self._publisher.flush(VISIBLE_WITHIN_S)
        ends = end_offsets(str(self._settings.kafka_bootstrap), DOCUMENT_TOPICS)
        wait_until_applied(
            {part: end - 1 for part, end in ends.items()},
            self._applied,
            topic_ids=self._publisher.topic_ids,
            timeout_s=VISIBLE_WITHIN_S,
            on_look=on_look,
        )

    def is_ready(self) -> bool:
        from stream.running import load_running

        if self._up_home is None:
            return True
        running = load_running(self._up_home)
        return running is not None and running.ready

    def keep_crisis(self, start_s: int) -> None:
        from stream.sources.demo.begun import write_crisis

        if self._up_home is not None:
            write_crisis(self._settings.home, start_s)

    def _applied(self, topic_id: str, partition: int) -> int | None:
        from stream.sources.errors import SourceError
        from stream.store.client import StoreError

        try:
            return self._reader.applied(topic_id, partition)
        except StoreError as exc:
            raise SourceError(str(exc), permanent=exc.permanent) from exc
