"""The service around the model: token, limits, refusals, its description."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from model.classifier import Classifier
from model.tiny import make_tiny
from stream.serve.app import Limits, Service, create_app
from stream.serve.body import Ask
from stream.serve.loaded import Loaded

TOKEN = "a-token-of-the-tests"
LIMITS = Limits(max_bytes=20_000, max_documents=20, max_explained=8, rate_per_s=1e6)
TEXTS = ["profit up 3%", "银行降息", "stock down!"]


class Slow:
    """Reads nothing until it is let."""

    revision = "slow"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.read: list[str] = []

    def classify(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        assert self.gate.wait(20)
        self.read.extend(ask.text for ask in asks)
        if any("break" in ask.text for ask in asks):
            raise MemoryError("no")
        return [{} for _ in asks]

    def explain(self, asks: Sequence[Ask], method: str) -> list[dict[str, Any]]:
        del method
        return self.classify(asks)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def loaded(tiny: Path) -> Loaded:
    return Loaded(tiny, device="cpu", precision="float32")


@pytest.fixture
def slow() -> Iterator[Slow]:
    model = Slow()
    yield model
    model.gate.set()


def client(model: Any, limits: Limits = LIMITS, token: str = TOKEN) -> httpx.AsyncClient:
    app = create_app(Service(model, token=TOKEN, limits=limits), limits)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
        base_url="http://test",
        headers={"Authorization": f"Bearer {token}"},
    )


def schema_of(description: dict[str, Any], name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": description["components"]}


async def test_readings_are_the_classifiers_in_the_order_asked(loaded: Loaded, tiny: Path) -> None:
    asked = [{"id": str(i), "kind": "comment", "text": text} for i, text in enumerate(TEXTS)]
    async with client(loaded) as http:
        answer = await http.post("/v1/classify", json={"documents": asked})
    body = answer.json()
    assert (answer.status_code, body["revision"]) == (200, loaded.revision)
    readings = Classifier.load(tiny, device="cpu", precision="float32").read(TEXTS, ["comment"] * 3)
    assert [one["id"] for one in body["results"]] == ["0", "1", "2"]
    for one, reading in zip(body["results"], readings, strict=True):
        assert (one["label"], one["topic"], one["kind"]) == (reading.label, reading.topic, "comment")
        assert one["score"] == pytest.approx(reading.score, abs=1e-4)
        assert list(one["sentiment"].values()) == pytest.approx(reading.sentiment, abs=1e-4)


@pytest.mark.parametrize("method", ["path", "gradient", "integrated"])
async def test_explanations_hold_the_words_and_their_sums(loaded: Loaded, method: str) -> None:
    async with client(loaded) as http:
        answer = await http.post("/v1/explain", params={"method": method}, json={"text": "profit up 3%"})
    (one,) = answer.json()["results"]
    assert (one["method"], one["id"], one["text"]) == (method, None, "profit up 3%")
    assert [word["text"] for word in one["words"]] == ["profit", "up", "3%"]
    for head in ("sentiment", "topic"):
        told = one["sums"][head]
        assert told["words"] == pytest.approx(sum(word[head] for word in one["words"]), abs=1e-3)
        assert told["value"] == pytest.approx(told["blank"] + told["words"] + told["rest"], abs=1e-3)


async def test_a_title_is_read_as_the_stream_reads_it(loaded: Loaded) -> None:
    async with client(loaded) as http:
        apart, together = [
            (await http.post("/v1/classify", json=row)).json()["results"][0]
            for row in ({"title": "Profit up", "text": "by 3%"}, {"text": "Profit up. by 3%"})
        ]
    assert apart == together


async def test_every_answer_keeps_to_the_description(loaded: Loaded) -> None:
    async with client(loaded) as http:
        description = (await http.get("/v1/openapi.json")).json()
        jsonschema.Draft202012Validator.check_schema(schema_of(description, "Explanations"))
        answers = {
            "Readings": await http.post("/v1/classify", json=[{"text": "up"}, {"text": "银行"}]),
            "Explanations": await http.post("/v1/explain", json=[{"text": "up"}, {"text": "银行"}]),
            "Errors": await http.post("/v1/explain", json=[{"text": ""}]),
        }
    for name, answer in answers.items():
        jsonschema.validate(answer.json(), schema_of(description, name))
        documented = description["paths"][answer.request.url.path]["post"]["responses"]
        assert str(answer.status_code) in documented
    assert description["paths"]["/v1/classify"]["post"]["security"] == [{"token": []}]


BAD: list[tuple[int, str, bytes, dict[str, str]]] = [
    (401, "Authorization", b'{"text": "x"}', {"Authorization": "Bearer another-token-altogether"}),
    (401, "Authorization", b'{"text": "x"}', {"Authorization": TOKEN}),
    (415, "Content-Type", b"text=x", {"Content-Type": "application/x-www-form-urlencoded"}),
    (415, "Content-Type", b'{"text": "x"}', {"Content-Type": "application/x-ndjson"}),
    (415, "Content-Encoding", b'{"text": "x"}', {"Content-Encoding": "gzip"}),
    (400, "body", b"not json", {}),
    (400, "text", rb'{"text": "\ud83d"}', {}),
    (400, "body", b"[" * 10_000, {}),
    (422, "documents", b"[]", {}),
    (422, "documents", b'{"documents": 3}', {}),
    (422, "text", b'{"kind": "news"}', {}),
    (422, "text", b'{"text": " "}', {}),
    (422, "text", b'{"text": 7}', {}),
    (422, "text", rb'{"text": "a\u0000"}', {}),
    (422, "kind", b'{"text": "x", "kind": "tweet"}', {}),
    (422, "id", json.dumps({"text": "x", "id": "i" * 201}).encode(), {}),
    (413, "documents", json.dumps([{"text": "x"}] * 21).encode(), {}),
    (413, "body", json.dumps({"text": "x" * 30_000}).encode(), {}),
]


@pytest.mark.parametrize(("status", "field", "body", "headers"), BAD)
@pytest.mark.parametrize("path", ["/v1/classify", "/v1/explain"])
async def test_what_is_refused_names_the_field(
    slow: Slow, path: str, status: int, field: str, body: bytes, headers: dict[str, str]
) -> None:
    async with client(slow) as http:
        answer = await http.post(path, content=body, headers={"Content-Type": "application/json"} | headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
    assert slow.read == []


async def test_every_bad_document_is_named_and_none_is_read(slow: Slow) -> None:
    async with client(slow) as http:
        answer = await http.post("/v1/classify", json=[{"text": "x"}, {"text": ""}, {"kind": "x", "text": "y"}])
        unknown = await http.post("/v1/explain?method=magic", json={"text": "x"})
        wrong = await http.get("/v1/classify")
        nowhere = await http.get("/v1/nothing")
    assert [(one["index"], one["field"]) for one in answer.json()["errors"]] == [(1, "text"), (2, "kind")]
    assert unknown.status_code == 422 and "path, gradient, integrated" in unknown.text
    assert (wrong.status_code, nowhere.status_code) == (405, 404)
    assert slow.read == []


async def test_who_asks_too_much_is_told_when_to_come_back(slow: Slow) -> None:
    limits = Limits(max_documents=5, max_explained=1, rate_per_s=1e-6)
    slow.gate.set()
    async with client(slow, limits) as http:
        codes = []
        for _ in range(40):
            answer = await http.post("/v1/classify", json=[{"text": "x"}] * 5)
            codes.append(answer.status_code)
    assert codes[0] == 200 and codes[-1] == 429
    assert int(answer.headers["Retry-After"]) > 0


async def test_what_takes_too_long_or_waits_behind_too_much_is_503_and_health_needs_no_token(slow: Slow) -> None:
    limits = Limits(max_documents=2, timeout_s=0.3, rate_per_s=1e6)
    async with client(slow, limits, token="nobody") as anyone:
        assert (await anyone.get("/healthz")).json() == {"ok": True}
    async with client(slow, limits) as http:
        answers = await asyncio.gather(*(http.post("/v1/classify", json=[{"text": "x"}] * 2) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {503}
        reasons = {answer.json()["errors"][0]["reason"].split()[0] for answer in answers}
        assert all("Retry-After" in answer.headers for answer in answers)
        slow.gate.set()
        assert (await http.post("/v1/classify", json={"text": "after"})).status_code == 200
    assert reasons <= {"not", "16"} and "not" in reasons
    assert slow.read[-1] == "after"


async def test_a_model_that_fails_is_500_without_its_inside_and_the_next_request_is_read(slow: Slow) -> None:
    slow.gate.set()
    async with client(slow) as http:
        broken = await http.post("/v1/classify", json={"text": "break it"})
        whole = await http.post("/v1/classify", json={"text": "fine"})
    assert (broken.status_code, whole.status_code) == (500, 200)
    assert "Memory" not in broken.text and broken.json()["errors"][0]["field"] == "request"
