"""Questions over the archive in SQL: four views, one SELECT, nothing else of this machine within reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from stream.archive import files
from stream.archive.names import COMPACTED
from stream.archive.schemas import TABLES, Table
from stream.archive.values import ArchiveError, Kind

THREADS: Final = 2
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "threads": str(THREADS),
    # A name in a question is never a variable of this program.
    "python_enable_replacements": "false",
    # Nothing is written to the folder where somebody happens to stand.
    "temp_directory": "",
}
# What tells a record from its repeat. Compacted files hold none.
_SAME: Final[dict[Kind, str]] = {
    "predictions": "origin_topic, origin_partition, origin_offset, id, received_ms",
    "dead_letters": "origin_topic, origin_partition, origin_offset, size_bytes, raw",
    "incident_events": "namespace, incident_id, seq, type, happened_at",
}
_LABEL: Final = (
    "*, sentiment[1] AS negative, sentiment[2] AS neutral, sentiment[3] AS positive, "
    "['negative', 'neutral', 'positive'][list_position(sentiment, list_max(sentiment))] AS label"
)


class QueryError(Exception):
    """A question that cannot be answered; the message says why."""

    permanent = True


@dataclass(frozen=True)
class Answer:
    """Names of columns, and rows a batch at a time; times are aware, UTC."""

    columns: tuple[str, ...]
    batches: Iterator[list[tuple[Any, ...]]]


def ask(root: Path, query: str, parameters: Sequence[object] = ()) -> Answer:
    """Answer one SELECT over `documents`, `predictions`, `dead_letters`, `incident_events`; `day` prunes files.

    Raises:
        QueryError: it is none, or cannot be answered. Errors that show with a later row are raised there.
        ArchiveError: the archive cannot be read.
    """
    connection = connect(root)
    try:
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise QueryError("expected one SELECT; the archive is only read")
        relation = connection.sql(statements[0].query, params=list(parameters))
        reader: pa.RecordBatchReader = relation.to_arrow_reader(files.BATCH_ROWS)
        return Answer(tuple(reader.schema.names), _rows(connection, reader))
    except duckdb.Error as exc:
        connection.close()
        raise QueryError(_said(exc)) from exc
    except BaseException:
        connection.close()
        raise


def connect(root: Path) -> duckdb.DuckDBPyConnection:
    """Return a database in memory with the views, which sees these files and nothing else from then on."""
    connection = duckdb.connect(":memory:", config=_CONFIG)
    paths: list[str] = []
    try:
        for table in TABLES.values():
            stored = files.stored(root, table.kind)
            found = [str(files.path_of(root, table.kind, one).absolute()) for one in stored]
            connection.execute(_view(table, found))
            paths += found
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET allowed_paths = $1", [paths])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as exc:
        connection.close()
        raise ArchiveError(f"archive {root}: cannot be asked: {_said(exc)}") from exc
    return connection


def _view(table: Table, paths: Sequence[str]) -> str:
    if not paths:
        return f"CREATE VIEW {table.kind} AS {_shown(table, _empty(table))}"
    whole = [path for path in paths if Path(path).name.startswith(COMPACTED)]
    fresh = [path for path in paths if not Path(path).name.startswith(COMPACTED)]
    same = _SAME.get(table.kind)
    if same is None:
        return f"CREATE VIEW {table.kind} AS {_shown(table, _read(paths))}"
    if table.kind == "incident_events":
        whole, fresh = [], list(paths)
    once = f"QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY record_timestamp_ms DESC, record_offset DESC) = 1"
    known = f"{table.key[0]} IS NOT NULL" if table.kind != "incident_events" else "incident_id IS NOT NULL"
    parts = [f"{_read(whole)} WHERE {known}"] if whole else []
    parts += [f"{_read(fresh)} WHERE {known} {once}"] if fresh else []
    return f"CREATE VIEW {table.kind} AS {_shown(table, ' UNION ALL BY NAME '.join(parts))}"


def _shown(table: Table, rows: str) -> str:
    return f"SELECT {_LABEL if table.kind == 'predictions' else '*'} FROM ({rows})"  # noqa: S608 - our own words


def _read(paths: Sequence[str]) -> str:
    quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    options = "hive_partitioning = true, hive_types = {'day': DATE}"
    return f"SELECT * FROM read_parquet([{quoted}], {options})"  # noqa: S608 - names of our own, quoted


def _empty(table: Table) -> str:
    columns = ", ".join(f'CAST(NULL AS {_type(field.type)}) AS "{field.name}"' for field in table.schema)
    return f"SELECT {columns}, CAST(NULL AS DATE) AS day WHERE false"


def _type(of: pa.DataType) -> str:
    if pa.types.is_list(of):
        return f"{_type(of.value_type)}[]"
    names = {pa.string(): "VARCHAR", pa.binary(): "BLOB", pa.int32(): "INTEGER", pa.int64(): "BIGINT"}
    names |= {pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN"}
    return "TIMESTAMPTZ" if pa.types.is_timestamp(of) else names[of]


def _rows(connection: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader) -> Iterator[list[tuple[Any, ...]]]:
    try:
        for batch in reader:
            yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    except (duckdb.Error, pa.ArrowException) as exc:
        raise QueryError(_said(exc)) from exc
    finally:
        connection.close()


def _said(exc: Exception) -> str:
    lines = [line for line in str(exc).splitlines() if line.strip()]
    return lines[0][:500] if lines else type(exc).__name__
