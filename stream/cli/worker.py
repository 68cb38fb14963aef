"""`barograph worker`: one process that reads, scores and counts."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.logs import set_up_logging
from stream.running import connect_settings
from stream.settings import ConfigurationError, Settings, load_settings

log = logging.getLogger(__name__)


def worker(
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16")] = None,
    model: Annotated[Path | None, typer.Option(help="folder of weights; those shipped if not given")] = None,
) -> None:
    """Read documents, score them in batches, count them exactly. Run as many as there are partitions."""
    settings = connect_settings(load_settings(device=device, precision=precision, model_path=model))
    set_up_logging(settings.log_level)
    run(settings)


def run(settings: Settings) -> None:
    """Run a worker until it is told to stop. `settings` name Kafka and the store."""
    from model.classifier import Classifier
    from model.errors import ModelError
    from stream.agents.classify import Work, attach
    from stream.agents.scoring import Scorer
    from stream.app import make_app, run_until_stopped
    from stream.broker.known import Kafka
    from stream.broker.sender import Sender
    from stream.broker.topics import DOCUMENTS_COMMENTS, DOCUMENTS_NEWS, topic_ids
    from stream.store.apply import AsyncStore

    bootstrap, store_url = str(settings.kafka_bootstrap), str(settings.redis_url)
    ids = topic_ids(bootstrap)
    missing = [topic for topic in (DOCUMENTS_NEWS, DOCUMENTS_COMMENTS) if topic not in ids]
    if missing:
        raise ConfigurationError(
            f"Kafka at {bootstrap} has no topic {', '.join(missing)}: `barograph up` makes them, "
            "or `barograph topics` on a Kafka of your own"
        )
    try:
        classifier = Classifier.load(settings.model_path, device=settings.device, precision=settings.precision)
    except ModelError as exc:
        raise ConfigurationError(str(exc)) from None
    log.info("model %s on %s in %s", classifier.revision[:12], classifier.device, classifier.precision)
    folder = settings.home / "faust" / (settings.worker_id or "worker")
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    app = make_app(
        bootstrap,
        group=f"barograph-{settings.namespace}-classify",
        session_timeout_s=settings.session_timeout_s,
        datadir=str(folder),
    )
    sender, store = Sender(bootstrap), AsyncStore(store_url, settings.namespace)
    work = Work(Scorer(classifier), sender, store, Kafka(bootstrap))
    app.positions = work.positions
    attach(
        app, work, batch_max=settings.batch_max, batch_wait_s=settings.batch_wait_s, heartbeat=settings.heartbeat_file
    )

    async def close() -> None:
        await asyncio.gather(sender.close(), store.close())

    app.at_end = close
    run_until_stopped(app)
