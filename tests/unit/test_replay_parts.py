"""The parts of a replay that are values in, values out: spool, mapping, labels, rules, comparison, pictures."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from stream.core.aggregates import Aggregate
from stream.core.incidents import Story, incident_id
from stream.detector.past import Told
from stream.replay.compare import Run, compare
from stream.replay.errors import ReplayError
from stream.replay.items import Tally
from stream.replay.labels import Label, agreement, lead_s, read_labels
from stream.replay.mapping import Columns, parse_pairs
from stream.replay.outcome import NO_FIGURES, Outcome, figures, incident_row, report
from stream.replay.page import page
from stream.replay.pictures import Mark, bars, timeline
from stream.replay.request import Request, default_name, fingerprint
from stream.replay.rules import Rules, chosen, engine_for, read_rules
from stream.replay.spool import Spool
from stream.settings import ConfigurationError
from stream.store.read import Totals
from tests.services.incident_tools import incident

NOON_S = 1_767_787_200
EVIL = "<script>alert('x')</script>\x00\u202e"


def told(fired_s: int = NOON_S, series: str = "news/market/all", **changes: Any) -> Told:
    opened_s = fired_s - 300
    one = replace(
        incident(),
        incident_id=incident_id(series, opened_s),
        series=series,
        opened_at_s=opened_s,
        window_start_s=opened_s,
        window_end_s=fired_s,
        fired_at_ms=fired_s * 1000,
        **changes,
    )
    return Told(one, one, (("fired", fired_s),))


def test_a_spool_gives_back_in_order_of_time_and_of_writing_among_equals(tmp_path: Path) -> None:
    draw = random.Random(1)
    written = [(draw.randrange(20), draw.randbytes(draw.randrange(50))) for _ in range(500)]
    with Spool(tmp_path / "spool") as spool:
        for at, frame in written:
            spool.add(at, frame)
        found = [(at, frame) for _, at, frame in spool.frames()]
        assert spool.out_of_order > 0 and spool.frame(7) == written[7][1]
        spool.add(99, b"after reading")
        assert [frame for _, _, frame in spool.frames()][-1] == b"after reading"
    assert found == sorted(written, key=lambda one: one[0])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2024-03-04", None, "2024-03-04T00:00:00"),
        ("2024-03-04", "UTC", "2024-03-04T00:00:00+00:00"),
        ("2024-07-04 12:00", "Europe/Berlin", "2024-07-04T12:00:00+02:00"),
        ("2024-03-04T12:00:00Z", "Europe/Berlin", "2024-03-04T12:00:00+00:00"),
        (1_709_550_000, None, "2024-03-04T11:00:00+00:00"),
        ("1709550000000", None, "2024-03-04T11:00:00+00:00"),
        ("yesterday", "UTC", "yesterday"),
        (10**400, None, 10**400),
        (True, None, True),
    ],
)
def test_times_are_read_as_they_come_and_get_a_zone_only_where_one_is_named(
    value: object, zone: str | None, expected: object
) -> None:
    columns = Columns({"published_at": "when"}, zone=None if zone is None else ZoneInfo(zone))
    assert columns.document({"when": value})["published_at"] == expected


def test_a_constant_fills_in_and_never_replaces() -> None:
    columns = Columns({"text": "body"}, dict(parse_pairs("--set", "kind=comment,source=forum")))
    assert columns.document({"body": "x", "source": "mine", "kind": ""}) == {
        "kind": "comment",
        "source": "mine",
        "text": "x",
    }


@pytest.mark.parametrize("text", ["text", "text=", "words=body", "=body", "text=body,,"])
def test_a_pair_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ReplayError, match="--map"):
        parse_pairs("--map", text)


def test_an_incident_finds_a_label_of_its_time_and_series_and_the_rest_are_false_alarms() -> None:
    label = Label("crash", NOON_S + 7_200, NOON_S - 3_600, NOON_S + 7_200, "news/*")
    early, inside, other = told(NOON_S - 7_200), told(NOON_S), told(NOON_S, "comment/market/all")
    child = told(NOON_S, "news/topic/macro", announced=False, parent="p")
    found = agreement([early, inside, other, child], [label])
    assert found.found == ((label, inside),) and lead_s(label, inside) == 7_200
    assert found.false == (early, other) and found.announced == 3
    assert (found.precision, found.recall) == (1 / 3, 1.0)
    assert agreement([], []).precision is None and agreement([], []).recall is None


def test_labels_are_read_from_both_formats_and_a_bad_row_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"name": "x", "at": "2020-03-09"}\n\n')
    (tmp_path / "b.csv").write_text("name,at,from,to,series\nx,2020-03-09,2020-03-01,,news/*\n")
    (a,), (b,) = read_labels(tmp_path / "a.jsonl"), read_labels(tmp_path / "b.csv")
    assert (a.at_s - a.from_s, a.to_s - a.at_s, a.series) == (86_400, 86_400, None)
    assert (b.at_s - b.from_s, b.series) == (8 * 86_400, "news/*")
    for text in ('{"name": "x"}', '{"at": "soon"}', '{"at": "2020-03-09", "until": 1}', "[1]", "{", ""):
        (tmp_path / "bad.jsonl").write_text(f'{{"at": "2020-03-09"}}\n{text}\n' if text else "")
        with pytest.raises(ReplayError, match="bad.jsonl:2" if text else "holds no label"):
            read_labels(tmp_path / "bad.jsonl")


def test_rules_set_levels_clocks_and_series_and_say_what_they_cannot(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('clocks = ["1h"]\nseries = ["news/topic/*"]\n[levels.1h]\nopen_z = 3.5\n')
    rules = read_rules(path, Rules(false_alarms_per_week=0.1))
    (clock,) = engine_for(rules).clocks
    assert (clock.name, clock.open_z, rules.false_alarms_per_week) == ("1h", 3.5, 0.1)
    assert chosen(["news/topic/macro", "news/market/all"], rules) == {"news/topic/macro"}
    for text in (
        "budget = 1",
        "clocks = []",
        'clocks = ["2h"]',
        "[levels.5m]\nopen_z = 90",
        "x",
        "levels.9h.open_z = 4",
    ):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=r"rules\.toml"):
            read_rules(path, Rules())


def test_the_same_request_gets_the_same_name_whatever_its_speed() -> None:
    request = Request(source="files", files=("/a",), start_s=NOON_S)
    faster = Request(source="files", files=("/a",), start_s=NOON_S, speed=60.0, report="/elsewhere")
    assert default_name(request) == default_name(faster) and fingerprint(request) == fingerprint(faster)
    assert fingerprint(request) != fingerprint(Request(source="files", files=("/b",), start_s=NOON_S))


def run(*all_told: Told, counts: tuple[int, int] = (8, 10), **rules: Any) -> Run:
    series = {one.opened.series for one in all_told} | {"news/market/all"}
    hours = {"2026-01-07T11:00:00Z": counts, "2026-01-07T12:00:00Z": counts}
    return Run(
        {
            "model_revisions": {"m": 1},
            "from": "2026-01-01T00:00:00Z",
            "to": "2026-02-01T00:00:00Z",
            "source": "files",
            "scored": "anew",
            "records": {"learnt_from": 0},
            "rules": {"false_alarms_per_week": 0.03} | rules,
        },
        [incident_row(one) for one in all_told],
        dict.fromkeys(series, hours),
    )


def test_runs_are_compared_by_incident_then_by_series_and_nearness_with_reasons() -> None:
    first = run(told(), told(NOON_S + 50_000, "news/topic/macro"))
    later = told(NOON_S + 900)
    later = replace(later, opened=replace(later.opened, incident_id="another", z=9.0))
    second = run(later, counts=(6, 10), false_alarms_per_week=0.001)
    both, alone = compare(first, second)
    assert (both.later_s, alone.second) == (900, None)
    assert any("8 of 10 | 6 of 10 stories negative" in why for why in both.why)
    assert any("opens at" in why for why in alone.why)
    assert [pair.why for pair in compare(first, first)] == [(), ()]
    narrow = run(told(), series=["news/market/*"])
    (pair,) = [pair for pair in compare(first, narrow) if pair.second is None]
    assert pair.why == ("the other's rules do not look at this series",)


def outcome(*all_told: Told, labels: tuple[Label, ...] = ()) -> Outcome:
    hours = {
        NOON_S + 3_600 * n: {"news/market/all": Aggregate(NOON_S, documents=9, negative=n % 4, neutral=5)}
        for n in range(48)
    }
    return Outcome(
        request=Request(source="files"),
        model_revisions={"r": 1},
        start_s=NOON_S,
        end_s=NOON_S + 14 * 86_400,
        tally=Tally(read=5, taken=5, reasons=[EVIL]),
        totals=Totals(),
        told=all_told,
        agreement=agreement(all_told, labels),
        hours=hours,
        series=2,
    )


def test_text_from_outside_is_escaped_in_the_page() -> None:
    story = Story(id="1", title=EVIL, source=EVIL, lang="en", score=-0.9, event_s=NOON_S)
    one = told(series=f"news/source/{EVIL}", evidence=(story,))
    written = page(outcome(one, labels=(Label(EVIL, NOON_S, NOON_S, NOON_S + 1),)))
    assert "<script" not in written and "&lt;script&gt;" in written
    assert "\u202e" not in written.partition("<ul>")[2].partition("</ul>")[0]
    assert "http" not in written.replace("http-equiv", "")


def test_figures_are_those_that_a_gate_may_name() -> None:
    found = figures(outcome(told()))
    assert found.keys() == NO_FIGURES.keys()
    assert (found["alerts_per_week"], found["false_alarms_per_week"], found["recall"]) == (0.5, 0.5, None)
    assert sum(day["documents"] for day in report(outcome())["days"]) == 9 * 48


def test_incident_rows_have_the_fields_of_detect_in_their_order() -> None:
    import msgspec

    from stream.cli.detect import line_of

    one = told()
    detect = msgspec.json.decode(line_of(one))
    assert list(incident_row(one))[: len(detect)] == list(detect)
    assert {name: incident_row(one)[name] for name in detect} == detect


def test_pictures_sum_all_hours_and_survive_nothing_at_all() -> None:
    hours = {NOON_S + 3_600 * n: Aggregate(0, negative=1, neutral=2) for n in range(400)}
    width_s, found = bars(hours, NOON_S, NOON_S + 400 * 3_600)
    assert width_s == 6 * 3_600 and sum(bar.total for bar in found) == 1_200
    assert "<svg" in timeline("x", {}, NOON_S, NOON_S, [Mark(NOON_S, "critical", "y")])
