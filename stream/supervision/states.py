"""The life of one role: its states, and how long to wait before it starts again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
# Ready for this long: the next failure counts as the first again.
STABLE_S = 30.0
# From the third failure in a row on the reason is shown, and an essential role gives up.
TOO_MANY = 3


class State(StrEnum):
    """Where a role stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    BACKING_OFF = "backing off"
    STOPPED = "stopped"


@dataclass(frozen=True)
class RoleStatus:
    """What is known of one role.

    Attributes:
        state: where it stands.
        pid: of the running process, None where there is none.
        failures: unwanted ends in a row.
        ready_at_s: on the caller's clock, of this start; None before it is ready.
        ever_ready: whether some start came that far.
    """

    state: State = State.WAITING
    pid: int | None = None
    failures: int = 0
    ready_at_s: float | None = None
    ever_ready: bool = False


def started(status: RoleStatus, pid: int) -> RoleStatus:
    """Return the status once a process runs."""
    return replace(status, state=State.STARTING, pid=pid, ready_at_s=None)


def became_ready(status: RoleStatus, now_s: float) -> RoleStatus:
    """Return the status once the probe is met."""
    return replace(status, state=State.READY, ready_at_s=now_s, ever_ready=True)


def exited(status: RoleStatus, now_s: float) -> RoleStatus:
    """Return the status after an end that nobody asked for."""
    stable = status.ready_at_s is not None and now_s - status.ready_at_s >= STABLE_S
    failures = 1 if stable else status.failures + 1
    return replace(status, state=State.BACKING_OFF, pid=None, failures=failures, ready_at_s=None)


def stopped(status: RoleStatus) -> RoleStatus:
    """Return the status after an end that was asked for."""
    return replace(status, state=State.STOPPED, pid=None, ready_at_s=None)


def restart_delay_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row (>= 1): doubling, up to a limit."""
    # The exponent is bounded before it is used: a role may fail for days.
    return float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(failures - 1, 16)))


def keeps_failing(status: RoleStatus) -> bool:
    """Return whether it is time to show why."""
    return status.failures >= TOO_MANY


def gives_up(status: RoleStatus, essential: bool) -> bool:
    """Return whether nothing can start because this role does not."""
    return essential and not status.ever_ready and keeps_failing(status)
