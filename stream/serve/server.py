"""The role `serve`: one server process, from its options to its end."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import uvicorn

from stream.listening import warn_if_open
from stream.serve.app import Limits, Model, Service, create_app
from stream.settings import ConfigurationError

MAX_CONNECTIONS: Final = 256
# After a signal to stop; whoever stops this role has to wait longer.
FINISH_TIMEOUT_S: Final = 5
DEFAULT_PORT: Final = 8089

ready = logging.getLogger("stream.ready")


@dataclass(frozen=True, slots=True)
class Options:
    """Where it listens, the token it asks for, and what a request may be."""

    token: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    limits: Limits = field(default_factory=Limits)


def serve(options: Options, load: Callable[[], Model]) -> None:
    """Read texts on request until told to stop (SIGINT, SIGTERM); requests in flight are finished.

    Args:
        load: returns the model; called once the address is known to be free.

    Raises:
        ConfigurationError: the address cannot be used.
    """
    listening = listen(options.host, options.port)
    service = Service(load(), token=options.token, limits=options.limits)
    config = uvicorn.Config(
        create_app(service, options.limits),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Whose limit it is must not be for the sender to say.
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=FINISH_TIMEOUT_S,
        ws="none",
    )
    # uvicorn raises the signal once more when it is done: a clean stop is no failure.
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.SIG_IGN)
    ready.info("serve ready at http://%s:%d/v1/classify and /v1/explain", options.host, listening.getsockname()[1])
    warn_if_open("serve", options.host, "the token and all texts travel unencrypted")
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket.

    Raises:
        ConfigurationError: the port is taken or not allowed, or the host is not this machine's.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as exc:
        bound.close()
        raise ConfigurationError(
            f"BAROGRAPH_SERVE_HOST={host} and BAROGRAPH_SERVE_PORT={port}: {exc.strerror}; "
            "expected an address of this machine and a free port, 0 for any"
        ) from None
    return bound
