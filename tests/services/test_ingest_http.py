"""`ingest http` as the process that users run, on a real broker."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from stream.codec import decode_document
from stream.supervision import ports
from tests.servers import wait_until
from tests.services.ingest_tools import (
    HTTP_COMMAND,
    TOKEN,
    document,
    ends,
    environment,
    prepare_topics,
    records_since,
    serving,
)

MAX_BYTES = 300_000
MAX_DOCUMENTS = 500
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def bootstrap(kafka_bootstrap: str) -> str:
    prepare_topics(kafka_bootstrap)
    return kafka_bootstrap


@pytest.fixture(scope="module")
def url(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for the tests that need nothing special."""
    home = tmp_path_factory.mktemp("ingest")
    limits = {"INGEST_MAX_BYTES": str(MAX_BYTES), "INGEST_MAX_DOCUMENTS": str(MAX_DOCUMENTS)}
    with serving(home, bootstrap, INGEST_RATE_PER_S="100000", **limits) as (address, _):
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as lent:
        yield lent


def test_202_names_where_each_document_stands(client: httpx.Client, bootstrap: str) -> None:
    before, started = ends(bootstrap), datetime.now(UTC)
    rows = [
        document("A headline", title="It", tickers=["AAPL"], received_at="2001-01-01T00:00:00Z", id="one"),
        document("a comment", kind="comment", author="@zoë"),
        document("A headline", id="one"),
    ]
    answer = client.post("/v1/documents", json=rows)
    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 3
    found = {(r.topic, r.partition, r.offset): r for r in records_since(bootstrap, before)}
    assert len(found) == 3
    for row, place in zip(rows, body["documents"], strict=True):
        record = found[place["topic"], place["partition"], place["offset"]]
        stored = decode_document(record.value, received_at=NOW)
        assert (stored.id, stored.text) == (place["id"], row["text"])
        assert started <= stored.received_at <= datetime.now(UTC)
        assert "zoë".encode() not in record.value
    # A duplicate id is no error: the copy counts as a duplicate, later.
    assert [place["id"] for place in body["documents"]].count("one") == 2


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (json.dumps(document("x")), {"Content-Type": "application/json; charset=utf-8"}),
        (json.dumps([document("x")]), {"Content-Type": "application/json"}),
        (json.dumps({"documents": [document("x")]}), {"Content-Type": "application/json"}),
        (json.dumps(document("x")) + "\r\n\n", {"Content-Type": "application/x-ndjson"}),
        (
            gzip.compress(json.dumps(document("x")).encode()),
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        ),
    ],
)
def test_every_form_of_a_body_is_taken(client: httpx.Client, body: str | bytes, headers: dict[str, str]) -> None:
    answer = client.post("/v1/documents", content=body, headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)


BAD: list[tuple[int, str, bytes]] = [
    (400, "body", b"not json"),
    (400, "text", rb'[{"kind":"news","source":"s","text":"\ud83d"}]'),
    (400, "text", b'[{"kind":"news","source":"s","text":"a\x00"}]'),
    (400, "published_at", b'[{"kind":"news","source":"s","text":"x","published_at":NaN}]'),
    (422, "text", rb'[{"kind":"news","source":"s","text":"a\u0000"}]'),
    (422, "text", b'[{"kind":"news","source":"s","text":7}]'),
    (422, "text", b'[{"kind":"news","source":"s"}]'),
    (422, "text", b'[{"kind":"news","source":"s","text":""}]'),
    (422, "text", json.dumps(document("x" * 100_001)).encode()),
    (422, "kind", json.dumps(document("x", kind="tweet")).encode()),
    (422, "published_at", json.dumps(document("x", published_at="1970-01-01T00:00:00Z")).encode()),
    (422, "published_at", json.dumps(document("x", published_at="2999-01-01T00:00:00Z")).encode()),
    (422, "tickers", json.dumps(document("x", tickers=["$$ $"])).encode()),
    (422, "documents", b"[]"),
    (422, "document", b"[3]"),
    (413, "body", json.dumps(document("x" * 10_000_000)).encode()),
    (413, "documents", json.dumps([document("x")] * (MAX_DOCUMENTS + 1)).encode()),
]


