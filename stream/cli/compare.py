"""`barograph compare`: two replays side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stream.cli.output import whole_file
from stream.settings import load_settings

if TYPE_CHECKING:
    from stream.replay.compare import Pair

_WIDTH = 170  # where nobody's window limits it
_HOUR_S = 3_600


def compare(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="a replay's name, or the folder of its report")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B")],
    out: Annotated[Path | None, typer.Option(help="a JSON line an incident; - for standard output")] = None,
) -> None:
    """Show what fired in both replays, in one alone, earlier or later, with the reasons."""
    from stream.replay.compare import compare as side_by_side
    from stream.replay.compare import differences, load

    home = load_settings().home
    first, second = load(_folder(home, run_a)), load(_folder(home, run_b))
    pairs = side_by_side(first, second)
    if out is not None:
        with whole_file(out) as file:
            for pair in pairs:
                file.write(msgspec.json.encode(_row(pair)).decode() + "\n")
        if str(out) == "-":
            return
    for line in differences(first, second):
        typer.echo(line)
    _show(pairs, run_a, run_b)


def _folder(home: Path, name: str) -> Path:
    from stream.replay.folder import NAME, RunFolder
    from stream.replay.writing import REPORT

    if NAME.fullmatch(name):
        folder = RunFolder(home, name)
        request = folder.request()
        place = folder.report if request is None or request.report is None else Path(request.report)
        if request is not None or (place / REPORT).is_file():
            return place
    return Path(name)


def _row(pair: Pair) -> dict[str, object]:
    return {
        "series": pair.series,
        "in": "both" if pair.first and pair.second else "a" if pair.first else "b",
        "later_s": pair.later_s,
        "why": pair.why,
        "a": pair.first,
        "b": pair.second,
    }


def _show(pairs: list[Pair], run_a: str, run_b: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    console = console if console.is_terminal else Console(width=_WIDTH)
    table = Table(box=None, pad_edge=False)
    for name in ("", "series", f"in {run_a}", f"in {run_b}", "why"):
        table.add_column(escape(name), overflow="fold")
    for pair in pairs:
        first, second = (None if one is None else str(one["fired_at"]) for one in (pair.first, pair.second))
        table.add_row(_word(pair), escape(pair.series), first or "–", second or "–", escape("; ".join(pair.why)))
    if pairs:
        console.print(table)
    both = sum(pair.later_s is not None for pair in pairs)
    alone = sum(pair.second is None for pair in pairs), sum(pair.first is None for pair in pairs)
    console.print(f"{both} in both, {alone[0]} only in {run_a}, {alone[1]} only in {run_b}", markup=False)


def _word(pair: Pair) -> str:
    if pair.later_s is None:
        return "only a" if pair.first else "only b"
    if not pair.later_s:
        return "both"
    size = abs(pair.later_s)
    length = f"{size / _HOUR_S:.1f} h" if size >= _HOUR_S else f"{size // 60} min"
    return f"{length} {'later' if pair.later_s > 0 else 'earlier'}"
