"""The HTTP application: routes, and every error as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stream.api.documents import Intake
from stream.api.errors import refuse
from stream.api.health import Health
from stream.api.openapi import OPENAPI


def create_app(intake: Intake, health: Health) -> Starlette:
    """Return the application; it closes both when it ends."""

    async def healthz(_: Request) -> Response:
        # Asked without a token: the reason, which names Kafka's address, stands in the log only.
        ok = await health.problem() is None
        return JSONResponse({"ok": ok}, 200 if ok else 503)

    async def description(_: Request) -> Response:
        return JSONResponse(OPENAPI)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        intake.close()
        health.close()

    return Starlette(
        routes=[
            Route("/v1/documents", intake.post, methods=["POST"]),
            Route("/v1/openapi.json", description),
            Route("/healthz", healthz),
        ],
        exception_handlers={HTTPException: _as_json, Exception: _unexpected},
        lifespan=lifespan,
    )


async def _as_json(_: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        raise exc
    field = {404: "path", 405: "method"}.get(exc.status_code, "request")
    refusal = refuse(exc.status_code, field, str(exc.detail).lower())
    return JSONResponse(refusal.body, exc.status_code, exc.headers)


async def _unexpected(_: Request, __: Exception) -> Response:
    # The traceback is logged by the server; the sender learns nothing of the inside.
    return JSONResponse(refuse(500, "request", "failed here, by no fault of its own").body, 500)
