"""Who reads in a consumer group."""

from __future__ import annotations

import time
from typing import Final

from stream.broker.errors import BrokerError
from stream.broker.topics import admin_client

# A broker that never had a group makes the topic for them first.
_WITHIN_S: Final = 20.0
_AGAIN_S: Final = 0.5


def members(bootstrap: str, group: str) -> int:
    """Return how many consumers a group has at the moment, one that was killed seconds ago included; BrokerError."""
    deadline_s = time.monotonic() + _WITHIN_S
    while True:
        try:
            with admin_client(bootstrap) as admin:
                found = admin.describe_groups([group])
            return sum(len(one.get("members") or ()) for one in found.values())
        except BrokerError as exc:
            if exc.permanent or time.monotonic() > deadline_s:
                raise
        time.sleep(_AGAIN_S)
