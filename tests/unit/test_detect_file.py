"""`barograph detect`: a file of counts in, a line an incident out; what is wrong with a file is said in one line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from stream.cli.detect import detect, usable
from stream.core.incidents import Story, incident_id
from stream.core.readings import Counts, Support
from stream.detector.counts_file import CountsError, Row, inferred_width, rows_of, shown_width, width_of
from stream.detector.counts_run import incidents
from stream.detector.counts_support import Tellers, Telling, together, told_in
from stream.detector.engine import Desk, Engine
from stream.settings import ConfigurationError

T0 = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
T0_S = int(T0.timestamp())
HEADER = "series,window_start,negative,total\n"
KEYS = ["series", "opened_at", "resolved_at", "severity", "kind", "clock", "z"]

app = typer.Typer()
app.command()(detect)

Cells = tuple[str, datetime, int, int]


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def quiet_and_storm(
    *, series: Iterable[str] = ("A", "B"), steps: int = 700, storm: range = range(650, 656), seed: int = 1
) -> list[Cells]:
    """Five-minute windows; the first series has a storm."""
    draw, rows = random.Random(seed), []
    for n in range(steps):
        for i, name in enumerate(series):
            share = 0.85 if not i and n in storm else 0.2
            total = draw.randint(18, 24)
            rows.append((name, T0 + n * timedelta(minutes=5), sum(draw.random() < share for _ in range(total)), total))
    return rows


def written(path: Path, rows: Iterable[Iterable[Any]], header: str = HEADER) -> Path:
    with path.open("w", newline="") as file:
        file.write(header)
        csv.writer(file).writerows([instant(c) if isinstance(c, datetime) else c for c in row] for row in rows)
    return path


def found(path: Path, *options: str, given: bytes | None = None) -> list[dict[str, Any]]:
    out = path.with_name("out.jsonl")
    result = CliRunner().invoke(app, [str(path) if given is None else "-", "--out", str(out), *options], input=given)
    assert result.exit_code == 0, (result.output, result.exception)
    return [json.loads(line) for line in out.read_text().splitlines()]


def fault(path: Path, text: str, *options: str) -> str:
    """The one line that a user gets."""
    path = path / "c.csv"
    path.write_bytes(text.encode())
    result = CliRunner().invoke(app, [str(path), "--out", str(path.with_name("out")), *options])
    assert isinstance(result.exception, CountsError | ConfigurationError), result.exception
    assert not path.with_name("out").exists()
    said = str(result.exception)
    assert "\n" not in said
    return said.replace(str(path), "FILE")


# What comes out


def test_a_storm_is_one_line_with_its_beginning_its_end_and_its_strength(tmp_path: Path) -> None:
    (line,) = found(written(tmp_path / "c.csv", quiet_and_storm()))
    assert list(line)[:7] == KEYS
    opened = T0 + 650 * timedelta(minutes=5)
    assert (line["series"], line["opened_at"], line["clock"], line["kind"]) == (
        "A",
        instant(opened),
        "5m",
        "negative_share",
    )
    assert line["incident_id"] == incident_id("A", int(opened.timestamp()))
    assert line["severity"] in ("warning", "critical")
    assert 5 <= line["z"] <= line["z_peak"]
    assert opened < datetime.fromisoformat(line["resolved_at"]) < opened + timedelta(hours=4)
    assert (line["reason"], line["announced"], line["parent"]) == ("cleared", True, None)


def test_what_is_open_at_the_end_has_no_end(tmp_path: Path) -> None:
    rows = quiet_and_storm(steps=655)
    (line,) = found(written(tmp_path / "c.csv", rows))
    assert line["resolved_at"] is None


def test_a_calm_file_gives_an_empty_file(tmp_path: Path) -> None:
    assert found(written(tmp_path / "c.csv", quiet_and_storm(storm=range(0)))) == []


def test_what_comes_back_within_two_hours_is_one_line(tmp_path: Path) -> None:
    storms = [*range(650, 654), *range(674, 678)]
    rows = [row for part in (range(650, 654), range(674, 678)) for row in quiet_and_storm(steps=900, storm=part)]
    both = {(name, at): (k, n) for name, at, k, n in rows}  # the same draws but for the storms
    for name, at, k, n in quiet_and_storm(steps=900, storm=range(650, 654)):
        if (at - T0) // timedelta(minutes=5) in storms[:4]:
            both[name, at] = (k, n)
    lines = found(
        written(
            tmp_path / "c.csv",
            [(*key, *value) for key, value in sorted(both.items(), key=lambda o: (o[0][1], o[0][0]))],
        )
    )
    assert len(lines) == 1
    assert [event["type"] for event in lines[0]["events"] if event["type"] in ("fired", "reopened")] == [
        "fired",
        "reopened",
    ]


def test_children_are_part_of_their_market_and_other_names_stand_alone(tmp_path: Path) -> None:
    names = ("news/market/all", "news/ticker/ACME", "a plain, name")
    rows = [
        (name, at, (n * 9) // 10 if 650 <= (at - T0) // timedelta(minutes=5) < 653 else k, n)
        for name, at, k, n in quiet_and_storm(series=names)
    ]
    lines = {line["series"]: line for line in found(written(tmp_path / "c.csv", rows))}
    assert {name: line["announced"] for name, line in lines.items()} == {
        names[0]: True,
        names[1]: False,
        names[2]: True,
    }
    assert lines[names[1]]["parent"] == lines[names[0]]["incident_id"]


# How it may be written


def by_minute(rows: Iterable[Cells], seed: int = 3) -> list[Cells]:
    """The same counts in windows of a minute; a minute without stories has no row."""
    draw, cells = random.Random(seed), dict[tuple[datetime, str], list[int]]()
    for name, at, negative, total in rows:
        for n in range(total):
            cell = cells.setdefault((at + timedelta(minutes=draw.randrange(5)), name), [0, 0])
            cell[0] += n < negative
            cell[1] += 1
    return [(name, at, *both) for (at, name), both in sorted(cells.items())]  # type: ignore[misc]


def test_minutes_are_summed_to_five(tmp_path: Path) -> None:
    rows = quiet_and_storm()
    assert found(written(tmp_path / "m.csv", by_minute(rows))) == found(written(tmp_path / "c.csv", rows))


def test_order_of_columns_further_ones_compression_marks_and_offsets_do_not_matter(tmp_path: Path) -> None:
    rows = quiet_and_storm()
    expected = found(written(tmp_path / "c.csv", rows))
    east = [
        (n, "x", (at + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%S.000+08:00"), f"{k}.0", name)
        for name, at, k, n in rows
    ]
    other = written(tmp_path / "o.csv", east, "\ufefftotal,documents,window_start,negative,series\n")
    assert found(other) == expected
    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress(other.read_bytes()))
    assert found(packed) == expected
    assert found(other, given=other.read_bytes()) == expected
    assert found(other, given=packed.read_bytes()) == expected


def test_an_absent_row_is_an_empty_window(tmp_path: Path) -> None:
    rows = [row for row in quiet_and_storm() if row[0] == "A" or (row[1] - T0) % timedelta(minutes=45)]
    zeros = [
        (name, at, *([0, 0] if (at - T0) % timedelta(minutes=45) == timedelta() and name == "B" else [k, n]))
        for name, at, k, n in quiet_and_storm()
    ]
    assert found(written(tmp_path / "a.csv", rows)) == found(written(tmp_path / "z.csv", zeros))


def test_standard_output_may_be_the_result(tmp_path: Path) -> None:
    path = written(tmp_path / "c.csv", quiet_and_storm())
    result = CliRunner().invoke(app, [str(path), "--out", "-"])
    assert json.loads(result.stdout)["series"] == "A"
    assert "1,400 rows of 5m, 2 series on 5m, 1h, 6h, 1d: 1 incident" in result.stderr


def test_a_smaller_budget_and_fewer_clocks_find_less(tmp_path: Path) -> None:
    path = written(tmp_path / "c.csv", quiet_and_storm(storm=range(650, 651)))
    usual = found(path)
    assert [line["clock"] for line in usual] == ["5m"]
    assert found(path, "--clocks", "6h,1d") == []
    assert found(path, "--false-alarms-per-week", "0.0001") != usual


@pytest.mark.parametrize(
    ("width", "clocks"),
    [("10s", "5m 1h 6h 1d"), ("5m", "5m 1h 6h 1d"), ("15m", "1h 6h 1d"), ("1h", "1h 6h 1d"), ("2h", "6h 1d"),
     ("6h", "6h 1d"), ("8h", "1d"), ("1d", "1d")],
)  # fmt: skip
def test_clocks_are_those_whose_step_is_made_of_whole_windows(width: str, clocks: str) -> None:
    assert usable(width_of(width), None) == clocks.split()


def test_daily_counts_are_judged_on_the_daily_clock(tmp_path: Path) -> None:
    draw = random.Random(4)
    rows = [
        ("A", T0 + timedelta(days=n), sum(draw.random() < (0.8 if n == 80 else 0.2) for _ in range(40)), 40)
        for n in range(90)
    ]
    (line,) = found(written(tmp_path / "c.csv", rows))
    assert (line["clock"], line["opened_at"]) == ("1d", instant(T0 + timedelta(days=80)))


# The width of the windows


def starts(*minutes: int) -> list[int]:
    return [T0_S + 60 * minute for minute in minutes]


@pytest.mark.parametrize(
    ("minutes", "width_m"),
    [
        ((0, 5), 5),
        ((0, 60), 60),
        ((0, 10, 25, 30, 50), 5),
        ((0, 10, 25), 5),  # no two rows stand one width apart, and yet there is one that fits all
        ((*range(0, 500, 5), 507), 5),  # an odd start does not decide
        ((*range(0, 1_440, 60), 1_500, 1_503), 60),
    ],
)
def test_the_width_is_found_with_rows_absent(minutes: tuple[int, ...], width_m: int) -> None:
    assert inferred_width(starts(*minutes)) == 60 * width_m


def test_the_width_of_a_random_tenth_of_the_windows_is_found() -> None:
    for seed in range(50):
        draw = random.Random(seed)
        some = sorted(draw.sample(range(2_000), 200))
        assert inferred_width([T0_S + 300 * n for n in some]) == 300


@pytest.mark.parametrize(("text", "width_s"), [("1m", 60), ("90m", 5_400), ("1h", 3_600), ("1d", 86_400)])
def test_a_width_is_read_and_shown(text: str, width_s: int) -> None:
    assert (width_of(text), shown_width(width_s)) == (width_s, text)


def test_a_given_width_holds_where_the_rows_are_further_apart(tmp_path: Path) -> None:
    rows = [row for row in quiet_and_storm(series=("A",)) if not (row[1] - T0) % timedelta(minutes=15)]
    path = written(tmp_path / "c.csv", rows)
    at_15m = found(path)
    assert [line["clock"] for line in at_15m] != ["5m"]
    with_empty = [
        (name, at, *((k, n) if not (at - T0) % timedelta(minutes=15) else (0, 0)))
        for name, at, k, n in quiet_and_storm(series=("A",))[:-2]
    ]
    assert found(path, "--window", "5m") == found(written(tmp_path / "e.csv", with_empty))


# What is wrong


GOOD = "A,2026-01-05T00:00:00Z,1,5\nA,2026-01-05T00:05:00Z,1,5\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "FILE: is empty; expected a header with series, window_start, negative, total"),
        ("\n\n", "FILE: is empty"),
        (HEADER, "FILE: has a header and no rows"),
        ("series,window_start,total\nA,2026-01-05T00:00:00Z,5\n", "FILE:1: has no column 'negative'; expected series,"),
        ("series,window_start,negative,total,total\n", "FILE:1: has two columns 'total'"),
        (HEADER + GOOD + "A,2026-01-05T00:00:00Z,1,5\n",
         "FILE:4: window_start 2026-01-05T00:00:00Z is before 2026-01-05T00:05:00Z; expected rows in order of time"),
        (HEADER + GOOD + "A,2026-01-05T00:05:00Z,1,5\n", "FILE:4: a second row of 'A' for 2026-01-05T00:05:00Z"),
        (HEADER + GOOD + "A,2026-01-05T02:05:00+02:00,1,5\n", "FILE:4: a second row of 'A'"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,-1,5\n", "FILE:4: negative is -1; expected 0 or more"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,1,-5\n", "FILE:4: total is -5; expected 0 or more"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,6,5\n", "FILE:4: negative 6 is more than total 5"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,one,5\n", "FILE:4: negative is 'one'; expected a whole number"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,1.5,5\n", "FILE:4: negative is '1.5'"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,,5\n", "FILE:4: negative is ''"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,nan,5\n", "FILE:4: negative is 'nan'"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,1," + "9" * 6_000 + "\n", "FILE:4: total is '999"),
        (HEADER + GOOD + " ,2026-01-05T00:10:00Z,1,5\n", "FILE:4: has no series"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00,1,5\n", "FILE:4: window_start is '2026-01-05T00:10:00'; expected RFC"),
        (HEADER + GOOD + "A,2026-01-05,1,5\n", "FILE:4: window_start is '2026-01-05'; expected RFC 3339"),
        (HEADER + GOOD + "A,2026-02-30T00:00:00Z,1,5\n", "FILE:4: window_start is '2026-02-30T00:00:00Z'"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00.5Z,1,5\n", "FILE:4: window_start 2026-01-05T00:10:00.5Z is not on a"),
        (HEADER + GOOD + "A,2026-01-05T00:10:00Z,1\n", "FILE:4: has 3 fields; the header has 4"),
        (HEADER + GOOD + "A,B,2026-01-05T00:10:00Z,1,5\n", "FILE:4: has 5 fields; the header has 4"),
        (HEADER + 'A,"2026-01-05\nT00:10:00Z",1,5\n', "FILE:3: window_start is '2026-01-05\\nT00:10:00Z'"),
        (HEADER + "A,2026-01-05T00:00:00Z,1,5\n", "FILE: has one window_start alone, which tells no width; say"),
        (HEADER + "".join(f"A,2026-01-05T00:{m:02}:00Z,1,5\n" for m in (*range(0, 55, 2), 55)),
         "FILE:30: window_start 2026-01-05T00:55:00Z is no start of a window of 2m; 2m is what most starts are apart"),
        (HEADER + "A,2026-01-05T00:00:00Z,1,5\nA,2026-01-05T00:07:00Z,1,5\n", "windows of 7m fit no step"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in fault(tmp_path, text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--window", "1h"], "FILE:3: window_start 2026-01-05T00:05:00Z is no start of a window of 1h"),
        (["--window", "five"], "--window: 'five' is no width"),
        (["--window", "2d"], "windows of 2d fit no step"),
        (["--clocks", "5m,2h"], "--clocks 5m,2h: '2h' is none; expected some of 5m,1h,6h,1d"),
        (["--clocks", ""], "--clocks : '' is none"),
        (["--window", "1h", "--clocks", "5m"], "--clocks 5m: windows of 1h do not fit it; expected 1h, 6h, 1d"),
    ],
)
def test_an_option_that_does_not_fit_is_said(tmp_path: Path, options: list[str], said: str) -> None:
    assert said in fault(tmp_path, HEADER + GOOD, *options)


def test_a_file_that_is_not_there_broken_or_no_text_is_said(tmp_path: Path) -> None:
    packed = gzip.compress(written(tmp_path / "good.csv", quiet_and_storm()).read_bytes())
    for name, content, said in [
        ("short.gz", packed[: len(packed) // 2], "cannot be read after"),
        ("latin", (HEADER + GOOD).encode() + b"\xe9,2026-01-05T00:10:00Z,1,5\n", "is not UTF-8"),
        ("none", None, "No such file"),
    ]:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        result = CliRunner().invoke(app, [str(path), "--out", str(tmp_path / "out")])
        assert isinstance(result.exception, CountsError | ConfigurationError)
        assert said in str(result.exception)
        assert str(path) in str(result.exception)
        assert not (tmp_path / "out").exists()


# Authors and sources


def storm_of(tmp_path: Path, authors: int | str, sources: int | str, usual_authors: int = 4) -> list[dict[str, Any]]:
    rows = []
    for name, at, k, n in quiet_and_storm(storm=range(650, 670)):
        stormy = name == "A" and 650 <= (at - T0) // timedelta(minutes=5) < 670
        beside = (authors, sources) if stormy else (min(k, usual_authors), min(k, 3))
        rows.append((name, at, k, n, *beside))
    return found(written(tmp_path / "c.csv", rows, HEADER.strip() + ",authors,sources\n"))


def test_a_storm_of_one_author_or_of_one_source_does_not_fire(tmp_path: Path) -> None:
    assert storm_of(tmp_path, 1, 3) == []
    assert storm_of(tmp_path, 15, 1) == []
    assert [line["series"] for line in storm_of(tmp_path, 15, 3)] == ["A"]


def test_a_storm_of_one_author_among_many_others_does_not_fire(tmp_path: Path) -> None:
    calm = quiet_and_storm(storm=range(0))
    for many in (1, 40):
        rows = [
            (name, at, k + 40, n + 40, min(k, 4) + many)
            if name == "A" and 650 <= (at - T0) // timedelta(minutes=5) < 670
            else (name, at, k, n, min(k, 4))
            for name, at, k, n in calm
        ]
        lines = found(written(tmp_path / "c.csv", rows, HEADER.strip() + ",authors\n"))
        assert bool(lines) is (many == 40)


def test_numbers_that_are_not_given_are_no_rule(tmp_path: Path) -> None:
    assert [line["series"] for line in storm_of(tmp_path, "", "")] == ["A"]


def test_few_authors_a_window_are_many_over_a_long_slow_storm(tmp_path: Path) -> None:
    draw, rows = random.Random(6), []
    for n in range(2_000):
        negative = 3 if n >= 1_800 else int(draw.random() < 0.6)
        rows.append(("A", T0 + n * timedelta(minutes=5), negative, max(negative, draw.randint(2, 4)), negative, 1))
    (line,) = found(written(tmp_path / "c.csv", rows, HEADER.strip() + ",authors,sources\n"))
    assert datetime.fromisoformat(line["opened_at"]) >= T0 + 1_790 * timedelta(minutes=5)


def test_authors_of_several_windows_count_as_if_one_wrote_in_all() -> None:
    assert together([told_in(5, 10, 3, 2)] * 4) == Telling(20, 40, 9, 2, 8)
    assert together([told_in(20, 20, 1, 1)] * 12) == Telling(240, 240, 1, 1, 228)
    assert together([told_in(5, 10, None, None)]) == Telling(5, 10, None, None)
    assert together([told_in(0, 10, 0, 0)]) == Telling(0, 10, None, None)
    assert together([]) == Telling(0, 0, None, None)


def test_windows_of_a_single_story_count_where_the_others_have_an_author_each() -> None:
    single = told_in(1, 2, 1, 1)
    assert together([single] * 9).authors is None
    assert together([single] * 9 + [told_in(3, 4, 3, 1)]).authors == 12
    assert together([single] * 9 + [told_in(9, 10, 1, 1)]).authors == 1


def test_the_quiet_windows_around_a_storm_do_not_speak_for_it() -> None:
    both = together([*[told_in(2, 20, 2, 2)] * 10, *[told_in(30, 40, 1, 1)] * 2])
    assert (both.sources, both.negative - both.repeats) == (1, 22)


def test_sources_are_a_rule_where_the_series_usually_has_several() -> None:
    for usual, expected in ((3, 1), (1, None)):
        tellers = Tellers([300, 3_600])
        for n in range(30):
            tellers.close(300, 300 * n, told_in(4, 20, None, usual))
        tellers.close(300, 9_000, told_in(30, 40, None, 1))
        assert tellers.support(9_000, 9_300) == Support(None, expected)


# Streaming


def oracle(cells: list[Cells]) -> list[tuple[str, int, list[str]]]:
    """The same engine, given every window by brute force."""
    engine, events = Engine(Desk()), dict[str, tuple[str, int, list[str]]]()
    by_start: dict[int, dict[str, Counts]] = {}
    for name, at, k, n in cells:
        by_start.setdefault(int(at.timestamp()), {})[name] = Counts(k, n)
    first_s, last_s = min(by_start), max(by_start)
    for end_s in range(first_s + 300, last_s + 301, 300):
        windows: dict[str, list[tuple[int, dict[str, Counts]]]] = {}
        for clock in engine.closing(end_s):
            sums: dict[str, Counts] = {}
            for start_s in range(end_s - clock.step_s, end_s, 300):
                for name, counts in by_start.get(start_s, {}).items():
                    known = sums.get(name, Counts(0, 0))
                    sums[name] = Counts(known[0] + counts[0], known[1] + counts[1])
            if end_s - clock.step_s >= first_s:
                windows[clock.name] = [(end_s - clock.step_s, sums)]
        for name in by_start.get(end_s - 300, {}):
            if name not in engine.followed:
                engine.follow(name, end_s - 300)
        for one in engine.close(end_s, windows, end_s * 1000, _nobody):
            for change in one.changes:
                incident = change.incident
                events.setdefault(incident.incident_id, (one.series, incident.opened_at_s, []))[2].append(change.type)
    return sorted(events.values())


def _nobody(series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
    return Support(), ()


def rows_from(cells: Iterable[Cells]) -> Iterator[Row]:
    for n, (name, at, k, total) in enumerate(cells):
        yield Row(n + 2, name, int(at.timestamp()), k, total)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_decides_what_the_engine_decides_of_the_same_windows(seed: int) -> None:
    draw = random.Random(seed)
    late = T0 + timedelta(hours=7, minutes=25)
    cells = [
        (name, at, k, n)
        for name, at, k, n in quiet_and_storm(series=("A", "B", "news/market/all", "C"), steps=1_500, seed=seed)
        if draw.random() < 0.9 and not (name == "C" and at < late)
    ]
    cells = [cell for cell in cells if not late < cell[1] < late + timedelta(hours=30)]
    told = [
        (one.opened.series, one.opened.opened_at_s, [kind for kind, _ in one.events])
        for one in incidents(rows_from(cells), Engine(Desk()))
    ]
    assert told
    assert sorted(told) == oracle(cells)


def spied(engine: Engine) -> list[tuple[int, list[str]]]:
    """Note the end of each step that this engine closes, with the clocks of which it has windows."""
    closed: list[tuple[int, list[str]]] = []
    close = engine.close

    def noting(end_s: int, windows: Any, *rest: Any, **named: Any) -> Any:
        closed.append((end_s, list(windows)))
        return close(end_s, windows, *rest, **named)

    engine.close = noting  # type: ignore[method-assign]
    return closed


def test_a_window_that_began_before_the_file_is_not_judged() -> None:
    engine = Engine(Desk())
    closed = spied(engine)
    cells = [("A", T0 + timedelta(minutes=m), 1, 5) for m in range(22, 150)]
    list(incidents(rows_from(cells), engine))
    judged = [((end_s - T0_S) // 60, name) for end_s, names in closed for name in names]
    assert judged[:2] == [(30, "5m"), (35, "5m")]
    assert [minute for minute, name in judged if name == "1h"] == [120]


def test_a_silence_of_years_costs_no_more_than_one_of_two_weeks() -> None:
    before, after = quiet_and_storm(series=("A",)), quiet_and_storm(series=("A",), seed=2)
    later = [(name, at + timedelta(days=3_653), k, n) for name, at, k, n in after]
    engine = Engine(Desk())
    closed = spied(engine)
    told = list(incidents(rows_from([*before, *later]), engine))
    years, storm = 3_653 * 86_400, T0_S + 650 * 300
    assert [one.opened.opened_at_s - storm for one in told] == [
        pytest.approx(0, abs=600),
        pytest.approx(years, abs=600),
    ]
    assert len(closed) < 2 * 700 + 15 * 288


def test_memory_goes_by_series_and_not_by_rows() -> None:
    def peak(steps: int) -> int:
        tracemalloc.start()
        engine, draw = Engine(Desk()), random.Random(1)
        cells = ((f"S{n % 5}", T0 + n // 5 * timedelta(minutes=5), draw.randint(0, 9), 30) for n in range(5 * steps))
        list(incidents(rows_from(cells), engine))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(1_500) < 1.3 * peak(500)


def test_rows_are_yielded_before_the_file_is_read_to_its_end() -> None:
    def lines() -> Iterator[str]:
        yield HEADER
        yield "A,2026-01-05T00:00:00Z,1,5\n"
        raise AssertionError("read on")

    assert next(rows_of(lines(), "c")) == Row(2, "A", T0_S, 1, 5)


def test_it_brings_nothing_that_a_server_or_a_model_needs() -> None:
    code = "import stream.cli.detect, sys; print(*{name.split('.')[0] for name in sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(out.stdout.split()) & {"redis", "kafka", "aiokafka", "faust", "torch", "transformers", "streamlit"}


def test_a_row_over_two_lines_has_the_number_of_its_last() -> None:
    text = io.StringIO(HEADER + '"A\nB",2026-01-05T00:00:00Z,1,5\n', newline="")
    assert next(rows_of(text, "c")).line == 3
