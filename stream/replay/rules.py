"""The rules that a replay judges by: a budget, clocks, levels, and which series."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from stream.core.clocks import CLOCKS, Clock
from stream.detector.engine import Desk, Engine
from stream.settings import ConfigurationError

NAMES: Final = tuple(clock.name for clock in CLOCKS)


class Levels(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Levels of evidence of one clock; None leaves what the budget gives."""

    open_z: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    at_once_z: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    close_z: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    critical_z: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    least_negative: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a file of rules may say.

    Attributes:
        false_alarms_per_week: alert budget of a series.
        clocks: names of those to look on; None is all.
        series: patterns such as `news/topic/*`; None is all.
        levels: by clock, instead of what the budget gives.
    """

    false_alarms_per_week: Annotated[float, msgspec.Meta(ge=0.0001, le=10)] = 0.03
    clocks: tuple[str, ...] | None = None
    series: tuple[str, ...] | None = None
    levels: dict[str, Levels] = {}


def read_rules(path: Path, base: Rules) -> Rules:
    """Return the rules in a TOML file; what it does not name stays as in `base`.

    Raises:
        ConfigurationError: it cannot be read, or names what is no rule.
    """
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigurationError(f"--rules {path}: {exc.strerror}; expected a TOML file") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigurationError(f"--rules {path}: not a TOML file: {exc}") from None
    try:
        rules = msgspec.convert(msgspec.to_builtins(base) | found, Rules)
    except msgspec.ValidationError as exc:
        known = ", ".join(Rules.__struct_fields__)
        raise ConfigurationError(f"--rules {path}: {exc}; a file of rules holds {known}") from None
    for name in (*(rules.clocks or ()), *rules.levels):
        if name not in NAMES:
            raise ConfigurationError(f"--rules {path}: clock {name!r} is none; expected some of {', '.join(NAMES)}")
    if rules.clocks is not None and not rules.clocks:
        raise ConfigurationError(f"--rules {path}: clocks is empty; expected some of {', '.join(NAMES)}")
    for clock in engine_for(rules).clocks:
        if not clock.close_z <= clock.open_z <= clock.at_once_z <= clock.critical_z:
            raise ConfigurationError(
                f"--rules {path}: levels of {clock.name} are not in order: expected close_z {clock.close_z:g} <= "
                f"open_z {clock.open_z:g} <= at_once_z {clock.at_once_z:g} <= critical_z {clock.critical_z:g}"
            )
    return rules


def engine_for(rules: Rules, desk: Desk | None = None) -> Engine:
    """Return an engine that judges by these rules, and in all else as `desk` says."""
    desk = replace(desk or Desk(), false_alarms_per_week=rules.false_alarms_per_week)
    engine = Engine(desk, rules.clocks)
    engine.clocks = tuple(_levelled(clock, rules.levels.get(clock.name)) for clock in engine.clocks)
    return engine


def chosen(series: Iterable[str], rules: Rules) -> set[str]:
    """Return those of the series that the rules look at."""
    if rules.series is None:
        return set(series)
    return {name for name in series if any(fnmatchcase(name, pattern) for pattern in rules.series)}


def _levelled(clock: Clock, levels: Levels | None) -> Clock:
    if levels is None:
        return clock
    given = {name: value for name, value in msgspec.structs.asdict(levels).items() if value is not None}
    return replace(clock, **given)
