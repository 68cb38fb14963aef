"""Documents a second from the first one sent to all of them counted, beside the model's own rate.

    barograph up &                                  # wait until it is ready
    python -m bench.throughput --documents 5000

Both are measured one after the other in the same run, on the same texts, and on the same machine with
whatever else runs there, so read the share rather than the rates. The model reads alone in this process, in batches
of `batch_max`, while the system is idle, with the settings that the worker has (`BAROGRAPH_MODEL_PATH`,
`BAROGRAPH_DEVICE`, `BAROGRAPH_PRECISION`). Sending alone is told too: how fast Kafka confirmed the documents.
"""

from __future__ import annotations

import argparse
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.texts import documents
from model.classifier import Classifier
from stream.core.documents import reading_text
from stream.running import connect_settings
from stream.settings import ConfigurationError, Settings, load_settings
from stream.sources.authors import author_key
from stream.sources.incoming import read_incoming
from stream.sources.publisher import Publisher
from stream.sources.visible import wait_until_applied
from stream.store.read import Reader

TIMEOUT_S = 1_800.0
WARM_UP = 256


def end_to_end_s(settings: Settings, rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Return the seconds until Kafka had confirmed all documents, and until the store had counted them."""
    publisher = Publisher(str(settings.kafka_bootstrap))
    reader = Reader(str(settings.redis_url), settings.namespace)
    key = author_key(settings.home)
    started_s = time.monotonic()
    for row in rows:
        publisher.send(read_incoming(msgspec.json.encode(row), received_at=datetime.now(UTC), key=key))
    publisher.flush()
    confirmed_s = time.monotonic() - started_s
    wait_until_applied(
        publisher.last_offsets(),
        reader.applied,
        topic_ids=publisher.topic_ids,
        timeout_s=TIMEOUT_S,
        on_look=lambda left: None,
    )
    counted_s = time.monotonic() - started_s
    publisher.close()
    reader.close()
    return confirmed_s, counted_s


def model_s(settings: Settings, rows: list[dict[str, Any]]) -> float:
    """Return the seconds that the model alone takes for the same texts, loading and warming up apart."""
    classifier = Classifier.load(settings.model_path, device=settings.device, precision=settings.precision)
    texts = [reading_text(row.get("title"), row["text"]) for row in rows]
    kinds = [row["kind"] for row in rows]
    classifier.read(texts[:WARM_UP], kinds[:WARM_UP])
    started_s = time.monotonic()
    for at in range(0, len(rows), settings.batch_max):
        classifier.read(texts[at : at + settings.batch_max], kinds[at : at + settings.batch_max])
    return time.monotonic() - started_s


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--documents", type=int, default=5_000)
    options = parser.parse_args()
    texts = documents(options.documents + WARM_UP)
    try:
        settings = connect_settings(load_settings(home=options.home))
    except ConfigurationError as exc:
        raise SystemExit(str(exc)) from None
    run = uuid.uuid4().hex[:8]
    rows = [row | {"id": f"bench-{run}-{number}"} for number, row in enumerate(texts)]
    end_to_end_s(settings, rows[:WARM_UP])
    rows = rows[WARM_UP:]
    confirmed_s, counted_s = end_to_end_s(settings, rows)
    alone_s = model_s(settings, rows)
    count = len(rows)
    print(f"{count} documents, batches of {settings.batch_max}")
    print(f"  confirmed by Kafka  {count / confirmed_s:8,.0f} documents/s")
    print(f"  counted, end to end {count / counted_s:8,.0f} documents/s")
    print(f"  the model alone     {count / alone_s:8,.0f} documents/s")
    print(f"  share of the model's own rate {alone_s / counted_s:.0%}")


if __name__ == "__main__":
    main()
