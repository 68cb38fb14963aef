"""The keys of deliveries, in the same slot as all others of their namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stream.store.keys import DAY_S, Keys

# As long as their incident. A delivery that is neither delivered nor given up has no end.
DELIVERY_TTL_S: Final = 400 * DAY_S
ATTEMPTS_MOST: Final = 20
# Between two deliveries that are due at once; a double holds it beside milliseconds of this century.
ORDER_MS: Final = 0.01


@dataclass(frozen=True, slots=True)
class DeliveryKeys:
    """The keys of one namespace's deliveries."""

    namespace: str

    @property
    def prefix(self) -> str:
        """What every key of deliveries begins with."""
        return f"{Keys(self.namespace).prefix}delivery:"

    @property
    def counts(self) -> str:
        """Hash: `pending` and `delivered`, how many."""
        return f"{self.prefix}counts"

    @property
    def dead(self) -> str:
        """Sorted set: ids of deliveries given up, by when, unix milliseconds."""
        return f"{self.prefix}dead"

    @property
    def endpoints(self) -> str:
        """Hash: name -> JSON of what may be shown of an endpoint (`EndpointSeen`)."""
        return f"{self.prefix}endpoints"

    @property
    def gone(self) -> str:
        """Hash: name -> JSON of when and where an endpoint answered 410 (`Gone`)."""
        return f"{self.prefix}gone"

    @property
    def first_start(self) -> str:
        """String: unix milliseconds; what the outbox took before then was old when the first notifier began."""
        return f"{self.prefix}first-start"

    def one(self, delivery_id: str) -> str:
        """Hash: one delivery; `body` only until it is delivered.

        `entry` is its event's in the outbox; `wait_ms` is how long before `next_ms` that was decided.
        """
        return f"{self.prefix}one:{delivery_id}"

    def attempts(self, delivery_id: str) -> str:
        """List: the newest attempts of a delivery as JSON, oldest first."""
        return f"{self.prefix}attempts:{delivery_id}"

    def due(self, endpoint: str) -> str:
        """Sorted set: ids of what an endpoint has still to get, by when it is tried, unix milliseconds."""
        return f"{self.prefix}due:{endpoint}"

    def of_incident(self, incident_id: str) -> str:
        """Sorted set: ids of an incident's deliveries, by the event's seq."""
        return f"{self.prefix}incident:{incident_id}"
