"""`ingest file` on a real broker: every line becomes one record, in order, confirmed."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import signal
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stream.cli.ingest_file import Request, run
from stream.codec import MAX_RAW_BYTES, decode_document
from stream.core.stories import story_key
from stream.settings import ConfigurationError
from stream.sources.errors import SourceError
from stream.supervision import ports
from tests.servers import wait_until
from tests.services.ingest_tools import (
    document,
    ends,
    jsonl,
    prepare_topics,
    records_since,
)

NOW = datetime.now(UTC)


@pytest.fixture
def bootstrap(kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Kafka with topics, which the settings name, and a home of this test's own."""
    prepare_topics(kafka_bootstrap)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAROGRAPH_KAFKA_BOOTSTRAP", kafka_bootstrap)
    monkeypatch.setenv("BAROGRAPH_HOME", str(tmp_path / "home"))
    return kafka_bootstrap


def ingest(
    *paths: Path | str, start: str | None = None, end: str | None = None, speed: str = "max", redate: bool = False
) -> int:
    return run(Request([str(path) for path in paths], start, end, speed, redate, None))


def test_every_line_becomes_one_record_good_or_set_aside(
    bootstrap: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ahead = (NOW + timedelta(days=400)).isoformat()
    bad = {
        b"not json": "not JSON",
        b'{"kind": "news", "source": "s", "text": 7}': "text: expected `str`, got `int`",
        b'{"kind": "news", "source": "s"}': "text: is missing",
        b'{"kind": "news", "source": "s", "text": " "}': "text: is empty",
        jsonl(document("x" * 10_000_000)).strip(): "line: is longer than 8388608 bytes",
        jsonl(document("y" * 100_001)).strip(): "text: has 100001 characters; at most 100000",
        rb'{"kind": "news", "source": "s", "text": "\ud83d"}': "not JSON: a lone surrogate",
        rb'{"kind": "news", "source": "s", "text": "a\u0000b"}': "text: has a zero byte at character 1",
        b'{"kind": "news", "source": "s", "text": "a\x00b"}': "not JSON",
        b"\x00\x00": "not JSON",
        b"\xff\xfe{": "not JSON",
        b'{"kind": "news", "source": "s", "text": NaN}': "not JSON",
        jsonl(document("x", published_at="1970-01-01T00:00:00Z")).strip(): "published_at: 1970",
        jsonl(document("x", published_at="2999-01-01T00:00:00Z")).strip(): "published_at: 2999",
        jsonl(document("x", published_at=ahead)).strip(): "published_at: ",
        jsonl(document("x", published_at="2024-01-01T00:00:00")).strip(): "published_at: ",
        jsonl(document("x", kind="tweet")).strip(): "kind: 'tweet' is not one of news, comment",
        b'{"kind": "news", "source": "s", "text": "x", "extra": ' + b"[" * 100_000: "not JSON",
        b"[]": "document: expected `object`",
    }
    good = [document("one", id="1"), document("two", id="1"), document("三", kind="comment", id="3")]
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + jsonl(good[0], b"", b"  ", *bad, *good[1:]).removesuffix(b"\n"))
    before = ends(bootstrap)

    assert ingest(path) == 0

    found = records_since(bootstrap, before)
    assert len(found) == len(good) + len(bad)
    sent = sorted(decode_document(r.value, received_at=NOW).text for r in found if r.problem is None)
    assert sent == ["one", "two", "三"]
    set_aside = {r.value: r.problem for r in found if r.problem is not None}
    for raw, reason in bad.items():
        assert (set_aside[raw[:MAX_RAW_BYTES]] or "").startswith(reason)
    assert {r.topic for r in found if r.problem} == {"documents.news"}
    said = capsys.readouterr().out
    assert f"{len(good) + len(bad)} lines: {len(good)} sent, {len(bad)} set aside, 0 skipped" in said
    assert f"set aside {path}:4: not JSON" in said


def test_copies_of_a_text_stand_in_one_partition_in_the_order_of_the_file(bootstrap: str, tmp_path: Path) -> None:
    rows = [document(f"Story {i % 7} breaks!", id=f"{i}", source=f"s{i % 3}") for i in range(700)]
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(jsonl(*rows)))
    before = ends(bootstrap)

    assert ingest(path) == 0

    by_key: dict[bytes, list[int]] = defaultdict(list)
    places: dict[bytes, set[int]] = defaultdict(set)
    for record in records_since(bootstrap, before):
        by_key[record.key].append(int(decode_document(record.value, received_at=NOW).id))
        places[record.key].add(record.partition)
    assert set(by_key) == {story_key(f"story {i} breaks") for i in range(7)}
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    assert sum(map(len, by_key.values())) == len(rows)
    assert all(len(found) == 1 for found in places.values())


