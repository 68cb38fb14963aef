"""One conditional GET of a feed: limits on time, size and redirects, and no way into a local network.

The address that was checked is the one that is connected to, so a name cannot answer differently in between.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import httpx

from stream.core.addresses import is_public
from stream.core.documents import MAX_URL_CHARS
from stream.core.retry_after import retry_after_s
from stream.sources.rss.body import LimitedBody
from stream.sources.rss.errors import FeedError
from stream.sources.rss.pace import LONGEST_PAUSE_S
from stream.sources.rss.words import place, plain

_PERMANENT: Final = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT)
_REDIRECTS: Final = (*_PERMANENT, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER, HTTPStatus.TEMPORARY_REDIRECT)
_BUSY: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_ACCEPT: Final = "application/rss+xml, application/atom+xml, application/rdf+xml, application/xml;q=0.9, */*;q=0.5"
_MAX_MARK_CHARS: Final = 1_000

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one fetch. `total_s` covers everything from the first name to the last byte, over all redirects."""

    connect_s: float = 10.0
    silent_s: float = 20.0
    total_s: float = 60.0
    max_bytes: int = 10_000_000
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What came.

    Attributes:
        body: None where it is as it was before.
        etag, modified: for the next conditional GET.
        moved_to: where permanent redirects led; None where there was none.
    """

    body: bytes | None
    content_type: str = ""
    etag: str | None = None
    modified: str | None = None
    moved_to: str | None = None


class Fetcher:
    """Fetches one feed after another; keeps no cookies and no connections, and asks no proxy.

    Args:
        limits: of each fetch.
        tls: trusted authorities.
        resolve: addresses of a host and port; it may raise OSError.
    """

    def __init__(self, limits: Limits, tls: ssl.SSLContext, resolve: Resolve) -> None:
        self._limits = limits
        self._tls = tls
        self._resolve = resolve

    async def get(
        self, url: str, *, guarded: bool = False, etag: str | None = None, modified: str | None = None
    ) -> Answer:
        """Return what a URL answers.

        Args:
            url: http or https.
            guarded: whether the URL itself came from outside: then none but public addresses will do. Once one
                address on the way was public, all after it have to be.
            etag, modified: of the answer that is known.

        Raises:
            FeedError: no usable answer; one line says why.
        """
        marks = {"If-None-Match": etag, "If-Modified-Since": modified}
        headers = {name: value for name, value in marks.items() if value}
        try:
            async with (
                asyncio.timeout(self._limits.total_s),
                httpx.AsyncClient(
                    verify=self._tls,
                    trust_env=False,
                    timeout=httpx.Timeout(self._limits.silent_s, connect=self._limits.connect_s),
                ) as client,
            ):
                return await self._follow(client, url, guarded, headers)
        except TimeoutError:
            raise FeedError(f"not complete after {self._limits.total_s:g} s") from None
        except httpx.InvalidURL as exc:
            raise FeedError(f"led to a URL that is none: {plain(str(exc))}") from None
        except httpx.HTTPError as exc:
            raise FeedError(said(exc, self._limits)) from None

    async def is_guarded(self, url: str) -> bool:
        """Return whether the host of a URL is public, or is not to be found: what it leads to has to be public."""
        parts = httpx.URL(url)
        try:
            found = await self._resolve(parts.raw_host.decode(), parts.port or 0)
        except OSError:
            return True
        return any(is_public(address) for address in found)

    async def _follow(self, client: httpx.AsyncClient, url: str, guarded: bool, headers: dict[str, str]) -> Answer:
        current, seen = httpx.URL(url), {url}
        moved_to, moving = None, True
        for _ in range(self._limits.redirects + 1):
            addresses, guarded = await self._addresses(current, guarded, redirected=len(seen) > 1)
            response = await self._open(client, current, addresses, headers)
            try:
                if response.status_code not in _REDIRECTS or "location" not in response.headers:
                    return await self._answer(response, moved_to, conditional=bool(headers))
                moving = moving and response.status_code in _PERMANENT
                current = _next(current, response.headers["location"])
            finally:
                await response.aclose()
            if str(current) in seen:
                raise FeedError(f"redirects in a circle, by way of {place(str(current))}")
            seen.add(str(current))
            moved_to = str(current) if moving else moved_to
        raise FeedError(f"redirects more than {self._limits.redirects} times, last to {place(str(current))}")

    async def _addresses(self, url: httpx.URL, guarded: bool, *, redirected: bool) -> tuple[Sequence[str], bool]:
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode()
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as exc:
            raise FeedError(f"{plain(host)}: no such host ({_of_system(exc)})") from None
        public = [address for address in found if is_public(address)]
        if guarded and not public:
            how = "redirects to" if redirected else "had moved to"
            raise FeedError(f"{how} {place(str(url))}, which is not on the public internet: refused")
        return (public if guarded else found), guarded or bool(public)

    async def _open(
        self, client: httpx.AsyncClient, url: httpx.URL, addresses: Sequence[str], headers: dict[str, str]
    ) -> httpx.Response:
        trouble: httpx.HTTPError = httpx.ConnectError("no address")
        for address in addresses:
            request = client.build_request(
                "GET",
                url.copy_with(host=address),
                headers={
                    "Host": url.netloc.decode(),
                    "User-Agent": _agent(),
                    "Accept": _ACCEPT,
                    "Accept-Encoding": "gzip",
                    **headers,
                },
                extensions={"sni_hostname": url.raw_host.decode()} if url.scheme == "https" else {},
            )
            try:
                return await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
                trouble = exc
        raise trouble

    async def _answer(self, response: httpx.Response, moved_to: str | None, *, conditional: bool) -> Answer:
        status = response.status_code
        if status == HTTPStatus.NOT_MODIFIED and conditional:
            return Answer(None, moved_to=moved_to)
        if status != HTTPStatus.OK:
            asked = response.headers.get("retry-after") if status in _BUSY else None
            raise FeedError(_status(status), retry_after_s=retry_after_s(asked, time.time(), LONGEST_PAUSE_S))
        body = LimitedBody(response.headers.get("content-encoding", ""), self._limits.max_bytes)
        try:
            async for chunk in response.aiter_raw():
                body.add(chunk)
        except httpx.ReadTimeout:
            raise FeedError(
                f"silent for {self._limits.silent_s:g} s after {body.came_bytes:,} bytes of its body"
            ) from None
        whole = body.whole()
        if not whole.strip():
            raise FeedError("is empty")
        return Answer(
            whole,
            plain(response.headers.get("content-type", "")),
            _mark(response.headers.get("etag")),
            _date(response.headers.get("last-modified")),
            moved_to,
        )


def resolver(run: Callable[[Callable[[], Sequence[str]]], Awaitable[Sequence[str]]]) -> Resolve:
    """Return the system's name look-up, run where `run` runs it: one that hangs holds up nobody else."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        def ask() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(entry[4][0]) for entry in found))

        return await run(ask)

    return resolve


