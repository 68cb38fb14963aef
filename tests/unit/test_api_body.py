"""Bodies of requests: cut into documents, or refused with the field."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.api import body as bodies
from stream.api.body import JSON, NDJSON
from stream.api.errors import Problem, RequestError

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ONE: dict[str, Any] = {"kind": "news", "source": "s", "text": "x"}
documents = st.lists(st.fixed_dictionaries({"text": st.text(st.characters(exclude_categories=["Cs"]))}), min_size=1)


def problems_of(kind: str, body: bytes) -> tuple[int, list[Problem]]:
    try:
        raws = bodies.split(kind, body)
    except RequestError as exc:
        return exc.status, [Problem(e["field"], e["reason"], e.get("index")) for e in exc.body["errors"]]
    return 422, bodies.read_documents(raws, received_at=NOON, key=bytes(32))[1]


@given(documents)
def test_every_form_of_a_body_holds_the_same_documents(rows: list[dict[str, str]]) -> None:
    forms = [
        (JSON, json.dumps(rows)),
        (JSON, json.dumps({"note": 1, "documents": rows})),
        (NDJSON, "\r\n\n".join(map(json.dumps, rows))),
    ]
    for kind, body in forms:
        assert [json.loads(raw) for raw in bodies.split(kind, body.encode())] == rows


def test_one_object_is_one_document() -> None:
    assert bodies.split(JSON, b' {"text": "x"} ') == [b' {"text": "x"} ']


@pytest.mark.parametrize(
    ("kind", "body"), [(JSON, b"[]"), (JSON, b'{"documents": []}'), (NDJSON, b""), (NDJSON, b"\n \r\n")]
)
def test_an_empty_batch_says_so(kind: str, body: bytes) -> None:
    status, (problem,) = problems_of(kind, body)
    assert (status, problem.field) == (422, "documents")
    assert "empty" in problem.reason


@pytest.mark.parametrize(
    ("body", "status", "field", "reason"),
    [
        (b"", 400, "body", "not JSON"),
        (b"not json", 400, "body", "not JSON"),
        (b"\xff\xfe", 400, "body", "not JSON"),
        (b'{"documents": 3}', 422, "documents", "expected `array`, got `int`"),
        (b"3", 422, "document", "expected `object`, got `int`"),
        (b"null", 422, "document", "expected `object`, got `null`"),
        (b"[3]", 422, "document", "expected `object`, got `int`"),
        (b'[{"kind":"news","source":"s","text":NaN}]', 400, "text", "not JSON"),
        (b'[{"kind":"news","source":"s","text":"a\x00"}]', 400, "text", "not JSON"),
        (rb'[{"kind":"news","source":"s","text":"a\ud83d"}]', 400, "text", "a lone surrogate"),
        (rb'{"kind":"news","source":"s","text":"x","title":"\udc00!"}', 400, "title", "a lone surrogate"),
        (rb'{"kind":"news","source":"s","text":"\ud83d\ude00", "title": "\ud83d"}', 400, "title", "a lone surrogate"),
        (rb'[{"kind":"news","source":"s\\ud83d","text":"\udc00"}]', 400, "text", "a lone surrogate"),
        (rb'[{"kind":"news","source":"s\\ud83d","text":x}]', 400, "text", "invalid character"),
        (rb'[{"kind":"news","source":"s","text":"a\u0000"}]', 422, "text", "has a zero byte at character 1"),
        (b'[{"kind":"news","source":"s"}]', 422, "text", "is missing"),
        (b'[{"kind":"news","source":"s","text":["x"]}]', 422, "text", "expected `str`, got `array`"),
        (b'[{"kind":"news","source":"s","text":"\xed\xa0\x80"}]', 422, "text", "not UTF-8"),
        (b"[" * 100_000, 400, "body", "not JSON: maximum recursion depth exceeded"),
        (
            b'[{"kind":"news","source":"s","text":"x","published_at":"1970-01-01T00:00:00Z"}]',
            422,
            "published_at",
            "1970",
        ),
        (
            b'[{"kind":"news","source":"s","text":"x","published_at":"2999-01-01T00:00:00Z"}]',
            422,
            "published_at",
            "2999",
        ),
        (b'[{"kind":"news","source":"s","text":"x","published_at":"2024-01-01T00:00:00"}]', 422, "published_at", ""),
    ],
)
def test_a_bad_body_names_the_field(body: bytes, status: int, field: str, reason: str) -> None:
    found, problems = problems_of(JSON, body)
    assert (found, problems[0].field) == (status, field)
    assert reason in problems[0].reason


def test_each_bad_line_is_told_by_its_index() -> None:
    lines = [json.dumps(ONE).encode(), b"oops", rb'{"kind":"news","source":"s","text":"\ud83d"}', b'{"kind":"news"}']
    _, problems = problems_of(NDJSON, b"\n".join(lines))
    assert [(problem.index, problem.field) for problem in problems] == [(1, "body"), (2, "text"), (3, "source")]


@given(st.binary(max_size=200))
def test_any_bytes_are_documents_or_a_refusal(body: bytes) -> None:
    for kind in (JSON, NDJSON):
        status, problems = problems_of(kind, body)
        assert status in (400, 422)
        assert problems


@given(st.binary(max_size=2000))
def test_gzip_is_unpacked_member_by_member(data: bytes) -> None:
    assert bodies.unpacked(gzip.compress(data) + gzip.compress(data), 4000) == data + data


def test_a_gzip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    with pytest.raises(RequestError) as caught:
        bodies.unpacked(bomb, 1024)
    assert caught.value.status == 413


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(0, 200_000))
def test_gzip_members_may_end_anywhere(members: int, size: int) -> None:
    packed = gzip.compress(random.Random(size).randbytes(size), compresslevel=0)
    unpacked = bodies.unpacked(packed * members, members * size)
    assert unpacked == gzip.decompress(packed) * members


@pytest.mark.timeout(30)
def test_a_body_of_very_many_members_is_refused_after_the_first_few() -> None:
    bomb = gzip.compress(b"") * 2_000_000
    with pytest.raises(RequestError, match="more than 1000 gzip members") as caught:
        bodies.unpacked(bomb, 64_000_000)
    assert caught.value.status == 400


@pytest.mark.parametrize("data", [b"no gzip", gzip.compress(b"x" * 100)[:-3], gzip.compress(b"x") + b"rest"])
def test_what_is_no_gzip_data_is_refused(data: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        bodies.unpacked(data, 1000)
    assert caught.value.status == 400


@pytest.mark.parametrize("header", ["application/json", "Application/JSON; charset=utf-8", "application/x-ndjson"])
def test_media_types_that_are_read(header: str) -> None:
    assert bodies.media_type(header) in (JSON, NDJSON)


@pytest.mark.parametrize("header", [None, "", "text/plain", "application/xml", "multipart/form-data"])
def test_other_media_types_are_refused(header: str | None) -> None:
    with pytest.raises(RequestError) as caught:
        bodies.media_type(header)
    assert caught.value.status == 415


@pytest.mark.parametrize("header", ["br", "gzip, gzip", "zstd"])
def test_other_encodings_are_refused(header: str) -> None:
    with pytest.raises(RequestError) as caught:
        bodies.is_gzip(header)
    assert caught.value.status == 415


def test_at_most_a_hundred_problems_are_listed_and_all_are_counted() -> None:
    refusal = RequestError(422, [Problem("text", "is empty", index) for index in range(250)])
    assert len(refusal.body["errors"]) == 100
    assert refusal.body["error_count"] == 250
