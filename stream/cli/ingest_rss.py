"""`barograph ingest rss`: documents from RSS and Atom feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

_INTERRUPTED = 130


def rss(
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="URL", help="feeds, http:// or https://", show_default=False)
    ] = None,
    *,
    feeds: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="further feeds: TOML with an array of tables `feed` (url, kind, source, lang, interval_s), or OPML",
        ),
    ] = None,
    kind: Annotated[Literal["news", "comment"], typer.Option(help="what the entries are")] = "news",
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="whose they are; the feed's title or host if not given")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(metavar="TAG", help="their language, such as en; told from each text if not given")
    ] = None,
    interval: Annotated[
        float, typer.Option(min=1, max=86_400, help="seconds from one poll to the next; more where a feed asks for it")
    ] = 60.0,
    max_mb: Annotated[float, typer.Option(min=0.01, max=100, help="largest feed, in megabytes, unpacked")] = 10.0,
    once: Annotated[
        bool, typer.Option("--once", help="poll each feed once; exit code 0 if all of them worked, else 1")
    ] = False,
) -> None:
    """Follow RSS and Atom feeds: each new entry becomes one document, once, also over restarts."""
    defaults: dict[str, Any] = {"kind": kind, "source": source, "lang": lang, "interval_s": interval}
    given = {name: value for name, value in defaults.items() if value is not None}
    raise typer.Exit(_run(urls or [], feeds, given, int(max_mb * 1_000_000), once))


def _run(urls: list[str], file: Path | None, defaults: dict[str, Any], max_bytes: int, once: bool) -> int:
    import asyncio
    import logging
    from contextlib import ExitStack

    from stream.cli.logs import set_up_logging
    from stream.running import connect_settings
    from stream.settings import load_settings
    from stream.sources.authors import author_key
    from stream.sources.publisher import Publisher
    from stream.sources.rss.feeds import distinct, feeds_of, made_feed
    from stream.sources.rss.fetch import Limits, authorities
    from stream.sources.rss.follow import follow
    from stream.sources.rss.poll import Shared
    from stream.sources.rss.state import StateFile

    named = [made_feed({**defaults, "url": url}, f"feed {number}") for number, url in enumerate(urls, 1)]
    wanted = distinct([*named, *(feeds_of(file, defaults) if file else [])])
    settings = load_settings()
    set_up_logging(settings.log_level)
    # What the client library has to say reaches the user as one line of ours.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    if settings.kafka_bootstrap is None:
        settings = connect_settings(settings)
    with ExitStack() as closing:
        key = author_key(settings.home)
        state = StateFile(settings.home)
        closing.callback(state.close)
        # A feed's documents wait no longer than this for room; then they come again.
        publisher = Publisher(str(settings.kafka_bootstrap), room_timeout_s=10.0)
        closing.callback(publisher.close)
        shared = Shared(publisher, state, key, authorities(), Limits(max_bytes=max_bytes))
        done = asyncio.run(follow(wanted, shared, once=once))
    if not once:
        return 0
    if done.stopped:
        return _INTERRUPTED
    typer.echo(f"{len(wanted):,} feeds: {done.worked:,} worked, {done.failed:,} failed; {done.sent:,} documents sent")
    return 0 if done.failed == 0 else 1
