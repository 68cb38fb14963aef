"""The comparison as one HTML page: tables and pictures, no script, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from model.evaluation import svg
from model.evaluation.compare import CONTENDERS, CUTS, Comparison
from model.evaluation.measure import by_class
from model.evaluation.tables import MEANING

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #606875; --line: #d5d9e0; --paper: #fff;
  --after: #0067a1; --rival: #b04e00; --lexicon: #7a5ea8; --before: #8a8f99; --majority: #b5b9c2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #a6a9b0; --line: #363b47; --paper: #0e1117;
  --after: #5db4ec; --rival: #f08a3c; --lexicon: #b49ae0; --before: #8f9299; --majority: #5a5f69; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
p, figcaption { color: var(--soft); max-width: 60rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
.word { text-align: left; }
.pictures { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { margin: 0; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.grid, .frame { stroke: var(--line); fill: none; }
.line, .bar { fill: none; stroke-width: 2; }
.hit { fill: var(--after); } .miss { fill: var(--rival); }
""" + "".join(
    f"circle.{who} {{ fill: var(--{who}); fill-opacity: .85; }} .line.{who}, .bar.{who} {{ stroke: var(--{who}); }} "
    f".key.{who} {{ color: var(--{who}); }}\n"
    for who in CONTENDERS
)


