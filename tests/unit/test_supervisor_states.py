"""When a role starts again, and when the start is given up."""

from __future__ import annotations

import pytest

from stream.supervision import states
from stream.supervision.states import RoleStatus, State


def failed(times: int, ready_for_s: float | None = None) -> RoleStatus:
    status = RoleStatus()
    for _ in range(times):
        status = states.started(status, pid=7)
        if ready_for_s is not None:
            status = states.became_ready(status, now_s=100.0)
        status = states.exited(status, now_s=100.0 + (ready_for_s or 0.0))
    return status


def test_delays_double_up_to_a_limit_and_stay_there() -> None:
    delays = [states.restart_delay_s(n) for n in range(1, 9)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert states.restart_delay_s(1_000_000) == 30


@pytest.mark.parametrize(("ready_for_s", "failures"), [(None, 4), (29.9, 4), (30.0, 1)])
def test_a_role_that_was_ready_long_enough_begins_to_count_anew(ready_for_s: float | None, failures: int) -> None:
    assert failed(4, ready_for_s).failures == failures


def test_a_dead_role_has_no_pid_and_is_not_ready() -> None:
    status = failed(1, ready_for_s=5.0)
    assert (status.state, status.pid, status.ready_at_s) == (State.BACKING_OFF, None, None)


@pytest.mark.parametrize(
    ("status", "essential", "gives_up"),
    [
        (failed(2), True, False),
        (failed(3), True, True),
        (failed(3), False, False),
        (failed(9, ready_for_s=1.0), True, False),
    ],
)
def test_only_an_essential_role_that_never_was_ready_gives_up(
    status: RoleStatus, essential: bool, gives_up: bool
) -> None:
    assert states.gives_up(status, essential) is gives_up
