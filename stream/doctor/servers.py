"""Kafka and the store as they answered, judged: values in, findings out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from stream.doctor.findings import Finding, fine, problem, warning

if TYPE_CHECKING:
    from stream.broker.facts import KafkaFacts, TopicFacts
    from stream.store.facts import StoreFacts

KAFKA_LEAST: Final = (2, 8)
KAFKA_TESTED: Final = (4, 0)
STORE_TESTED: Final = (7, 0)
INTSET_ENTRIES: Final = 65_536
COPIES_WISHED: Final = 3
FULL: Final = 0.8
# A window closes a minute after its end by the detector's clock; leases run by the store's.
SKEW_SEEN_S: Final = 2.0
SKEW_WRONG_S: Final = 30.0


def judge_kafka(facts: KafkaFacts, wanted: Iterable[str], partitions: int, workers: int) -> list[Finding]:
    """Judge a Kafka that answers.

    Args:
        wanted: names of this product's topics.
        partitions: of topics when they are made, by the settings.
        workers: how many are to share the work.
    """
    found = [_version(facts), _auto_creation(facts)]
    missing = [name for name in wanted if name not in facts.topics]
    if missing:
        found.append(problem("topics", f"missing: {', '.join(missing)}", "`barograph topics` makes them"))
    if facts.topics:
        found += _topics(facts, partitions, workers)
    return found


def _version(facts: KafkaFacts) -> Finding:
    said = f"{facts.brokers} broker{'s' if facts.brokers != 1 else ''}, version {facts.version[0]}.{facts.version[1]}"
    if facts.version < KAFKA_LEAST:
        return problem("kafka", said, "use Apache Kafka 4: topics have no ids before 2.8, and counting is by those")
    if facts.version < KAFKA_TESTED:
        return warning("kafka", said, "it is tested with Apache Kafka 4.x: upgrade when you can")
    return fine("kafka", said)


def _auto_creation(facts: KafkaFacts) -> Finding:
    about = "kafka auto-creation"
    if facts.creates_topics is None:
        return fine(about, "Kafka does not tell these credentials")
    if facts.creates_topics:
        return warning(
            about, "a misspelt topic would be made, not refused", "set auto.create.topics.enable=false on every broker"
        )
    return fine(about, "off")


def _topics(facts: KafkaFacts, partitions: int, workers: int) -> list[Finding]:
    counts = {topic.partitions for topic in facts.topics.values()}
    copies = min(topic.copies for topic in facts.topics.values())
    said = f"{len(facts.topics)} with {'/'.join(map(str, sorted(counts)))} partitions and {copies} of each"
    found = []
    if min(counts) < workers:
        mend = "start fewer workers, or move to topics with more partitions (docs/operations.md)"
        found.append(warning("topics", f"{said}; {workers} workers cannot share {min(counts)} partitions", mend))
    elif counts != {partitions}:
        mend = f"set BAROGRAPH_PARTITIONS to what is there, or leave it: topics keep theirs, new ones get {partitions}"
        found.append(warning("topics", f"{said}; the settings say {partitions}", mend))
    else:
        found.append(fine("topics", said))
    if copies < min(COPIES_WISHED, facts.brokers):
        mend = "raise the replication with kafka-reassign-partitions, and set BAROGRAPH_REPLICATION=3 for new topics"
        found.append(warning("kafka copies", f"{copies} with {facts.brokers} brokers: one lost disk loses data", mend))
    lagging = sorted(name for name, topic in facts.topics.items() if topic.short)
    if lagging:
        found.append(warning("kafka copies", _short(facts.topics, lagging), "see whether a broker is down or slow"))
    return found


def _short(topics: dict[str, TopicFacts], names: list[str]) -> str:
    return "not all in step: " + ", ".join(f"{name} ({topics[name].short} partitions)" for name in names)


def judge_store(facts: StoreFacts) -> list[Finding]:
    """Judge a Redis or Valkey that answers."""
    found = [_server(facts), _persistence(facts), _eviction(facts), _intset(facts), _clock(facts)]
    if facts.replica:
        found.append(problem("store role", "a replica: it refuses writes", "name the primary in BAROGRAPH_REDIS_URL"))
    return found


def _server(facts: StoreFacts) -> Finding:
    if facts.compatible < STORE_TESTED:
        mend = "use Valkey 8 or newer, or Redis 7 or newer: nothing older is tested"
        return warning("store", facts.server, mend)
    return fine("store", facts.server)


def _persistence(facts: StoreFacts) -> Finding:
    about = "store persistence"
    if facts.failing_writes:
        return problem(about, "writing to its disk fails", "see the store's log and the room on its disk")
    if facts.appends:
        return fine(about, "append-only file on")
    mend = "CONFIG SET appendonly yes, and `appendonly yes` in its configuration"
    if facts.snapshots:
        return warning(about, "snapshots only: incidents and webhooks since the last one are lost with it", mend)
    return warning(about, "off: a restart forgets incidents, acknowledgements and webhooks that wait", mend)


def _eviction(facts: StoreFacts) -> Finding:
    about, mend = "store memory", "CONFIG SET maxmemory-policy noeviction, and the same in its configuration"
    if facts.policy not in (None, "noeviction"):
        if facts.maxmemory_bytes:
            return problem(about, f"maxmemory-policy {facts.policy}: when it is full, counts vanish", mend)
        return warning(about, f"maxmemory-policy {facts.policy}: with a maxmemory counts would vanish", mend)
    if facts.maxmemory_bytes and facts.used_bytes > FULL * facts.maxmemory_bytes:
        share = facts.used_bytes / facts.maxmemory_bytes
        return warning(about, f"{share:.0%} of maxmemory used: when it is full, workers wait", "raise maxmemory")
    return fine(about, f"{facts.used_bytes / 1e6:,.0f} MB used, {facts.policy or 'policy not told'}")


def _intset(facts: StoreFacts) -> Finding:
    about = "store sets"
    if facts.intset_entries is not None and facts.intset_entries < INTSET_ENTRIES:
        return warning(
            about,
            f"set-max-intset-entries {facts.intset_entries}: ids of documents take five times the memory",
            f"CONFIG SET set-max-intset-entries {INTSET_ENTRIES}, and the same in its configuration",
        )
    return fine(about, "of ids stay compact" if facts.intset_entries else "not told to these credentials")


def _clock(facts: StoreFacts) -> Finding:
    about = "clocks"
    said = f"this machine and the store are {abs(facts.skew_s):.1f} s apart"
    mend = "let both machines keep time with NTP (`timedatectl`)"
    if abs(facts.skew_s) > SKEW_WRONG_S:
        return problem(about, f"{said}: documents count in the wrong minutes", mend)
    if abs(facts.skew_s) > SKEW_SEEN_S:
        return warning(about, said, mend)
    return fine(about, said)
