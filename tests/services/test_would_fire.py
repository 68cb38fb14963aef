"""How often a rule would have fired, from stored windows."""

from __future__ import annotations

import pytest

from stream.detector.engine import Desk
from stream.detector.past import Told, decide_past, told
from stream.replay.rules import Rules
from stream.replay.would_fire import DAY, WEEK, in_the_past, would_have_fired
from stream.store.counts import CountsReader
from tests.services.detector_tools import MARKET, NOON_S, Scene, _nobody

DAY_S = 86_400


@pytest.mark.timeout(300)
async def test_it_counts_what_a_dry_run_finds_in_the_last_day_and_week(redis_url: str, run_id: str) -> None:
    scene = Scene(redis_url, run_id)
    await scene.tell_history(8 * 24, per_window=6)
    for start_s in (NOON_S - 3 * DAY_S, NOON_S - 6 * 3_600):
        for step in range(6):
            await scene.tell(start_s + 300 * step, 14, 16, late=True)
    await scene.tell(NOON_S - 2 * DAY_S, 1, 2, "news/ticker/THIN", late=True)
    found = would_have_fired(redis_url, run_id, Rules(), NOON_S)
    assert found.fired == {DAY: 1, WEEK: 2} and found.series == 1
    source = CountsReader(redis_url, run_id, late=True)
    steps = decide_past(source, Desk(), NOON_S - 7 * DAY_S, NOON_S, _nobody)
    dry = [one for one in told(steps) if isinstance(one, Told)]
    plain = in_the_past(source, _nobody, Rules(), NOON_S)
    source.close()
    assert [one.opened.incident_id for one in plain.told] == [one.opened.incident_id for one in dry]
    assert [one.events for one in plain.told] == [one.events for one in dry]
    assert would_have_fired(redis_url, run_id, Rules(clocks=("1d",)), NOON_S).fired[DAY] == 0
    assert would_have_fired(redis_url, run_id, Rules(series=("comment/*",)), NOON_S).series == 0
    eager = would_have_fired(redis_url, run_id, Rules(false_alarms_per_week=10), NOON_S)
    assert eager.fired[WEEK] >= 2 and {one.opened.series for one in eager.told} == {MARKET}
