"""A replay as a whole: its store, its model, its source, and what is written at the end."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from stream.core.aggregates import Aggregate
from stream.core.incidents import IncidentEvent
from stream.detector.engine import Desk
from stream.detector.witness import witness_of
from stream.replay.decisions import Decisions
from stream.replay.errors import ReplayError
from stream.replay.feeder import Feeder
from stream.replay.file_documents import Files
from stream.replay.folder import FOLDER, SCORES, RunFolder
from stream.replay.from_files import FromFiles
from stream.replay.items import Span
from stream.replay.labels import agreement, read_labels
from stream.replay.mapping import Columns
from stream.replay.outcome import Outcome
from stream.replay.own_store import own_store
from stream.replay.request import Request
from stream.replay.rules import engine_for
from stream.replay.run import Keeper, Shown, Source, go_through, tidy_minutes
from stream.replay.scores import Scores
from stream.replay.writing import CountsFile, write_report
from stream.settings import Settings
from stream.sources.authors import author_key
from stream.store.counts import CountsReader
from stream.store.read import Reader
from stream.store.scratch import drop_namespace

if TYPE_CHECKING:
    from stream.delivery.endpoints import Endpoint
    from stream.replay.journal import Tale
    from stream.replay.teller import Teller

_HOUR_S = 3_600
_NICE = 10
_COLLECT_AFTER = (100_000, 50, 100)


class Show(Protocol):
    """What somebody who watches is shown."""

    def reading(self, read_bytes: int, size_bytes: int, records: int) -> None:
        """The input is read, and scored where it has to be."""

    def going(self, shown: Shown) -> None:
        """The virtual clock moves."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a replay: its outcome, where the report lies, what it took, and how those stand who were told."""

    outcome: Outcome
    report: Path
    seconds: float
    scored: int
    remembered: int
    tales: Sequence[Tale] = ()


def replay(
    request: Request,
    folder: RunFolder,
    settings: Settings,
    desk: Desk,
    show: Show,
    *,
    endpoints: Sequence[Endpoint] = (),
) -> Done:
    """Do it and write the report; the folder is held by the caller. ReplayError, StoreError, BrokerError, Stopped.

    Args:
        desk: what the live detector would decide with; the budget is that of the request.
        endpoints: those that are told.
    """
    began_s, began = time.monotonic(), datetime.now(UTC)
    before = folder.status()
    labels = () if request.labels is None else read_labels(Path(request.labels))
    folder.write_request(request)
    with ExitStack() as closing:
        closing.enter_context(_few_collections())
        scores = closing.enter_context(_scores(request, settings)) if request.scores else None
        _give_way()
        url, namespace = closing.enter_context(_store(request, folder, settings))
        teller = closing.enter_context(_teller(endpoints, folder)) if endpoints else None
        source, on_read = _source(request, folder, settings, scores, show)
        keeper = Keeper(
            folder,
            request.speed,
            # What was done before a crash is done again as fast as it goes.
            before.clock_s if before is not None and before.state != "done" else 0.0,
            lambda: request.end_s or source.last_s,
            show.going,
        )
        keeper.say("running")
        live, whole = CountsReader(url, namespace, late=False), CountsReader(url, namespace, late=True)
        reader = Reader(url, namespace)
        for each in (live, whole, reader):
            closing.callback(each.close)
        begins: list[float] = []

        def begin(at_s: float, learnt: int) -> Decisions:
            start_s = int(at_s) if request.start_s is None else max(request.start_s, int(at_s))
            begins.append(start_s)
            decisions = Decisions(
                engine_for(request.rules, desk),
                request.rules,
                live,
                whole,
                witness_of(reader),
                begin_s=start_s,
                lateness_s=settings.lateness_s if source.received else 0.0,
                cut=request.start_s is not None and not learnt,
                late=source.received,
                tell=_nobody if teller is None else teller.tell,
            )
            if learnt:
                decisions.learn()
            return decisions

        def read() -> None:
            on_read()
            keeper.look()

        with Feeder(url, namespace) as feeder:
            decisions = go_through(
                source.items(read),
                begin,
                feeder,
                keeper,
                start_s=request.start_s,
                final_s=request.end_s,
                tidy=tidy_minutes(url, namespace),
            )
        if decisions is None:
            raise ReplayError("there was no record to replay")
        told = decisions.told()
        report = folder.report if request.report is None else Path(request.report)
        wanted = {one.opened.series for one in told if one.last.announced}
        with CountsFile(report) as counts:
            hours = dict(_hours(reader, begins[0], wanted, counts))
        outcome = Outcome(
            request=request,
            model_revisions=_revisions(source, scores),
            start_s=int(begins[0]),
            end_s=_judged_to(decisions, request, keeper.last_s),
            tally=source.tally,
            totals=reader.totals(),
            told=told,
            agreement=agreement(told, labels),
            hours=hours,
            series=len(decisions.series),
            rescored=getattr(source, "rescored", None) if request.rescore else None,
        )
        seconds = time.monotonic() - began_s
        done = Done(
            outcome,
            report,
            seconds,
            0 if scores is None else scores.read_now,
            0 if scores is None else scores.remembered,
        )
        write_report(outcome, report, _run(folder.name, began, done))
        if teller is not None:
            done = replace(done, tales=teller.finish(keeper.look))
        keeper.say("done", "; ".join(f"{one.endpoint}: {one.left} not delivered" for one in done.tales if one.left))
        return done


