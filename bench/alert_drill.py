"""Whether alerts survive kills: detector and notifier killed (-9) at random points of the demonstration.

    python -m bench.alert_drill                    # about fifteen minutes
    python -m bench.alert_drill --kills 10 --minutes 14 --seed 7

A second detector, in this process, decides undisturbed over the same windows and keeps its state in a namespace
of its own. At the end: the same incidents, by id, in both; every event of the disturbed one in `incident-events`
once and only once by (incident, seq), and every event that is to be told delivered to the receiver.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from kafka import KafkaConsumer

from bench.home import Home, wait
from stream.broker.profile import consumer_settings
from stream.broker.topics import INCIDENT_EVENTS
from stream.broker.waiting import Waiting
from stream.cli.detector_live import AppliedOffsets
from stream.codec import decode_incident_event
from stream.core.incidents import IncidentEvent
from stream.detector.engine import Desk
from stream.detector.process import Detector, Edges
from stream.detector.witness import witness_of
from stream.store.client import StoreError
from stream.store.counts import CountsReader
from stream.store.deliveries import DeliveryReader
from stream.store.incident_read import IncidentReader, Seen
from stream.store.incidents import DetectorStore
from stream.store.lease import Lease
from stream.store.read import Reader

SHADOW = "shadow"
DAY_S = 86_400


def shadow_detector(kafka: str, redis: str) -> Detector:
    """Return a detector that reads the live windows and writes elsewhere."""
    reader = Reader(redis, "live")
    edges = Edges(
        store=DetectorStore(redis, SHADOW),
        lease=Lease(redis, SHADOW, "detector", "shadow", 30),
        live=CountsReader(redis, "live", late=False),
        whole=CountsReader(redis, "live", late=True),
        waiting=Waiting(kafka),
        applied=AppliedOffsets(reader, kafka),
        witness=witness_of(reader),
    )
    return Detector(edges, Desk(invented=True), 60.0, time.time)


def tick(detector: Detector, ended: threading.Event) -> None:
    """Tick once a second until the end."""
    while not ended.wait(1.0):
        try:
            detector.tick()
        except StoreError as exc:
            print(f"    shadow: {exc}")


def incidents(redis: str, namespace: str) -> list[Seen]:
    """Return every incident of a namespace."""
    now_s = int(time.time())
    return IncidentReader(redis, namespace).recent(now_s - DAY_S, now_s + DAY_S)


def published(kafka: str) -> list[IncidentEvent]:
    """Return what the topic of incident events holds, repeats included."""
    consumer = KafkaConsumer(INCIDENT_EVENTS, **consumer_settings(kafka), consumer_timeout_ms=5_000)
    found = [decode_incident_event(record.value) for record in consumer]
    consumer.close()
    return found


def line(seen: Seen) -> str:
    one = seen.incident
    told = "alone" if one.announced else "part of another"
    state = f"{one.state:10} {one.reason or '':14}"
    return f"{one.incident_id[:8]} {one.series:32} {one.clock:3} {state} {one.z_peak:5.1f} {told}"


def main() -> None:
    """Run the drill; exit 1 where something differs or is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    home = Home(Path(tempfile.mkdtemp(prefix="barograph-drill-")))
    ended = threading.Event()
    with home.up("--feed", "demo"):
        running = home.running()
        shadow = threading.Thread(target=tick, args=(shadow_detector(running.kafka, running.redis), ended), daemon=True)
        shadow.start()
        began_s = time.monotonic()
        moments = sorted(draw.uniform(5, options.minutes * 60 - 90) for _ in range(options.kills))
        for moment in moments:
            time.sleep(max(0.0, began_s + moment - time.monotonic()))
            role = draw.choice(["detector", "notify"])
            print(f"    {moment:5.0f} s: killing {role}", flush=True)
            home.kill(role)
        time.sleep(max(0.0, began_s + options.minutes * 60 - time.monotonic()))
        ended.set()
        shadow.join()
        ok = compare(running.kafka, running.redis, home)
    sys.exit(0 if ok else 1)


def compare(kafka: str, redis: str, home: Home) -> bool:
    """Print both sides and what is missing; return whether all is well."""
    real, undisturbed = incidents(redis, "live"), incidents(redis, SHADOW)
    for name, side in (("killed", real), ("undisturbed", undisturbed)):
        print(f"{name}: {len(side)} incidents")
        for seen in side:
            print("   ", line(seen))
    same = {one.incident.incident_id for one in real} == {one.incident.incident_id for one in undisturbed}
    print(f"the same ids: {same}")
    reader, deliveries = IncidentReader(redis, "live"), DeliveryReader(redis, "live")
    history = {(e.incident_id, e.seq): e for one in real for e in reader.history(one.incident.incident_id)}
    wait(lambda: deliveries.counts().pending == 0, 120, "every delivery")
    sent = Counter((event.incident_id, event.seq) for event in published(kafka))
    print(f"{len(history)} events; in {INCIDENT_EVENTS}: {len(sent)}, {sent.total() - len(sent)} repeats")
    to_tell = {key for key, event in history.items() if event.incident.announced}
    told = {
        (one.incident.incident_id, seen.seq)
        for one in real
        for seen in deliveries.of_incident(one.incident.incident_id)
        if seen.state == "delivered"
    }
    print(f"{len(to_tell)} events to tell, {len(told)} delivered: {told == to_tell}; {deliveries.counts()}")
    print(json.dumps(home.status(), indent=None))
    return same and set(sent) == set(history) and told == to_tell


if __name__ == "__main__":
    main()
