"""One attempt over HTTP: the only place from which alerts leave this machine."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from typing import Final

import anyio.lowlevel
import httpcore  # noqa: F401 - the transport brings it at its first use
import httpx

from stream.core.addresses import refusal
from stream.delivery.endpoints import Endpoint
from stream.delivery.schedule import Answer
from stream.delivery.signing import signed_headers
from stream.delivery.words import one_line

TIMEOUT_S: Final = 15.0
_READ_S: Final = 1.0
MOST_RESPONSE_BYTES: Final = 65_536
_MOST_ADDRESSES: Final = 4
_AGENT: Final = f"barograph/{version('barograph')}"

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Refused(Exception):
    """The guard says no; the message names what the name stands for, in one line."""


class Poster:
    """Sends to one endpoint, one attempt at a time, each over a connection of its own.

    Args:
        resolve: host and port to addresses; the system's resolver if None.
        tls: whom to trust; the usual authorities (or `SSL_CERT_FILE`'s) if None.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        # A resolver that hangs holds a thread: it must not be one that another endpoint needs.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix=f"resolve-{endpoint.name}")
        self._resolve = resolve or self._system_resolve
        # The transport itself, no client: nothing follows redirects, keeps cookies or reads proxies from the
        # environment here. A kept connection would be one whose address nobody looked at again.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or httpx.create_ssl_context(),
            trust_env=False,
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._transport.aclose()

    async def post(self, message_id: str, body: bytes, now_s: float) -> Answer:
        """Make an attempt and return what it met; never raises for what the network does.

        Args:
            now_s: of the signature, unix seconds.
        """
        headers = signed_headers(self._endpoint.secrets, message_id, now_s, body)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._post(headers, body)
        except TimeoutError:
            return Answer(None, f"no answer within {self._timeout_s:g} s")
        except Refused as exc:
            return Answer(None, str(exc))
        except (OSError, UnicodeError, httpx.HTTPError, httpx.InvalidURL) as exc:
            return Answer(None, _reason(exc))
        await _hear_out(response)
        return _answer(response)

    async def _post(self, headers: dict[str, str], body: bytes) -> httpx.Response:
        url = httpx.URL(self._endpoint.url)
        host = url.raw_host.decode()
        addresses = await self._resolve(host, url.port or (443 if url.scheme == "https" else 80))
        failure: Exception = Refused(f"{self._endpoint.host} has no address")
        for address in checked(addresses, self._endpoint):
            try:
                return await self._send(url.copy_with(host=address), host, url.netloc, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as exc:  # nothing was sent yet: the next may answer
                failure = exc
        raise failure

    async def _send(
        self, url: httpx.URL, host: str, netloc: bytes, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        own = {"Host": netloc.decode(), "Content-Type": "application/json", "User-Agent": _AGENT}
        # The name stays in the certificate's check and in Host; the address is the one that was looked at.
        extensions = {"sni_hostname": host, "timeout": httpx.Timeout(self._timeout_s, connect=5.0).as_dict()}
        request = httpx.Request("POST", url, headers=own | headers, content=body, extensions=extensions)
        return await self._transport.handle_async_request(request)

    async def _system_resolve(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(one[4][0]) for one in found))


async def warm_up() -> None:
    """Load what the first attempt would wait for, .2 s, while nothing has happened yet."""
    await anyio.lowlevel.checkpoint()  # brings the half of the library that is loaded at the first use


def checked(addresses: Sequence[str], endpoint: Endpoint) -> Sequence[str]:
    """Return the first few of a name's addresses; Refused where the guard refuses any of them."""
    for address in addresses:
        why = refusal(address, allow_private=endpoint.allow_private)
        if why:
            hint = "" if endpoint.allow_private else "; allow_private = true opens private networks"
            where = f"is {why}" if endpoint.host == address else f"is at {address}, {why}"
            raise Refused(f"{endpoint.host} {where}: nothing is sent there{hint}")
    return addresses[:_MOST_ADDRESSES]


async def _hear_out(response: httpx.Response) -> None:
    """Take what the receiver has to say, for a second, so that it can end in peace; how it ends does not matter."""
    try:
        with suppress(OSError, httpx.HTTPError):  # a timeout is an OSError
            async with asyncio.timeout(_READ_S):
                await _read_some(response)
    finally:
        with suppress(OSError, httpx.HTTPError):
            async with asyncio.timeout(_READ_S):
                await response.aclose()


async def _read_some(response: httpx.Response) -> None:
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read >= MOST_RESPONSE_BYTES:
            return


def _answer(response: httpx.Response) -> Answer:
    """Return what the status says: the receiver has it, or not, whatever became of the answer's body."""
    status = response.status_code
    redirect = " (a redirect is never followed)" if 300 <= status < 400 else ""
    hint = " (does the receiver have the same secret?)" if status in (401, 403) else redirect
    reason = "" if 200 <= status < 300 else f"HTTP {status}{hint}"
    return Answer(status, reason, response.headers.get("retry-after"))


def _reason(exc: Exception) -> str:
    """Return one line on a failure, without the URL."""
    if isinstance(exc, socket.gaierror):
        return f"the name cannot be resolved: {exc.strerror}"
    text = one_line(str(exc), 200)
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__