def _nobody(_: IncidentEvent) -> None:
    return


def _teller(endpoints: Sequence[Endpoint], folder: RunFolder) -> Teller:
    # The library that speaks HTTP takes a while to load.
    from stream.replay.teller import Teller

    return Teller(endpoints, folder.name, folder.path)


def _judged_to(decisions: Decisions, request: Request, last_s: float) -> int:
    """Return the end of what was judged: time after the last record would only make false alarms rarer."""
    rest_s = int(last_s) - int(last_s) % decisions.step_s + decisions.step_s
    return rest_s if request.end_s is None else min(request.end_s, rest_s)


def _run(name: str, began: datetime, done: Done) -> dict[str, object]:
    """Return the run's own name and times: the one part of a report that two replays differ in."""
    read = done.outcome.tally.read
    return {
        "name": name,
        "began_at": began.isoformat(timespec="seconds"),
        "seconds": round(done.seconds, 1),
        "records_per_s": round(read / done.seconds, 1) if done.seconds else None,
        "scored": done.scored,
        "remembered": done.remembered,
    }


def _give_way() -> None:
    """Let what is live go first on this machine: this process, and the store that it starts."""
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), _NICE))


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for cycles less often: a replay makes millions of values and no cycles; a sixth of its time goes there."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _store(request: Request, folder: RunFolder, settings: Settings) -> Iterator[tuple[str, str]]:
    """Lend the store's URL and the run's namespace in it, empty."""
    if request.in_store:
        url = str(settings.redis_url)
        drop_namespace(url, folder.namespace)
        yield url, folder.namespace
        return
    with own_store(folder.path / "store") as url:
        yield url, folder.namespace


def _scores(request: Request, settings: Settings) -> Scores:
    from model.classifier import Classifier, ModelError

    path = settings.model_path if request.model is None else Path(request.model)
    try:
        classifier = Classifier.load(path, device=settings.device, precision=settings.precision)
    except ModelError as exc:
        raise ReplayError(str(exc)) from None
    folder = settings.home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Scores(folder / SCORES, classifier, f"{classifier.device} {classifier.precision}")


def _source(
    request: Request, folder: RunFolder, settings: Settings, scores: Scores | None, show: Show
) -> tuple[Source, Callable[[], None]]:
    """Return the source, and what shows how far it has been read."""
    span, scratch = Span(request.start_s, request.end_s, request.learn_s), folder.path / "spool"
    if request.source == "files" and scores is not None:
        zone = None if request.time_zone is None else ZoneInfo(request.time_zone)
        columns = Columns(dict(request.mapping), dict(request.constants), zone)
        files = Files(request.files, columns, author_key(settings.home))
        from_files = FromFiles(files, span, scores, scratch)
        return from_files, lambda: show.reading(files.read_bytes, files.size_bytes, from_files.tally.read)
    if request.source == "archive":
        from stream.archive.reading import Archive
        from stream.replay.from_archive import FromArchive

        return FromArchive(Archive(settings.archive_root), span, scores), lambda: None
    from stream.replay.from_kafka import FromKafka

    source = FromKafka(str(settings.kafka_bootstrap), span, scores, scratch)
    return source, lambda: show.reading(0, 0, source.tally.read)


def _revisions(source: Source, scores: Scores | None) -> Mapping[str, int]:
    if scores is not None:
        return {scores.revision: source.tally.taken}
    found: Mapping[str, int] = getattr(source, "revisions", {})
    return found


def _hours(
    reader: Reader, first_s: float, wanted: set[str], counts: CountsFile
) -> Iterator[tuple[int, dict[str, Aggregate]]]:
    """Yield what pictures and days are made of, and write down everything."""
    for start_s, by_series in reader.every_window(_HOUR_S):
        if start_s < first_s - first_s % _HOUR_S:
            continue
        counts.write(start_s, by_series)
        yield (
            start_s,
            {name: one for name, one in by_series.items() if name in wanted or name.endswith("/market/all")},
        )
