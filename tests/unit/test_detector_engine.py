"""The engine's short cuts change nothing; parents and children over whole steps; what is forgotten."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from stream.core.event_time import DAY_S
from stream.core.incidents import Story
from stream.core.life import Context, Life, step, wants_support
from stream.core.parents import languages, open_parents, parents
from stream.core.readings import Counts, Support
from stream.core.watch import Watch
from stream.detector.engine import FORGOTTEN_S, NOTHING, PRIOR_SHARE, STEP_S, Desk, Engine, Followed, Window
from stream.detector.engine import patched_windows as patched

T0 = 1_767_571_200  # a Monday, midnight UTC
MARKET, LANG, TICKER, TOPIC = "news/market/all", "news/lang/zh", "news/ticker/ACME", "news/topic/macro"
NAMES = [TICKER, MARKET, "odd, string", LANG, TOPIC, "news/source/wire", "x/y/z"]


def nobody(series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
    return Support(), ()


class Counted:
    """What is counted so far of each window of five minutes, and the windows that a step takes of it."""

    def __init__(self) -> None:
        self.windows: dict[int, dict[str, Counts]] = {}

    def add(self, start_s: int, series: str, negative: int, total: int) -> None:
        window = self.windows.setdefault(start_s, {})
        known = window.get(series, NOTHING)
        window[series] = Counts(known.negative + negative, known.total + total)

    def closing(self, engine: Engine, end_s: int) -> dict[str, list[tuple[int, Window]]]:
        found: dict[str, list[tuple[int, Window]]] = {}
        for clock in engine.closing(end_s):
            starts = range(end_s - (patched(clock) + 1) * clock.step_s, end_s, clock.step_s)
            found[clock.name] = [(start_s, self._summed(start_s, clock.step_s)) for start_s in starts]
        return found

    def _summed(self, start_s: int, width_s: int) -> dict[str, Counts]:
        sums: dict[str, Counts] = {}
        for at_s in range(start_s, start_s + width_s, STEP_S):
            for name, counts in self.windows.get(at_s, {}).items():
                known = sums.get(name, NOTHING)
                sums[name] = Counts(known.negative + counts.negative, known.total + counts.total)
        return sums


class Plain:
    """The engine without any short cut: every window of every series patched, every life stepped."""

    def __init__(self, desk: Desk) -> None:
        self.engine = Engine(desk)
        self.followed: dict[str, Followed] = {}

    def follow(self, series: str, primed_s: int) -> None:
        clocks = self.engine.clocks
        self.followed[series] = Followed(Watch(series, PRIOR_SHARE, clocks), Life(series), primed_s)

    def close(
        self, end_s: int, windows: Mapping[str, Sequence[tuple[int, Window]]], only: Sequence[str]
    ) -> list[tuple[str, list[Any]]]:
        told = []
        for series in self.engine.in_order(only):
            one, readings = self.followed[series], []
            for clock in self.engine.closing(end_s):
                *before, (start_s, last) = windows[clock.name]
                for at_s, window in before:
                    if at_s >= one.primed_s:
                        one.watch.patch(clock.name, at_s, window.get(series, NOTHING))
                reading = one.watch.close(clock.name, start_s, last.get(series, NOTHING))
                readings += [] if reading is None else [reading]
            support: Support | None = None
            stories: tuple[Story, ...] = ()
            if wants_support(one.life, readings, self.engine.clocks):
                support, stories = nobody(series, 0, 0)
            langs = languages(one.life.incident.evidence if one.life.incident else stories)
            lives = {
                name: self.followed[name].life.incident for name in parents(series, langs) if name in self.followed
            }
            wider = open_parents(series, {name: each for name, each in lives.items() if each is not None}, langs)
            context = Context(support=support, parents=wider)
            one.life, changes = step(one.life, readings, end_s * 1000, context, stories, self.engine.clocks)
            told.append((series, changes))
        return [(series, changes) for series, changes in told if changes]


@pytest.mark.parametrize("seed", range(6))
def test_short_cuts_change_nothing(seed: int) -> None:
    """Late documents, corrections, series that come and go, series left out of a step, and a restart."""
    draw = random.Random(seed)
    counted, desk = Counted(), Desk()
    engine, plain = Engine(desk), Plain(desk)
    events = 0
    for n in range(420):
        end_s = T0 + (n + 1) * STEP_S
        storm = n % 140 > 125
        for name in NAMES:
            total = draw.choice((0, 0, 3, 30))
            share = 0.85 if storm and draw.random() < 0.8 else 0.2
            if total:
                counted.add(end_s - STEP_S, name, sum(draw.random() < share for _ in range(total)), total)
            if draw.random() < 0.2:
                late_s = end_s - STEP_S * draw.randint(1, 20)
                counted.add(late_s, name, draw.randint(0, 1), 1)
        if draw.random() < 0.05:
            counted.windows.get(end_s - 4 * STEP_S, {}).pop(MARKET, None)
        new = draw.sample(NAMES, 2) if n else NAMES[:3]
        for name in new:
            if name not in engine.followed:
                primed_s = end_s - STEP_S * draw.randint(1, 15)
                engine.follow(name, primed_s)
                plain.follow(name, primed_s)
        if draw.random() < 0.03:
            continue  # nobody closed this step
        windows = counted.closing(engine, end_s)
        only = list(engine.followed) if draw.random() < 0.9 else draw.sample(list(engine.followed), 2)
        decided = engine.close(end_s, windows, end_s * 1000, nobody, only=only)
        found = [(one.series, one.changes) for one in decided if one.changes]
        assert found == plain.close(end_s, windows, only)
        events += len(found)
        for name, one in engine.followed.items():
            assert one.watch.dump() == plain.followed[name].watch.dump(), (n, name)
            assert one.life == plain.followed[name].life
        if draw.random() < 0.02:
            again = Engine(desk)
            for name, one in engine.followed.items():
                again.followed[name] = Followed(Watch.load(one.watch.dump()), one.life, one.primed_s)
            engine = again
    assert events > 5


# Parents and children


class Town:
    """Several series with a quiet past, and storms in some."""

    def __init__(self, *names: str) -> None:
        self.engine = Engine(Desk())
        self.end_s = T0
        self.story_langs: dict[str, str] = {}
        self.draw = random.Random(5)
        for name in names:
            self.engine.follow(name, T0)
        for _ in range(288):
            self.step()

    def step(self, **negative: float) -> list[tuple[str, str, bool]]:
        """Close a step; shares by the last part of the name, 20% where none is given."""
        self.end_s += STEP_S
        window = {}
        for name in self.engine.followed:
            share = negative.get(name.rsplit("/", 1)[1], 0.2)
            window[name] = Counts(round(60 * share) + self.draw.randint(-2, 2), 60)
        start_s = self.end_s - STEP_S
        windows: dict[str, list[tuple[int, Window]]] = {"5m": [(start_s, window)]}
        decided = self.engine.close(self.end_s, windows, self.end_s * 1000, self.witness)
        return [(each.type, one.series, each.incident.announced) for one in decided for each in one.changes]

    def witness(self, series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
        lang = self.story_langs.get(series)
        if lang is None:
            return Support(), ()
        return Support(), (Story(id="s", title="t", source="w", lang=lang, score=-0.9, event_s=start_s),)


def test_a_ticker_is_told_with_the_language_that_all_its_stories_are_in() -> None:
    town = Town(LANG, TICKER, TOPIC)
    town.story_langs = {TICKER: "zh", TOPIC: "en"}
    assert town.step(zh=0.9, ACME=0.85, macro=0.85) == [
        ("fired", LANG, True),
        ("fired", TICKER, False),
        ("fired", TOPIC, True),
    ]


def test_a_child_that_outlasts_the_market_is_told_of_once_and_its_end_too() -> None:
    town = Town(MARKET, TICKER)
    assert town.step(all=0.9, ACME=0.85) == [("fired", MARKET, True), ("fired", TICKER, False)]
    events = [each for _ in range(40) for each in town.step(ACME=0.85)]
    assert sorted(events) == [("fired", TICKER, True), ("resolved", MARKET, True)]
    events = [each for _ in range(40) for each in town.step() if each[0] != "reminder"]
    assert events == [("resolved", TICKER, True)]


def test_children_that_end_with_the_market_are_never_told_of() -> None:
    town = Town(MARKET, TICKER, TOPIC)
    events = [each for _ in range(4) for each in town.step(all=0.9, ACME=0.85, macro=0.85)]
    events += [each for _ in range(40) for each in town.step()]
    assert {series for _, series, announced in events if announced} == {MARKET}
    assert sorted(each for each in events if each[0] == "resolved") == [
        ("resolved", MARKET, True),
        ("resolved", TICKER, False),
        ("resolved", TOPIC, False),
    ]


def test_a_look_at_an_open_window_asks_who_tells_from_the_beginning_of_its_span() -> None:
    town, asked = Town(MARKET), list[tuple[int, int]]()

    def witness(series: str, start_s: int, end_s: int) -> tuple[Support, tuple[Story, ...]]:
        asked.append((start_s, end_s))
        return Support(), ()

    now_s = town.end_s + 100.0
    decided = town.engine.look(MARKET, now_s, [(town.end_s, Counts(50, 60))], witness)
    assert decided is not None
    incident = decided.changes[0].incident
    assert asked == [(incident.window_start_s, incident.window_end_s)]
    assert (incident.window_start_s - town.end_s) % STEP_S == 0


@pytest.mark.parametrize(("authors", "fires"), [(1, False), (4, False), (5, True), (None, True)])
def test_a_storm_of_few_authors_does_not_fire(authors: int | None, fires: bool) -> None:
    town = Town(MARKET)
    town.witness = lambda *_: (Support(authors=authors), ())  # type: ignore[method-assign]
    events = [each for _ in range(12) for each in town.step(all=0.9)]
    assert bool(events) is fires


# What is forgotten


def test_a_series_without_stories_for_two_weeks_is_forgotten_unless_something_is_open() -> None:
    engine = Engine(Desk())
    engine.follow(MARKET, T0)
    engine.follow(TICKER, T0)
    gone: list[str] = []
    for n in range(1, 40):
        end_s = T0 + n * DAY_S
        window = {MARKET: Counts(2, 10)} | ({TICKER: Counts(1, 5)} if n == 3 else {})
        engine.close(end_s, {"1d": [(end_s - DAY_S, window)]}, end_s * 1000, nobody)
        assert engine.forget(end_s - STEP_S) == []
        gone += [f"{n} {name}" for name in engine.forget(end_s)]
    assert gone == [f"{3 + FORGOTTEN_S // DAY_S} {TICKER}"]
    assert list(engine.followed) == [MARKET]


def test_an_open_incident_keeps_its_series() -> None:
    town = Town(MARKET)
    town.step(all=0.9)
    followed = town.engine.followed[MARKET]
    assert followed.life.incident is not None
    midnight_s = T0 + 30 * DAY_S
    assert town.engine.forget(midnight_s) == []
    followed.life = Life(MARKET)
    assert town.engine.forget(midnight_s) == [MARKET]


def test_a_series_of_which_nothing_is_known_since_a_restart_has_two_weeks_again() -> None:
    engine = Engine(Desk())
    engine.followed[TICKER] = Followed(Watch(TICKER), Life(TICKER), T0 - 90 * DAY_S)
    assert engine.forget(T0) == []
    engine.close(T0, {"1d": [(T0 - DAY_S, {})]}, T0 * 1000, nobody)
    assert engine.forget(T0 + 13 * DAY_S) == []
    assert engine.forget(T0 + 14 * DAY_S) == [TICKER]
