"""The comparison for people: tables and confusion matrices on a Rich console."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from model.evaluation.compare import CONTENDERS, CUTS, Comparison
from model.evaluation.measure import Figures

MEANING = {
    "majority": "most common label",
    "before": "base encoder, untrained heads",
    "rival": "TF-IDF + linear",
    "after": "this model",
}


def show(comparison: Comparison, console: Console, *, matrices: bool = True) -> None:
    """Print accuracy / macro-F1 of each contender by language, kind and source, then confusion matrices."""
    console.print(f"revision {comparison.revision}; {comparison.held_out} held-out rows; accuracy / macro-F1")
    for names in CUTS:
        console.print(_table(comparison, names))
    if matrices:
        for key, contenders in comparison.cuts[CUTS[-1]].items():
            console.print(_matrix(" ".join(key), contenders["after"]))
    for note in comparison.notes:
        console.print(note)


def _table(comparison: Comparison, names: tuple[str, ...]) -> Table:
    lines = comparison.cuts[names]
    shown = [who for who in CONTENDERS if any(who in line for line in lines.values())]
    table = Table(title=f"by {', '.join(names)}", title_justify="left")
    for heading in ("task", *names):
        table.add_column(heading)
    table.add_column("rows", justify="right")
    for who in shown:
        table.add_column(f"{who}\n{MEANING[who]}", justify="right")
    for key, contenders in lines.items():
        table.add_row(*key, str(contenders["after"].rows), *(_pair(contenders.get(who)) for who in shown))
    return table


def _pair(figures: Figures | None) -> str:
    return "–" if figures is None else f"{figures.accuracy:.3f} / {figures.macro_f1:.3f}"


def _matrix(title: str, figures: Figures) -> Table:
    table = Table(title=f"{title}: truth down, answer across", title_justify="left")
    table.add_column("")
    for name in figures.classes:
        table.add_column(name[:8], justify="right")
    for name, counts in zip(figures.classes, figures.confusion, strict=True):
        table.add_row(name, *(str(count) for count in counts))
    return table
