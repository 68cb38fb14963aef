"""Addresses to listen on: only this machine's own are nobody else's to reach."""

from __future__ import annotations

import logging
from ipaddress import ip_address

logger = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens there; a name other than localhost may be any.

    >>> is_loopback("127.0.0.1"), is_loopback("[::1]"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def warn_if_open(role: str, host: str, risk: str) -> None:
    """Log one line where others than this machine can reach the role; `risk` says what that means."""
    if not is_loopback(host):
        logger.warning("%s listens on %s, beyond this machine: %s; let only a TLS proxy reach it", role, host, risk)
