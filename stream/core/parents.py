"""Parents: which wider series a series is part of, and what becomes of its incident while theirs is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from stream.core.incidents import Incident, Story
from stream.core.series import DIMENSIONS, market, source_value

OWN_NEWS_Z: Final = 1.5  # so far above its parent a child tells something that the parent does not

_DEPTH: Final = {"market": 0, "lang": 1}
_DEEPEST: Final = 2


def depth(series: str) -> int:
    """Return 0 for a market, 1 for a language, 2 for what is below and for any other string: decide in this order."""
    return _DEPTH.get(_dimension(series), _DEEPEST)


def parents(series: str, langs: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the wider series of the same kind, widest first; a market has none, nor has a string that is no series.

    Args:
        langs: values of the languages that the series' documents are in, where that is known.
    """
    dimension = _dimension(series)
    if not dimension or dimension == "market":
        return ()
    kind = series.partition("/")[0]
    if dimension == "lang":
        return (market(kind),)
    return (market(kind), *(f"{kind}/lang/{lang}" for lang in langs))


def languages(stories: Iterable[Story]) -> tuple[str, ...]:
    """Return the language that all of these stories are in; none where they are in several, or there are none.

    An incident's evidence holds a story of each language that told it: what it says of the language holds for all.
    """
    found = {source_value(story.lang) for story in stories}
    return tuple(found) if len(found) == 1 else ()


def open_parents(series: str, incidents: Mapping[str, Incident], langs: Iterable[str] = ()) -> tuple[Incident, ...]:
    """Return the parents' incidents, widest parent first, from open incidents by series."""
    return tuple(incidents[name] for name in parents(series, langs) if name in incidents)


def belongs(z: float, parent: Incident | None) -> bool:
    """Return whether a child with this evidence is told as part of its parent, not on its own."""
    return parent is not None and parent.state == "firing" and z < parent.z + OWN_NEWS_Z


def told_with(z: float, parents: Sequence[Incident]) -> Incident | None:
    """Return the widest of these incidents as part of which a child with this evidence is told."""
    return next((parent for parent in parents if belongs(z, parent)), None)


def _dimension(series: str) -> str:
    """Return the dimension in a series id; empty for any other string."""
    parts = series.split("/", 2)
    return parts[1] if len(parts) == 3 and parts[2] and parts[1] in DIMENSIONS else ""
