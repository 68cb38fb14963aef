"""The role `ingest http`: one server process, from its settings to its end."""

from __future__ import annotations

import logging
import signal
import socket
from typing import Final

import uvicorn

from stream.api.app import create_app
from stream.api.documents import CONFIRM_TIMEOUT_S, Intake, Limits
from stream.api.health import Health
from stream.listening import warn_if_open
from stream.settings import ConfigurationError, Settings
from stream.sources.authors import author_key
from stream.sources.publisher import Publisher, document_topic_ids

# A request waits no longer than this for room; then its sender is told to come back.
ROOM_TIMEOUT_S: Final = 1.0
MAX_CONNECTIONS: Final = 512
# After a signal to stop; whoever stops this role has to wait longer.
FINISH_TIMEOUT_S: Final = int(CONFIRM_TIMEOUT_S) + 1

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Take documents until told to stop (SIGINT, SIGTERM); requests in flight are finished.

    Args:
        settings: they name Kafka and the token.

    Raises:
        ConfigurationError: the address cannot be used.
        SourceError: Kafka cannot be reached, or the key for authors cannot be used.
    """
    bootstrap, token = settings.kafka_bootstrap, settings.ingest_token
    if bootstrap is None or token is None:
        raise ConfigurationError("BAROGRAPH_KAFKA_BOOTSTRAP and BAROGRAPH_INGEST_TOKEN have to be set")
    key = author_key(settings.home)
    listening = listen(settings.ingest_host, settings.ingest_port)
    publisher = Publisher(bootstrap, room_timeout_s=ROOM_TIMEOUT_S)
    intake = Intake(
        publisher,
        key=key,
        token=token.get_secret_value(),
        limits=Limits(settings.ingest_max_bytes, settings.ingest_max_documents, settings.ingest_rate_per_s),
    )
    app = create_app(intake, Health(lambda: document_topic_ids(bootstrap)))
    config = uvicorn.Config(
        app,
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
    logger.info("POST documents to http://%s:%d/v1/documents", settings.ingest_host, listening.getsockname()[1])
    warn_if_open("ingest", settings.ingest_host, "the token and all documents travel unencrypted")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        # Every request has its answer, or has had its time.
        publisher.close(timeout_s=0)


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket.

    Raises:
        ConfigurationError: the port is taken or not allowed, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as exc:
        bound.close()
        raise ConfigurationError(
            f"BAROGRAPH_INGEST_HOST={host} and BAROGRAPH_INGEST_PORT={port}: {exc.strerror}; "
            "expected an address of this machine and a free port, 0 for any"
        ) from None
    return bound
