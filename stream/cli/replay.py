"""`barograph replay`: the past through the code that runs live, and a report of what would have fired."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from stream.settings import ConfigurationError, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.delivery.endpoints import Endpoint
    from stream.replay.folder import RunFolder, State
    from stream.replay.journal import Tale
    from stream.replay.request import Request
    from stream.replay.session import Done

T = TypeVar("T")

GATE_FAILED: Final = 3
_INTERRUPTED: Final = 130
_STOPPED: Final = 4
_NOT_TOLD: Final = 5
_MOST_LEARNT_S: Final = 400 * 86_400

Name = Annotated[
    str | None, typer.Option("--name", metavar="RUN", help="the run's name; made of what is asked if not given")
]


def replay(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="JSONL or CSV, .gz too: documents with their times")
    ] = None,
    *,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="event time, UTC date or RFC 3339")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="event time, not included")] = None,
    source: Annotated[
        Literal["files", "archive", "kafka"] | None,
        typer.Option(help="files if some are given, else the archive where there is one, else Kafka"),
    ] = None,
    learn: Annotated[
        str, typer.Option(metavar="LENGTH", help="how long before --from documents teach the baselines: 28d, 12h, 0")
    ] = "28d",
    speed: Annotated[
        str, typer.Option(metavar="SPEED", help="60x: an hour in a minute; max: as fast as it goes")
    ] = "max",
    rescore: Annotated[
        bool, typer.Option("--rescore", help="the model reads everything anew; else stored predictions stand")
    ] = False,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML: false_alarms_per_week, clocks, series, levels")
    ] = None,
    model: Annotated[Path | None, typer.Option(metavar="PATH", help="folder of weights; as set if not given")] = None,
    name: Name = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="where the report goes; in the run's folder if not given")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="known incidents, JSONL or CSV: name, at and perhaps from, to, series"),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="such as 'false_alarms_per_week > 1': then the exit code is 3"),
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--map", metavar="PAIRS", help="columns by our names: text=body,published_at=date")
    ] = None,
    constants: Annotated[
        str | None, typer.Option("--set", metavar="PAIRS", help="for every document: kind=comment,source=forum")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="of times that state none, such as UTC or Asia/Shanghai")
    ] = None,
    deliver_to: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="an endpoint that is told what opens, escalates and resolves, marked so"),
    ] = None,
    in_store: Annotated[
        bool, typer.Option("--in-store", help="aggregates go to the store of the settings, under replay:RUN")
    ] = False,
) -> None:
    """Replay documents between two instants through scoring, counting and detection; nobody is told unless asked."""
    from stream.replay.request import Request
    from stream.replay.rules import Rules, read_rules

    settings = load_settings()
    base = Rules(false_alarms_per_week=settings.false_alarms_per_week)
    wanted = source or ("files" if files else "archive" if settings.archive_root.is_dir() else "kafka")
    if (wanted == "files") != bool(files):
        raise ConfigurationError(
            "--source files needs files" if not files else f"--source {wanted} takes no files: {files[0]}"
        )
    # Without a beginning nothing lies before it.
    learn_s = min(_length(learn), 0 if start is None else _MOST_LEARNT_S)
    request = Request(
        source=wanted,
        files=tuple(str(Path(file).absolute()) if file != "-" else file for file in files or ()),
        start_s=_instant("--from", start),
        end_s=_instant("--to", end),
        learn_s=learn_s,
        speed=_speed(speed),
        rescore=rescore and wanted != "files",
        rules=base if rules is None else read_rules(rules, base),
        model=None if model is None else str(model.absolute()),
        mapping=_pairs("--map", columns),
        constants=_pairs("--set", constants),
        time_zone=_zone(time_zone),
        in_store=in_store,
        labels=None if labels is None else str(labels.absolute()),
        report=None if report is None else str(report.absolute()),
        fail_if=tuple(fail_if or ()),
        deliver_to=tuple(deliver_to or ()),
    )
    if request.start_s is not None and request.end_s is not None and request.end_s <= request.start_s:
        raise ConfigurationError(f"--to {end} is not after --from {start}")
    raise typer.Exit(go(request, name, settings))


def go(request: Request, name: str | None, settings: Settings) -> int:
    """Run or go on with a replay, say what came of it, and return the exit code."""
    from stream.cli.desk import desk_of
    from stream.cli.replay_progress import Bars
    from stream.replay.errors import ReplayError, disk_is_full
    from stream.replay.folder import RunFolder
    from stream.replay.gate import holds
    from stream.replay.outcome import NO_FIGURES
    from stream.replay.request import default_name, fingerprint
    from stream.replay.run import Stopped
    from stream.replay.session import replay as run

    for condition in request.fail_if:
        holds(condition, NO_FIGURES)
    endpoints = _endpoints(request, settings)
    settings = _connected(request, settings)
    desk = desk_of(
        settings if request.model is None else settings.model_copy(update={"model_path": Path(request.model)})
    )
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    folder = RunFolder(settings.home, name or default_name(request))
    with folder.held():
        known, status = folder.request(), folder.status()
        if known is not None and fingerprint(known) != fingerprint(request):
            raise ConfigurationError(
                f"--name {folder.name}: there is a replay of that name with other options; choose another, or remove "
                f"{folder.path}"
            )
        if status is not None and status.state in ("running", "stopped", "paused", "failed"):
            typer.echo(f"going on with {folder.name}", err=True)
        try:
            with Bars() as show:
                done = run(request, folder, settings, desk, show, endpoints=endpoints)
        except Stopped:
            _mark(folder, "stopped")
            typer.echo(f"stopped; `barograph replays resume {folder.name}` goes on", err=True)
            return _STOPPED
        except KeyboardInterrupt:
            _mark(folder, "stopped")
            typer.echo(f"stopped; `barograph replays resume {folder.name}` goes on", err=True)
            return _INTERRUPTED
        except Exception as exc:
            full = disk_is_full(exc)
            _mark(folder, "failed", "the disk is full" if full else str(exc))
            if full:
                raise ReplayError(
                    f"the disk is full: {exc}; free some room in {settings.home}, and the same command goes on"
                ) from None
            raise
    typer.echo(summary(folder.name, done))
    return _gate(done, request.fail_if) or (_NOT_TOLD if any(one.left for one in done.tales) else 0)


def _endpoints(request: Request, settings: Settings) -> tuple[Endpoint, ...]:
    if not request.deliver_to:
        return ()
    from stream.replay.teller import endpoints_named

    return endpoints_named(request.deliver_to, settings)


def _mark(folder: RunFolder, state: State, message: str = "") -> None:
    """Say in the run's status how it ended; a disk that is full may not take even that."""
    from contextlib import suppress

    import msgspec

    from stream.replay.folder import Status

    with suppress(OSError):
        before = folder.status() or Status(state=state)
        folder.write_status(msgspec.structs.replace(before, state=state, message=message[:300]))


