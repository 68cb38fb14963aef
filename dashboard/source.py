"""Where the pages read: one connection for the process, which finds a store that moved and spares one that is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from stream.settings import ConfigurationError, Settings, load_settings
from stream.store.client import StoreError
from stream.store.read import Reader

RETRY_S: Final = 1.0
_Answer = TypeVar("_Answer")


class Client(Protocol):
    """What reads, or acts on, one namespace of one store; made from URL and namespace."""

    def close(self) -> None:
        """Close the connections."""


_Client = TypeVar("_Client", bound=Client)


class Source:
    """One namespace of one store, shared by every session. Thread-safe."""

    def __init__(self, resolve: Callable[[], Settings], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take what returns the settings in force: it is asked again whenever the store has not answered."""
        self._resolve = resolve
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._clients: dict[Callable[[str, str], Any], Any] = {}
        self._place = ""
        self._demo = False
        self._down: StoreError | None = None
        self._down_until = 0.0

    @property
    def place(self) -> str:
        """What tells this store and namespace from others, for caches; never shown: it may hold a password.

        Raises:
            StoreError: no store is known (any more).
        """
        return self._place or self._found()[0]

    @property
    def demo(self) -> bool:
        """Whether its documents are invented; what was known last while the store is not."""
        try:
            return self._found()[1].demo if not self._place else self._demo
        except StoreError:
            return self._demo

    def check(self) -> None:
        """Raise ConfigurationError where no store is known."""
        self._resolve()

    def read(self, ask: Callable[[Reader], _Answer]) -> _Answer:
        """Return what the store answers to its reader. StoreError."""
        return self.using(Reader, ask)

    def using(self, make: Callable[[str, str], _Client], ask: Callable[[_Client], _Answer]) -> _Answer:
        """Return what the store answers to this kind of client, of which one is made for everybody.

        Raises:
            StoreError: it does not; for a second after that nobody asks, or each session would wait in turn.
        """
        if self._down is not None and self._monotonic() < self._down_until:
            raise StoreError(str(self._down))
        try:
            answer = ask(self._connected(make))
        except StoreError as exc:
            self._drop(exc)
            raise
        self._down = None
        return answer

    def _connected(self, make: Callable[[str, str], _Client]) -> _Client:
        with self._lock:
            if make not in self._clients:
                self._place, settings = self._found()
                self._demo = settings.demo
                self._clients[make] = make(str(settings.redis_url), settings.namespace)
            client: _Client = self._clients[make]
            return client

    def _found(self) -> tuple[str, Settings]:
        try:
            settings = self._resolve()
        except ConfigurationError as exc:
            raise StoreError(str(exc)) from exc
        if settings.redis_url is None:
            raise StoreError("no store is known: BAROGRAPH_REDIS_URL is not set and nothing runs here")
        return f"{settings.redis_url}|{settings.namespace}", settings

    def _drop(self, why: StoreError) -> None:
        with self._lock:
            clients, self._clients = self._clients, {}
            self._down, self._down_until = why, self._monotonic() + RETRY_S
        for client in clients.values():
            client.close()


_in_use: Final[dict[str, Source]] = {}


def configure(resolve: Callable[[], Settings]) -> Source:
    """Make every page read there, from now on."""
    _in_use["source"] = made = Source(resolve)
    return made


def source() -> Source:
    """Return where the pages read; by the settings in force where nobody configured it."""
    return _in_use.get("source") or configure(load_settings)
