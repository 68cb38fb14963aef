"""`barograph receive`: a receiver of webhooks on this machine, to see them come."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import IO, Annotated

import typer

from stream.cli.logs import set_up_logging
from stream.settings import ConfigurationError, load_settings

FINISH_TIMEOUT_S = 3

ready = logging.getLogger("stream.ready")


def receive(
    secret_file: Annotated[
        Path, typer.Option(help="file with the secret, whsec_…, that messages are signed with; made if it is not there")
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="on 127.0.0.1; 0 for a free one")] = 8090,
    out: Annotated[Path | None, typer.Option(help="append each message to this file, one line of JSON")] = None,
) -> None:
    """Take webhooks, check their signatures, show each in a few lines."""
    from stream.delivery.endpoints import checked_secrets, read_secret_file
    from stream.delivery.receiver import create_receiver

    settings = load_settings()
    set_up_logging(settings.log_level)
    if not secret_file.exists():
        _make(secret_file)
    secrets = checked_secrets(read_secret_file(secret_file, "--secret-file"), f"--secret-file: {secret_file}")
    file = None if out is None else _opened(out)
    listening = _listen(port)
    ready.info("receiver ready at http://127.0.0.1:%d/", listening.getsockname()[1])
    _serve(create_receiver(secrets, typer.echo, None if file is None else _keeper(file)), listening)


def _make(file: Path) -> None:
    from stream.delivery.signing import make_secret
    from stream.private_file import write_private

    try:
        write_private(file, make_secret() + "\n")
    except OSError as exc:
        raise ConfigurationError(f"--secret-file {file}: {exc.strerror}; expected a file that can be made") from None
    typer.echo(f"made a new secret in {file}", err=True)


def _serve(app: object, listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        limit_concurrency=64,
        timeout_graceful_shutdown=FINISH_TIMEOUT_S,
        ws="none",
    )
    # uvicorn raises the signal once more when it is done: a clean stop is no failure.
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.SIG_IGN)
    uvicorn.Server(config).run(sockets=[listening])


def _keeper(file: IO[bytes]) -> Callable[[bytes], None]:
    def keep(line: bytes) -> None:
        file.write(line + b"\n")
        file.flush()

    return keep


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("ab")
    except OSError as exc:
        raise ConfigurationError(f"--out {path}: {exc.strerror}; expected a file that can be written") from None


def _listen(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
        bound.listen()
    except OSError as exc:
        bound.close()
        raise ConfigurationError(f"--port {port}: {exc.strerror}; expected a free port, 0 for any") from None
    return bound
