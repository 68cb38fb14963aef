"""`POST /v1/documents`: 202 only after the broker has confirmed every document."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from stream.api import body as bodies
from stream.api.errors import Problem, RequestError, refuse
from stream.api.limits import ClientLimits
from stream.codec import Document, Origin
from stream.sources.errors import SourceError
from stream.sources.publisher import Publisher

CONFIRM_TIMEOUT_S: Final = 10.0
BODY_TIMEOUT_S: Final = 30.0
RETRY_AFTER_S: Final = 5
MAX_WAITING: Final = 64
# A body that is too large is read on this far, so that its sender sees the answer and not a broken pipe.
_DRAIN_FACTOR: Final = 8

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request and one client may be.

    Attributes:
        max_bytes: of a body, packed and unpacked.
        max_documents: in a body.
        rate_per_s: documents a second from one address.
    """

    max_bytes: int
    max_documents: int
    rate_per_s: float


class Intake:
    """Takes documents from requests to the publisher."""

    def __init__(self, publisher: Publisher, *, key: bytes, token: str, limits: Limits) -> None:
        self._publisher = publisher
        self._key = key
        self._token = token.encode()
        self._limits = limits
        # A whole request always fits once the bucket is full.
        self._clients = ClientLimits(limits.rate_per_s, max(limits.rate_per_s, limits.max_documents))
        self._readers = ThreadPoolExecutor(4, "read")
        self._waiters = ThreadPoolExecutor(MAX_WAITING, "confirm")
        self._waiting = 0

    def close(self) -> None:
        """End without waiting: the server has let requests in flight end, as long as it gives them."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._waiters.shutdown(wait=False, cancel_futures=True)

    async def post(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return await self._accept(request)
        except RequestError as refusal:
            return JSONResponse(refusal.body, refusal.status, refusal.headers)
        except ClientDisconnect:
            return Response(status_code=400)

    async def _accept(self, request: Request) -> Response:
        self._authorise(request.headers.get("authorization"))
        kind = bodies.media_type(request.headers.get("content-type"))
        packed = bodies.is_gzip(request.headers.get("content-encoding"))
        bucket = self._clients.bucket(request.client.host if request.client else "")
        _require(bucket.wait_s(1, time.monotonic()))
        body = await _read_body(request, self._limits.max_bytes)
        loop = asyncio.get_running_loop()
        documents, problems = await loop.run_in_executor(self._readers, self._read, kind, packed, body)
        # Bad documents cost as much as good ones.
        _require(bucket.take(len(documents) + len(problems), time.monotonic()))
        if problems:
            raise RequestError(422, problems)
        if self._waiting >= MAX_WAITING:
            raise refuse(
                503,
                "documents",
                "too many requests wait for Kafka; nothing was sent on",
                Retry_After=str(RETRY_AFTER_S),
            )
        self._waiting += 1
        try:
            origins = await loop.run_in_executor(self._waiters, self._publish, documents)
        finally:
            self._waiting -= 1
        return _answer(documents, origins)

    def _authorise(self, header: str | None) -> None:
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            raise refuse(
                401,
                "Authorization",
                "expected Bearer and the token of this server",
                WWW_Authenticate='Bearer realm="barograph"',
            )

    def _read(self, kind: str, packed: bool, body: bytes) -> tuple[list[Document], list[Problem]]:
        """Return the documents of a request, and what is wrong with those that are none; runs in a thread."""
        raws = bodies.split(kind, bodies.unpacked(body, self._limits.max_bytes) if packed else body)
        most = self._limits.max_documents
        if len(raws) > most:
            raise refuse(413, "documents", f"has {len(raws)} entries; at most {most} a request")
        return bodies.read_documents(raws, received_at=datetime.now(UTC), key=self._key)

    def _publish(self, documents: Sequence[Document]) -> list[Origin | SourceError]:
        """Return where each document stands, or why that is not known; runs in a thread."""
        deadline = time.monotonic() + CONFIRM_TIMEOUT_S
        confirmations = []
        unsent: SourceError | None = None
        for document in documents:
            try:
                confirmations.append(self._publisher.send(document))
            except SourceError as exc:
                unsent = exc
                break
        origins = self._publisher.wait(confirmations, max(0.0, deadline - time.monotonic()))
        return [*origins, *([unsent] * (len(documents) - len(confirmations)) if unsent else [])]


async def _read_body(request: Request, max_bytes: int) -> bytes:
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > max_bytes and "expect" in request.headers:
        raise bodies.too_large(max_bytes)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                if size <= max_bytes:
                    parts.append(part)
                elif size > max_bytes * _DRAIN_FACTOR:
                    break
    except TimeoutError:
        raise refuse(408, "body", f"did not arrive within {BODY_TIMEOUT_S:g} s", Connection="close") from None
    if size > max_bytes:
        raise bodies.too_large(max_bytes)
    return b"".join(parts)


def _require(wait_s: float) -> None:
    if wait_s > 0:
        seconds = max(1, math.ceil(wait_s))
        raise refuse(429, "documents", f"too many a second; try again in {seconds} s", Retry_After=str(seconds))


def _answer(documents: Sequence[Document], origins: Sequence[Origin | SourceError]) -> Response:
    unconfirmed = [(d.id, o) for d, o in zip(documents, origins, strict=True) if isinstance(o, SourceError)]
    if unconfirmed:
        reason = str(unconfirmed[0][1])
        logger.warning("%d of %d documents of a request are not confirmed: %s", len(unconfirmed), len(origins), reason)
        refusal = refuse(503, "documents", f"{reason}; sending the same again is safe", Retry_After=str(RETRY_AFTER_S))
        return JSONResponse(
            refusal.body | {"unconfirmed": [name for name, _ in unconfirmed]}, refusal.status, refusal.headers
        )
    places = [
        {"id": d.id, "topic": o.topic, "partition": o.partition, "offset": o.offset if o.offset >= 0 else None}
        for d, o in zip(documents, origins, strict=True)
        if isinstance(o, Origin)
    ]
    return JSONResponse({"accepted": len(documents), "documents": places}, 202)
