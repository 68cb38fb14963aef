"""How this product talks to Kafka through kafka-python: one profile for the embedded broker and a cluster."""

from __future__ import annotations

from typing import Any

# A broker refuses a batch above 1,048,588 bytes as shipped.
MAX_REQUEST_BYTES = 1_048_576

# A wrong password looks like an unreachable broker until this has passed: kafka-python waits 30 s as shipped.
BOOTSTRAP_TIMEOUT_MS = 5_000


def _common(bootstrap: str) -> dict[str, Any]:
    return {
        "bootstrap_servers": bootstrap.split(","),
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "request_timeout_ms": 10_000,
        # The default of 30 s doubles the gap that a short outage leaves.
        "reconnect_backoff_max_ms": 1_000,
    }


def producer_settings(bootstrap: str) -> dict[str, Any]:
    """Return arguments for `KafkaProducer`: confirmed by all in-sync replicas, in order, no duplicates.

    Args:
        bootstrap: `host:port[,host:port…]`.
    """
    return _common(bootstrap) | {
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": 10,
        "batch_size": 131_072,
        "compression_type": "lz4",
        "delivery_timeout_ms": 120_000,
        # A send to a topic that does not exist blocks this long.
        "max_block_ms": 10_000,
        "max_request_size": MAX_REQUEST_BYTES,
        "allow_auto_create_topics": False,
    }


def consumer_settings(bootstrap: str, group: str | None = None) -> dict[str, Any]:
    """Return arguments for `KafkaConsumer`: from the beginning, commits by hand only.

    Args:
        bootstrap: `host:port[,host:port…]`.
        group: consumer group, or None to assign partitions by hand.
    """
    return _common(bootstrap) | {
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        # Above the session timeout a group asks for, or joining it times out first.
        "request_timeout_ms": 30_000,
        "session_timeout_ms": 10_000,
        "heartbeat_interval_ms": 1_000,
        "max_poll_records": 500,
        "allow_auto_create_topics": False,
    }


def admin_settings(bootstrap: str) -> dict[str, Any]:
    """Return arguments for `KafkaAdminClient`.

    Args:
        bootstrap: `host:port[,host:port…]`.
    """
    return _common(bootstrap)
