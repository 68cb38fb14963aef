"""A caller of the service: what the pages use to try texts and to colour words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import quote, urlsplit

TIMEOUT_S: Final = 25.0
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
# Told to come back: the same request may be answered later.
_LATER: Final = (429, 503)


class ServeError(Exception):
    """The service did not answer, or refused; the message is one line for a person.

    Attributes:
        permanent: asking the same again will not help.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class ServeClient:
    """Asks one service, each time on a connection of its own: thread-safe, and through no proxy.

    Args:
        url: its base address, such as http://127.0.0.1:8089.
        token: never shown, also not by `repr`.
    """

    def __init__(self, url: str, token: str, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url
        self._token = token
        self._timeout_s = timeout_s

    def classify(self, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return revision and results of `POST /v1/classify`; ServeError where there are none."""
        return self._post("/v1/classify", documents)

    def explain(self, documents: Sequence[Mapping[str, Any]], method: str = "path") -> dict[str, Any]:
        """Return revision and results of `POST /v1/explain`; ServeError where there are none."""
        return self._post(f"/v1/explain?method={quote(method)}", documents)

    def _post(self, path: str, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        try:
            status, body = self._asked(path, json.dumps({"documents": list(documents)}).encode())
        except (OSError, HTTPException, ValueError) as exc:
            raise ServeError(f"{self.url} does not answer: {type(exc).__name__}", permanent=False) from None
        if not isinstance(body, dict):
            raise ServeError(f"{self.url} is no service of this kind", permanent=True)
        if status == 200:
            return body
        problem: dict[str, Any] = next(iter(body.get("errors") or ()), {})
        told = f"{problem.get('field', 'request')}: {problem.get('reason', f'status {status}')}"
        raise ServeError(told, permanent=status not in _LATER)

    def _asked(self, path: str, body: bytes) -> tuple[int, Any]:
        place = urlsplit(self.url)
        kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=self._timeout_s)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read(MAX_ANSWER_BYTES))
        finally:
            connection.close()
