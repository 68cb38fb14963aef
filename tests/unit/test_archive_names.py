"""Names of the archive's files: what is there, what counts, from where to read on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.archive.names import Name, ahead, current, day_of, day_start_ms, parse, parse_folder, positions
from stream.archive.upkeep import MOST_SMALL, choose
from stream.archive.values import Place

ID = "3f2c1a9e-0000-4000-8000-0123456789ab"
NEWS = Place("documents.news", ID, 3)


def name(first: int, last: int, following: int | None = None, *, whole: bool = False) -> Name:
    return Name(NEWS, first, last, last + 1 if following is None else following, whole)


@given(
    topic=st.from_regex(r"[A-Za-z0-9._-]{1,60}", fullmatch=True),
    topic_id=st.uuids().map(str),
    partition=st.integers(0, 99_999),
    offsets=st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**63)),
    whole=st.booleans(),
)
def test_a_name_is_read_as_it_was_written(
    topic: str, topic_id: str, partition: int, offsets: tuple[int, int, int], whole: bool
) -> None:
    made = Name(Place(topic, topic_id, partition), *offsets, whole)
    # A topic that begins like the mark of a compacted file is none of ours.
    assert topic.startswith("c-") or parse(str(made)) == made
    assert len(str(made)) < 255


@pytest.mark.parametrize("text", ["x.parquet", ".writing-00.parquet", "archive.lock", "", str(name(0, 9)) + ".gz"])
def test_other_files_are_none_of_the_archives(text: str) -> None:
    assert parse(text) is None


#   0        9 10       19 20       29 30
#   [ small  ] [ small   ] [ small   ] [ small …
#   [ compacted          ]
def test_files_that_were_put_together_no_longer_count_and_their_neighbours_do() -> None:
    small = [name(n, n + 9) for n in (0, 10, 20, 30)]
    whole = name(0, 19, whole=True)
    assert current([*reversed(small), whole]) == [whole, *small[2:]]
    assert current([*small, whole, name(0, 39, whole=True)]) == [name(0, 39, whole=True)]


def test_a_file_that_is_not_compacted_covers_nothing_and_another_topics_file_is_not_covered() -> None:
    assert not name(0, 99).covers(name(10, 19))
    assert not name(0, 9, whole=True).covers(name(0, 9, whole=True))
    assert name(0, 9, whole=True).covers(name(0, 9))
    other = replace(name(0, 9), place=Place("documents.news", ID.replace("3", "4"), 3))
    assert current([name(0, 99, whole=True), other]) == [name(0, 99, whole=True), other]


def test_reading_goes_on_where_a_write_was_complete_and_knows_what_a_cut_one_left() -> None:
    """A write of 10 … 19 over two days was cut after its first file: its position is still 10."""
    written = [name(0, 9), name(10, 18, following=10)]
    assert positions(written) == {NEWS: 10}
    assert ahead(written, {NEWS: 10}) == [written[1]]
    assert positions([*written, name(11, 19)]) == {NEWS: 20}


@pytest.mark.parametrize(
    ("timestamp_ms", "day"),
    [
        (0, "1970-01-01"),
        (86_399_999, "1970-01-01"),
        (86_400_000, "1970-01-02"),
        (-1, "1970-01-01"),
        (2**62, "9999-12-31"),
    ],
)
def test_every_time_stamp_has_a_day(timestamp_ms: int, day: str) -> None:
    assert day_of(timestamp_ms) == day
    assert parse_folder(f"day={day}") == day
    assert timestamp_ms < 0 or day_start_ms(day) <= timestamp_ms


def test_a_day_that_is_over_becomes_one_file_and_today_only_its_many_small_neighbours() -> None:
    small = [name(n, n) for n in range(MOST_SMALL + 1)]
    assert choose(small[:1], over=True, alone=False) == []
    assert choose(small[:1], over=True, alone=True) == small[:1]
    assert choose([name(0, 9, whole=True)], over=True, alone=True) == []
    assert choose(small[:2], over=True, alone=False) == small[:2]
    assert choose(small[:-1], over=False, alone=True) == []
    assert choose(small, over=False, alone=True) == small
    whole = name(100, 200, whole=True)
    # What is between two ends would be covered too.
    assert choose([*small, whole, name(201, 201)], over=False, alone=True) == []
