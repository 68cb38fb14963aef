"""Which documents have been counted already."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from stream.core.documents import id_hash
from stream.store.client import connect, store_errors
from stream.store.keys import ID_DAYS, ID_SLOTS, Keys


def known_ids(url: str, namespace: str, ids: Collection[str], day: int) -> set[str]:
    """Return those of the ids that are known on a received day: one sent again then counts as a duplicate.

    Raises:
        StoreError: the store does not answer.
    """
    prefix = Keys(namespace).prefix
    by_slot: dict[int, list[tuple[str, int]]] = {}
    for id in ids:
        hashed = id_hash(id)
        by_slot.setdefault(hashed % ID_SLOTS, []).append((id, hashed))
    asked = [(f"{prefix}ids:{day + shift}:{slot}", members) for slot, members in by_slot.items() for shift in ID_DAYS]
    if not asked:
        return set()
    with store_errors(url), connect(url) as client:
        pipe = client.pipeline(transaction=False)
        for key, members in asked:
            pipe.smismember(key, [hashed for _, hashed in members])
        answers: Any = pipe.execute()
    return {
        id
        for (_, members), flags in zip(asked, answers, strict=True)
        for (id, _), flag in zip(members, flags, strict=True)
        if flag
    }
