"""A web server whose feeds misbehave, each path in its own way; it runs in a thread and is real to its clients."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache, partial

from tests.feed_bodies import BOMB, item, plain_feed, rss_feed

Writer = asyncio.StreamWriter
BOMB_BYTES = 300_000_000


@dataclass
class Asked:
    """One request: its path and its head, names in lower case."""

    path: str
    head: dict[str, str]


@dataclass
class FeedServer:
    """What the server answers, and what it was asked.

    Attributes:
        feeds: bodies by path, answered with an ETag; changed by tests as they go.
        redirects: where paths lead, with status 302.
        asked: every request so far.
    """

    port: int = 0
    feeds: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    on_get: dict[str, Callable[[], None]] = field(default_factory=dict)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def count(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)


def _response(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Connection: close"]
    given = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines += [f"{name}: {value}" for name, value in given.items() if value]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@cache
def _zeros_gz(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = bytes(1_000_000)
    return b"".join(packer.compress(chunk) for _ in range(size // len(chunk))) + packer.flush()


def _answers(server: FeedServer) -> dict[str, Callable[[], bytes]]:
    xml = "application/rss+xml"
    good = plain_feed("x", 2)
    return {
        "/500": lambda: _response("500 Internal Server Error", b"<h1>oops</h1>"),
        "/410": lambda: _response("410 Gone"),
        "/429-seconds": lambda: _response("429 Too Many Requests", Retry_After="7000"),
        "/429-date": lambda: _response("429 Too Many Requests", Retry_After=_in(5400)),
        "/503": lambda: _response("503 Service Unavailable", Retry_After="nonsense"),
        "/circle": lambda: _response("302 Found", Location="/circle-back"),
        "/circle-back": lambda: _response("302 Found", Location="/circle"),
        **{f"/chain{n}": partial(_response, "302 Found", Location=f"/chain{n + 1}") for n in range(10)},
        "/to-file": lambda: _response("301 Moved Permanently", Location="file:///etc/passwd"),
        "/to-local": lambda: _response("302 Found", Location=f"http://127.0.0.1:{server.port}/good"),
        "/to-metadata": lambda: _response("307 Temporary Redirect", Location="http://169.254.169.254/latest/"),
        "/moved": lambda: _response("301 Moved Permanently", Location="/good"),
        "/empty": lambda: _response("200 OK", b" \n", Content_Type=xml),
        "/html": lambda: _response("200 OK", b"<!DOCTYPE html><html><body><p>Log in</body></html>"),
        "/json": lambda: _response("200 OK", b'{"items": []}', Content_Type="application/json"),
        "/garbage": lambda: _response("200 OK", bytes(range(256)) * 50, Content_Type="application/octet-stream"),
        "/no-http": lambda: b"SSH-2.0-OpenSSH_9.6\r\n",
        "/short": lambda: _response("200 OK", good, Content_Length=str(len(good) + 500)),
        "/gzip-bomb": lambda: _response("200 OK", _zeros_gz(BOMB_BYTES), Content_Encoding="gzip"),
        "/gzip": lambda: _response("200 OK", gzip.compress(plain_feed("packed", 3)), Content_Encoding="gzip"),
        "/gzip-cut": lambda: _response("200 OK", gzip.compress(plain_feed("cut", 300))[:-40], Content_Encoding="gzip"),
        "/not-gzip": lambda: _response("200 OK", good, Content_Encoding="gzip"),
        "/brotli": lambda: _response("200 OK", b"\x0b\x02\x80abc\x03", Content_Encoding="br"),
        "/entities": lambda: _response("200 OK", BOMB, Content_Type=xml),
        "/malformed": lambda: _response("200 OK", plain_feed("broken", 5)[:-90] + b"<oops", Content_Type=xml),
        "/charset": lambda: _response(
            "200 OK",
            b"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>t</title>"
            b"<item><guid>c1</guid><title>caf\xe9 prices fall</title></item></channel></rss>",
            Content_Type="text/xml; charset=utf-8",
        ),
        "/damaged": lambda: _response("200 OK", rss_feed("d", [item("d1", "profit \N{REPLACEMENT CHARACTER} falls")])),
        "/twice": lambda: _response("200 OK", rss_feed("t", [item("t1", "first"), item("t1", "second")])),
        "/no-text": lambda: _response("200 OK", rss_feed("n", [item("n1", "  "), item("n2", "a title")])),
        "/ahead": lambda: _response("200 OK", rss_feed("a", [item("a1", "soon", pubDate=_in(200_000))])),
        "/no-entries": lambda: _response("200 OK", rss_feed("none yet", [])),
        "/slow-parse": lambda: _response("200 OK", rss_feed("s", [item("1", "x", description="<!--" * 90_000)])),
        "/many": lambda: _response("200 OK", rss_feed("m", (item(f"m{n}", f"many {n}") for n in range(5_007)))),
    }


async def _slow_headers(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await writer.drain()
    await asyncio.Event().wait()


async def _drip(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"<")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _huge(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    while True:
        writer.write(chunk)
        await writer.drain()


async def _huge_head(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"y" * 4_000 + b"\r\n")
        await writer.drain()


_STREAMS: dict[str, Callable[[Writer], Awaitable[None]]] = {
    "/slow-headers": _slow_headers,
    "/drip": _drip,
    "/huge": _huge,
    "/huge-head": _huge_head,
}


def _feed(server: FeedServer, asked: Asked) -> bytes:
    body = server.feeds[asked.path]
    mark = f'"{zlib.crc32(body)}"'
    if asked.head.get("if-none-match") == mark:
        return _response("304 Not Modified", ETag=mark)
    return _response("200 OK", body, Content_Type="application/rss+xml; charset=utf-8", ETag=mark)


async def _serve(server: FeedServer, reader: asyncio.StreamReader, writer: Writer) -> None:
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        try:
            await _answer(server, reader, writer)
        finally:
            writer.close()
        await writer.wait_closed()


async def _answer(server: FeedServer, reader: asyncio.StreamReader, writer: Writer) -> None:
    if (start := await reader.read(1)) != b"G":
        writer.write(_response("400 Bad Request"))
        return
    first, *lines = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    path = first.split(" ")[1]
    head = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    asked = Asked(path, head)
    server.asked.append(asked)
    if path in server.on_get:
        server.on_get[path]()
    bare = path.split("?")[0]
    if path in server.feeds:
        writer.write(_feed(server, asked))
    elif path in server.redirects:
        writer.write(_response("302 Found", Location=server.redirects[path]))
    elif bare in _STREAMS:
        await _STREAMS[bare](writer)
    else:
        answer = _answers(server).get(path)
        writer.write(answer() if answer else _response("404 Not Found"))
    await writer.drain()


@contextmanager
def feed_server(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[FeedServer]:
    """Lend a running server on a free port of this address."""
    _zeros_gz(BOMB_BYTES)  # it takes seconds, in which no client waits
    server, started, loop = FeedServer(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    # asyncio itself keeps no handler alive, nor does it take a cancelled one in silence.
    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: Writer) -> None:
        handlers.add(loop.create_task(_serve(server, reader, writer)))

    async def run() -> None:
        listening = await asyncio.start_server(accept, host, 0, ssl=tls)
        server.port = listening.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        listening.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
