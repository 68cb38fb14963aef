"""What every request of an authenticated API goes through: the token, and a body that has bounds."""

from __future__ import annotations

import asyncio
import hmac
from typing import Final

from starlette.requests import Request

from stream.api.body import too_large
from stream.api.errors import refuse

BODY_TIMEOUT_S: Final = 30.0
# A body that is too large is read on this far, so that its sender sees the answer and not a broken pipe.
_DRAIN_FACTOR: Final = 8


def authorise(header: str | None, token: bytes) -> None:
    """Return where the header carries the token.

    Raises:
        RequestError: 401, it carries none, or another.
    """
    scheme, _, given = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token):
        raise refuse(
            401,
            "Authorization",
            "expected Bearer and the token of this server",
            WWW_Authenticate='Bearer realm="barograph"',
        )


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body.

    Raises:
        RequestError: 413, it is larger; 408, it takes longer than `BODY_TIMEOUT_S`.
    """
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
        raise too_large(max_bytes)
    return b"".join(parts)
