"""What an operator may have to mend in the store by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream.store.client import connect, store_errors
from stream.store.keys import Keys


def lower_applied(url: str, namespace: str, ends: Mapping[str, int]) -> int:
    """Lower the highest offset applied to just before Kafka's end where it lies beyond; return how many were.

    What was counted stays counted: a document that comes again is known by its id.

    Args:
        ends: by `part_field`, the offset that the next record will get.
    """
    key = Keys(namespace).applied
    client = connect(url)
    with store_errors(url):
        found: Any = client.hgetall(key)
        beyond = {
            field: ends[field.decode()] - 1
            for field, offset in found.items()
            if field.decode() in ends and int(offset) >= ends[field.decode()]
        }
        if beyond:
            client.hset(key, mapping=beyond)
    client.close()
    return len(beyond)
