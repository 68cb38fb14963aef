"""Standard Webhooks 1.0: headers of an attempt, and the secrets that sign it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook, WebhookVerificationError

PREFIX: Final = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
SECRET_BYTES: Final = 32


def check_secret(secret: str) -> None:
    """Raise ValueError, which never quotes it, unless this is `whsec_` and base64 of 24 to 64 bytes.

    The library itself takes base64 with rubbish in it, and keys of any length.
    """
    encoded = secret.removeprefix(PREFIX)
    if encoded == secret:
        raise ValueError(f"a secret begins with {PREFIX}")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"what follows {PREFIX} is not base64") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"a secret has {LEAST_BYTES} to {MOST_BYTES} bytes before base64, this one {len(key)}")


def signed_headers(keys: Sequence[str], message_id: str, at_s: float, body: bytes) -> dict[str, str]:
    """Return the three headers of an attempt.

    Args:
        keys: secrets, at least one; several while one is rotated, each signs.
        body: the exact bytes that are sent, UTF-8.
    """
    stamp_s = int(at_s)
    text, at = body.decode(), datetime.fromtimestamp(stamp_s, UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp_s),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, text) for secret in keys),
    }


def signature_problem(known: Sequence[str], headers: Mapping[str, str], body: bytes) -> str | None:
    """Return why none of the secrets signed this within five minutes of now on this machine's clock, if none did."""
    problem = ""
    for secret in known:
        try:
            Webhook(secret).verify(body, dict(headers), json_parse=False)
        except WebhookVerificationError as exc:
            problem = str(exc)
        except ValueError:  # the library lets what base64 and splitting raise through
            problem = ""
        else:
            return None
    if "timestamp" in problem:
        return "its time is not now: compare this clock with the sender's"
    return "a header is missing" if "header" in problem else "the signature does not match: is the secret the same?"


def is_signed(known: Sequence[str], headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether one of the secrets signed this, within five minutes of now on this machine's clock."""
    return signature_problem(known, headers, body) is None


def make_secret() -> str:
    """Return a new secret, `whsec_` and base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def delivery_id(event: str, endpoint: str) -> str:
    """Return the id of an event's delivery to an endpoint, everywhere and always the same: `msg_` and 32 hex digits."""
    return "msg_" + hashlib.sha256(f"{event}|{endpoint}".encode()).hexdigest()[:32]
