"""The one error of this room."""

from __future__ import annotations


class BrokerError(Exception):
    """Kafka could not be had or refused; one line says what to check.

    Attributes:
        permanent: True where trying again cannot help (wrong jars, a bad answer), False for an outage.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
