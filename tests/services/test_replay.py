"""Replays of files: the same every time, whatever happens to them, and clear about what they cannot take."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from model.tiny import make_tiny
from tests.servers import wait_until
from tests.services.replay_tools import MONDAY, SPIKE, SPIKE_LENGTH, Home, stream_file

PACED = "20000x"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model, and a stream of three days with one spike."""
    folder = tmp_path_factory.mktemp("replay")
    model = make_tiny(folder / "model", seed=1)
    return model, stream_file(folder / "stream.jsonl.gz", model)


@pytest.fixture
def home(place: tuple[Path, Path], tmp_path: Path) -> Home:
    return Home(tmp_path, place[0])


@pytest.fixture
def stream(place: tuple[Path, Path]) -> str:
    return str(place[1])


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a test leaves behind are ended."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.timeout(600)
def test_two_replays_are_the_same_and_find_the_spike(home: Home, stream: str) -> None:
    first = home.run("replay", stream, "--name", "one")
    home.run("replay", stream, "--name", "two")
    assert home.report("one") == home.report("two")
    market = [one for one in home.incidents("one") if one["series"] == "news/market/all"]
    spike_s = (MONDAY + SPIKE).timestamp(), (MONDAY + SPIKE + SPIKE_LENGTH).timestamp()
    assert any(spike_s[0] < _s(one["fired_at"]) <= spike_s[1] + 300 and one["evidence"] for one in market), first
    assert "scored now" in first


@pytest.mark.timeout(600)
def test_a_replay_that_was_killed_goes_on_and_ends_as_if_it_had_not(
    home: Home, stream: str, started: list[subprocess.Popen[str]]
) -> None:
    home.run("replay", stream, "--name", "whole")
    paced = ["replay", stream, "--name", "broken", "--speed", PACED]
    for part in (0.3, 0.6):
        process = home.start(*paced)
        started.append(process)
        wait_until(partial(_came_to, home, process, MONDAY + part * timedelta(days=3)), 120, "it came so far")
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert "interrupted" in home.run("replays", "list")
    said = home.run("replays", "resume", "broken")
    assert "going on with broken" in said and "0 scored now" in said
    assert home.report("broken") == home.report("whole")


@pytest.mark.timeout(600)
def test_a_replay_pauses_resumes_and_stops_when_told(
    home: Home, stream: str, started: list[subprocess.Popen[str]]
) -> None:
    process = home.start("replay", stream, "--name", "told", "--speed", "2000x")
    started.append(process)
    wait_until(lambda: home.status("told")["documents"] > 0 or process.poll() is not None, 120, "it goes")
    assert home.run("replay", stream, "--name", "told", code=1).count("running already") == 1
    home.run("replays", "pause", "told")
    wait_until(lambda: home.status("told")["state"] == "paused", 30, "it pauses")
    at = home.status("told")["clock_s"]
    assert "paused" in home.run("replays", "list")
    assert home.status("told")["clock_s"] == at
    home.run("replays", "resume", "told")
    wait_until(lambda: home.status("told")["clock_s"] > at, 30, "it goes on")
    home.run("replays", "stop", "told")
    assert process.wait(60) == 4
    assert home.status("told")["state"] == "stopped"
    assert "is not running: it is stopped" in home.run("replays", "pause", "told", code=1)
    home.run("replay", stream, "--name", "told")
    home.run("replay", stream, "--name", "whole")
    assert home.report("told") == home.report("whole")


@pytest.mark.timeout(600)
def test_what_comes_before_the_start_teaches_and_a_gate_decides_the_exit_code(home: Home, stream: str) -> None:
    labels = home.folder / "known.jsonl"
    at = MONDAY + SPIKE + SPIKE_LENGTH
    labels.write_text(json.dumps({"name": "the spike", "at": at.isoformat()}) + "\n")
    span = ["--from", "2024-03-06", "--to", "2024-03-07", "--labels", str(labels)]
    said = home.run("replay", stream, *span, "--name", "gated", "--fail-if", "recall < 1")
    report = home.report("gated")["report.json"]
    assert report["records"]["learnt_from"] > 300 and report["figures"]["recall"] == 1
    assert [row["day"] for row in report["days"]] == ["2024-03-06"]
    assert 0 < report["figures"]["worst_lead_s"] <= SPIKE_LENGTH.total_seconds() and "100% found" in said
    assert "failed: alerts > 0" in home.run(
        "replay", stream, *span, "--name", "gated", "--fail-if", "alerts > 0", code=3
    )
    strict = home.folder / "strict.toml"
    strict.write_text('false_alarms_per_week = 0.0001\nseries = ["news/market/*"]\n')
    home.run("replay", stream, *span, "--name", "strict", "--rules", str(strict))
    assert home.report("strict")["report.json"]["figures"]["series"] == 1
    compared = home.run("compare", "gated", "strict")
    assert "rule false_alarms_per_week: 0.03 | 0.0001" in compared and "opens at" in compared
    assert "there is a replay of that name with other options" in home.run(
        "replay", stream, *span, "--name", "strict", code=1
    )