def authorities() -> ssl.SSLContext:
    """Return the authorities that are trusted; to be made once, it takes a while."""
    return httpx.create_ssl_context()


def said(exc: httpx.HTTPError, limits: Limits) -> str:
    """Return what went wrong with a request in words, without the addresses of our side."""
    if isinstance(exc, httpx.ConnectTimeout):
        return f"no connection within {limits.connect_s:g} s"
    if isinstance(exc, httpx.TimeoutException):
        return f"silent for {limits.silent_s:g} s"
    causes: list[BaseException] = []
    cause: BaseException | None = exc
    while cause is not None and len(causes) < 10:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    for one in causes:
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"its TLS certificate is not valid: {plain(one.verify_message)}"
        if isinstance(one, ssl.SSLError):
            return f"TLS failed: {plain((one.reason or str(one)).replace('_', ' ').lower())}"
    for one in reversed(causes):
        if isinstance(one, OSError):
            return f"no connection: {_of_system(one)}"
    if isinstance(exc, httpx.ProtocolError):
        return f"broke off, or does not speak HTTP: {plain(str(exc))}"
    return f"no answer: {plain(str(exc)) or type(exc).__name__}"


def _of_system(exc: BaseException) -> str:
    words = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    # asyncio puts words of its own in the place of the system's; a failed look-up has numbers of its own.
    if isinstance(exc, OSError) and exc.errno and not isinstance(exc, socket.gaierror):
        words = os.strerror(exc.errno)
    return plain(words or type(exc).__name__).lower()


def _next(current: httpx.URL, location: str) -> httpx.URL:
    found = current.join(location).copy_with(fragment=None)
    if found.scheme not in ("http", "https") or not found.host or len(str(found)) > MAX_URL_CHARS:
        raise FeedError(f"redirects to {plain(location, 80)!r}: only http and https are followed")
    # Credentials go to the host for which they were given; a stranger's are not used at all.
    ours = found.host == current.host and (found.scheme, found.port) in (
        (current.scheme, current.port),
        ("https", None),
    )
    return found.copy_with(userinfo=current.userinfo if ours else b"")


def _status(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _mark(value: str | None) -> str | None:
    return value if value and len(value) <= _MAX_MARK_CHARS and value.isascii() and value.isprintable() else None


def _date(value: str | None) -> str | None:
    try:
        parsedate_to_datetime(value or "")
    except (ValueError, TypeError):
        return None
    return _mark(value)


def _agent() -> str:
    try:
        return f"barograph/{version('barograph')}"
    except PackageNotFoundError:
        return "barograph"
