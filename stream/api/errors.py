"""A request that is refused: status, what is wrong with which field, and headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MAX_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: with which document of the request (from 0; None: with the request), which field, and why."""

    field: str
    reason: str
    index: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in an answer."""
        index = {} if self.index is None else {"index": self.index}
        return index | {"field": self.field, "reason": self.reason}


class RequestError(Exception):
    """Ends a request. The answer lists the first hundred problems and says how many there are."""

    def __init__(
        self,
        status: int,
        problems: Sequence[Problem],
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(problems[0].reason)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "errors": [problem.as_json() for problem in problems[:MAX_LISTED]],
            "error_count": len(problems),
        } | dict(extra or {})


def refuse(status: int, field: str, reason: str, **headers: str) -> RequestError:
    """Return a refusal with one problem; `Retry_After="3"` becomes the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestError(status, [Problem(field, reason)], headers=named)
