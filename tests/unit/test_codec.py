"""Records on the wire: what is refused says why, what is written reads back."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.codec import (
    MAX_RAW_BYTES,
    BadRecord,
    Origin,
    dead_letter,
    decode_dead_letter,
    decode_document,
    decode_incident_event,
    decode_incident_record,
    encode,
    encode_incident_event,
)
from tests.unit.test_delivery_body import event

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def raw(**fields: object) -> bytes:
    return json.dumps({"kind": "news", "source": "s", "text": "Oil slumps"} | fields).encode()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (raw() + b" x", "not JSON"),
        (b"\x00", "not JSON"),
        (b"[]", "document: expected `object`, got `array`"),
        (b"null", "document: expected `object`, got `null`"),
        (b"[" * 100_000, "document: expected `object`"),
        (b'{"x":' + b"[" * 100_000, "not JSON: maximum recursion"),
        (b'{"kind":"news","source":"s"}', "text: is missing"),
        (raw(text=3), "text: expected `str`, got `int`"),
        (raw(text=""), "text: is empty"),
        (raw(text="x" * 10_000_000), "text: has 10000000 characters; at most 100000"),
        (raw(text="a\x00b"), "text: has a zero byte at character 1"),
        (raw(text="a\ud800b"), "not JSON: a lone surrogate"),
        (raw(text="a\udc00"), "not JSON: a lone surrogate"),
        (rb'{"kind":"news","source":"\\ud83d","text":"\udc00"}', "not JSON: a lone surrogate"),
        (rb'{"kind":"news","source":"\\ud83d","text":x}', "not JSON: JSON is malformed: invalid character"),
        (raw().replace(b"Oil", b"\xff"), "not JSON: 'utf-8' codec"),
        (raw(published_at="yesterday"), "published_at: invalid RFC3339"),
        (raw(published_at="2026-01-02T03:04:05"), "published_at: expected `datetime` with a timezone"),
        (raw(published_at="1970-01-01T00:00:00Z"), "published_at: 1970-01-01T00:00:00+00:00 is before 1990"),
        (raw(published_at="2999-01-01T00:00:00Z"), "published_at: 2999-01-01T00:00:00+00:00 is more than a day"),
        (raw(received_at="2999-01-01T00:00:00Z"), "received_at: 2999-01-01T00:00:00+00:00 is more than a day"),
        (raw(received_at="9999-12-31T23:59:59Z", published_at="2020-01-01T00:00:00Z"), "received_at: 9999"),
        (raw(received_at="9999-12-31T23:59:59-05:00"), "received_at: 9999"),
        (raw(published_at="9999-12-31T23:59:59-05:00"), "published_at: 9999"),
        (raw(received_at="0001-01-01T00:00:00+05:00"), "received_at: 0001"),
        (raw(published_at="0001-01-01T00:00:00+05:00"), "published_at: 0001"),
        (raw(kind="rumour"), "kind: 'rumour' is not one of news, comment"),
        (raw(tickers="AAPL"), "tickers: expected `array"),
        (raw(schema=2), "schema: 2 is not known"),
    ],
)
def test_a_bad_record_is_refused_with_the_field_and_the_reason(record: bytes, reason: str) -> None:
    with pytest.raises(BadRecord) as caught:
        decode_document(record, received_at=NOW)
    assert str(caught.value).startswith(reason)


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert decode_document(rb'{"kind":"news","source":"s","text":"\ud83d\ude80"}', received_at=NOW).text == "🚀"


def test_outside_records_do_not_say_when_they_were_received() -> None:
    record = raw(received_at="2020-01-01T00:00:00Z")
    assert decode_document(record, received_at=NOW, trust_received_at=False).received_at == NOW
    assert decode_document(record, received_at=NOW).received_at.year == 2020


def test_tickers_written_as_one_string_are_several() -> None:
    assert decode_document(raw(tickers=["000636,002338", "AAPL"]), received_at=NOW).tickers == (
        "000636",
        "002338",
        "AAPL",
    )


def test_unknown_fields_are_passed_over() -> None:
    assert decode_document(raw(extra={"a": [1]}, precision="day"), received_at=NOW).text == "Oil slumps"


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1).filter(str.strip)


@given(texts, st.datetimes(datetime(1991, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)))
def test_a_document_reads_back_as_it_was_written(text: str, published: datetime) -> None:
    document = decode_document(raw(text=text, published_at=published.isoformat()), received_at=NOW)
    assert decode_document(encode(document), received_at=NOW + timedelta(days=1)) == document


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_bad_record(record: bytes) -> None:
    try:
        decode_document(record, received_at=NOW)
    except BadRecord as exc:
        assert str(exc)


def test_a_dead_letter_keeps_the_beginning_and_the_length() -> None:
    letter = dead_letter(b"\xff" * 100_000, origin=Origin("t", 1, 2), reason="r" * 9_000, at=NOW)
    read = decode_dead_letter(encode(letter))
    assert (len(base64.b64decode(read.raw)), read.size_bytes, len(read.reason)) == (MAX_RAW_BYTES, 100_000, 500)


def test_an_incident_event_carries_its_namespace() -> None:
    one = event("acknowledged", actor="Ada")
    assert decode_incident_record(encode_incident_event(one, "rehearsal")) == ("rehearsal", one)
    assert decode_incident_record(encode_incident_event(one)) == ("live", one)
    assert decode_incident_event(encode_incident_event(one, "rehearsal")) == one


def test_an_incident_event_from_before_there_were_namespaces_is_one_of_live() -> None:
    record = json.loads(encode_incident_event(event()))
    del record["namespace"]
    assert decode_incident_record(json.dumps(record).encode()) == ("live", event())


def test_an_empty_url_is_none() -> None:
    document = decode_document(raw(url=""), received_at=NOW)
    assert document.url is None and document.id == decode_document(raw(), received_at=NOW).id
