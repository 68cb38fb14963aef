"""Recorded crises and quiet stretches, read by the shipped model and watched by the detector that runs live.

    python -m bench.real_cases [STREAM…] [--json OUT] [--windows] [--tickers] [--put-right] [--given]

A whole stream is watched from its first document on, so that its false alarms a week can be told; `--windows` watches
only the cases' windows, each after the ninety days before it, as the tests do. Tickers are left out, but for the cases
that are about them: they make hundreds of series, and nothing that a wider series shows depends on them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.real_counts import Counted, Label, counted, most_probable
from bench.real_list import CASES, NUMBERS, Case
from bench.real_scores import Scored, Scores
from bench.real_streams import Line, lines, names, span, times
from bench.real_watch import HISTORY_S, Watched, able, attention, readings, watch
from model.classifier import Classifier
from stream.core.readings import Reading
from stream.detector.confusion import corrections, shipped
from stream.detector.engine import Desk
from stream.detector.past import Told


@dataclass(frozen=True, slots=True)
class Result:
    """What opened in a case's window, in order of time, and by clock the strongest evidence of its widest series."""

    case: Case
    opened: tuple[Told, ...]
    strongest: Mapping[str, Reading]
    seen: Watched

    @property
    def told(self) -> tuple[Told, ...]:
        """What somebody was told of: the others were part of it."""
        return tuple(one for one in self.opened if one.last.announced)

    @property
    def holds(self) -> bool | None:
        """Whether it went as it must; None where nothing is demanded."""
        if self.case.expected == "reported":
            return None
        return bool(self.told) == (self.case.expected == "open")


def as_shipped() -> Desk:
    """Return the desk of a detector with default settings: shares as counted."""
    return Desk()


def put_right() -> Desk:
    """Return the desk that puts shares right for the errors measured of the shipped model."""
    return Desk(corrections=corrections(shipped()))


class Stream:
    """A stream with what a model read in it. Scores only what is asked for.

    Args:
        label: what counts as a document's sentiment.
    """

    def __init__(self, name: str, classifier: Classifier, desk: Desk, label: Label = most_probable) -> None:
        self.name = name
        self.desk = desk
        self._scores = Scores(classifier, name)
        self._label = label

    def counts(self, start_s: int, end_s: int, *, tickers: bool = False) -> Counted:
        """Return the counts of the documents in `[start_s, end_s)`."""
        documents = list(lines(self.name, start_s, end_s))
        scores = self._scores.of(documents)
        return counted(documents, scores, self._label, tickers=tickers)

    def result(self, case: Case) -> Result:
        """Return how a case goes that is watched by itself, after the history that a baseline is primed with."""
        counts = self.counts(case.start_s - HISTORY_S, case.end_s, tickers=case.tickers)
        only = able(counts, case.start_s, case.end_s) if case.tickers else None
        return self.judged(case, counts, watch(counts, case.start_s, case.end_s, self.desk, only))

    def judged(self, case: Case, counts: Counted, seen: Watched) -> Result:
        """Return how a case went in what was watched."""
        return result(case, seen, readings(counts, case.market, case.start_s, case.end_s, self.desk.corrections))


def result(case: Case, seen: Watched, evidence: Iterable[Reading]) -> Result:
    """Return how a case went in what was watched; `evidence` is that of its widest series."""
    opened = tuple(
        one
        for one in seen.found
        if case.start_s < one.opened.fired_at_ms / 1000 <= case.end_s and case.concerns(one.opened.series)
    )
    strongest: dict[str, Reading] = {}
    for reading in evidence:
        if reading.clock not in strongest or reading.z > strongest[reading.clock].z:
            strongest[reading.clock] = reading
    return Result(case, opened, strongest, seen)


def given(line: Line, scored: Scored) -> str:
    """Return what the stream itself says of a document, else what the model says."""
    return line.given or most_probable(line, scored)


def run(stream: Stream, *, windows: bool, tickers: bool) -> tuple[list[Result], Watched | None]:
    """Return a stream's cases, and what the whole of it showed unless `windows`."""
    cases = [case for case in CASES if case.stream == stream.name]
    if windows:
        return [stream.result(case) for case in cases], None
    first_s, last_s = span(stream.name)
    counts = stream.counts(first_s, last_s + 1, tickers=tickers)
    seen = watch(counts, first_s, last_s + 1, stream.desk)
    apart = [case for case in cases if case.tickers and not tickers]
    return [stream.result(case) if case in apart else stream.judged(case, counts, seen) for case in cases], seen


def lines_of(found: Result) -> Iterator[str]:
    """Yield a case as lines of a table: what opened, or how strong the evidence came."""
    case = found.case
    verdict = {None: "", True: "as it must", False: "NOT AS IT MUST"}[found.holds]
    must = {"open": "must open", "not": "must not", "reported": "reported"}[case.expected]
    yield f"{case.name}  [{_time(case.start_s)} to {_time(case.end_s)}]  {must}  {verdict}".rstrip()
    for one in found.told:
        yield "  " + _opening(one, case)
    attached = len(found.opened) - len(found.told)
    if attached:
        yield f"    and {attached} of narrower series as part of them"
    if not any(one.opened.series == case.market for one in found.told):
        strongest = ", ".join(
            f"{name} {one.z:.2f} ({one.negative} of {one.total}, usually {one.baseline_share:.0%})"
            for name, one in found.strongest.items()
        )
        yield f"    {case.market} comes to z: {strongest}"


