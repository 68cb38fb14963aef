"""The HTTP application: texts in, readings and explanations out, every error as JSON."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stream.api.errors import RequestError, refuse
from stream.api.limits import ClientLimits
from stream.serve.batching import Batcher, Busy
from stream.serve.body import COSTS, Ask, read_asks, read_method
from stream.serve.openapi import describe
from stream.serve.requests import authorise, read_body

RETRY_AFTER_S: Final = 2
STUCK_S: Final = 60.0
_MOST_WAITING_REQUESTS: Final = 8

logger = logging.getLogger(__name__)

Answer = dict[str, Any]


class Model(Protocol):
    """What the service needs of the model; both calls run in one thread, never at once."""

    @property
    def revision(self) -> str: ...
    def classify(self, asks: Sequence[Ask]) -> list[Answer]: ...
    def explain(self, asks: Sequence[Ask], method: str) -> list[Answer]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request and one client may be.

    Attributes:
        max_bytes: of a body.
        max_documents: in a body; to be explained, `max_explained`, and an eighth of it with integrated gradients.
        rate_per_s: documents a second from one address; one that is explained counts as `COSTS` says.
        timeout_s: how long a request may take; what is not read by then is not read.
        batch_max: documents that the model reads at once.
    """

    max_bytes: int = 1_048_576
    max_documents: int = 512
    max_explained: int = 64
    rate_per_s: float = 1_000.0
    timeout_s: float = 20.0
    batch_max: int = 64


class Service:
    """Answers requests; documents of requests that come together are read together."""

    def __init__(self, model: Model, *, token: str, limits: Limits) -> None:
        self._model = model
        self._token = token.encode()
        self._limits = limits
        dearest = max(
            limits.max_documents, limits.max_explained * COSTS["path"], self._most("integrated") * COSTS["integrated"]
        )
        # A whole request always fits once the bucket is full.
        self._clients = ClientLimits(limits.rate_per_s, max(limits.rate_per_s, dearest))
        # One thread: the readings share its cores with nothing else of this process.
        self._thread = ThreadPoolExecutor(1, "model")
        self._reader: Batcher[Ask, Answer] = self._batcher(model.classify, limits.batch_max, limits.max_documents)
        self._explainers: dict[str, Batcher[Ask, Answer]] = {
            method: self._batcher(self._explaining(method), 8 if method != "integrated" else 1, self._most(method))
            for method in COSTS
        }

    def close(self) -> None:
        """End without waiting: the server has let requests in flight end, as long as it gives them."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def classify(self, request: Request) -> Response:
        """Answer `POST /v1/classify`."""

        async def answer() -> Response:
            asks = await self._asks(request, self._limits.max_documents, 1)
            return self._answered(asks, await self._reader.submit(asks))

        return await self._guarded(answer)

    async def explain(self, request: Request) -> Response:
        """Answer `POST /v1/explain`."""

        async def answer() -> Response:
            method = read_method(request.query_params.get("method"))
            asks = await self._asks(request, self._most(method), COSTS[method])
            return self._answered(asks, await self._explainers[method].submit(asks))

        return await self._guarded(answer)

    async def health(self, _: Request) -> Response:
        """Answer `GET /healthz`, without a token: whether the model still answers."""
        ok = all(one.busy_s < STUCK_S for one in (self._reader, *self._explainers.values()))
        return JSONResponse({"ok": ok}, 200 if ok else 503)

    async def _asks(self, request: Request, most: int, cost: int) -> list[Ask]:
        authorise(request.headers.get("authorization"), self._token)
        bucket = self._clients.bucket(request.client.host if request.client else "")
        _require(bucket.wait_s(1, time.monotonic()))
        body = await read_body(request, self._limits.max_bytes)
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise refuse(415, "Content-Encoding", "expected none")
        asks = read_asks(request.headers.get("content-type"), body, most)
        _require(bucket.take(len(asks) * cost, time.monotonic()))
        return asks

    async def _guarded(self, answer: Callable[[], Awaitable[Response]]) -> Response:
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                return await answer()
        except RequestError as refusal:
            return JSONResponse(refusal.body, refusal.status, refusal.headers)
        except ClientDisconnect:
            return Response(status_code=400)
        except Busy as exc:
            return _later(str(exc))
        except TimeoutError:
            return _later(f"not read within {self._limits.timeout_s:g} s")

    def _answered(self, asks: Sequence[Ask], answers: Sequence[Answer]) -> Response:
        results = [{"id": ask.id, "kind": ask.kind} | one for ask, one in zip(asks, answers, strict=True)]
        return JSONResponse({"revision": self._model.revision, "results": results})

    def _batcher(
        self, work: Callable[[Sequence[Ask]], list[Answer]], most: int, documents: int
    ) -> Batcher[Ask, Answer]:
        return Batcher(work, self._thread, most=most, most_waiting=documents * _MOST_WAITING_REQUESTS)

    def _explaining(self, method: str) -> Callable[[Sequence[Ask]], list[Answer]]:
        return lambda asks: self._model.explain(asks, method)

    def _most(self, method: str) -> int:
        most = self._limits.max_explained
        return max(1, most // 8) if method == "integrated" else most


def create_app(service: Service, limits: Limits) -> Starlette:
    """Return the application; it closes the service when it ends."""
    described = describe(limits.max_documents, limits.max_explained)

    async def description(_: Request) -> Response:
        return JSONResponse(described)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        service.close()

    return Starlette(
        routes=[
            Route("/v1/classify", service.classify, methods=["POST"]),
            Route("/v1/explain", service.explain, methods=["POST"]),
            Route("/v1/openapi.json", description),
            Route("/healthz", service.health),
        ],
        exception_handlers={HTTPException: _as_json, Exception: _unexpected},
        lifespan=lifespan,
    )


def _require(wait_s: float) -> None:
    if wait_s > 0:
        seconds = max(1, math.ceil(wait_s))
        raise refuse(429, "documents", f"too many a second; try again in {seconds} s", Retry_After=str(seconds))


def _later(reason: str) -> Response:
    refusal = refuse(503, "documents", reason, Retry_After=str(RETRY_AFTER_S))
    return JSONResponse(refusal.body, refusal.status, refusal.headers)


async def _as_json(_: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        raise exc
    field = {404: "path", 405: "method"}.get(exc.status_code, "request")
    refusal = refuse(exc.status_code, field, str(exc.detail).lower())
    return JSONResponse(refusal.body, exc.status_code, exc.headers)


async def _unexpected(_: Request, __: Exception) -> Response:
    # The traceback is logged by the server; the sender learns nothing of the inside.
    return JSONResponse(refuse(500, "request", "failed here, by no fault of its own").body, 500)
