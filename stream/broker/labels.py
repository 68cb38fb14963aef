"""The topic of corrected labels: made when the first one comes, kept for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream.broker.bounded import bounded
from stream.broker.errors import BrokerError
from stream.broker.profile import producer_settings
from stream.broker.reach import explain
from stream.broker.topics import create_topics, end_offsets

LABELS: Final = "labels"
# What people said of texts is little, and dear: a hundred years.
KEPT: Final = timedelta(days=36_500)
CONFIRM_TIMEOUT_S: Final = 10.0


def send_label(bootstrap: str, key: bytes, value: bytes, replication: int = 1) -> None:
    """Send one corrected label, and return once the broker has confirmed it.

    Raises:
        BrokerError: it could not be confirmed; sending it again is safe.
    """
    create_topics(bootstrap, {LABELS: KEPT}, 1, replication)
    try:
        producer = KafkaProducer(**producer_settings(bootstrap))
        try:
            producer.send(LABELS, value, key=key).get(timeout=CONFIRM_TIMEOUT_S)
        finally:
            producer.close(timeout=CONFIRM_TIMEOUT_S)
    except (KafkaError, OSError) as exc:
        raise BrokerError(explain(bootstrap, f"{type(exc).__name__}: {exc}")) from exc


def read_labels(bootstrap: str) -> list[bytes]:
    """Return every record of the topic, in order; none where it does not exist yet.

    Raises:
        BrokerError: Kafka cannot be reached.
    """
    if not end_offsets(bootstrap, [LABELS]):
        return []
    return [record.value for record in bounded(bootstrap, [LABELS])]
