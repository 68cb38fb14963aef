"""What people do to incidents, from the pages or the command line; each act is an event in history and outbox."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from stream.core.incidents import EventType
from stream.store.client import connect
from stream.store.keys import Keys
from stream.store.scripts import script, script_errors

MAX_ACTOR_CHARS: Final = 80
MAX_COMMENT_CHARS: Final = 2_000

_SCRIPT: Final = script("event.lua", "acts.lua")


class Acts:
    """Every method raises StoreError when the store does not answer: the act may have been done."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._keys = Keys(namespace)
        self._redis = connect(url)
        self._script: Any = self._redis.register_script(_SCRIPT)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def acknowledge(self, incident_id: str, actor: str, at_ms: int) -> bool:
        """Note who looks after an incident; False where somebody does already, it is resolved or not known.

        Args:
            actor: cut at `MAX_ACTOR_CHARS`; False where it is blank.
        """
        who = one_line(actor)
        return bool(who) and self._act(incident_id, "acknowledged", at_ms, who, "")

    def comment(self, incident_id: str, actor: str, text: str, at_ms: int) -> bool:
        """Add words to an incident's history, resolved or not; False where it is not known, or one of them is blank.

        Args:
            actor, text: cut at `MAX_ACTOR_CHARS` and `MAX_COMMENT_CHARS`.
        """
        who, words = one_line(actor), _plain(text).strip()[:MAX_COMMENT_CHARS]
        return bool(who and words) and self._act(incident_id, "commented", at_ms, who, words)

    def _act(self, incident_id: str, what: EventType, at_ms: int, actor: str, text: str) -> bool:
        if not incident_id.isascii():
            return False
        keys = [self._keys.incident(incident_id), self._keys.history(incident_id), self._keys.outbox]
        with script_errors(self._url):
            return bool(self._script(keys=keys, args=[incident_id, what, at_ms, actor, text]))


def one_line(actor: str) -> str:
    """Return a name as it is kept: single spaces, no control characters, at most `MAX_ACTOR_CHARS`."""
    return " ".join(_plain(actor).split())[:MAX_ACTOR_CHARS].rstrip()


def _plain(text: str) -> str:
    """Return the text without control characters (line ends and tabs stay) and halves of characters."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
