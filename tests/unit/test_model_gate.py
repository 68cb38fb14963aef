from __future__ import annotations

from typing import Any

import pytest

from model.errors import ModelError
from model.gate import judge


def evaluation(revision: str, *sources: tuple[str, str, int, float]) -> dict[str, Any]:
    figures: list[dict[str, Any]] = [
        {"cut": ["lang"], "task": "sentiment", "lang": "en", "contender": "after", "rows": 9, "accuracy": 0.0}
    ]
    for task, source, rows, accuracy in sources:
        line = {"cut": ["lang", "kind", "source"], "task": task, "lang": "en", "kind": "news", "source": source}
        figures.append(line | {"contender": "rival", "rows": rows, "accuracy": 0.0})
        figures.append(line | {"contender": "after", "rows": rows, "accuracy": accuracy})
    return {"revision": revision, "figures": figures}


OLD = evaluation("a" * 16, ("sentiment", "tfn", 200, 0.86), ("topic", "tfn", 100, 0.80), ("sentiment", "fiqa", 50, 0.6))


def test_a_model_that_loses_no_more_than_a_point_anywhere_is_promoted() -> None:
    new = evaluation(
        "b" * 16, ("sentiment", "tfn", 200, 0.85), ("topic", "tfn", 100, 0.9), ("sentiment", "fiqa", 50, 0.6)
    )
    verdict = judge(OLD, new)
    assert verdict.promoted
    assert (verdict.old, verdict.new) == ("a" * 16, "b" * 16)
    assert verdict.mean_gain == pytest.approx((-1 + 10 + 0) / 3)


def test_one_source_that_loses_more_than_a_point_refuses_it_and_is_named() -> None:
    new = evaluation("b", ("sentiment", "tfn", 200, 0.99), ("topic", "tfn", 100, 0.78), ("sentiment", "fiqa", 50, 0.9))
    verdict = judge(OLD, new)
    assert not verdict.promoted
    assert [(change.task, change.source) for change in verdict.refused] == [("topic", "tfn")]
    assert str(verdict.refused[0]) == "topic en news tfn: 0.800 -> 0.780 (-2.0 points, 100 rows)"
    assert verdict.changes[0] == verdict.refused[0]


def test_a_loss_of_a_point_passes_though_its_figures_are_rounded() -> None:
    old = evaluation("a", ("sentiment", "tfn", 300, 0.833334))
    assert judge(old, evaluation("b", ("sentiment", "tfn", 300, 0.823333))).promoted
    assert not judge(old, evaluation("b", ("sentiment", "tfn", 300, 0.823))).promoted


def test_how_much_may_be_lost_can_be_told() -> None:
    new = evaluation("b", ("sentiment", "tfn", 200, 0.84), ("topic", "tfn", 100, 0.8), ("sentiment", "fiqa", 50, 0.6))
    assert judge(OLD, new, most_lost=2.0).promoted
    assert not judge(OLD, new, most_lost=1.9).promoted


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (evaluation("b", ("sentiment", "tfn", 200, 0.9)), "in the old evaluation only"),
        (
            evaluation("b", ("sentiment", "tfn", 199, 0.9), ("topic", "tfn", 100, 0.8), ("sentiment", "fiqa", 50, 0.6)),
            "200 rows and 199",
        ),
        (OLD | {"options": {"fifth": 1, "seed": 0}}, "fifth: None and 1"),
        ({"revision": "b"}, "not written by `barograph evaluate --json`"),
        ({"figures": [{"cut": ["lang"], "contender": "after"}]}, "holds no source"),
        ({"figures": [{"cut": ["lang", "kind", "source"], "contender": "after"}]}, "KeyError: 'task'"),
    ],
)
def test_evaluations_that_cannot_be_compared_are_refused_in_one_line(new: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        judge(OLD, new)
    assert "\n" not in str(caught.value)
