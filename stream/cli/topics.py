"""`barograph topics`: makes the topics on a Kafka of your own."""

from __future__ import annotations

import typer

from stream.running import connect_settings
from stream.settings import load_settings


def topics() -> None:
    """Make the topics that are missing; those that exist stay as they are."""
    from stream.broker.topics import ensure_topics

    settings = connect_settings(load_settings())
    created = ensure_topics(str(settings.kafka_bootstrap), settings.partitions, settings.replication)
    typer.echo(f"created: {', '.join(created) if created else 'nothing, all are there'}")
