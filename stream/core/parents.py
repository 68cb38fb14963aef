"""Parents: which wider series a series is part of, and what becomes of its incident while theirs fires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from stream.core.incidents import Incident
from stream.core.series import market, parse

OWN_NEWS_Z: Final = 1.5  # so far above its parent a child tells something that the parent does not

_DEPTH: Final = {"market": 0, "lang": 1}


def depth(series: str) -> int:
    """Return 0 for a market, 1 for a language, 2 for what is below: decide in this order, parents first."""
    return _DEPTH.get(parse(series)[1], 2)


def parents(series: str, langs: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the wider series of the same kind, widest first; a market has none.

    Args:
        langs: values of the languages that the series' documents are in, where that is known.
    """
    kind = parse(series)[0]
    level = depth(series)
    if level == 0:
        return ()
    if level == 1:
        return (market(kind),)
    return (market(kind), *(f"{kind}/lang/{lang}" for lang in langs))


def firing_parent(series: str, incidents: Mapping[str, Incident], langs: Iterable[str] = ()) -> Incident | None:
    """Return the firing incident of the widest parent that has one, from open incidents by series."""
    for parent in parents(series, langs):
        incident = incidents.get(parent)
        if incident is not None and incident.state == "firing":
            return incident
    return None


def belongs(z: float, parent: Incident | None) -> bool:
    """Return whether a child that opens with this evidence is told as part of its parent, not on its own."""
    return parent is not None and parent.state == "firing" and z < parent.z + OWN_NEWS_Z
