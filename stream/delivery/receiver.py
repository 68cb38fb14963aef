"""A small receiver of webhooks: checks the signature, shows what came. For trying endpoints out, and for tests."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from stream.delivery.body import instant
from stream.delivery.signing import signature_problem
from stream.delivery.words import one_line, percent

MOST_BODY_BYTES: Final = 1_048_576
MOST_REMEMBERED: Final = 10_000


class Received(msgspec.Struct, frozen=True):
    """One message as it came; `body` is its JSON, byte for byte."""

    webhook_id: str
    received_at_ms: int
    body: msgspec.Raw


def create_receiver(
    secrets: Sequence[str], show: Callable[[str], None], keep: Callable[[bytes], None] | None = None
) -> Starlette:
    """Return the application: POST answers 204, 401 to a wrong signature, 413 and 400 to a body that is none.

    Args:
        show: gets a few readable lines for each message.
        keep: gets each message as one line of JSON (`Received`).
    """
    seen: OrderedDict[str, None] = OrderedDict()

    async def take(request: Request) -> Response:
        try:
            body = await _bounded(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return Response("the body is too large\n", 413)
        problem = signature_problem(secrets, dict(request.headers), body)
        if problem is not None:
            name = _text(request.headers.get("webhook-id"))
            show(f"{instant(time.time())}  refused {name}: {problem}")
            return Response(f"{problem}\n", 401)
        try:
            message = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return Response("the body is not a JSON object\n", 400)
        name = request.headers["webhook-id"]
        show("\n".join(readable(message, seen_before=name in seen)))
        if keep is not None:
            keep(msgspec.json.encode(Received(name, int(time.time() * 1_000), msgspec.Raw(body))))
        seen[name] = None
        if len(seen) > MOST_REMEMBERED:
            seen.popitem(last=False)
        return Response(status_code=204)

    return Starlette(routes=[Route("/{path:path}", take, methods=["POST"])])


async def _bounded(request: Request) -> bytes | None:
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BODY_BYTES:
            return None
        parts.append(chunk)
    return b"".join(parts)


def readable(message: Mapping[str, Any], *, seen_before: bool = False) -> list[str]:
    """Return a message in a few lines; whatever it holds, nothing in them moves a terminal's cursor."""
    found = message.get("data")
    data: Mapping[str, Any] = found if isinstance(found, dict) else {}
    again = "  (seen before)" if seen_before else ""
    lines = [
        f"{_text(message.get('timestamp'))}  {_text(message.get('type'))}{again}",
        f"  {_text(data.get('title_en'))}",
    ]
    if data.get("actor") is not None:  # what somebody did changes no figure
        return lines
    z, share, baseline = (data.get(name) for name in ("z", "share", "baseline_share"))
    if all(isinstance(value, int | float) for value in (z, share, baseline)):
        lines.append(f"  z {z:.1f}, share {percent(float(share))} against {percent(float(baseline))} expected")  # type: ignore[arg-type]
    stories = data.get("evidence")
    for story in stories[:5] if isinstance(stories, list) else []:
        if isinstance(story, dict):
            copies = story.get("story_copies")
            times = f" ×{copies}" if isinstance(copies, int) and copies > 1 else ""
            lines.append(f"  - {_text(story.get('title'))} [{_text(story.get('source'))}]{times}")
    return lines


def _text(value: object) -> str:
    return one_line(str(value), 240) if value is not None else "-"
