"""The life of an incident, transition by transition. Times are windows of five minutes unless a test says otherwise."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.clocks import CLOCKS, EARLY_MARGIN, named, shifted
from stream.core.incidents import Incident, Story, incident_id
from stream.core.life import Change, Context, Life, step, step_early, wants_support
from stream.core.readings import Reading, Support

SERIES = "news/topic/macro"
T0 = 1_704_067_200
HOUR = 3600
STORY = Story(id="s1", title="Bank fails", source="wire", lang="en", score=-0.9, event_s=T0, url="https://e.org/1")


def reading(
    at: int,
    z: float,
    clock: str = "5m",
    *,
    z_share: float = 5.0,
    z_volume: float = 0.0,
    negative: int = 30,
    share: float = 0.6,
    baseline_share: float = 0.2,
    steps_seen: int = 500,
    no_data: bool = False,
    is_open: bool = False,
) -> Reading:
    """Window number `at` of the clock, counted from T0."""
    step_s = named(CLOCKS, clock).step_s
    start_s = T0 + at * step_s
    return Reading(
        clock=clock,
        start_s=start_s,
        end_s=start_s + (step_s // 2 if is_open else step_s),
        z=z,
        z_share=z_share,
        z_volume=z_volume,
        span_s=3 * step_s,
        negative=negative,
        total=round(negative / share),
        expected_total=45.0,
        share=share,
        baseline_share=baseline_share,
        steps_seen=steps_seen,
        no_data=no_data,
        open=is_open,
    )


def run(
    life: Life, *readings: Reading, context: Context | None = None, stories: tuple[Story, ...] = ()
) -> tuple[Life, list[Change]]:
    changes: list[Change] = []
    for each in readings:
        call = step_early if each.open else lambda life, one, *rest: step(life, [one], *rest)
        life, more = call(life, each, each.end_s * 1000, context or Context(), stories)
        changes += more
    return life, changes


def types(changes: list[Change]) -> list[str]:
    return [change.type for change in changes]


def firing(z: float = 5.2) -> Life:
    return run(Life(SERIES), reading(0, z))[0]


def opened(life: Life) -> Incident:
    assert life.incident is not None
    return life.incident


def resolved(z: float = 5.2) -> Life:
    return run(firing(z), *(reading(i, 0.0) for i in range(1, 7)))[0]


# Opening


def test_a_calm_series_stays_the_very_same_life() -> None:
    life = Life(SERIES)
    after, changes = run(life, reading(0, named(CLOCKS, "5m").open_z - 0.01))
    assert after is life
    assert (after.state, after.clock, changes) == ("NORMAL", None, [])


def test_one_window_above_the_opening_is_pending_and_two_in_a_row_fire() -> None:
    life, changes = run(Life(SERIES), reading(0, 4.1))
    assert (life.state, changes) == ("PENDING", [])
    life, changes = run(life, reading(1, 4.2))
    assert (life.state, life.clock, types(changes)) == ("FIRING", "5m", ["fired"])
    incident = changes[0].incident
    assert incident == opened(life)
    assert incident.incident_id == incident_id(SERIES, T0 + 300)
    assert (incident.opened_at_s, incident.fired_at_ms) == (T0 + 300, (T0 + 600) * 1000)
    assert (incident.window_start_s, incident.window_end_s) == (T0 + 600 - 900, T0 + 600)
    assert (incident.severity, incident.state, incident.early, incident.announced) == ("warning", "firing", False, True)
    assert (incident.z, incident.z_peak, incident.share, incident.baseline_share) == (4.2, 4.2, 0.6, 0.2)
    assert (incident.negative, incident.total, incident.expected_total) == (30, 50, 45.0)


@pytest.mark.parametrize("second", [reading(1, 3.8), reading(1, 4.5, no_data=True)])
def test_a_quiet_window_ends_pending(second: Reading) -> None:
    life, changes = run(Life(SERIES), reading(0, 4.1), second)
    assert (life, changes) == (Life(SERIES), [])


def test_two_windows_above_the_opening_with_one_between_do_not_fire() -> None:
    life, changes = run(Life(SERIES), reading(0, 4.1), reading(2, 4.1))
    assert (life.state, changes) == ("PENDING", [])


def test_one_window_of_each_of_two_clocks_are_not_two_in_a_row() -> None:
    life, changes = run(Life(SERIES), reading(11, 4.1), reading(0, 3.4, "1h"))
    assert (life.state, changes) == ("PENDING", [])
    life, changes = run(life, reading(12, 4.1))
    assert types(changes) == ["fired"]
    assert life.pending == ()


def test_the_instant_threshold_fires_at_once() -> None:
    life, changes = run(Life(SERIES), reading(0, 5.0))
    assert (life.state, types(changes), opened(life).severity) == ("FIRING", ["fired"], "warning")


def test_beyond_the_critical_level_it_opens_critical_with_one_message() -> None:
    life, changes = run(Life(SERIES), reading(0, 6.0), reading(1, 9.0))
    assert (types(changes), opened(life).severity) == (["fired"], "critical")


@pytest.mark.parametrize(("z", "fires"), [(4.8, False), (4.85, True)])
def test_a_young_baseline_fires_at_once_or_not_at_all(z: float, fires: bool) -> None:
    _, changes = run(Life(SERIES), *(reading(i, z, steps_seen=23) for i in range(4)))
    assert bool(changes) is fires


@pytest.mark.parametrize("clock", [clock.name for clock in CLOCKS])
def test_every_clock_opens_at_its_own_levels(clock: str) -> None:
    levels = named(CLOCKS, clock)
    below, above = levels.open_z - 0.01, levels.open_z
    assert not run(Life(SERIES), reading(0, below, clock), reading(1, below, clock))[1]
    assert types(run(Life(SERIES), reading(0, above, clock), reading(1, above, clock))[1]) == ["fired"]
    life, changes = run(Life(SERIES), reading(0, levels.at_once_z, clock))
    assert (life.clock, types(changes)) == (clock, ["fired"])


def test_a_smaller_budget_asks_for_more() -> None:
    clocks = tuple(shifted(clock, 0.003) for clock in CLOCKS)
    assert not step(Life(SERIES), [reading(0, 5.4)], 0, Context(), (), clocks)[1]
    assert step(Life(SERIES), [reading(0, 5.7)], 0, Context(), (), clocks)[1]


@pytest.mark.parametrize(
    ("changed", "fires"),
    [
        ({"share": 0.29, "baseline_share": 0.2}, False),
        ({"share": 0.31, "baseline_share": 0.2}, True),
        ({"share": 0.62, "baseline_share": 0.5}, True),
        ({"share": 0.09, "baseline_share": 0.06}, True),
        ({"negative": 4}, False),
        ({"negative": 5}, True),
        ({"z_share": 1.9, "z_volume": 8.0}, False),
        ({"no_data": True}, False),
    ],
)
def test_what_no_person_would_see_does_not_fire(changed: dict[str, float], fires: bool) -> None:
    _, changes = run(Life(SERIES), reading(0, 8.0, **changed))  # type: ignore[arg-type]
    assert bool(changes) is fires


@pytest.mark.parametrize("clock", ["6h", "1d"])
def test_three_stories_are_enough_on_the_longer_clocks(clock: str) -> None:
    assert not run(Life(SERIES), reading(0, 8.0, clock, negative=2))[1]
    assert run(Life(SERIES), reading(0, 8.0, clock, negative=3))[1]


@pytest.mark.parametrize(
    ("support", "fires"),
    [
        (None, True),
        (Support(), True),
        (Support(authors=4), False),
        (Support(authors=5), True),
        (Support(sources=1), False),
        (Support(sources=2), True),
        (Support(authors=50, sources=1), False),
        # Without what is repeated 3 of 23 are negative, 6 of 26, 9 of 29 (z 1.4), 12 of 32; usually a fifth is.
        (Support(authors=50, repeated=0.9), False),
        (Support(authors=50, repeated=0.8), False),
        (Support(authors=50, repeated=0.7), False),
        (Support(authors=50, repeated=0.6), True),
        (Support(repeated=0.9), True),
    ],
)
def test_few_authors_or_a_single_source_do_not_fire(support: Support | None, fires: bool) -> None:
    life, changes = run(Life(SERIES), reading(0, 8.0), context=Context(support=support))
    assert bool(changes) is fires
    assert life.state == ("FIRING" if fires else "PENDING")


@pytest.mark.parametrize(("z_volume", "kind"), [(2.9, "negative_share"), (3.0, "negative_surge")])
def test_the_kind_tells_whether_volume_rose_too(z_volume: float, kind: str) -> None:
    assert opened(run(Life(SERIES), reading(0, 8.0, z_volume=z_volume))[0]).kind == kind


def test_what_is_known_outside_goes_into_the_record() -> None:
    context = Context(false_alarms_per_week=0.1, model_revision="r7", invented=True, late=True)
    incident = opened(run(Life(SERIES), reading(0, 8.0), context=context, stories=(STORY,))[0])
    assert (incident.false_alarms_per_week, incident.model_revision, incident.invented) == (0.1, "r7", True)
    assert incident.late
    assert incident.evidence == (STORY,)


# Escalation and the other clocks


def test_it_escalates_once_and_never_goes_back() -> None:
    life, changes = run(firing(), reading(1, 6.0), reading(2, 3.0), reading(3, 7.0))
    assert types(changes) == ["escalated"]
    assert (opened(life).severity, opened(life).z_peak, opened(life).z) == ("critical", 7.0, 7.0)


def test_a_longer_clock_adds_its_peak_and_does_not_open_a_second() -> None:
    life, changes = run(firing(5.0), reading(0, 5.15, "1h"), reading(1, 5.1, "1h"))
    assert changes == []
    assert (opened(life).clock, opened(life).z, opened(life).z_peak) == ("5m", 5.0, 5.15)


def test_a_longer_clock_escalates_on_its_own_critical_level() -> None:
    life, changes = run(firing(), reading(0, 4.1, "1d"))
    assert types(changes) == ["escalated"]
    assert (opened(life).clock, opened(life).severity, opened(life).z_peak) == ("5m", "critical", 5.2)
    assert changes[0].incident.span_s == 3 * 86_400


def test_quiet_windows_of_another_clock_do_not_resolve() -> None:
    life, changes = run(firing(), *(reading(i, 0.0, "1h") for i in range(3)))
    assert (life.state, changes) == ("FIRING", [])


# Recovering and resolving


def test_below_the_closing_level_it_recovers_without_a_message_and_comes_back_without_one() -> None:
    life, changes = run(firing(), reading(1, 2.49))
    assert (life.state, changes) == ("RECOVERING", [])
    life, changes = run(life, reading(2, 2.5))
    assert (life.state, changes) == ("FIRING", [])


def test_six_quiet_windows_in_a_row_resolve() -> None:
    life, changes = run(firing(), *(reading(i, 1.0) for i in range(1, 6)))
    assert (life.state, changes) == ("RECOVERING", [])
    life, changes = run(life, reading(6, 1.0))
    assert (life.state, types(changes), changes[0].text) == ("NORMAL", ["resolved"], "cleared")
    assert changes[0].incident.reason == "cleared"
    assert (changes[0].incident.state, changes[0].incident.resolved_at_s) == ("resolved", T0 + 7 * 300)
    assert (changes[0].incident.z, changes[0].incident.share) == (5.2, 0.6)


def test_a_loud_window_starts_the_count_of_quiet_ones_anew() -> None:
    quiet = [reading(i, 1.0) for i in range(1, 6)]
    life, changes = run(firing(), *quiet, reading(6, 3.0), *(reading(i, 1.0) for i in range(7, 12)))
    assert (life.state, changes) == ("RECOVERING", [])


@pytest.mark.parametrize("clock", [clock.name for clock in CLOCKS])
def test_every_clock_closes_at_its_own_level_after_its_own_count(clock: str) -> None:
    levels = named(CLOCKS, clock)
    life, _ = run(Life(SERIES), reading(0, levels.at_once_z, clock))
    quiet = [reading(i, levels.close_z - 0.01, clock) for i in range(1, levels.quiet_steps + 1)]
    before, changes = run(life, *quiet[:-1])
    assert (before.state, changes) == ("RECOVERING", [])
    assert types(run(before, quiet[-1])[1]) == ["resolved"]


# Early


EARLY_Z = named(CLOCKS, "5m").early_z


def test_an_open_window_fires_early_at_its_own_higher_level_only() -> None:
    assert pytest.approx(named(CLOCKS, "5m").at_once_z + EARLY_MARGIN) == EARLY_Z
    assert run(Life(SERIES), reading(0, EARLY_Z - 0.01, is_open=True)) == (Life(SERIES), [])
    life, changes = run(Life(SERIES), reading(0, EARLY_Z, is_open=True))
    assert (types(changes), opened(life).early, opened(life).severity) == (["fired"], True, "warning")
    assert opened(life).opened_at_s == T0
    assert opened(life).window_end_s == T0 + 150


def test_looks_bring_the_figures_of_an_early_incident_up_to_date_where_they_have_grown() -> None:
    life, _ = run(Life(SERIES), reading(0, EARLY_Z, is_open=True))
    same, changes = run(life, reading(0, EARLY_Z + 0.4, is_open=True, negative=60))
    assert (same, changes) == (life, [])
    life, changes = run(life, reading(0, EARLY_Z + 0.5, is_open=True, negative=60))
    assert (opened(life).negative, opened(life).z, changes) == (60, EARLY_Z + 0.5, [])
    confirmed, _ = run(life, reading(0, 5.0))
    assert run(confirmed, reading(1, 6.0, is_open=True, negative=90)) == (confirmed, [])


def test_open_windows_never_count_towards_two_in_a_row() -> None:
    life, changes = run(Life(SERIES), *(reading(0, 4.9, is_open=True) for _ in range(9)), reading(0, 4.1))
    assert (life.state, changes) == ("PENDING", [])


@pytest.mark.parametrize(("z", "state", "told"), [(4.0, "FIRING", []), (3.8, "NORMAL", ["resolved"])])
def test_the_closed_window_confirms_an_early_incident_or_resolves_it(z: float, state: str, told: list[str]) -> None:
    life, changes = run(Life(SERIES), reading(0, 5.8, is_open=True))
    life, changes = run(life, reading(0, z))
    assert (life.state, types(changes)) == (state, told)
    if told:
        assert changes[0].incident.reason == "not_confirmed"
    else:
        assert not opened(life).early


def test_an_earlier_window_that_closes_meanwhile_neither_confirms_nor_resolves() -> None:
    life, _ = run(Life(SERIES), reading(1, 5.8, is_open=True))
    life, changes = run(life, reading(0, 1.0))
    assert (life.state, opened(life).early, changes) == ("FIRING", True, [])


def test_an_early_incident_may_escalate_early_and_quiet_looks_leave_it_alone() -> None:
    life, _ = run(Life(SERIES), reading(0, 5.8, is_open=True))
    life, changes = run(life, reading(0, 0.0, is_open=True), reading(0, 6.6, is_open=True))
    assert (types(changes), opened(life).severity) == (["escalated"], "critical")


def test_after_an_unconfirmed_one_only_a_closed_window_opens_it_again() -> None:
    life, _ = run(Life(SERIES), reading(0, 5.8, is_open=True), reading(0, 1.0))
    life, changes = run(life, reading(1, 7.0, is_open=True))
    assert changes == []
    assert types(run(life, reading(1, 5.1))[1]) == ["reopened"]
    much_later = reading(0 + 40, 7.0, is_open=True)
    assert types(run(life, much_later)[1]) == ["fired"]


# No data


def test_no_data_holds_the_incident_and_is_noted_once() -> None:
    life, changes = run(firing(), *(reading(i, 0.0, no_data=True) for i in range(1, 200)))
    assert life.state == "FIRING"
    assert [(change.type, change.text) for change in changes] == [("commented", "no data")]


def test_two_windows_without_data_are_no_hold() -> None:
    assert run(firing(), *(reading(i, 0.0, no_data=True) for i in range(1, 3)))[1] == []


def test_windows_without_data_are_not_quiet() -> None:
    life, _ = run(firing(), *(reading(i, 1.0) for i in range(1, 4)))
    life, _ = run(life, *(reading(i, 0.0, no_data=True) for i in range(4, 40)))
    assert life.state == "RECOVERING"
    life, changes = run(life, *(reading(i, 1.0) for i in range(40, 43)))
    assert types(changes) == ["resolved"]


def test_a_day_without_data_resolves() -> None:
    life, changes = run(firing(), *(reading(i, 0.0, no_data=True) for i in range(1, 289)))
    assert types(changes) == ["commented", "resolved"]
    assert changes[-1].incident.reason == "no_data"
    assert life.state == "NORMAL"


# New baseline


def long_spike(baseline_share: float, windows: int, z: float = 3.0) -> list[Change]:
    readings = (reading(i, z, baseline_share=baseline_share) for i in range(1, windows))
    return [change for change in run(firing(), *readings)[1] if change.type == "resolved"]


def test_after_a_day_a_baseline_that_has_moved_half_way_resolves() -> None:
    assert long_spike(0.4, 288) == []
    (change,) = long_spike(0.4, 289)
    assert change.incident.reason == "new_baseline"
    assert change.incident.resolved_at_s == T0 + 289 * 300


def test_after_a_day_a_baseline_that_has_not_moved_or_is_still_far_exceeded_keeps_firing() -> None:
    assert long_spike(0.39, 400) == []
    assert long_spike(0.4, 400, z=4.0) == []


# Reminders


def reminders(count: int, context: Context, z: float = 3.0) -> list[int]:
    changes = run(firing(), *(reading(i, z) for i in range(1, count)), context=context)[1]
    assert set(types(changes)) <= {"reminder"}
    return [(change.incident.window_end_s - T0 - 300) // HOUR for change in changes]


def test_it_reminds_every_four_hours() -> None:
    assert reminders(12 * 12 + 1, Context()) == [4, 8, 12]


def test_nobody_is_reminded_of_what_somebody_is_on() -> None:
    assert reminders(12 * 12 + 1, Context(acknowledged=True)) == []


def test_a_step_without_readings_reminds_too() -> None:
    life, changes = step(firing(), [], (T0 + 300 + 4 * HOUR) * 1000, Context())
    assert types(changes) == ["reminder"]
    assert step(life, [], (T0 + 300 + 5 * HOUR) * 1000, Context())[1] == []


def test_a_recovering_incident_and_one_on_hold_do_not_remind() -> None:
    life, _ = run(firing(), reading(1, 0.0))
    assert step(life, [], (T0 + 9 * HOUR) * 1000, Context())[1] == []
    held, _ = run(firing(), *(reading(i, 0.0, no_data=True) for i in range(1, 4)))
    assert step(held, [], (T0 + 9 * HOUR) * 1000, Context())[1] == []


# Reopening


@pytest.mark.parametrize(("after", "kind"), [(24, "reopened"), (25, "fired")])
def test_a_new_fire_within_two_hours_reopens_the_same_incident(after: int, kind: str) -> None:
    life = resolved()
    (before,) = [life.last]
    assert before is not None
    life, changes = run(life, reading(7 + after, 5.5))
    assert types(changes) == [kind]
    again = opened(life)
    assert (again.incident_id == before.incident_id) is (kind == "reopened")
    assert (again.state, again.resolved_at_s, again.reason) == ("firing", None, None)


def test_what_reopens_keeps_its_severity_its_peak_and_its_beginning() -> None:
    life, _ = run(resolved(8.0), reading(30, 5.5))
    again = opened(life)
    assert (again.severity, again.z_peak) == ("critical", 8.0)
    assert (again.opened_at_s, again.fired_at_ms) == (T0, (T0 + 300) * 1000)


def test_a_long_window_that_holds_the_resolved_incident_reopens_it_only_with_more_evidence() -> None:
    assert types(run(resolved(5.2), reading(0, 5.1, "1d"))[1]) == []
    life, changes = run(resolved(5.2), reading(0, 5.3, "1d"))
    assert types(changes) == ["reopened"]
    assert (opened(life).clock, opened(life).opened_at_s) == ("1d", T0)


# Parents


def parent(z: float = 6.0) -> Incident:
    life, _ = run(Life("news/market/all"), reading(0, z))
    return opened(life)


def test_a_child_of_a_firing_parent_opens_attached_and_is_not_announced() -> None:
    life, changes = run(Life(SERIES), reading(0, 7.4), context=Context(parents=(parent(),)))
    assert types(changes) == ["fired"]
    assert (opened(life).parent, opened(life).announced) == (parent().incident_id, False)
    assert step(life, [], (T0 + 9 * HOUR) * 1000, Context(parents=(parent(),)))[1] == []


def test_a_child_far_above_its_parent_is_announced_and_stays_on_its_own() -> None:
    life, _ = run(Life(SERIES), reading(0, 7.5), reading(1, 8.0), context=Context(parents=(parent(),)))
    assert (opened(life).parent, opened(life).announced) == (None, True)


def test_a_child_that_was_open_before_is_attached_and_stays_announced() -> None:
    child = firing(9.0)
    late = replace(parent(), fired_at_ms=opened(child).fired_at_ms + 1)
    life, changes = step(child, [], (T0 + 600) * 1000, Context(parents=(late,)))
    assert changes == []
    assert (opened(life).parent, opened(life).announced) == (late.incident_id, True)


def test_a_recovering_parent_attaches_nobody() -> None:
    context = Context(parents=(replace(parent(), state="recovering"),))
    assert opened(run(Life(SERIES), reading(0, 5.1), context=context)[0]).announced


def attached(z: float = 5.5, parent_z: float = 6.0) -> Life:
    life, changes = run(Life(SERIES), reading(0, z), context=Context(parents=(parent(parent_z),)))
    assert types(changes) == ["fired"]
    assert not opened(life).announced
    return life


def test_the_widest_parent_that_a_child_belongs_to_takes_it() -> None:
    market, language = parent(5.0), replace(parent(8.0), incident_id="l", series="news/lang/zh")
    context = Context(parents=(market, language))
    assert opened(run(Life(SERIES), reading(0, 6.4), context=context)[0]).parent == market.incident_id
    assert opened(run(Life(SERIES), reading(0, 7.0), context=context)[0]).parent == "l"
    assert opened(run(Life(SERIES), reading(0, 9.5), context=context)[0]).announced


def test_a_child_that_fires_on_after_its_parent_is_told_of_once() -> None:
    life, changes = run(attached(), reading(1, 4.5), context=Context())
    assert [(change.type, change.incident.announced, change.incident.parent) for change in changes] == [
        ("fired", True, None)
    ]
    assert changes[0].incident.incident_id == opened(life).incident_id
    assert changes[0].text
    assert opened(life) == changes[0].incident
    life, changes = run(life, reading(2, 4.5), reading(3, 4.5))
    assert changes == []
    assert types(step(life, [], (T0 + 600 + 4 * HOUR) * 1000, Context())[1]) == ["reminder"]


def test_a_child_stays_part_of_a_parent_that_recovers() -> None:
    context = Context(parents=(replace(parent(), state="recovering"),))
    life, changes = run(attached(), reading(1, 5.5), context=context)
    assert (changes, opened(life).announced, opened(life).parent) == ([], False, parent().incident_id)


def test_a_child_that_recovers_with_its_parent_is_not_told_of_unless_it_comes_back() -> None:
    recovering, changes = run(attached(), reading(1, 1.0), context=Context())
    assert (changes, recovering.state) == ([], "RECOVERING")
    _, changes = run(recovering, *(reading(i, 1.0) for i in range(2, 7)))
    assert [(change.type, change.incident.announced) for change in changes] == [("resolved", False)]
    _, changes = run(recovering, reading(2, 4.5))
    assert [(change.type, change.incident.announced) for change in changes] == [("fired", True)]


def test_a_child_on_hold_is_not_told_of_until_there_is_data_again() -> None:
    context = Context(parents=(parent(),))
    held, _ = run(attached(), *(reading(i, 0.0, no_data=True) for i in range(1, 4)), context=context)
    assert run(held, reading(4, 0.0, no_data=True))[1] == []
    assert types(run(held, reading(4, 4.5))[1]) == ["fired"]


def test_a_child_whose_parent_resolved_goes_over_to_another_that_fires() -> None:
    other = replace(parent(), incident_id="o", series="news/lang/en")
    life, changes = run(attached(), reading(1, 5.0), context=Context(parents=(other,)))
    assert (changes, opened(life).parent, opened(life).announced) == ([], "o", False)


@pytest.mark.parametrize(("z", "told"), [(7.4, False), (7.5, True)])
def test_an_attached_child_that_becomes_critical_far_above_its_parent_is_told_of(z: float, told: bool) -> None:
    context = Context(parents=(parent(6.0),))
    life, changes = run(attached(), reading(1, z), context=context)
    assert [(change.type, change.incident.announced) for change in changes] == [("escalated", told)]
    assert (opened(life).announced, opened(life).parent is None) == (told, told)
    assert run(life, reading(2, z), context=context)[1] == []


def test_an_attached_child_that_is_critical_already_is_told_of_when_it_rises_far_above() -> None:
    context = Context(parents=(parent(6.0),))
    life, changes = run(attached(6.5), reading(1, 7.4), context=context)
    assert (opened(life).severity, changes) == ("critical", [])
    _, changes = run(life, reading(2, 7.5), context=context)
    assert [(change.type, change.incident.announced) for change in changes] == [("fired", True)]


def test_an_attached_child_far_above_its_parent_but_not_critical_stays_attached() -> None:
    life, changes = run(attached(5.0, 5.0), reading(1, 5.7), context=Context(parents=(replace(parent(), z=3.0),)))
    assert (changes, opened(life).announced) == ([], False)


def test_an_open_window_that_escalates_a_child_far_above_its_parent_tells_of_it() -> None:
    life, changes = run(attached(), reading(1, 7.6, is_open=True), context=Context(parents=(parent(6.0),)))
    assert [(change.type, change.incident.announced) for change in changes] == [("escalated", True)]
    assert opened(life).parent is None


# Support, order and restarts


def test_support_is_wanted_exactly_where_something_is_about_to_open() -> None:
    pending = run(Life(SERIES), reading(0, 4.1))[0]
    assert not wants_support(Life(SERIES), [reading(0, 4.8)])
    assert wants_support(Life(SERIES), [reading(0, 5.0)])
    assert wants_support(pending, [reading(1, 4.1)])
    assert not wants_support(pending, [reading(2, 4.1)])
    assert not wants_support(Life(SERIES), [reading(0, 5.0, is_open=True)])
    assert wants_support(Life(SERIES), [reading(0, EARLY_Z, is_open=True)])
    assert not wants_support(Life(SERIES), [reading(0, 8.0, negative=2)])
    assert not wants_support(firing(), [reading(1, 9.0)])
    assert wants_support(resolved(), [reading(8, 9.0)])


def test_readings_of_one_call_are_taken_in_order_of_time() -> None:
    readings = [reading(1, 4.1), reading(0, 4.1)]
    life, changes = step(Life(SERIES), readings, 0, Context())
    assert types(changes) == ["fired"]
    assert opened(life).opened_at_s == T0 + 300


zs = st.one_of(st.floats(-1, 3), st.floats(2, 8))
drawn = st.lists(st.tuples(zs, st.booleans(), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(drawn, st.integers(0, 40))
def test_a_restart_at_any_moment_changes_nothing(windows: list[tuple[float, bool, bool]], cut: int) -> None:
    readings = [
        reading(i, z, no_data=silent and not early, is_open=early) for i, (z, early, silent) in enumerate(windows)
    ]
    life, expected = run(Life(SERIES), *readings, stories=(STORY,))
    first, before = run(Life(SERIES), *readings[:cut], stories=(STORY,))
    again = Life.load(json.loads(json.dumps(first.dump())))
    assert again == first
    second, after = run(again, *readings[cut:], stories=(STORY,))
    assert (second, before + after) == (life, expected)


@settings(max_examples=150, deadline=None)
@given(drawn)
def test_events_of_any_course_are_in_a_sane_order(windows: list[tuple[float, bool, bool]]) -> None:
    readings = [
        reading(i, z, no_data=silent and not early, is_open=early) for i, (z, early, silent) in enumerate(windows)
    ]
    _, changes = run(Life(SERIES), *readings)
    is_open: str | None = None
    escalated: set[str] = set()
    for change in changes:
        incident = change.incident
        assert incident.z_peak >= incident.z
        if change.type in ("fired", "reopened"):
            assert is_open is None
            is_open = incident.incident_id
        else:
            assert incident.incident_id == is_open
        if change.type == "escalated":
            assert incident.incident_id not in escalated
            escalated.add(incident.incident_id)
        assert (incident.state == "resolved") is (change.type == "resolved")
        if change.type == "resolved":
            is_open = None


def test_a_life_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="schema 7"):
        Life.load([7])
