"""The circuit breaker of one endpoint: after some failures in a row, one probe a minute until one succeeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

OPENS_AFTER: Final = 5
PROBE_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of an endpoint's health.

    Attributes:
        failures: in a row.
        not_before_s: nothing is sent before then, on the clock of `after`.
    """

    failures: int = 0
    not_before_s: float = 0.0

    @property
    def is_open(self) -> bool:
        """Return whether only probes are sent."""
        return self.failures >= OPENS_AFTER

    def after(
        self, *, ok: bool, now_s: float, resume_in_s: float | None = None, probe_every_s: float = PROBE_EVERY_S
    ) -> Breaker:
        """Return the breaker after an attempt.

        Args:
            now_s: on a clock that nobody sets, always the same one.
            resume_in_s: after so long the endpoint asked to hear again.
        """
        if ok:
            return Breaker()
        failed = replace(self, failures=self.failures + 1)
        pause_s = max(probe_every_s if failed.is_open else 0.0, resume_in_s or 0.0)
        return replace(failed, not_before_s=now_s + pause_s if pause_s else 0.0)
