"""How much a client may send: token buckets, the clock as an argument."""

from __future__ import annotations

from collections import OrderedDict


class TokenBucket:
    """Refills at a rate up to a capacity; full at first.

    Args:
        rate_per_s: tokens a second, > 0.
        capacity: most tokens it holds, > 0.
    """

    def __init__(self, rate_per_s: float, capacity: float) -> None:
        self._rate_per_s = rate_per_s
        self._capacity = capacity
        self._tokens = capacity
        self._at_s: float | None = None

    def wait_s(self, tokens: float, now_s: float) -> float:
        """Return in how many seconds so many tokens will be there: 0 now, infinity where they never fit."""
        self._refill(now_s)
        if tokens > self._capacity:
            return float("inf")
        return max(0.0, (tokens - self._tokens) / self._rate_per_s)

    def take(self, tokens: float, now_s: float) -> float:
        """Take the tokens and return 0, or take none and return what `wait_s` says."""
        wait_s = self.wait_s(tokens, now_s)
        if wait_s == 0:
            self._tokens -= tokens
        return wait_s

    def _refill(self, now_s: float) -> None:
        # A clock that goes back adds nothing.
        passed_s = max(0.0, now_s - self._at_s) if self._at_s is not None else 0.0
        self._at_s = max(now_s, self._at_s) if self._at_s is not None else now_s
        self._tokens = min(self._capacity, self._tokens + passed_s * self._rate_per_s)


class ClientLimits:
    """A bucket for each client; of too many clients those not seen for longest are forgotten.

    Args:
        rate_per_s: documents a second.
        capacity: documents at once.
        max_clients: buckets that are kept.
    """

    def __init__(self, rate_per_s: float, capacity: float, max_clients: int = 10_000) -> None:
        self._rate_per_s = rate_per_s
        self._capacity = capacity
        self._max_clients = max_clients
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def bucket(self, client: str) -> TokenBucket:
        """Return this client's bucket."""
        bucket = self._buckets.setdefault(client, TokenBucket(self._rate_per_s, self._capacity))
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._max_clients:
            self._buckets.popitem(last=False)
        return bucket
