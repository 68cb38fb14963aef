"""Pictures of an evaluation as SVG text: no script, nothing fetched, every outside word escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from model.evaluation.bootstrap import Interval
from model.evaluation.calibrate import Bin
from model.evaluation.measure import Figures

SIDE = 240
LINE = 26
LABELS = 270
PLOT = 420
CELL = 46
NAMES = 110


def dots(lines: Sequence[tuple[str, Mapping[str, tuple[float, Interval | None]]]], title: str) -> str:
    """Return a dot plot from 0 to 1: a line for each name, a mark for each contender, bars for intervals."""
    height = LINE * len(lines) + 34
    parts = [_text(LABELS + PLOT * x / 4, height - 6, f"{x / 4:.2f}", "middle") for x in range(5)]
    parts += [f'<path class="grid" d="M{LABELS + PLOT * x / 4} 6V{height - 24}"/>' for x in range(5)]
    for index, (name, marks) in enumerate(lines):
        y = LINE * index + 18
        parts.append(_text(LABELS - 10, y + 4, name, "end"))
        for who, (value, interval) in marks.items():
            x = LABELS + PLOT * value
            if interval is not None:
                low, high = (LABELS + PLOT * bound for bound in interval)
                parts.append(f'<path class="bar {who}" d="M{low:.1f} {y}H{high:.1f}"/>')
            hint = f"<title>{escape(name)}: {escape(who)} {value:.3f}</title>"
            parts.append(f'<circle class="{who}" cx="{x:.1f}" cy="{y}" r="5">{hint}</circle>')
    return _svg(LABELS + PLOT + 30, height, title, parts)


def reliability(before: Sequence[Bin], after: Sequence[Bin], title: str) -> str:
    """Return stated certainty across, share right upwards; the area of a mark is the share of rows in its bin."""
    parts = [f'<rect class="frame" x="40" y="10" width="{SIDE}" height="{SIDE}"/>']
    parts.append(f'<path class="grid" d="M40 {SIDE + 10}L{SIDE + 40} 10"/>')
    for x in (0, 0.5, 1):
        parts.append(_text(40 + SIDE * x, SIDE + 26, f"{x:g}", "middle"))
        parts.append(_text(34, SIDE + 14 - SIDE * x, f"{x:g}", "end"))
    for name, bins in (("before", before), ("after", after)):
        points = [(40 + SIDE * part.sure, 10 + SIDE * (1 - part.right), part) for part in bins]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points)
        parts.append(f'<path class="line {name}" d="M{path}"/>' if path else "")
        for x, y, part in points:
            hint = f"<title>{name}: said {part.sure:.2f}, right {part.right:.2f}, {part.share:.1%} of rows</title>"
            parts.append(
                f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="{2 + 12 * part.share**0.5:.1f}">{hint}</circle>'
            )
    return _svg(SIDE + 60, SIDE + 36, title, parts)


def matrix(figures: Figures, title: str) -> str:
    """Return a confusion matrix, truth down and answer across; the shade is the share of the truth's row."""
    count = len(figures.classes)
    parts = []
    for index, name in enumerate(figures.classes):
        middle = index * CELL + CELL / 2
        parts.append(_text(NAMES - 6, 30 + middle + 4, name, "end"))
        parts.append(_text(NAMES + middle, 22, name if count <= 4 else name[:6], "middle"))
        total = max(1, sum(figures.confusion[index]))
        for place, cell in enumerate(figures.confusion[index]):
            x, y = NAMES + place * CELL, 30 + index * CELL
            kind = "hit" if place == index else "miss"
            hint = f"<title>{escape(name)} read as {escape(figures.classes[place])}: {cell} of {total}</title>"
            shade = cell / total
            parts.append(
                f'<rect class="{kind}" x="{x}" y="{y}" width="{CELL - 2}" height="{CELL - 2}" '
                f'fill-opacity="{0.06 + 0.8 * shade:.2f}">{hint}</rect>'
            )
            if cell:
                parts.append(_text(x + CELL / 2 - 1, y + CELL / 2 + 4, str(cell), "middle"))
    return _svg(NAMES + count * CELL + 20, 36 + count * CELL, title, parts)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img"'
    return f'{head} aria-label="{escape(title)}">{"".join(parts)}</svg>'