@pytest.mark.parametrize(("status", "field", "body"), BAD)
def test_bad_input_is_refused_with_its_field_and_nothing_is_sent(
    client: httpx.Client, bootstrap: str, status: int, field: str, body: bytes
) -> None:
    before = ends(bootstrap)
    answer = client.post("/v1/documents", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["errors"][0]["reason"]
    assert ends(bootstrap) == before
    assert client.post("/v1/documents", json=document("and the next one is taken")).status_code == 202


def test_one_bad_document_among_good_ones_sends_none(client: httpx.Client, bootstrap: str) -> None:
    before = ends(bootstrap)
    rows = [document("a"), document("b"), document(" "), document("c", lang="?")]
    answer = client.post("/v1/documents", json=rows)
    assert answer.status_code == 422
    assert [(error["index"], error["field"]) for error in answer.json()["errors"]] == [(2, "text"), (3, "lang")]
    assert ends(bootstrap) == before


def test_a_body_without_a_length_is_measured_as_it_comes(client: httpx.Client) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(MAX_BYTES // 1000 + 10):
            yield b" " * 1000

    answer = client.post("/v1/documents", content=parts(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_gzip_bomb_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post("/v1/documents", content=gzip.compress(b" " * 200_000_000), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff\xfe", TOKEN]
)
def test_without_the_token_nothing_is_read(url: str, header: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    sent = headers if header is None else headers | {"Authorization": header}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    answer = httpx.post(f"{url}/v1/documents", content=json.dumps(document("x")), headers=raw)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Content-Encoding": "br"}],
)
def test_other_types_and_encodings_are_415(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.post("/v1/documents", content=b"{}", headers=headers).status_code == 415


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/v1/documents")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_server_that_others_can_reach_says_so_once(bootstrap: str, tmp_path: Path) -> None:
    with serving(tmp_path, bootstrap, INGEST_HOST="0.0.0.0"):
        said = [line for line in (tmp_path / "ingest.log").read_text().splitlines() if "beyond this machine" in line]
    assert len(said) == 1
    assert "WARNING" in said[0] and "0.0.0.0" in said[0]


def test_answers_tell_nothing_of_the_server(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"ok": True}
    for answer in (client.get("/healthz"), client.get("/nowhere"), client.post("/v1/documents", content=b"{")):
        assert "server" not in answer.headers
        assert answer.headers["content-type"] == "application/json"


def test_concurrent_posts_are_all_there_once_and_in_order(url: str, bootstrap: str) -> None:
    before = ends(bootstrap)
    writers, batches, size = 8, 10, 20

    async def write(writer: int, session: httpx.AsyncClient) -> None:
        for batch in range(batches):
            rows = [document(f"writer {writer}", id=f"{writer}/{batch * size + i}") for i in range(size)]
            answer = await session.post("/v1/documents", json=rows)
            assert answer.status_code == 202

    async def main() -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as session:
            await asyncio.gather(*(write(writer, session) for writer in range(writers)))

    asyncio.run(main())
    found = [decode_document(record.value, received_at=NOW).id for record in records_since(bootstrap, before)]
    for writer in range(writers):
        own = [name.split("/")[1] for name in found if name.startswith(f"{writer}/")]
        assert own == [str(i) for i in range(batches * size)]
    assert len(found) == writers * batches * size


def test_what_the_description_says_is_what_is_answered(client: httpx.Client) -> None:
    api = httpx.get(client.base_url.join("/v1/openapi.json")).json()
    assert api["openapi"].startswith("3.1")
    answers = api["paths"]["/v1/documents"]["post"]["responses"]

    def check(answer: httpx.Response) -> None:
        schema = answers[str(answer.status_code)]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), schema | {"components": api["components"]})

    check(client.post("/v1/documents", json=document("x")))
    for status, _, body in BAD:
        answer = client.post("/v1/documents", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status
        check(answer)
    check(client.post("/v1/documents", content=b"", headers={"Authorization": ""}))
    check(client.post("/v1/documents", content=b"", headers={"Content-Type": "text/csv"}))
    accepts = {"$ref": "#/components/schemas/Document", "components": api["components"]}
    jsonschema.validate(document("x", lang="zh-CN", author=None, published_at="2024-01-01T00:00:00Z"), accepts)
    for bad in (document(""), document("x", kind="tweet"), {"kind": "news", "source": "s"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, accepts)


def test_too_many_documents_a_second_are_429_with_a_time_to_wait(bootstrap: str, tmp_path: Path) -> None:
    limits = {"INGEST_RATE_PER_S": "5", "INGEST_MAX_DOCUMENTS": "20"}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with (
        serving(tmp_path, bootstrap, **limits) as (address, _),
        httpx.Client(base_url=address, headers=headers, timeout=20) as client,
    ):
        assert client.post("/v1/documents", json=[document("x")] * 20).status_code == 202
        refused = client.post("/v1/documents", json=[document("x")] * 10)
        assert refused.status_code == 429
        wait_s = int(refused.headers["Retry-After"])
        assert 1 <= wait_s <= 2
        wait_until(
            lambda: client.post("/v1/documents", json=[document("x")] * 10).status_code == 202,
            wait_s + 5,
            "the documents are taken after the wait",
            every_s=0.2,
        )


def test_a_stop_finishes_what_is_in_flight_and_ends_clean(bootstrap: str, tmp_path: Path) -> None:
    with serving(tmp_path, bootstrap) as (address, process):
        host, port = address.removeprefix("http://").split(":")
        body = json.dumps(document("in flight")).encode()
        head = (
            f"POST /v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(head.encode() + body[:10])
            wait_until(lambda: _waits_for_body(address), 10, "the server has the request's head")
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: not ports.accepts(int(port)), 10, "no new connection is taken")
            connection.sendall(body[10:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 202")
        assert process.wait(15) == 0


def _waits_for_body(address: str) -> bool:
    # Requests are taken in the order of their connections: an answer to a later one shows that the first is read.
    return httpx.get(f"{address}/v1/openapi.json").status_code == 200


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"BAROGRAPH_INGEST_TOKEN": ""}, "BAROGRAPH_INGEST_TOKEN is not set"),
        ({"BAROGRAPH_INGEST_TOKEN": "short"}, "at least 16 characters"),
        ({"BAROGRAPH_INGEST_HOST": "192.0.2.1"}, "BAROGRAPH_INGEST_HOST=192.0.2.1"),
        ({"BAROGRAPH_KAFKA_BOOTSTRAP": ""}, "nothing is running in"),
    ],
)
def test_a_start_that_cannot_succeed_says_why(
    bootstrap: str, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    done = subprocess.run(
        HTTP_COMMAND,
        env=environment(tmp_path, bootstrap) | change,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert said in done.stderr
    assert "short" not in done.stderr


def test_a_port_that_is_taken_is_named(bootstrap: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            HTTP_COMMAND,
            env=environment(tmp_path, bootstrap, INGEST_PORT=port),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode != 0
    assert f"BAROGRAPH_INGEST_PORT={port}: Address already in use" in done.stderr
