"""Signatures: against the vector that Standard Webhooks' own libraries are tested with, and against plain hmac."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time

import pytest

from stream.delivery.receiver import readable
from stream.delivery.signing import check_secret, delivery_id, is_signed, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(bytes(32)).decode()


def test_the_published_vector() -> None:
    headers = signed_headers([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.9, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("body", [b"{}", '{"标题":"跌"}'.encode(), os.urandom(40).hex().encode()])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_signatures_are_those_of_plain_hmac_in_every_time_zone(
    body: bytes, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        headers = signed_headers([SECRET, OTHER], "msg_1", 1_767_355_200.0, body)
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    for secret, found in zip((SECRET, OTHER), headers["webhook-signature"].split(" "), strict=True):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = hmac.new(key, b"msg_1.1767355200." + body, hashlib.sha256).digest()
        assert found == "v1," + base64.b64encode(wanted).decode()


def test_either_secret_verifies_while_one_is_rotated() -> None:
    headers = signed_headers([SECRET, OTHER], "msg_1", time.time(), b"{}")
    assert is_signed([SECRET], headers, b"{}") and is_signed([OTHER], headers, b"{}")
    assert not is_signed(["whsec_" + base64.b64encode(b"x" * 32).decode()], headers, b"{}")


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,%"},
        {"webhook-signature": ""},
        {"webhook-signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "NaN"},
        {"webhook-timestamp": "9" * 400},
    ],
)
def test_what_was_changed_on_the_way_is_refused_and_nothing_raised(change: dict[str, str]) -> None:
    headers = signed_headers([SECRET], "msg_1", time.time(), b"{}")
    assert is_signed([SECRET], headers, b"{}")
    assert not is_signed([SECRET], headers | change, b"{}")
    assert not is_signed([SECRET], headers, b"{ }")
    assert not is_signed([SECRET], headers, b"\xff\xfe")


@pytest.mark.parametrize("size", [24, 32, 64])
def test_secrets_of_24_to_64_bytes_are_taken_padded_or_not(size: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(size)).decode()
    check_secret(secret)
    check_secret(secret.rstrip("="))


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "AAAA", "whsec_" + "A" * 30, "whsec_" + "A" * 100, "whsec_" + "A*" * 20, "whsec_é" * 9]
)
def test_other_secrets_are_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match=r"secret|base64") as caught:
        check_secret(secret)
    assert len(secret) < 10 or secret.removeprefix("whsec_") not in str(caught.value)


def test_a_delivery_id_is_a_function_of_event_and_endpoint() -> None:
    assert delivery_id("a-1", "desk") == delivery_id("a-1", "desk")
    assert len({delivery_id("a-1", "desk"), delivery_id("a-2", "desk"), delivery_id("a-1", "risk")}) == 3
    assert delivery_id("a-1", "desk").isascii() and len(delivery_id("a-1", "desk")) == 36


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"data": []},
        {"type": {"a": 1}, "data": {"evidence": [1, None, {"title": "\x1b[2J\u202e"}], "z": "high", "share": True}},
        {"data": {"evidence": {"a": 1}, "z": 1e308, "share": 1e308, "baseline_share": -1}},
        {"type": "x" * 9_000, "data": {"title_en": "\x1b]0;pwned\x07\nfake line", "evidence": [{"title": "a"}] * 999}},
    ],
)
def test_the_receiver_shows_any_message_in_a_few_harmless_lines(message: dict[str, object]) -> None:
    lines = readable(message)
    assert 2 <= len(lines) <= 8
    assert all(line.isprintable() and len(line) < 600 for line in lines)
