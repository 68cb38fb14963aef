"""Ask whether Kafka answers before a client is made, and say in one line when it does not."""

from __future__ import annotations

import socket

from stream.broker.errors import BrokerError

CONNECT_TIMEOUT_S = 2.0


def addresses(bootstrap: str) -> list[tuple[str, int]]:
    """Return host and port of each server in `host:port[,host:port…]`."""
    pairs = (server.rpartition(":") for server in bootstrap.split(","))
    return [(host, int(port)) for host, _, port in pairs]


def require_reachable(bootstrap: str) -> None:
    """Return where at least one of the servers accepts connections.

    Call it before making a kafka-python client: one whose constructor fails leaves its sockets and its
    thread behind, and takes its whole bootstrap timeout to fail.

    Raises:
        BrokerError: none does.
    """
    reasons = []
    for host, port in addresses(bootstrap):
        try:
            socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
            return
        except OSError as exc:
            reasons.append(str(exc.strerror or exc))
    raise BrokerError(explain(bootstrap, "; ".join(dict.fromkeys(reasons))))


def explain(bootstrap: str, said: str) -> str:
    """Return one line: which Kafka, what it said, what to check."""
    return (
        f"Kafka at {bootstrap}: {said or 'no answer'}; check that it runs there, "
        "that its advertised listeners can be reached from here, and its credentials"
    )