def _gate(done: Done, fail_if: tuple[str, ...]) -> int:
    from stream.replay.gate import holds
    from stream.replay.outcome import figures

    found = figures(done.outcome)
    failed = [condition for condition in fail_if if holds(condition, found)]
    for condition in failed:
        typer.echo(f"failed: {condition}", err=True)
    return GATE_FAILED if failed else 0


def summary(name: str, done: Done) -> str:
    """Return what came of a replay in a few lines."""
    from stream.replay.items import time_text
    from stream.replay.outcome import figures

    outcome, found = done.outcome, figures(done.outcome)
    tally = outcome.tally
    lines = [
        f"{name}: {time_text(outcome.start_s)} to {time_text(outcome.end_s)}, {tally.read:,} records in "
        f"{done.seconds:,.1f} s ({tally.read / max(done.seconds, 0.001):,.0f}/s)",
        f"  {found['documents']:,} documents counted, {tally.set_aside:,} set aside, {tally.learnt:,} learnt from, "
        f"{tally.skipped:,} outside, "
        f"{found['duplicates']:,} duplicates, {tally.out_of_order:,} put in order"
        + (f", {tally.unscored:,} without a prediction" if tally.unscored else ""),
        f"  {found['alerts']:,} alert{'' if found['alerts'] == 1 else 's'} ({found['alerts_per_week']:.2f} a week), "
        f"{found['attached']:,} of narrower series as part of them, on {outcome.series:,} series",
    ]
    if done.scored or done.remembered:
        lines.insert(2, f"  {done.scored:,} scored now, {done.remembered:,} remembered")
    if outcome.agreement.found:
        recall, precision = found["recall"], found["precision"]
        lines.append(
            f"  known: {recall:.0%} found, {'no alert' if precision is None else f'{precision:.0%} of alerts known'}, "
            f"{found['false_alarms_per_week']:.2f} false alarms a week"
        )
    lines.extend(f"  set aside {reason}" for reason in tally.reasons[:3])
    lines.extend(_tale(one) for one in done.tales)
    return "\n".join([*lines, f"  {done.report / 'report.html'}"])


def _tale(one: Tale) -> str:
    said = f"  {one.endpoint} was told {one.delivered:,} events"
    return f"{said}, and not {one.left:,}: {one.reason}; the same command tries again" if one.left else said


def _connected(request: Request, settings: Settings) -> Settings:
    if request.source != "kafka" and not request.in_store:
        return settings
    if request.source == "kafka" and settings.kafka_bootstrap and not request.in_store:
        return settings
    from stream.running import connect_settings

    return connect_settings(settings)


def _instant(option: str, text: str | None) -> int | None:
    from stream.sources.schedule import parse_instant

    return None if text is None else _option(option, lambda: int(parse_instant(text).timestamp()))


def _length(text: str) -> int:
    """Return the seconds in `28d`, `12h`, `30m` or `0`."""
    found = re.fullmatch(r"(\d{1,5})([dhm])|0", text)
    if not found:
        raise ConfigurationError(f"--learn {text}: no length; expected such as 28d, 12h or 0")
    return int(found[1] or 0) * {"d": 86_400, "h": 3_600, "m": 60}.get(found[2], 0)


def _speed(text: str) -> float | None:
    from stream.sources.schedule import parse_speed

    return _option("--speed", lambda: parse_speed(text))


def _option(option: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except ValueError as exc:
        raise ConfigurationError(f"{option}: {exc}") from None


def _pairs(option: str, text: str | None) -> tuple[tuple[str, str], ...]:
    from stream.replay.mapping import parse_pairs

    return () if text is None else parse_pairs(option, text)


def _zone(text: str | None) -> str | None:
    if text is not None:
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigurationError(f"--time-zone {text}: no such zone; expected UTC, Europe/Berlin …") from None
    return text
