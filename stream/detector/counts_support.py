"""Who told the negative stories of a span, where only each window's number of authors and sources is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from stream.core.evidence import RING
from stream.core.readings import Support

# So many windows that could show several sources tell whether a series usually has them: half of them or more do.
_WINDOWS_THAT_TELL: Final = 5


class Telling(NamedTuple):
    """One series in one window.

    Attributes:
        authors, sources: of the negative stories; None where that is not known.
        repeats: negative stories that an author told who had told one in the same window of the file.
    """

    negative: int
    total: int
    authors: int | None
    sources: int | None
    repeats: int = 0


def told_in(negative: int, total: int, authors: int | None, sources: int | None) -> Telling:
    """Return what a window of the file tells; nought authors or sources of negative stories are not known ones."""
    authors = min(authors, negative) if authors else None
    return Telling(negative, total, authors, sources or None, negative - authors if authors else 0)


def together(parts: Sequence[Telling]) -> Telling:
    """Return several windows as one.

    Who told two windows may be the same or not. Authors are counted as if one and the same wrote in every window and
    nobody else in two. Windows of a single negative story have one author in any case: they count where the others
    show that most stories have their own. Sources are few and come again: the most of a window, of those at least as
    negative as all together, which are those of a spike if there is one.

    >>> together([told_in(4, 20, 4, 2), told_in(40, 50, 1, 1), told_in(40, 50, 1, 1)])
    Telling(negative=84, total=120, authors=4, sources=1, repeats=78)
    """
    negative, total = sum(part.negative for part in parts), sum(part.total for part in parts)
    loud = [part for part in parts if part.negative and part.negative * total >= negative * part.total]
    return Telling(
        negative,
        total,
        _authors([part for part in parts if part.authors]),
        max((part.sources for part in loud if part.sources is not None), default=None),
        sum(part.repeats for part in parts),
    )


def _authors(parts: Sequence[Telling]) -> int | None:
    if len(parts) == 1:
        return parts[0].authors
    several = [part for part in parts if part.negative > 1]
    if not several:
        return None
    authors = sum(part.authors or 0 for part in several)
    own = 2 * authors >= sum(part.negative for part in several)
    return 1 + authors - len(several) + (len(parts) - len(several) if own else 0)


class Tellers:
    """The last steps of each clock of one series, and whether it usually has several sources.

    Args:
        steps_s: of the clocks, shortest first.
    """

    __slots__ = ("_alone", "_rings", "_several")

    def __init__(self, steps_s: Sequence[int]) -> None:
        self._rings: dict[int, deque[tuple[int, Telling]]] = {step_s: deque(maxlen=RING) for step_s in steps_s}
        self._several = self._alone = 0

    def close(self, step_s: int, start_s: int, telling: Telling) -> None:
        """Take in a step with stories, in order of time; the shortest that leaves its ring teaches what is usual."""
        ring = self._rings[step_s]
        if len(ring) == RING and step_s == min(self._rings):
            self._learn(ring[0][1])
        ring.append((start_s, telling))

    def _learn(self, telling: Telling) -> None:
        # A single story has one source in any case.
        if telling.sources is not None and telling.negative > 1:
            if telling.sources > 1:
                self._several += 1
            else:
                self._alone += 1

    def support(self, start_s: int, end_s: int) -> Support:
        """Return who told the negative stories in `[start_s, end_s)`, by the shortest steps that reach so far back."""
        fine = [step_s for step_s in self._rings if RING * step_s >= end_s - start_s] or [max(self._rings)]
        found = together([telling for at_s, telling in self._rings[fine[0]] if start_s <= at_s < end_s])
        windows = self._several + self._alone
        several = windows >= _WINDOWS_THAT_TELL and 2 * self._several >= windows
        return Support(
            authors=found.authors,
            sources=found.sources if several else None,
            repeated=found.repeats / found.negative if found.negative else 0.0,
        )
