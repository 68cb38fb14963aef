"""`barograph serve`: sentiment, topic and word weights of texts, on request over HTTP."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stream.settings import ConfigurationError, Settings, load_settings

if TYPE_CHECKING:
    from stream.serve.loaded import Loaded

log = logging.getLogger(__name__)


def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on; 127.0.0.1 if not given")] = None,
    port: Annotated[int | None, typer.Option(help="8089 if not given, 0 for a free one")] = None,
    threads: Annotated[int | None, typer.Option(help="cores for the model; workers need theirs")] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="where the model runs; a GPU is left to the workers")
    ] = "cpu",
    model: Annotated[
        Path | None, typer.Option("--model", metavar="PATH", help="folder of weights; else those shipped")
    ] = None,
) -> None:
    """Read texts on request: POST /v1/classify and /v1/explain, with a token; described at /v1/openapi.json."""
    from stream.cli.logs import set_up_logging

    settings = load_settings(model_path=model, device=device, serve_host=host, serve_port=port, serve_threads=threads)
    set_up_logging(settings.log_level)
    token = _token(settings)
    from stream.serve.server import Options
    from stream.serve.server import serve as run

    run(Options(token, settings.serve_host, settings.serve_port), lambda: _load(settings))


def _token(settings: Settings) -> str:
    """Return the token of this system's HTTP interfaces: the one that is set, else that of the `up` of this home."""
    from stream.running import load_running

    if settings.ingest_token is not None:
        return settings.ingest_token.get_secret_value()
    running = load_running(settings.home)
    if running is None:
        raise ConfigurationError(
            "BAROGRAPH_INGEST_TOKEN is not set: choose a secret of at least 16 characters that callers give as "
            "bearer token (`barograph up` makes one)"
        )
    return running.token


def _load(settings: Settings) -> Loaded:
    from model.errors import ModelError
    from model.threads import limit_threads
    from stream.serve.loaded import Loaded

    limit_threads(settings.serve_threads)
    try:
        loaded = Loaded(settings.model_path, device=settings.device, precision=settings.precision)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    log.info("model %s, threads %d", loaded.about, settings.serve_threads)
    return loaded
