"""The dashboard's server: Streamlit as an ASGI app, its settings in code, its own plotly.js, strict headers."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import plotly
import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.components import PLOTLY_PATH
from dashboard.palette import DARK_BACKGROUND, LIGHT_BACKGROUND
from dashboard.source import configure
from stream.running import connect_settings
from stream.settings import ConfigurationError, Settings

_log = logging.getLogger(__name__)
_SCRIPT: Final = Path(__file__).parent / "views" / "app.py"
_PLOTLY: Final = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]", "::1")

# Nothing from outside is ever loaded; components run from blob: URLs, and Streamlit styles its elements inline.
_POLICY: Final = (
    "default-src 'self'; script-src 'self' blob: 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class SecurityHeaders:
    """ASGI middleware: adds the headers above to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in _HEADERS if h[0] not in present)]
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


def allowed_hosts(host: str, public_url: str | None = None) -> list[str]:
    """Return the host names under which a server that listens there may be addressed; `["*"]` for any.

    On the loopback only its own names count, or any site in a browser could reach it through a name of its own. One
    that listens everywhere takes any name, unless `public_url` says under which one people reach it.
    """
    public = [name] if public_url and (name := urlsplit(public_url).hostname) else []
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return [host, *public, *_LOOPBACK]
    if address.is_unspecified:
        return [*public, *_LOOPBACK] if public else ["*"]
    return [*public, *_LOOPBACK] if address.is_loopback else [host, *public, *_LOOPBACK]


def streamlit_settings(host: str, port: int, hosts: Sequence[str]) -> dict[str, Any]:
    """Return Streamlit's settings; its file of settings would be found only relative to the working directory."""
    light = {"primaryColor": "#0072B2", "backgroundColor": LIGHT_BACKGROUND, "secondaryBackgroundColor": "#f3f5f8"}
    dark = {"primaryColor": "#4AA3DF", "backgroundColor": DARK_BACKGROUND, "secondaryBackgroundColor": "#171c26"}
    themes = (("light", light), ("dark", dark))
    return {f"theme.{name}.{key}": value for name, theme in themes for key, value in theme.items()} | {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.allowedHosts": list(hosts),
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        # With the default, 25 sessions that redraw each second reach a median of 13 s; without, 28 ms.
        "runner.postScriptGC": False,
        "runner.magicEnabled": False,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "viewer",
        # Tables are given out by our own button, which guards against formulas.
        "client.disableDataExport": True,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
        "logger.enableRich": False,
    }


async def _plotly(request: Request) -> Response:
    # The same file for as long as this version is installed; a reload asks, and mostly gets "not modified".
    return FileResponse(_PLOTLY, media_type="text/javascript", headers={"cache-control": "public, max-age=3600"})


async def _live(request: Request) -> Response:
    # The default page has no path of its own; people type it all the same.
    return RedirectResponse(f"/?{request.url.query}" if request.url.query else "/")


def make_app(hosts: Sequence[str]) -> st.App:
    """Return the ASGI app that answers under these host names."""
    return st.App(
        _SCRIPT,
        routes=[Route(PLOTLY_PATH, _plotly, methods=["GET", "HEAD"]), Route("/live", _live, methods=["GET", "HEAD"])],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
            Middleware(SecurityHeaders),
        ],
    )


def check_address(host: str, port: int) -> None:
    """Raise ConfigurationError unless a server could listen there now: Streamlit would name a setting of its own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            told = f"BAROGRAPH_DASHBOARD_PORT={port}: taken on {host}; take another, or 0 for a free one"
        else:
            told = f"BAROGRAPH_DASHBOARD_HOST={host}, port {port}: no server can listen there: {exc.strerror or exc}"
        raise ConfigurationError(told) from exc


def serve(settings: Settings) -> None:
    """Serve the pages until a signal ends it.

    Raises:
        ConfigurationError: no store is known, or nothing can listen at that host and port.
    """
    host, port = settings.dashboard_host, settings.dashboard_port
    configure(lambda: settings if settings.redis_url else connect_settings(settings)).check()
    check_address(host, port)
    hosts = allowed_hosts(host, settings.public_url)
    # uvicorn raises the signal once more when it is done: a clean stop is no failure.
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda *_: sys.exit(0))
    _log.info("dashboard at http://%s:%s", f"[{host}]" if ":" in host else host, port or "(a free port)")
    make_app(hosts).run(config=streamlit_settings(host, port, hosts))
