"""Retry-After: both of its forms, whoever asks."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

import pytest

from stream.core.retry_after import retry_after_s

NOW_S = 1_767_355_200.0
MOST_S = 43_200.0


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("43200", MOST_S),
        ("43201", MOST_S),
        ("9" * 400, MOST_S),
        (email.utils.format_datetime(datetime.fromtimestamp(NOW_S + 75, UTC), usegmt=True), 75.0),
        (email.utils.format_datetime(datetime.fromtimestamp(NOW_S + 75, UTC)), 75.0),
        (email.utils.format_datetime(datetime.fromtimestamp(NOW_S - 75, UTC), usegmt=True), 0.0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", MOST_S),
        ("Friday, 02-Jan-26 12:01:00 GMT", 60.0),
        ("Fri Jan  2 12:01:00 2026", 60.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("１２", None),
        ("٣", None),
        ("soon", None),
        ("Thu, 99 Jan 2099 00:00:00 GMT", None),
        ("Thu, 01 Jan 99999999999 00:00:00 GMT", None),
        ("Fri, 02 Jan 99999 11:00:00 GMT", None),
    ],
)
def test_both_forms_are_read_and_bounded(header: str | None, wait_s: float | None) -> None:
    assert retry_after_s(header, NOW_S, MOST_S) == wait_s
