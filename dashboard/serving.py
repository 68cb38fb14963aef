"""Who reads texts for the pages: the role `serve`, asked over HTTP. No model is ever loaded here."""

from __future__ import annotations

from functools import lru_cache

from stream.running import load_running
from stream.serve.client import ServeClient, ServeError
from stream.settings import ConfigurationError, Settings, load_settings
from stream.supervision.places import reachable


def reader() -> ServeClient:
    """Return the caller of the service, one for every session.

    Raises:
        ServeError: it is switched off, or its token is not known here.
    """
    try:
        settings = load_settings()
        url, token = _place(settings)
    except ConfigurationError as exc:
        raise ServeError(str(exc), permanent=True) from None
    return _client(url, token)


def _place(settings: Settings) -> tuple[str, str]:
    if not settings.serve:
        raise ConfigurationError("BAROGRAPH_SERVE is off")
    url = f"http://{reachable(settings.serve_host)}:{settings.serve_port}"
    if settings.ingest_token is not None:
        return url, settings.ingest_token.get_secret_value()
    running = load_running(settings.home)
    if running is None or "serve" not in running.urls:
        raise ConfigurationError(f"nothing that reads texts runs in {settings.home}")
    return running.urls["serve"], running.token


@lru_cache(maxsize=4)
def _client(url: str, token: str) -> ServeClient:
    return ServeClient(url, token)
