"""The figures of a model card, as Markdown between two marks, so that new weights need one command and no typing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model.errors import ModelError
from model.evaluation.compare import CONTENDERS, CUTS, Comparison
from model.evaluation.tables import MEANING

BEGIN = "<!-- figures: written by barograph evaluate --card -->"
END = "<!-- end of figures -->"
PRECISION = 0.9


def check_marks(text: str) -> None:
    """Raise ModelError where a card has not each mark once, in order."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ModelError(f"the card has not both of its marks once, in order: {BEGIN} and {END}")


def refreshed(text: str, comparison: Comparison) -> str:
    """Return a card with the part between its marks made anew; ModelError where it has not both marks."""
    check_marks(text)
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{section(comparison)}{END}{rest.partition(END)[2]}"


def section(comparison: Comparison) -> str:
    """Return the figures in Markdown."""
    shown = [who for who in CONTENDERS if who in comparison.means]
    words = "; ".join(f"*{who}*: {MEANING[who]}" for who in shown)
    means = ", ".join(f"{who} {value:.3f}" for who, value in comparison.means.items())
    parts = [
        f"Revision `{comparison.revision}`, {comparison.held_out:,} held-out rows, {comparison.trained_on:,} to train "
        f"on; accuracy / macro-F1. {words}. A source with two classes is judged among those two. Intervals: 95%, "
        "groups of near-copies drawn again.",
        _figures(comparison, shown),
        f"Mean of accuracy and macro-F1 over sources, easy ones and PhraseBank apart: {means}.",
        _agreement(comparison),
        "### Calibration",
        _calibration(comparison),
        f"### Recall of negatives at precision {PRECISION}",
        _negatives(comparison),
        *_robustness(comparison),
        *comparison.notes,
    ]
    return "\n" + "\n\n".join([*parts, ""])


def _figures(comparison: Comparison, shown: Sequence[str]) -> str:
    lines = []
    for key, line in comparison.cuts[CUTS[-1]].items():
        figures, interval = line["after"]
        pairs = [f"{line[w][0].accuracy:.3f} / {line[w][0].macro_f1:.3f}" if w in line else "–" for w in shown]
        pairs[-1] = f"**{pairs[-1]}**"
        lines.append([key[0], " ".join(key[1:3]), key[3], f"{figures.rows:,}", *pairs, _span(interval.accuracy)])
    return _table(["task", "language, kind", "source"], ["rows", *shown, "accuracy, 95%"], lines)


def _agreement(comparison: Comparison) -> str:
    lines = [
        [part.source, f"{part.at_least:g} %", f"{part.figures.rows:,}", f"{part.figures.accuracy:.3f}",
         f"{part.figures.macro_f1:.3f}", _span(part.intervals.accuracy)]
        for part in comparison.agreed if part.contender == "after"
    ]  # fmt: skip
    return _table(["source", "annotators agreed, at least"], ["rows", "accuracy", "macro-F1", "95%"], lines)


def _calibration(comparison: Comparison) -> str:
    head = ["rows", "temperature", "ECE before", "after", "sources even, before", "after"]
    lines = [
        [part.task, part.lang, f"{part.rows:,}", f"{part.temperature:.3f}", f"{part.ece_before:.3f}",
         f"{part.ece_after:.3f}", f"{part.even_before:.3f}", f"{part.even_after:.3f}"]
        for part in comparison.calibrated
    ]  # fmt: skip
    return _table(["task", "language"], head, lines)


def _negatives(comparison: Comparison) -> str:
    lines = [
        [f"{part.lang} {part.kind}", part.source, f"{part.negatives:,}", f"{part.recall:.3f}", _span(part.interval)]
        for part in comparison.negatives
        if part.precision == PRECISION
    ]
    return _table(["language, kind", "source"], ["negatives", "recall", "95%"], lines)


def _robustness(comparison: Comparison) -> list[str]:
    if comparison.robust is None:
        return []
    kept = [
        [part.name, part.lang, f"{part.rows:,}", f"{part.changed:.1%}", f"{part.topic_changed:.1%}",
         f"{part.accuracy_before:.3f} → {part.accuracy_after:.3f}"]
        for part in comparison.robust.kept
    ]  # fmt: skip
    differed = [
        [part.name, part.lang, f"{part.pairs:,}", f"{part.changed:.1%}", f"{part.moved:.1%}"]
        for part in comparison.robust.differed
    ]
    head = ["rows", "sentiment changed", "topic changed", "accuracy"]
    return [
        "### Readings that change when they should not",
        _table(["change", "language"], head, kept),
        "### Readings that change when they should",
        _table(["change", "language"], ["pairs", "label changed", "score moved the right way"], differed),
    ]


def _span(interval: tuple[float, float]) -> str:
    return "{:.3f}–{:.3f}".format(*interval)


def _table(words: Sequence[str], numbers: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [[*words, *numbers], [*("---" for _ in words), *("---:" for _ in numbers)], *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
