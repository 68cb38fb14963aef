"""Confusion matrices of sentiment as the stream makes them: what a detector needs to correct shares it counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model.classifier import Reading
from model.evaluation.measure import NOT_TARGETS
from model.labels import KINDS, SENTIMENTS
from model.training.recipe import policy
from model.training.rows import NON_NEGATIVE, Row

SCHEMA = 1
# Templated headlines are told apart too well to stand for news; PhraseBank, never seen, stands for it best.
LEFT_OUT = NOT_TARGETS - {"fpb"}


def confusion_cells(rows: Sequence[Row], readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """Return the cells of confusion.json: per language and kind, truth down and answer across.

    The answer is the most probable of all three classes. Only sources that know three classes count.
    """
    counts: dict[tuple[str, str], list[list[int]]] = {}
    sources: dict[tuple[str, str], set[str]] = {}
    for row, reading in zip(rows, readings, strict=True):
        if _counts(row):
            key = row.lang, row.kind
            matrix = counts.setdefault(key, [[0] * len(SENTIMENTS) for _ in SENTIMENTS])
            matrix[SENTIMENTS.index(row.labels[0])][SENTIMENTS.index(reading.label)] += 1
            sources.setdefault(key, set()).add(row.source)
    order = sorted(counts, key=lambda key: (key[0], KINDS.index(key[1])))
    return [
        {"language": key[0], "kind": key[1], "counts": counts[key], "sources": sorted(sources[key])} for key in order
    ]


def as_json(cells: Sequence[dict[str, Any]], revision: str) -> dict[str, Any]:
    """Return confusion.json of one model revision."""
    return {"schema": SCHEMA, "revision": revision, "labels": list(SENTIMENTS), "cells": list(cells)}


def _counts(row: Row) -> bool:
    if row.task != "sentiment" or row.source in LEFT_OUT or row.labels == (NON_NEGATIVE,):
        return False
    return policy(row).classes == SENTIMENTS
