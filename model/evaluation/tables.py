"""The comparison for people: tables on a Rich console."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from model.evaluation.compare import CONTENDERS, CUTS, Comparison
from model.evaluation.measure import Figures, by_class

MEANING = {
    "majority": "most common label",
    "lexicon": "good and bad words",
    "before": "base encoder, untrained heads",
    "rival": "TF-IDF + linear",
    "after": "this model",
}


def show(comparison: Comparison, console: Console, *, matrices: bool = True) -> None:
    """Print accuracy / macro-F1 of each contender by language, kind and source, then what else was measured."""
    console.print(f"revision {comparison.revision}; {comparison.held_out} held-out rows; accuracy / macro-F1")
    for names in CUTS:
        console.print(_table(comparison, names))
    means = ", ".join(f"{who} {value:.3f}" for who, value in comparison.means.items())
    console.print(f"mean of accuracy and macro-F1 over sources (easy ones and PhraseBank apart): {means}")
    for part in (
        _agreement(comparison),
        _calibration(comparison),
        _negatives(comparison),
        _kept(comparison),
        _differed(comparison),
    ):
        console.print(part)
    if matrices:
        for key, contenders in comparison.cuts[CUTS[-1]].items():
            console.print(_matrix(" ".join(key), contenders["after"][0]))
    for note in comparison.notes:
        console.print(note)


def _table(comparison: Comparison, names: tuple[str, ...]) -> Table:
    lines = comparison.cuts[names]
    shown = [who for who in CONTENDERS if any(who in line for line in lines.values())]
    columns = [f"{who}\n{MEANING[who]}" for who in shown]
    table = _new(f"by {', '.join(names)}", ["task", *names], ["rows", *columns, "95% interval\naccuracy"])
    for key, contenders in lines.items():
        figures, interval = contenders["after"]
        pairs = [_pair(contenders[who][0]) if who in contenders else "–" for who in shown]
        table.add_row(*key, str(figures.rows), *pairs, "{:.3f}–{:.3f}".format(*interval.accuracy))
    return table


def _agreement(comparison: Comparison) -> Table:
    table = _new("by agreement of the annotators", ["source", "contender"], ["agreed, %", "rows", "figures"])
    for part in comparison.agreed:
        head = (part.source, part.contender, f">= {part.at_least:g}", str(part.figures.rows))
        table.add_row(*head, _pair(part.figures))
    return table


def _calibration(comparison: Comparison) -> Table:
    columns = ["rows", "temperature", "ECE before", "ECE after", "before\nsources even", "after\nsources even"]
    table = _new("calibration (after: cross-fitted)", ["task", "lang"], columns)
    for part in comparison.calibrated:
        errors = (part.ece_before, part.ece_after, part.even_before, part.even_after)
        table.add_row(
            part.task, part.lang, str(part.rows), f"{part.temperature:.3f}", *(f"{value:.3f}" for value in errors)
        )
    return table


def _negatives(comparison: Comparison) -> Table:
    table = _new("recall of negatives at a precision", ["lang", "kind", "source"], ["negatives", "precision", "recall"])
    for part in comparison.negatives:
        low, high = part.interval
        recall = f"{part.recall:.3f} ({low:.3f}–{high:.3f})"
        table.add_row(part.lang, part.kind, part.source, str(part.negatives), f"{part.precision:.2f}", recall)
    return table


def _kept(comparison: Comparison) -> Table:
    columns = ["rows", "sentiment changed", "topic changed", "accuracy"]
    table = _new("changes that should not matter", ["change", "lang"], columns)
    for part in comparison.robust.kept if comparison.robust else ():
        changed = "{:.1%} ({:.1%}–{:.1%})".format(part.changed, *part.interval)
        accuracy = f"{part.accuracy_before:.3f} → {part.accuracy_after:.3f}"
        table.add_row(part.name, part.lang, str(part.rows), changed, f"{part.topic_changed:.1%}", accuracy)
    return table


def _differed(comparison: Comparison) -> Table:
    columns = ["pairs", "label changed", "score moved the right way"]
    table = _new("changes that should matter", ["change", "lang"], columns)
    for part in comparison.robust.differed if comparison.robust else ():
        changed = "{:.1%} ({:.1%}–{:.1%})".format(part.changed, *part.interval)
        table.add_row(part.name, part.lang, str(part.pairs), changed, f"{part.moved:.1%}")
    return table


def _matrix(title: str, figures: Figures) -> Table:
    table = _new(f"{title}: truth down, answer across", [""], [*(name[:8] for name in figures.classes), "recall", "F1"])
    for (name, counts), line in zip(
        zip(figures.classes, figures.confusion, strict=True), by_class(figures).values(), strict=True
    ):
        table.add_row(name, *(str(count) for count in counts), f"{line[2]:.2f}", f"{line[3]:.2f}")
    return table


def _new(title: str, names: list[str], numbers: list[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _pair(figures: Figures) -> str:
    return f"{figures.accuracy:.3f} / {figures.macro_f1:.3f}"