def _opening(one: Told, case: Case) -> str:
    opened = one.opened
    after_h, before_h = ((opened.fired_at_ms / 1000 - at) / 3_600 for at in (case.start_s, case.end_s))
    return (
        f"{_time(opened.fired_at_ms // 1000)}  {opened.series:28s} {opened.clock}{' early' if opened.early else '':6s} "
        f"{one.last.severity:8s} z {opened.z:.2f} peak {one.last.z_peak:.2f}  {opened.share:.0%} of {opened.total}, "
        f"usually {opened.baseline_share:.0%} of {opened.expected_total:.0f}  {after_h:.0f} h after the window began, "
        f"{-before_h:.0f} h before its end"
    )


def weekly(stream: str, seen: Watched, cases: Sequence[Result]) -> dict[str, Any]:
    """Return what a whole stream showed outside the windows of the cases that may open."""
    quiet = [one for one in seen.found if not any(_inside(one, each.case) for each in cases)]
    told = [one for one in quiet if one.last.announced]
    market = [one for one in quiet if one.opened.series.endswith("/market/all")]
    return {
        "stream": stream,
        "weeks": round(seen.weeks, 1),
        "series": seen.series,
        "series_weeks": round(seen.series_weeks, 1),
        "told_a_week": round(len(told) / seen.weeks, 4),
        "market_a_week": round(len(market) / seen.weeks, 4),
        "a_series_week": round(len(quiet) / seen.series_weeks, 4),
        "told_a_series_week": round(len(told) / seen.series_weeks, 4),
        "by_clock": {clock: sum(one.opened.clock == clock for one in quiet) for clock in ("5m", "1h", "6h", "1d")},
        "openings": [_row(one) for one in quiet if one.last.announced],
    }


def _inside(one: Told, case: Case) -> bool:
    return case.expected != "not" and case.start_s < one.opened.fired_at_ms / 1000 <= case.end_s


def _row(one: Told) -> dict[str, Any]:
    opened = one.opened
    return {
        "series": opened.series,
        "fired_at": _time(opened.fired_at_ms // 1000),
        "clock": opened.clock,
        "early": opened.early,
        "severity": one.last.severity,
        "z": round(opened.z, 3),
        "z_peak": round(one.last.z_peak, 3),
        "share": round(opened.share, 4),
        "baseline_share": round(opened.baseline_share, 4),
        "negative": opened.negative,
        "total": opened.total,
        "announced": one.last.announced,
        "reason": one.last.reason,
    }


def row_of(found: Result) -> dict[str, Any]:
    """Return a case as a JSON object."""
    case = found.case
    return {
        "case": case.name,
        "stream": case.stream,
        "from": _time(case.start_s),
        "to": _time(case.end_s),
        "expected": case.expected,
        "holds": found.holds,
        "opened": [
            _row(one) | {"after_start_s": one.opened.fired_at_ms // 1000 - case.start_s} for one in found.opened
        ],
        "strongest": {name: round(one.z, 3) for name, one in found.strongest.items()},
    }


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%MZ")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("streams", nargs="*", metavar="STREAM", help="all that are there if not given")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures there as well")
    parser.add_argument("--windows", action="store_true", help="only the cases' windows and the history before them")
    parser.add_argument("--tickers", action="store_true", help="watch tickers too: many more series")
    parser.add_argument("--put-right", action="store_true", help="shares put right for the model's errors")
    parser.add_argument("--given", action="store_true", help="labels that a stream states itself, where it does")
    args = parser.parse_args()
    classifier = Classifier.load()
    desk = put_right() if args.put_right and not args.given else as_shipped()
    print(f"model {classifier.revision}, shares {'put right' if desk.corrections else 'as counted'}")
    out: dict[str, Any] = {"revision": classifier.revision, "cases": [], "streams": []}
    for name in args.streams or names():
        if name == NUMBERS:
            print(f"\n{name}, no words: the volume channel")
            print(
                "\n".join(
                    f"  {_time(at_s)}  {n} in five minutes, excess {e:.1f}" for at_s, n, e in attention(times(name))
                )
            )
            continue
        stream = Stream(name, classifier, desk, given if args.given else most_probable)
        found, seen = run(stream, windows=args.windows, tickers=args.tickers)
        print(f"\n{name}")
        for each in found:
            print("\n".join(f"  {line}" for line in lines_of(each)))
            out["cases"].append(row_of(each))
        if seen is not None and seen.series:
            figures = weekly(name, seen, found)
            out["streams"].append(figures)
            print(
                f"  whole stream, outside of those: {figures['weeks']:g} weeks, {figures['series']} series; "
                f"told {figures['told_a_week']:.3f} a week, market {figures['market_a_week']:.3f}, "
                f"{figures['a_series_week']:.4f} a series-week; by clock {figures['by_clock']}",
                flush=True,
            )
    if args.json is not None:
        args.json.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