@pytest.mark.timeout(300)
def test_lines_that_are_broken_out_of_order_or_undated_are_counted(home: Home) -> None:
    path = home.folder / "mixed.jsonl"
    good = [
        {"kind": "news", "source": "s", "text": f"shares of {n} fell", "published_at": f"2024-03-04T{n:02}:00:00+01:00"}
        for n in (3, 1, 2)
    ]
    bad = [
        '{"kind": "news", "source": "s", "text": "no zone", "published_at": "2024-03-04T01:00:00"}',
        '{"kind": "news", "source": "s", "text": "no time"}',
        '{"kind": "news", "source"',
        '{"kind": "other", "source": "s", "text": "x", "published_at": "2024-03-04T01:00:00Z"}',
    ]
    path.write_text("\n".join([bad[0], *map(json.dumps, good), *bad[1:]]) + "\n")
    said = home.run("replay", str(path), "--name", "mixed")
    report = home.report("mixed")["report.json"]
    assert report["records"]["set_aside"] == 4 and report["figures"]["documents"] == 3
    assert report["records"]["put_in_order"] == 1 and "1 put in order" in said
    assert [reason.split(": ")[0:2] for reason in report["set_aside_first"]] == [
        ["mixed.jsonl:1", "published_at"],
        ["mixed.jsonl:5", "published_at"],
        ["mixed.jsonl:6", "not JSON"],
        ["mixed.jsonl:7", "kind"],
    ]
    home.run("replay", str(path), "--name", "zoned", "--time-zone", "Europe/Berlin")
    assert home.report("zoned")["report.json"]["figures"]["documents"] == 4


@pytest.mark.timeout(300)
def test_a_table_of_somebody_else_is_read_by_a_mapping(home: Home) -> None:
    path = home.folder / "posts.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write('date,body,who,cash\n2024-03-04 10:00,"two\nlines, quoted",ann,AAPL;MSFT\n')
        file.write("1709550000,seconds since 1970,bob,\n2024-03-04 11:00,too few\n,no date,eve,\n")
    words = ["--map", "text=body,published_at=date,author=who,tickers=cash", "--set", "kind=comment,source=forum"]
    home.run("replay", str(path), *words, "--time-zone", "UTC", "--name", "posts")
    report = home.report("posts")["report.json"]
    assert report["figures"]["documents"] == 2 and report["records"]["set_aside"] == 2
    assert report["figures"]["series"] == 6
    assert "comment/ticker/AAPL" in home.report("posts")["counts.csv"].decode()
    said = home.run("replay", str(path), "--map", "text=words", code=1)
    assert "posts.csv.gz: the header has no column for text=words; it has date, body, who, cash" in said
    said = home.run("replay", str(path), "--map", "text=body", code=1)
    assert "no column is kind, source, published_at" in said and "--set kind=VALUE" in said


CANNOT = [
    (["--from", "2024-03-05", "--to", "2024-03-04"], "--to 2024-03-04 is not after --from"),
    (["--from", "2024-03-05T10:00"], "with its time zone"),
    (["--speed", "fast"], "is no speed"),
    (["--learn", "long"], "no length"),
    (["--name", "../x"], "small letters"),
    (["--fail-if", "alerts >"], "--fail-if 'alerts >'"),
    (["--fail-if", "__import__('os')"], "not a comparison"),
    (["--fail-if", "alarms > 1"], "alarms is no figure"),
    (["--rules", "absent.toml"], "No such file"),
    (["--source", "archive"], "takes no files"),
    (["--labels", "absent.csv"], "No such file"),
    (["--model", "absent"], "absent: no model here"),
    (["--map", "words=body"], "'words' is no field"),
    (["--time-zone", "Mars"], "no such zone"),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("words", "expected"), CANNOT, ids=[words[-1] for words, _ in CANNOT])
def test_what_cannot_be_replayed_is_said_in_one_line(home: Home, stream: str, words: list[str], expected: str) -> None:
    assert expected in home.refusal(["replay", stream, *words])


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["replay", "absent.jsonl"], "No such file"),
        (["replay", "-"], "expected files, not standard input"),
        (["replay", "--source", "files"], "--source files needs files"),
        (["replay", "--source", "kafka"], "nothing is running"),
        (["compare", "one", "other"], "no report.json"),
        (["replays", "resume", "nobody"], "no such replay"),
    ],
    ids=["absent", "stdin", "no files", "no kafka", "no runs", "no run"],
)
def test_what_is_not_there_is_said_in_one_line(home: Home, words: list[str], expected: str) -> None:
    assert expected in home.refusal(words)


@pytest.mark.timeout(300)
def test_a_span_without_documents_is_an_error(home: Home, stream: str) -> None:
    said = home.run("replay", stream, "--from", "2019-01-01", "--to", "2019-02-01", "--name", "empty", code=1)
    assert "no document of the files lies in the span" in said
    assert home.status("empty")["state"] == "failed"
    broken = home.folder / "wrong.jsonl"
    broken.write_text('{"headline": "x", "when": "2024-03-04"}\n')
    said = home.run("replay", str(broken), code=1)
    assert "no line of the files is a document: wrong.jsonl:1: kind: is missing" in said


def _came_to(home: Home, process: subprocess.Popen[str], at: datetime) -> bool:
    return bool(home.status("broken")["clock_s"] > at.timestamp()) or process.poll() is not None


def _s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
