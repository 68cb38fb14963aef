"""Which rows are trained on, which decide when to stop, and which are held out of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.calibration import LANGUAGES, written_in
from model.errors import ModelError
from model.training.config import Config
from model.training.recipe import NEVER_TRAINED
from model.training.rows import Row, read_labelled
from model.training.split import draw_parts, groups
from model.training.templates import template_rows
from model.training.user_rows import UserRow, read_user_rows
from model.training.weak import weak_rows

FEW_CORRECTIONS = 200
LEAST_DEV = 20
LEAST_ROWS = 20
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a run; `notes` are for the user."""

    train: list[Row]
    dev: list[Row]
    held: list[Row]
    notes: tuple[str, ...] = ()


def assemble(
    config: Config,
    data: Path | None,
    own: Sequence[Path] = (),
    corrections: Path | None = None,
    *,
    allow_leaks: bool = False,
) -> Rows:
    """Return the rows of a run on the data folder, on a user's own files, or on both.

    Own rows are on the side that their column `split` names; without one they are trained on beside the data
    folder's, or split like them where they are alone.

    Raises:
        ModelError: a file cannot be used, a side is empty, or own rows have near-copies on both sides.
    """
    notes: list[str] = []
    mine = [row for path in own for row in read_user_rows(path)]
    if corrections is not None:
        found = read_user_rows(corrections, "correction")
        mine += found
        if len(found) < FEW_CORRECTIONS:
            notes.append(f"{corrections}: {len(found)} corrections; below {FEW_CORRECTIONS} they seldom change a model")
    labelled = _chosen(read_labelled(data / "labelled"), config.sources) if data is not None else []
    labelled = _in_language(labelled, config.language)
    mine = [row for row in mine if not config.language or written_in(row.row.text) == config.language]
    train, dev, held = split_three(labelled, config.held_out_fifth, config.seed, frozenset(config.never_trained))
    if mine:
        train, dev, held = _with_own(mine, (train, dev, held), config, allow_leaks, notes)
    if len(dev) < LEAST_DEV and held:
        notes.append(f"{len(dev)} rows to stop by are too few; the {len(held)} held out decide instead")
        dev = held
    for name, side in (("to train on", train), ("held out", held)):
        if not side:
            raise ModelError(f"no rows {name}: {len(train)} to train on, {len(held)} held out; expected some of each")
    return Rows(train + _made(config, data, [*held, *dev]), dev, held, tuple(notes))


def languages_of(
    config: Config, data: Path | None, own: Sequence[Path], corrections: Path | None, tell: Callable[[str], None]
) -> list[str]:
    """Return the languages whose networks the rows of a run train; those with hardly a row are told of and left out.

    Raises:
        ModelError: a file cannot be used, or no language has enough rows.
    """
    texts = [row.row.text for path in own for row in read_user_rows(path)]
    texts += [row.row.text for row in read_user_rows(corrections, "correction")] if corrections is not None else []
    texts += [row.text for row in _chosen(read_labelled(data / "labelled"), config.sources)] if data else []
    counts = Counter(written_in(text) for text in texts)
    for language, count in sorted(counts.items()):
        if count < LEAST_ROWS:
            tell(f"{count} rows in {language}: fewer than {LEAST_ROWS}; its network stays as it is")
    found = [language for language in LANGUAGES if counts[language] >= LEAST_ROWS]
    if not found:
        raise ModelError(f"{len(texts)} rows; expected {LEAST_ROWS} or more of a language")
    return found


def split_three(
    rows: Sequence[Row], fifth: int, seed: int, never: frozenset[str] = NEVER_TRAINED
) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the rows to train on, about a 25th of those to stop by, and the held-out fifth.

    Near-copies are on one side only. Rows of the sources `never` are all held out, and so are near-copies of them.
    """
    texts = [row.text for row in rows]
    numbers = groups(texts)
    parts = draw_parts(texts, numbers, seed)
    first, second = (draw_parts(texts, numbers, f"{seed}/dev{turn}") for turn in (1, 2))
    reserved = {number for number, row in zip(numbers, rows, strict=True) if row.source in never}
    sides: tuple[list[Row], list[Row], list[Row]] = ([], [], [])
    for index, (row, number) in enumerate(zip(rows, numbers, strict=True)):
        away = number in reserved or parts[index] == fifth % 5
        sides[2 if away else 1 if first[index] == second[index] == 0 else 0].append(row)
    return sides


def _chosen(rows: list[Row], sources: Sequence[str]) -> list[Row]:
    known = {row.source for row in rows}
    for name in sources:
        if name not in known:
            raise ModelError(f"sources: {name!r} is not among the rows; known are {', '.join(sorted(known))}")
    return [row for row in rows if row.source in sources] if sources else rows


def _in_language(rows: list[Row], language: str) -> list[Row]:
    """Return the rows that the network of a language is given to read, whatever they are said to be written in."""
    return [row for row in rows if not language or written_in(row.text) == language]


def _with_own(
    mine: Sequence[UserRow],
    sides: tuple[list[Row], list[Row], list[Row]],
    config: Config,
    allow_leaks: bool,
    notes: list[str],
) -> tuple[list[Row], list[Row], list[Row]]:
    train, dev, held = sides
    told = any(row.split for row in mine)
    if not told and not train:
        return split_three([row.row for row in mine], config.held_out_fifth, config.seed, frozenset())
    own_train = [row for row in mine if row.split != "held"]
    own_held = [row for row in mine if row.split == "held"]
    problem = _leaks(own_train, own_held, train, [*dev, *held])
    if problem and not allow_leaks:
        raise ModelError(f"{problem}; expected none, or --allow-leaks")
    if problem:
        notes.append(problem)
    added = [row.row for row in own_held]
    return train + [row.row for row in own_train], dev + added, held + added


def _leaks(own_train: Sequence[UserRow], own_held: Sequence[UserRow], train: Sequence[Row], held: Sequence[Row]) -> str:
    """Return what to tell of near-copies on both sides of which one is a user's; "" where there are none."""
    learnt = [*((row.row.text, row.where) for row in own_train), *((row.text, row.source) for row in train)]
    asked = [*((row.row.text, row.where) for row in own_held), *((row.text, row.source) for row in held)]
    numbers = groups([text for text, _ in learnt + asked])
    seen: dict[int, int] = {}
    for index, number in enumerate(numbers[: len(learnt)]):
        seen.setdefault(number, index)
    pairs = [
        (seen[number], index)
        for index, number in enumerate(numbers[len(learnt) :])
        if number in seen and (index < len(own_held) or seen[number] < len(own_train))
    ]
    if not pairs:
        return ""
    (left, where_left), (right, where_right) = learnt[pairs[0][0]], asked[pairs[0][1]]
    return (
        f"{len(pairs)} held-out rows have a near-copy among those to train on; the first: {where_right} "
        f"{right[:SHOWN]!r} and {where_left} {left[:SHOWN]!r}"
    )


def _made(config: Config, data: Path | None, away: Iterable[Row]) -> list[Row]:
    """Return the rows that rules and templates make, without near-copies of rows that are held out."""
    rows = template_rows(config.templates_per_label, config.seed)
    if config.weak_per_label and data is not None:
        rows += weak_rows(data / "corpus", config.weak_per_label, config.seed)
    rows = _in_language(rows, config.language)
    kept_out = [row.text for row in away]
    numbers = groups([*kept_out, *(row.text for row in rows)])
    taken = set(numbers[: len(kept_out)])
    return [row for row, number in zip(rows, numbers[len(kept_out) :], strict=True) if number not in taken]