def page(comparison: Comparison) -> str:
    """Return the report as an HTML document."""
    title = f"Barograph model {comparison.revision}: evaluation"
    body = "".join(
        [
            f"<h1>{escape(title)}</h1>",
            _paragraph(
                f"{comparison.held_out:,} held-out rows; {comparison.trained_on:,} rows to train on; seed "
                f"{comparison.options.seed}, part {comparison.options.fifth}. Intervals: 95%, groups of near-copies "
                "drawn again 1,000 times. A source with two classes is judged among those two."
            ),
            "".join(_paragraph(note) for note in comparison.notes),
            _sources(comparison),
            _figures(comparison),
            _calibration(comparison),
            _negatives(comparison),
            _robustness(comparison),
            _classes(comparison),
            _matrices(comparison),
        ]
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n'


def _sources(comparison: Comparison) -> str:
    shown = [who for who in CONTENDERS if who in comparison.means]
    keys = " ".join(f'<span class="key {who}">● {who} ({MEANING[who]})</span>' for who in shown)
    parts = [f"<h2>Accuracy by source</h2><p>{keys}</p>"]
    for task in ("sentiment", "topic"):
        lines = [
            (" ".join(key[1:]), {who: (f.accuracy, i.accuracy if who == "after" else None)
                                 for who, (f, i) in line.items()})
            for key, line in comparison.cuts[CUTS[-1]].items() if key[0] == task
        ]  # fmt: skip
        parts.append(_figure(svg.dots(lines, f"accuracy of {task} by source"), task))
    return "".join(parts)


def _figures(comparison: Comparison) -> str:
    parts = ["<h2>Accuracy / macro-F1</h2>"]
    shown = [who for who in CONTENDERS if who in comparison.means]
    for names in CUTS:
        lines = []
        for key, line in comparison.cuts[names].items():
            pairs = [f"{line[who][0].accuracy:.3f} / {line[who][0].macro_f1:.3f}" if who in line else "–"
                     for who in shown]  # fmt: skip
            figures, interval = line["after"]
            bounds = ["{:.3f}–{:.3f}".format(*part) for part in (interval.accuracy, interval.macro_f1)]
            lines.append([*key, f"{figures.rows:,}", *pairs, *bounds])
        parts.append(_table(["task", *names], ["rows", *shown, "accuracy 95%", "macro-F1 95%"], lines))
    means = ", ".join(f"{who} {value:.3f}" for who, value in comparison.means.items())
    agreed = [
        [part.source, part.contender, f"{part.at_least:g}", f"{part.figures.rows:,}", f"{part.figures.accuracy:.3f}",
         f"{part.figures.macro_f1:.3f}", "{:.3f}–{:.3f}".format(*part.intervals.accuracy)]
        for part in comparison.agreed
    ]  # fmt: skip
    if agreed:
        head = ["annotators agreed, % at least", "rows", "accuracy", "macro-F1", "accuracy 95%"]
        parts.append(_table(["source", "contender"], head, agreed))
    parts.append(_paragraph(f"Mean of accuracy and macro-F1 over sources, easy ones and PhraseBank apart: {means}"))
    return "".join(parts)


def _calibration(comparison: Comparison) -> str:
    lines, pictures = [], []
    for part in comparison.calibrated:
        errors = (part.ece_before, part.ece_after, part.even_before, part.even_after)
        lines.append([part.task, part.lang, f"{part.rows:,}", f"{part.temperature:.3f}", *(f"{x:.3f}" for x in errors)])
        name = f"{part.task} {part.lang}"
        pictures.append(_figure(svg.reliability(part.bins_before, part.bins_after, f"reliability of {name}"), name))
    sources = [
        [part.task, part.lang, source, f"{rows:,}", f"{before:.3f}", f"{after:.3f}"]
        for part in comparison.calibrated
        for source, (rows, before, after) in part.sources.items()
    ]
    words = (
        "How sure an answer is (across) and how many of such answers are right (upwards); the diagonal is honest. "
        'Before (<span class="key before">●</span>) and after (<span class="key after">●</span>) the temperatures; '
        "after is cross-fitted: a row's temperature was fitted without its near-copies. Sources even: none counts "
        "as more than 2,000 rows, as in the fit."
    )
    head = ["rows", "temperature", "ECE before", "ECE after", "before, sources even", "after, sources even"]
    tables = _table(["task", "lang"], head, lines)
    tables += _table(["task", "lang", "source"], ["rows", "ECE before", "ECE after"], sources)
    return f'<h2>Calibration</h2><p>{words}</p><div class="pictures">{"".join(pictures)}</div>{tables}'


def _negatives(comparison: Comparison) -> str:
    lines = [
        [part.lang, part.kind, part.source, f"{part.negatives:,}", f"{part.precision:.2f}", f"{part.recall:.3f}",
         "{:.3f}–{:.3f}".format(*part.interval), "–" if part.threshold is None else f"{part.threshold:.3f}"]
        for part in comparison.negatives
    ]  # fmt: skip
    words = "The share of negatives found when at most so many of those said to be negative are wrong."
    numbers = ["negatives", "precision", "recall", "95%", "least P(negative), uncalibrated"]
    return f"<h2>Recall of negatives</h2>{_paragraph(words)}{_table(['lang', 'kind', 'source'], numbers, lines)}"


def _robustness(comparison: Comparison) -> str:
    if comparison.robust is None:
        return ""
    kept = [
        [part.name, part.lang, f"{part.rows:,}", f"{part.changed:.1%}", "{:.1%}–{:.1%}".format(*part.interval),
         f"{part.topic_changed:.1%}", f"{part.accuracy_before:.3f}", f"{part.accuracy_after:.3f}"]
        for part in comparison.robust.kept
    ]  # fmt: skip
    differed = [
        [part.name, part.lang, f"{part.pairs:,}", f"{part.changed:.1%}", "{:.1%}–{:.1%}".format(*part.interval),
         f"{part.moved:.1%}"]
        for part in comparison.robust.differed
    ]  # fmt: skip
    head = ["rows", "sentiment changed", "95%", "topic changed", "accuracy before", "accuracy after"]
    return (
        "<h2>Robustness</h2><h3>Readings that change when they should not</h3>"
        + _table(["change", "lang"], head, kept)
        + "<h3>Readings that change when they should</h3>"
        + _table(["change", "lang"], ["pairs", "label changed", "95%", "score moved the right way"], differed)
    )


def _classes(comparison: Comparison) -> str:
    lines = [
        [key[0], " ".join(key[1:]), name, f"{rows:,}", *(f"{value:.3f}" for value in values)]
        for names in (CUTS[0], CUTS[-1])
        for key, line in comparison.cuts[names].items()
        for name, (rows, *values) in by_class(line["after"][0]).items()
    ]
    table = _table(["task", "rows of", "class"], ["rows", "precision", "recall", "F1"], lines)
    return f"<h2>By class</h2>{table}"


def _matrices(comparison: Comparison) -> str:
    pictures = [
        _figure(svg.matrix(line["after"][0], f"confusion of {' '.join(key)}"), " ".join(key))
        for key, line in comparison.cuts[CUTS[-1]].items()
    ]
    words = _paragraph("Truth down, answer across; the shade is the share of the truth's row.")
    return f'<h2>Confusion</h2>{words}<div class="pictures">{"".join(pictures)}</div>'


def _figure(picture: str, caption: str) -> str:
    return f'<figure class="wide">{picture}<figcaption>{escape(caption)}</figcaption></figure>'


def _paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def _table(words: Sequence[str], numbers: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    kinds = [*(' class="word"' for _ in words), *("" for _ in numbers)]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, [*words, *numbers], strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, line, strict=True)) + "</tr>"
        for line in lines
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
