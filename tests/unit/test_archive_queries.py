"""Questions over the archive: what is answered, what is refused, and what a terminal gets to see."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.archive.queries import QueryError, ask
from stream.archive.writer import Writer, prepare
from stream.broker.follow import Followed
from stream.broker.topics import DOCUMENTS_NEWS, PREDICTIONS, RETENTION
from stream.cli.main import app
from stream.codec import Origin, encode
from stream.settings import load_settings
from tests.services.archive_tools import NOON, document, ms, prediction

IDS = {topic: f"00000000-0000-0000-0000-00000000000{n}" for n, topic in enumerate(RETENTION)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive of ten documents over two days, their titles with what moves a cursor."""
    folder = tmp_path / "it's [odd]"
    prepare(folder)
    writer = Writer(folder, keep_days=36_000, flush_s=3_600)
    writer.open([(topic, 0) for topic in RETENTION], IDS)
    for n in range(10):
        at = NOON + timedelta(hours=2 * n)
        value = encode(document(n, at)).replace(b"Shares", b"\\u001b[2JShares")
        writer.add([Followed(DOCUMENTS_NEWS, 0, n, ms(at), (), value)])
        made = encode(prediction(n, Origin(DOCUMENTS_NEWS, 0, n), at))
        writer.add([Followed(PREDICTIONS, 0, n, ms(at), (), made)])
    writer.flush(everything=True)
    return folder


def rows(root: Path, query: str, *parameters: object) -> list[tuple[object, ...]]:
    return [row for batch in ask(root, query, parameters).batches for row in batch]


def test_days_labels_and_parameters(root: Path) -> None:
    assert rows(root, "SELECT count(*), min(received_at) FROM documents WHERE day = ?", NOON.date()) == [(6, NOON)]
    assert rows(root, "SELECT label, count(*), max(positive) FROM predictions GROUP BY ALL") == [("positive", 10, 0.7)]
    joined = (
        "SELECT count(*) FROM predictions p JOIN documents d ON d.topic = p.origin_topic AND d.offset = p.origin_offset"
    )
    assert rows(root, joined) == [(10,)]


@pytest.mark.parametrize("kind", ["documents", "predictions", "dead_letters", "incident_events"])
def test_an_archive_of_nothing_has_its_views(tmp_path: Path, kind: str) -> None:
    assert rows(tmp_path / "nowhere", f"SELECT count(*) FROM {kind}") == [(0,)]
    described = {row[0] for row in rows(tmp_path / "nowhere", f"DESCRIBE {kind}")}
    assert "day" in described and len(described) > 8


@pytest.mark.parametrize(
    "query",
    [
        "COPY documents TO 'OUT/x.csv'",
        "EXPORT DATABASE 'OUT'",
        "ATTACH 'OUT/x.db'",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO documents VALUES (1)",
        "DROP VIEW documents",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "SELECT 1; SELECT 2",
        "",
        "EXPLAIN ANALYZE COPY documents TO 'OUT/x.csv'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('OUT/*.parquet')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'https://127.0.0.1:1/x.csv'",
        "SELECT * FROM root",
        "SELECT no_such_column FROM documents",
    ],
)
def test_whatever_is_not_one_question_about_the_archive_is_refused(root: Path, tmp_path: Path, query: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(QueryError):
        rows(root, query.replace("OUT", str(tmp_path)))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_writes_tables_csv_and_jsonl_that_move_no_cursor(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAROGRAPH_ARCHIVE_DIR", str(root))
    query = "SELECT id, title, tickers, value, received_at FROM documents ORDER BY id LIMIT 2"
    written = {
        form: CliRunner().invoke(app, ["archive", "sql", query, "--format", form]).stdout
        for form in ("table", "csv", "jsonl")
    }
    assert not any("\x1b" in text for text in written.values())
    table = list(csv.DictReader(io.StringIO(written["csv"])))
    assert [row["id"] for row in table] == ["d0", "d1"]
    assert table[0]["received_at"] == NOON.isoformat().replace("+00:00", "Z")
    first = json.loads(written["jsonl"].splitlines()[0])
    assert (first["tickers"], json.loads(first["value"])["id"]) == (["AAPL"], "d0")
    assert "2 rows" in written["table"]
    shown = CliRunner().invoke(app, ["archive", "sql", "-", "--most", "3"], input="SELECT id FROM documents")
    assert "the first 3 rows" in shown.stdout


@pytest.mark.parametrize(("text", "on"), [("on", True), ("off", False), ("1", True)])
def test_the_archive_is_switched_by_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, on: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings().archive is True
    monkeypatch.setenv("BAROGRAPH_ARCHIVE", text)
    assert load_settings().archive is on
    assert load_settings(home=Path("h")).archive_root == Path("h/archive")
