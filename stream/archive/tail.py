"""What Kafka has beyond the archive, as an archive of its own for as long as it is needed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stream.archive import files
from stream.archive.names import positions
from stream.archive.schemas import TABLES
from stream.archive.values import Place
from stream.archive.writer import KINDS, Writer, prepare
from stream.broker.errors import BrokerError
from stream.broker.follow import Follower, topics_now
from stream.broker.topics import beginning_offsets, end_offsets
from stream.core.progress import Part

_POLL_S: Final = 0.2
# Without a record for so long, Kafka is away.
_SILENT_S: Final = 30.0
_ALL_DAYS: Final = 36_500


@dataclass(frozen=True, slots=True)
class Tail:
    """What was read.

    Attributes:
        ids: of the topics as they are now, by name.
        first: offset of the oldest record that Kafka still has, by partition.
    """

    ids: Mapping[str, str]
    first: Mapping[Part, int]
    records: int


def read_tail(bootstrap: str, root: Path, scratch: Path) -> Tail:
    """Write what lies between the end of the archive and the present end of Kafka into `scratch`.

    Raises:
        ArchiveError: it cannot be read or written.
        BrokerError: Kafka does not answer, or a topic is missing.
    """
    topics = topics_now(bootstrap, KINDS)
    missing = sorted(set(KINDS) - set(topics))
    if missing:
        raise BrokerError(f"Kafka at {bootstrap} has no topic {', '.join(missing)}: `barograph topics` makes them")
    ids = {name: topic.topic_id for name, topic in topics.items()}
    first, ends = beginning_offsets(bootstrap, KINDS), end_offsets(bootstrap, KINDS)
    archived = positions(one.name for kind in TABLES for one in files.stored(root, kind))
    starts = {part: max(archived.get(Place(part[0], ids[part[0]], part[1]), 0), first[part]) for part in ends}
    prepare(scratch)
    writer = Writer(scratch, keep_days=_ALL_DAYS, flush_s=_ALL_DAYS)
    writer.open(ends, ids)
    wanted = {part: start for part, start in starts.items() if start < ends[part]}
    for part, start in wanted.items():
        writer.seek(part, start)
    count = _copy(bootstrap, wanted, ends, writer) if wanted else 0
    return Tail(ids, first, count)


def _copy(bootstrap: str, starts: Mapping[Part, int], ends: Mapping[Part, int], writer: Writer) -> int:
    follower = Follower(bootstrap, starts)
    count, heard_s = 0, time.monotonic()
    try:
        while any(follower.position(part) < ends[part] for part in starts):
            found = follower.poll(_POLL_S)
            records = [one for one in found if one.offset < ends[one.topic, one.partition]]
            writer.add(records)
            writer.flush()
            count += len(records)
            if found:
                heard_s = time.monotonic()
            elif time.monotonic() - heard_s > _SILENT_S:
                raise BrokerError(f"Kafka at {bootstrap} sent nothing for {_SILENT_S:.0f} s")
    finally:
        follower.close()
    writer.flush(everything=True)
    return count
