"""Echoes: a longer clock that only repeats what a shorter one has told and called off."""

from __future__ import annotations

from stream.core.clocks import CLOCKS, named
from stream.core.incidents import Incident
from stream.core.readings import Reading


def echoes(last: Incident | None, reading: Reading) -> bool:
    """Return whether this reading of a closed window must not open an incident, since `last` has told of it.

    An hour's window closes with the burst in it that opened and resolved on the five-minute clock. It opens only if
    its span begins after that, or if the evidence has grown beyond what was seen then. What was called off because the
    window in which it opened did not confirm it was a hasty look: the longer clock may well say that it was right.

    Args:
        last: the series' incident that resolved last.
    """
    if last is None or last.resolved_at_s is None or last.reason == "not_confirmed" or reading.open:
        return False
    longer = named(CLOCKS, reading.clock).step_s > named(CLOCKS, last.clock).step_s
    return longer and reading.end_s - reading.span_s < last.resolved_at_s and reading.z < last.z_peak
