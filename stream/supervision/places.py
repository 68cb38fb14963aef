"""Where everything of one `up` listens; the embedded servers' ports are kept in the home between runs."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stream.settings import ConfigurationError, Settings
from stream.supervision import ports
from stream.supervision.demo import Demo, choose_demo, demo_folder

PORTS_NAME = "ports.json"


@dataclass(frozen=True)
class Places:
    """Addresses of one run.

    Attributes:
        kafka: `host:port[,host:port…]` for clients.
        redis: `redis://…` for clients.
        kafka_port, controller_port, redis_port: of the embedded servers; unused where `kafka` is an outside one.
        dashboard_host, dashboard_port: where the dashboard listens.
        ingest_host, ingest_port: where documents are taken.
        token: bearer token of `ingest` and `serve`.
        data: folder of the embedded servers' data and of what the roles keep.
        demo: of the demonstration; None without one.
        serve_host, serve_port: where texts are read on request; port 0: nowhere.
    """

    kafka: str
    redis: str = field(repr=False)
    kafka_port: int
    controller_port: int
    redis_port: int
    dashboard_host: str
    dashboard_port: int
    ingest_host: str
    ingest_port: int
    token: str = field(repr=False)
    data: Path
    demo: Demo | None = None
    serve_host: str = "127.0.0.1"
    serve_port: int = 0

    @property
    def urls(self) -> dict[str, str]:
        """Base addresses, as a person or a client on this machine opens them."""
        listening = {
            "dashboard": (self.dashboard_host, self.dashboard_port),
            "ingest": (self.ingest_host, self.ingest_port),
            "serve": (self.serve_host, self.serve_port),
        }
        return {name: f"http://{reachable(host)}:{port}" for name, (host, port) in listening.items() if port}


def reachable(host: str) -> str:
    """Return an address to connect to for one to listen on."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"[{address}]" if address.version == 6 else str(address)


def choose_places(settings: Settings, token: str, *, demo: bool = False) -> Places:
    """Return addresses: those named or remembered where they are free, else free ones; remember them.

    Args:
        demo: with the demonstration, whose data lie in a folder of their own.

    Raises:
        ConfigurationError: a host to listen on is no address of this machine.
    """
    remembered = _remembered(settings.home)
    taken: set[int] = set()
    embedded = {name: ports.choose([remembered.get(name)], taken) for name in ("kafka", "controller", "redis")}
    with contextlib.suppress(OSError):  # a convenience; the home itself has been tried before
        (settings.home / PORTS_NAME).write_text(json.dumps(embedded), encoding="ascii")
    return Places(
        kafka=settings.kafka_bootstrap or f"127.0.0.1:{embedded['kafka']}",
        redis=settings.redis_url or f"redis://127.0.0.1:{embedded['redis']}/0",
        kafka_port=embedded["kafka"],
        controller_port=embedded["controller"],
        redis_port=embedded["redis"],
        dashboard_host=settings.dashboard_host,
        dashboard_port=_listen_port("dashboard", settings.dashboard_host, settings.dashboard_port, taken),
        ingest_host=settings.ingest_host,
        ingest_port=_listen_port("ingest", settings.ingest_host, settings.ingest_port, taken),
        token=token,
        data=demo_folder(settings.home) if demo else settings.home,
        demo=choose_demo(settings, taken) if demo else None,
        serve_host=settings.serve_host,
        serve_port=_listen_port("serve", settings.serve_host, settings.serve_port, taken) if settings.serve else 0,
    )


def _listen_port(name: str, host: str, preferred: int, taken: set[int]) -> int:
    try:
        return ports.choose([preferred], taken, host)
    except OSError as exc:
        variable = f"BAROGRAPH_{name.upper()}_HOST"
        raise ConfigurationError(f"{variable}={host}: {exc}; expected an address of this machine") from None


def _remembered(home: Path) -> Mapping[str, int]:
    try:
        found = json.loads((home / PORTS_NAME).read_text(encoding="ascii"))
        return {name: int(found[name]) for name in ("kafka", "controller", "redis")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
