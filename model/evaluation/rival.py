"""The simple rival: TF-IDF n-grams and a linear model, one a task and language, trained on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from model.errors import ModelError
from model.evaluation.measure import Answer
from model.text import clean
from model.training.recipe import accepted, policy
from model.training.rows import NON_NEGATIVE, Row


def rival_answers(train: Sequence[Row], test: Sequence[Row]) -> list[Answer]:
    """Return the rival's answer for each row of `test`, in no order; a language without training rows is left out.

    Raises:
        ModelError: scikit-learn is not installed.
    """
    found: list[Answer] = []
    for task, lang in sorted({(row.task, row.lang) for row in test}):
        learnt = [row for row in train if (row.task, row.lang) == (task, lang) and row.labels != (NON_NEGATIVE,)]
        asked = [row for row in test if (row.task, row.lang) == (task, lang)]
        if len({row.labels[0] for row in learnt}) > 1:
            found.extend(_answers(_fit(learnt, lang), asked))
    return found


def _fit(rows: Sequence[Row], lang: str) -> Any:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline, make_union
        from sklearn.svm import LinearSVC
    except ImportError:
        raise ModelError("scikit-learn is not installed; the rival needs the extra: barograph[train]") from None
    shared: dict[str, Any] = {"sublinear_tf": True, "min_df": 2, "dtype": np.float32}
    if lang == "zh":
        features: Any = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), **shared)
    else:
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=150_000, **shared)
        features = make_union(TfidfVectorizer(ngram_range=(1, 2), **shared), characters)
    linear = make_pipeline(features, LinearSVC(C=0.5, class_weight="balanced", random_state=0))
    return linear.fit([clean(row.text) for row in rows], [row.labels[0] for row in rows])


def _answers(linear: Any, rows: Sequence[Row]) -> list[Answer]:
    names = list(linear.classes_)
    scores = linear.decision_function([clean(row.text) for row in rows])
    if scores.ndim == 1:  # two classes: one column, of the second
        scores = np.stack([-scores, scores], axis=1)
    return [_judge(row, dict(zip(names, line, strict=True))) for row, line in zip(rows, scores, strict=True)]


def _judge(row: Row, scores: dict[str, float]) -> Answer:
    possible = set(policy(row).classes) & set(scores) if row.task == "sentiment" else set(scores)
    label = max(sorted(possible or scores), key=lambda name: scores[name])
    if row.task == "topic":
        return Answer(row, label if label in row.labels else row.labels[0], label)
    if row.source == "finnsp":
        return Answer(row, row.labels[0], label if label == "negative" else NON_NEGATIVE)
    return Answer(row, accepted(row)[0], label)
