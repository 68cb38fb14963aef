"""A longer clock does not tell again what a shorter one has told and called off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.core.echo import echoes
from stream.core.life import Context, Life, step
from stream.core.readings import Reading

#   10:00                     11:00                     12:00
#   [1h ----------------------)[1h ---------------------)
#        [5m opened ... resolved 10:40)
TEN = 1_704_067_200 + 10 * 3_600


def reading(clock: str, start_s: int, step_s: int, z: float, *, steps: int = 1) -> Reading:
    return Reading(
        clock=clock,
        start_s=start_s,
        end_s=start_s + step_s,
        z=z,
        z_share=max(z, 2.5),
        z_volume=0.0,
        span_s=steps * step_s,
        negative=40,
        total=80,
        expected_total=80.0,
        share=0.5,
        baseline_share=0.2,
        steps_seen=500,
    )


@pytest.fixture
def resolved() -> Life:
    life, changes = step(Life("news/market/all"), [reading("5m", TEN, 300, 6.0)], 0, Context())
    assert [change.type for change in changes] == ["fired"]
    for window in range(1, 8):
        life, changes = step(life, [reading("5m", TEN + 300 * window, 300, 0.0)], 0, Context())
    assert life.incident is None
    assert life.last is not None
    return life


def test_an_hour_that_holds_the_burst_is_an_echo_unless_it_is_stronger(resolved: Life) -> None:
    assert echoes(resolved.last, reading("1h", TEN, 3_600, 5.9))
    assert not echoes(resolved.last, reading("1h", TEN, 3_600, 6.1))


def test_a_span_that_begins_after_it_was_over_is_none(resolved: Life) -> None:
    assert not echoes(resolved.last, reading("1h", TEN + 3_600, 3_600, 5.0))
    assert echoes(resolved.last, reading("1h", TEN + 7_200, 3_600, 5.0, steps=3))


def test_the_same_clock_and_open_windows_are_none(resolved: Life) -> None:
    assert not echoes(resolved.last, reading("5m", TEN + 300, 300, 4.5, steps=12))
    assert not echoes(resolved.last, replace(reading("1h", TEN, 3_600, 5.0), open=True))
    assert not echoes(None, reading("1h", TEN, 3_600, 5.0))
