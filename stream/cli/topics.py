"""`barograph topics`: makes the topics on a Kafka of your own, and mends a Kafka that fell back."""

from __future__ import annotations

from typing import Annotated

import typer

from stream.running import connect_settings
from stream.settings import load_settings


def topics(
    trust_kafka: Annotated[
        bool,
        typer.Option(
            "--trust-kafka",
            help="where the store has applied more than Kafka holds, read on from Kafka's end (stop workers first)",
        ),
    ] = False,
) -> None:
    """Make the topics that are missing; those that exist stay as they are."""
    from stream.broker.topics import DOCUMENT_TOPICS, end_offsets, ensure_topics, topic_ids
    from stream.store.apply import part_field
    from stream.store.repair import lower_applied

    settings = connect_settings(load_settings())
    bootstrap = str(settings.kafka_bootstrap)
    created = ensure_topics(bootstrap, settings.partitions, settings.replication)
    typer.echo(f"created: {', '.join(created) if created else 'nothing, all are there'}")
    if not trust_kafka:
        return
    ids = topic_ids(bootstrap, DOCUMENT_TOPICS)
    ends = {
        part_field(ids[topic], partition): end
        for (topic, partition), end in end_offsets(bootstrap, DOCUMENT_TOPICS).items()
    }
    lowered = lower_applied(str(settings.redis_url), settings.namespace, ends)
    typer.echo(f"partitions that now read on from Kafka's end: {lowered}")
