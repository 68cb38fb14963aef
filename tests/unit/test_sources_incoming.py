"""What comes from outside becomes a document without its author's name."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.broker.profile import MAX_REQUEST_BYTES
from stream.codec import BadRecord, encode
from stream.core.documents import MAX_NAME_CHARS, MAX_TEXT_CHARS, MAX_TICKERS, MAX_TITLE_CHARS, MAX_URL_CHARS
from stream.sources.authors import author_key, hashed_author
from stream.sources.errors import SourceError
from stream.sources.incoming import field_and_reason, read_incoming
from stream.sources.visible import left_by_part, wait_until_applied

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = bytes(range(32))


def read(**fields: Any) -> Any:
    row = {"kind": "comment", "source": "forum", "text": "to the moon"} | fields
    return read_incoming(json.dumps(row).encode(), received_at=NOON, key=KEY)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40))
def test_a_handle_is_never_stored(handle: str) -> None:
    document = read(author=handle)
    expected = hashed_author(handle, KEY) if handle.strip() else None
    assert document.author == expected
    assert document.author != handle


def test_a_handle_that_looks_hashed_is_hashed_again() -> None:
    first = read(author="@me").author
    assert read(author=first).author not in (first, None)


def test_authors_are_told_apart_only_with_the_same_key() -> None:
    assert hashed_author("a", KEY) == hashed_author("a", KEY)
    assert hashed_author("a", KEY) != hashed_author("b", KEY)
    assert hashed_author("a", KEY) != hashed_author("a", bytes(32))


def test_an_id_that_is_made_does_not_depend_on_the_handle_without_the_key() -> None:
    row = json.dumps({"kind": "comment", "source": "s", "text": "x", "author": "@me"}).encode()
    one = read_incoming(row, received_at=NOON, key=KEY).id
    assert one == read_incoming(row, received_at=NOON, key=KEY).id
    assert one != read_incoming(row, received_at=NOON, key=bytes(32)).id


def test_an_id_that_is_given_stands() -> None:
    assert read(author="@me", id="7ncihc").id == "7ncihc"


def test_one_instant_in_two_time_zones_makes_one_id() -> None:
    ids = {read(author="@me", published_at=stamp).id for stamp in ("2026-01-02T10:00:00Z", "2026-01-02T18:00:00+08:00")}
    assert len(ids) == 1


def test_the_largest_document_fits_in_a_record() -> None:
    # The dearest characters: six bytes each as JSON.
    document = read(
        text="\x01" * MAX_TEXT_CHARS,
        title="\x01" * MAX_TITLE_CHARS,
        url="https://x/" + "\x01" * (MAX_URL_CHARS - 10),
        id="\x01" * MAX_NAME_CHARS,
        source="\x01" * MAX_NAME_CHARS,
        author="\x01" * MAX_NAME_CHARS,
        tickers=["中" * 24] * MAX_TICKERS,
    )
    room_for_key_and_framing = 1_000
    assert len(encode(document)) < MAX_REQUEST_BYTES - room_for_key_and_framing


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (b'{"kind":"news","source":"s"}', "text"),
        (b'{"kind":"news","source":"s","text":"x","tickers":[1]}', "tickers[0]"),
        (b"oops: no", "document"),
        (b"[]", "document"),
        (b'{"kind":"tweet","source":"s","text":"x"}', "kind"),
    ],
)
def test_a_bad_record_names_its_field(row: bytes, field: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read_incoming(row, received_at=NOON, key=KEY)
    assert field_and_reason(caught.value)[0] == field


def test_the_key_is_made_once_even_by_many_at_once(tmp_path: Path) -> None:
    home, keys = tmp_path / "new" / "home", []
    threads = [threading.Thread(target=lambda: keys.append(author_key(home))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert len(keys) == 16
    assert [path.name for path in home.iterdir()] == ["author.key"]
    assert (home / "author.key").stat().st_mode & 0o777 == 0o600


def test_a_key_of_another_length_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "author.key").write_bytes(b"short")
    with pytest.raises(SourceError, match=r"author\.key: has 5 bytes; a key for authors has 32"):
        author_key(tmp_path)


def test_a_home_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be used"):
        author_key(tmp_path / "file")


def test_what_is_left_counts_offsets_that_are_not_applied() -> None:
    last = {("a", 0): 9, ("a", 1): 0, ("b", 0): 4}
    assert left_by_part(last, {("a", 0): None, ("a", 1): 0, ("b", 0): 2}) == {("a", 0): 10, ("b", 0): 2}
    assert left_by_part(last, {("a", 0): 20, ("a", 1): 0, ("b", 0): 4}) == {}


def test_waiting_outlasts_an_outage_of_the_store() -> None:
    answers: list[int | SourceError] = [1, SourceError("store is away"), 3, 4]
    seen: list[int] = []

    def applied(topic_id: str, partition: int) -> int:
        assert (topic_id, partition) == ("id-a", 0)
        answer = answers.pop(0)
        if isinstance(answer, SourceError):
            raise answer
        return answer

    wait_until_applied({("a", 0): 4}, applied, topic_ids={"a": "id-a"}, timeout_s=30, on_look=seen.append)
    assert seen == [3, 3, 1, 0]
