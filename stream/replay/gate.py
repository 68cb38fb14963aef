"""Conditions on a report's figures, as in `false_alarms_per_week > 1`: comparisons and arithmetic, nothing else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from stream.replay.errors import ReplayError

MOST_CHARS: Final = 500

_COMPARE: Final[dict[type[ast.cmpop], Callable[[float, float], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def holds(condition: str, figures: Mapping[str, float | None]) -> bool:
    """Return whether a condition holds; one on a figure that there is none of (no labels, say) does not.

    >>> holds("false_alarms_per_week > 1 or recall < 0.5", {"false_alarms_per_week": 2.0, "recall": None})
    True

    Raises:
        ReplayError: it is no condition, or names no figure.
    """
    try:
        if len(condition) > MOST_CHARS:
            raise ValueError(f"longer than {MOST_CHARS} characters")
        return _truth(ast.parse(condition.strip(), mode="eval").body, figures)
    except (ValueError, SyntaxError, ZeroDivisionError, RecursionError, MemoryError) as exc:
        said = exc.msg if isinstance(exc, SyntaxError) else exc
        raise ReplayError(
            f"--fail-if {condition[:100]!r}: {said}; expected such as 'false_alarms_per_week > 1', "
            f"with figures among {', '.join(sorted(figures))}"
        ) from None


def _truth(node: ast.expr, figures: Mapping[str, float | None]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(list(_truths(values, figures)))
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(list(_truths(values, figures)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _truth(operand, figures)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_number(each, figures) for each in (left, *others)]
            compared = [_compare(op) for op in ops]
            return all(
                a is not None and b is not None and compare(a, b)
                for a, compare, b in zip(sides, compared, sides[1:], strict=False)
            )
    raise ValueError("not a comparison")


def _truths(nodes: Iterable[ast.expr], figures: Mapping[str, float | None]) -> Iterator[bool]:
    # All of them, even where the first decides: a name that is no figure is an error in any place.
    return (_truth(node, figures) for node in nodes)


def _compare(op: ast.cmpop) -> Callable[[float, float], bool]:
    found = _COMPARE.get(type(op))
    if found is None:
        raise ValueError("a comparison other than < <= > >= == !=")
    return found


def _number(node: ast.expr, figures: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=bool()):
            raise ValueError("a word where a number belongs")
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            if name not in figures:
                raise ValueError(f"{name} is no figure")
            return figures[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            found = _number(operand, figures)
            return None if found is None else -found
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            a, b = _number(left, figures), _number(right, figures)
            return None if a is None or b is None else _ARITHMETIC[type(op)](a, b)
    raise ValueError("neither a figure nor a number")