def test_received_time_is_the_moment_of_sending_and_the_records_own(bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    row = document("x", received_at="2001-01-01T00:00:00Z", published_at="2018-02-05T20:00:00+08:00")
    path.write_bytes(jsonl(row))
    before, started = ends(bootstrap), datetime.now(UTC)

    ingest(path)

    (record,) = records_since(bootstrap, before)
    found = decode_document(record.value, received_at=NOW)
    assert started <= found.received_at <= datetime.now(UTC)
    assert record.timestamp_ms == int(found.received_at.timestamp() * 1000)
    assert found.published_at == datetime(2018, 2, 5, 12, tzinfo=UTC)


def test_authors_leave_no_handle_anywhere(bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    claimed = "a1:0123456789abcdef"
    path.write_bytes(jsonl(*(document("x", kind="comment", author=name) for name in ("@zoë", "@zoë", claimed))))
    before = ends(bootstrap)

    ingest(path)

    found = records_since(bootstrap, before)
    authors = [decode_document(r.value, received_at=NOW).author for r in found]
    ids = [decode_document(r.value, received_at=NOW).id for r in found]
    assert authors[0] == authors[1] != authors[2]
    assert ids[0] == ids[1] != ids[2]
    assert all(author and author.startswith("a1:") and len(author) == 19 for author in authors)
    assert not any("zoë".encode() in r.value or claimed.encode() in r.value for r in found)
    assert (tmp_path / "home" / "author.key").stat().st_mode & 0o777 == 0o600


def test_csv_rows_are_documents_and_bad_rows_are_set_aside(bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "in.csv.gz"
    table = (
        b"\xef\xbb\xbfkind,source,text,tickers,published_at,note\r\n"
        b'news,wire,"Two lines,\nquoted ""so""",AAPL; MSFT,2024-05-01T10:00:00Z,kept out\r\n'
        b"\r\n"
        b"comment,forum,hold,$GME,,\r\n"
        b"news,wire\r\n"
        b"news,wire,\xff\xfe,,,\r\n"
        b"news,wire,,,,\r\n"
        b"comment,forum,last,,,\r\n"
    )
    path.write_bytes(gzip.compress(table))
    before = ends(bootstrap)

    assert ingest(path) == 0

    found = records_since(bootstrap, before)
    good = {d.text: d for r in found if r.problem is None for d in [decode_document(r.value, received_at=NOW)]}
    assert set(good) == {'Two lines,\nquoted "so"', "hold", "last"}
    assert good['Two lines,\nquoted "so"'].tickers == ("AAPL", "MSFT")
    assert good["hold"].tickers == ("$GME",)
    assert sorted(r.problem for r in found if r.problem) == [
        "row: has 2 cells; the header has 6",
        "text: is missing",
        "text: is not UTF-8",
    ]


def test_from_and_to_bound_the_published_time(
    bootstrap: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = [f"2018-02-0{day}T00:00:00Z" for day in range(1, 8)]
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(*(document(day, published_at=day) for day in days), b"broken"))
    before = ends(bootstrap)

    ingest(path, start="2018-02-03", end="2018-02-05T00:00:00Z")

    found = records_since(bootstrap, before)
    assert sorted(decode_document(r.value, received_at=NOW).text for r in found if r.problem is None) == days[2:4]
    assert len([r for r in found if r.problem]) == 1
    assert "8 lines: 2 sent, 1 set aside, 5 skipped" in capsys.readouterr().out


def test_redated_documents_are_published_now_and_count_again_in_each_run(bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    old = "2018-02-05T20:00:00Z"
    path.write_bytes(jsonl(*(document(f"t{i}", id=f"id{i % 2}", published_at=old) for i in range(3))))
    before, started = ends(bootstrap), datetime.now(UTC)

    ingest(path, redate=True)
    ingest(path, redate=True)

    found = [decode_document(r.value, received_at=NOW) for r in records_since(bootstrap, before)]
    assert len({d.id for d in found}) == 4  # id0 comes twice in each of two runs
    assert all(d.published_at and d.published_at >= started for d in found)
    assert all(d.id.startswith(("id0@", "id1@")) for d in found)


def test_speed_paces_by_published_time(bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    first = datetime(2018, 2, 5, tzinfo=UTC)
    # 0, 30 and 60 minutes at 7200x: due after 0, 0.25 and 0.5 s.
    stamps = [(first + timedelta(minutes=minutes)).isoformat() for minutes in (0, 30, 60)]
    path.write_bytes(jsonl(*(document(stamp, published_at=stamp) for stamp in stamps)))
    before = ends(bootstrap)

    ingest(path, speed="7200x")

    received = sorted(decode_document(r.value, received_at=NOW).received_at for r in records_since(bootstrap, before))
    gaps = [later - earlier for earlier, later in itertools.pairwise(received)]
    assert all(timedelta(seconds=0.2) <= gap < timedelta(seconds=2) for gap in gaps)


def test_standard_input_is_jsonl(bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(jsonl(document("from a pipe")))))
    before = ends(bootstrap)

    assert ingest("-") == 0

    assert [b"from a pipe" in r.value for r in records_since(bootstrap, before)] == [True]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.jsonl", None, "No such file"),
        ("folder.jsonl", "folder", "is a directory"),
        ("in.txt", b"{}", "tells no format; expected one of .jsonl"),
        ("in.jsonl", b"", "is empty"),
        ("blank.jsonl", b"\n \n", "is empty"),
        ("in.jsonl.gz", b"{}\n", "is not gzip data"),
        ("plain.jsonl", gzip.compress(b"{}"), "has to end in .gz"),
        ("void.jsonl.gz", gzip.compress(b""), "is empty"),
        ("header.csv", b"kind,source,text\n", "is empty"),
        ("other.csv", b"a,b,c\n1,2,3\n", "has no kind, source, text"),
        ("twice.csv", b"kind,source,text,text\n", "has text more than once"),
    ],
)
def test_a_file_that_cannot_be_sent_is_one_clear_line(
    bootstrap: str, tmp_path: Path, name: str, content: bytes | str | None, said: str
) -> None:
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        ingest(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_second_file_is_found_before_anything_is_sent(bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(document("x")))
    before = ends(bootstrap)
    with pytest.raises(SourceError):
        ingest(path, tmp_path / "none.jsonl")
    assert ends(bootstrap) == before


def test_gzip_data_that_ends_early_says_how_far_it_was_read(bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    rows = [document(os.urandom(20).hex()) for _ in range(5000)]
    path.write_bytes(gzip.compress(jsonl(*rows))[:-2000])
    before = ends(bootstrap)
    with pytest.raises(SourceError, match="cannot be read beyond line") as caught:
        ingest(path)
    sent = len(records_since(bootstrap, before))
    assert 0 < sent < 5000
    assert f"{sent:,} of {sent:,} records confirmed" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"speed": "fast"}, "--speed: 'fast' is no speed"),
        ({"speed": "0x"}, "--speed: '0x' is no speed"),
        ({"start": "yesterday"}, "--from: 'yesterday' is no instant"),
        ({"end": "2018-02-05T00:00:00"}, "--to: '2018-02-05T00:00:00' is no instant"),
        ({"start": "2018-02-05", "end": "2018-02-05"}, "--from 2018-02-05 is not before --to"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(bootstrap: str, options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ingest("any.jsonl", **options)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_kafka_that_is_not_there_is_one_clear_line(
    bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"127.0.0.1:{ports.choose([], set())}"
    monkeypatch.setenv("BAROGRAPH_KAFKA_BOOTSTRAP", nowhere)
    path = tmp_path / "in.jsonl"
    path.write_bytes(jsonl(document("x")))
    with pytest.raises(SourceError, match=nowhere) as caught:
        ingest(path)
    assert not caught.value.permanent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_flushes_and_says_how_much_is_confirmed(
    bootstrap: str, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "in.jsonl"
    first = datetime(2018, 2, 5, tzinfo=UTC)
    rows = [document(f"t{i}", published_at=first.isoformat()) for i in range(20)]
    rows.append(document("much later", published_at=(first + timedelta(days=1)).isoformat()))
    path.write_bytes(jsonl(*rows))
    before = ends(bootstrap)
    command = [sys.executable, "-m", "stream.cli.main", "ingest", "file", str(path), "--speed", "1x"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        wait_until(lambda: sum(ends(bootstrap).values()) == sum(before.values()) + 20, 30, "the first twenty are sent")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.strip() == "stopped: 21 lines read, 20 of 20 records confirmed"
    assert out == ""


def test_asking_for_help_loads_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, stream.cli.ingest; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ).stdout.split()
    assert not {"kafka", "redis", "uvicorn", "starlette", "torch", "msgspec", "pydantic"} & set(loaded)
