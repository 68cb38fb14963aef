"""The read side of incidents and how long they live, and all of it against a plain model, on a real Valkey."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from stream.core.incidents import EventType, Incident, IncidentEvent, incident_id
from stream.store.acts import Acts
from stream.store.client import StoreError
from stream.store.embedded import EmbeddedValkey, server_command
from stream.store.incident_read import IncidentReader
from stream.store.incidents import Conflict, DetectorStore, FencedOut, Flags, Write
from stream.store.keys import DAY_S, INCIDENT_TTL_S, Keys
from stream.store.outbox import START, Outbox
from stream.supervision.ports import choose
from tests.servers import running, wait_until
from tests.services.incident_tools import NOON_MS, NOON_S, Detector, detector, fired, incident, resolved

Store = tuple[Detector, Acts, IncidentReader]


@pytest.fixture
def store(redis_url: str, run_id: str) -> Iterator[Store]:
    made = detector(redis_url, run_id), Acts(redis_url, run_id), IncidentReader(redis_url, run_id)
    yield made
    for one in made:
        one.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


def test_open_incidents_come_newest_first_and_resolved_ones_not_at_all(store: Store) -> None:
    one, _, reader = store
    order = list(range(20))
    random.Random(1).shuffle(order)
    one.commit(*(fired(i, opened_at_s=NOON_S + 300 * i) for i in order))
    one.commit(*(resolved(i, opened_at_s=NOON_S + 300 * i) for i in range(0, 20, 3)))
    one.commit(Write("fired", NOON_MS, incident(1, opened_at_s=NOON_S + 300, state="recovering")))
    kept = [i for i in range(19, -1, -1) if i % 3]
    assert [seen.incident.series for seen in reader.open()] == [f"news/ticker/T{i}" for i in kept]
    assert reader.count_open() == len(kept)


def test_what_is_resolved_while_one_reads_is_never_among_the_open(store: Store) -> None:
    one, _, reader = store
    one.commit(*(fired(i) for i in range(50)))

    def open_and_resolve() -> None:
        for _ in range(40):
            one.commit(*(resolved(i) for i in range(50)))
            one.commit(*(Write("reopened", NOON_MS, incident(i)) for i in range(50)))

    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(open_and_resolve)
        states: set[str] = set()
        while not task.done():
            states.update(seen.incident.state for seen in reader.open())
        task.result()
    assert states == {"firing"}


def test_recent_incidents_are_those_that_opened_in_a_range_newest_first(store: Store) -> None:
    one, _, reader = store
    one.commit(*(fired(i, opened_at_s=NOON_S + 300 * i) for i in range(10)))
    one.commit(resolved(4, opened_at_s=NOON_S + 1_200))

    def found(*bounds: int) -> list[int]:
        return [(seen.incident.opened_at_s - NOON_S) // 300 for seen in reader.recent(*bounds)]

    assert found(0, 2**40) == list(range(9, -1, -1))
    assert found(NOON_S + 300, NOON_S + 1_500) == [4, 3, 2, 1]
    assert found(NOON_S + 301, NOON_S + 1_501) == [5, 4, 3, 2]
    assert found(0, 2**40, 3) == [9, 8, 7]
    assert found(NOON_S, NOON_S) == []
    assert found(NOON_S + 9_000, NOON_S) == []


def test_of_incidents_that_opened_together_the_one_that_fired_last_comes_first(store: Store) -> None:
    one, _, reader = store
    fired_at = [5, 1, 4, 2, 3]
    one.commit(*(fired(i, fired_at_ms=NOON_MS + at) for i, at in enumerate(fired_at)))
    assert [seen.incident.fired_at_ms - NOON_MS for seen in reader.open()] == [5, 4, 3, 2, 1]


def test_what_is_not_known_is_nothing(redis_url: str, run_id: str) -> None:
    reader, store = IncidentReader(redis_url, run_id), DetectorStore(redis_url, run_id)
    for name in ("", "f" * 32, "../../x", "*", "编号", "\ud800", "a b\n"):
        assert reader.get(name) is None
        assert reader.history(name) == []
    assert (reader.open(), reader.recent(0, 2**40), reader.count_open(), store.load()) == ([], [], 0, {})
    reader.close()
    store.close()


def test_a_record_of_a_later_version_is_read_by_what_is_known_of_it(
    store: Store, client: redis.Redis, run_id: str
) -> None:
    one, _, reader = store
    one.commit(fired())
    key = Keys(run_id).incident(fired().incident.incident_id)
    record: Any = client.hget(key, "record")
    client.hset(key, "record", record.replace(b"{", b'{"words":[["fear",-1]],', 1))
    seen = reader.get(fired().incident.incident_id)
    assert seen is not None
    assert seen.incident == fired().incident


def test_what_cannot_be_read_is_left_out_and_named_once(
    store: Store, client: redis.Redis, run_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, _, reader = store
    one.commit(fired(0), fired(1))
    spoilt, good = fired(0).incident, fired(1).incident
    client.hset(Keys(run_id).incident(spoilt.incident_id), "record", b'{"state":"exploded"}')
    client.xadd(Keys(run_id).history(good.incident_id), {"id": good.incident_id, "seq": "2", "type": "exploded"})
    for _ in range(3):
        assert [seen.incident for seen in reader.open()] == [good]
        assert [seen.incident for seen in reader.recent(0, 2**40)] == [good]
        assert reader.get(spoilt.incident_id) is None
        assert [event.seq for event in reader.history(good.incident_id)] == [1]
    assert len(caplog.records) == 2
    assert spoilt.incident_id in caplog.text and f"{good.incident_id}, entry " in caplog.text


def test_every_side_names_a_store_that_is_away_without_its_password() -> None:
    url = "redis://user:secret@127.0.0.1:1/0"
    store, reader, acts = DetectorStore(url, "away"), IncidentReader(url, "away"), Acts(url, "away")
    for ask in (
        store.load,
        lambda: store.commit(1, "c0", 0, b"", [fired()]),
        lambda: store.flags(["a"]),
        reader.open,
        lambda: reader.recent(0, 1),
        lambda: reader.get("a"),
        lambda: reader.history("a"),
        reader.count_open,
        lambda: acts.acknowledge("a", "Ann", 1),
        lambda: acts.comment("a", "Ann", "words", 1),
    ):
        with pytest.raises(StoreError, match=r"store redis://127\.0\.0\.1:1/0 does not answer") as caught:
            ask()
        assert "secret" not in str(caught.value)
        assert not caught.value.permanent
    for one in (store, reader, acts):
        one.close()


def lifetimes(client: redis.Redis, namespace: str, made: Incident) -> set[int]:
    keys = Keys(namespace)
    found = [client.ttl(keys.incident(made.incident_id)), client.ttl(keys.history(made.incident_id))]
    return {-1 if ttl == -1 else round(int(str(ttl)) / DAY_S) for ttl in found}


def test_an_incident_and_its_history_live_400_days_from_resolved_and_without_end_while_open(
    store: Store, client: redis.Redis, run_id: str
) -> None:
    one, acts, _ = store
    made = fired().incident
    one.commit(fired())
    assert lifetimes(client, run_id, made) == {-1}
    one.commit(resolved())
    assert lifetimes(client, run_id, made) == {400}
    client.expire(Keys(run_id).incident(made.incident_id), DAY_S)
    client.expire(Keys(run_id).history(made.incident_id), DAY_S)
    acts.comment(made.incident_id, "Ann", "words", NOON_MS)
    one.commit(Write("false_alarm", NOON_MS, resolved().incident))
    assert lifetimes(client, run_id, made) == {1}, "counted from resolved, not from the last word"
    one.commit(Write("reopened", NOON_MS, made), resolved())
    assert lifetimes(client, run_id, made) == {400}, "it was open again, if only for a moment"
    one.commit(Write("reopened", NOON_MS, made))
    assert lifetimes(client, run_id, made) == {-1}
    assert client.zcard(Keys(run_id).incidents_resolved) == 0
    one.commit(resolved())
    keys = Keys(run_id)
    for key in (keys.detector, keys.outbox, keys.incidents_opened, keys.incidents_resolved):
        assert client.ttl(key) == -1


def test_an_incident_that_has_expired_leaves_every_list(store: Store, client: redis.Redis, run_id: str) -> None:
    one, _, reader = store
    keys = Keys(run_id)
    one.commit(*(fired(i) for i in range(3)))
    one.commit(resolved(0), resolved(1))
    gone = fired(0).incident.incident_id
    client.delete(keys.incident(gone), keys.history(gone))
    now_s = int(str(client.time()[0]))
    client.zadd(keys.incidents_resolved, {gone: now_s - INCIDENT_TTL_S})
    assert {seen.incident.series for seen in reader.recent(0, 2**40)} == {"news/ticker/T1", "news/ticker/T2"}
    one.commit()
    assert client.zscore(keys.incidents_opened, gone) is None
    assert client.zscore(keys.incidents_resolved, gone) is None
    assert client.zcard(keys.incidents_opened) == 2
    assert client.zcard(keys.incidents_resolved) == 1


def serves(client: redis.Redis) -> bool:
    try:
        return client.get("any") is None
    except redis.exceptions.ClusterDownError:
        return False


async def test_a_cluster_takes_every_call_because_a_namespace_is_one_slot(tmp_path: Path) -> None:
    taken: set[int] = set()
    port, bus_port = choose([], taken), choose([], taken)
    valkey = EmbeddedValkey(tmp_path, port)
    cluster = ["--cluster-enabled", "yes", "--cluster-port", str(bus_port)]
    with (
        running([*server_command(valkey), *cluster], port, tmp_path / "valkey.log"),
        redis.Redis.from_url(valkey.url) as client,
    ):
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        wait_until(lambda: serves(client), 20, "a cluster of one node serves every slot")
        one, acts, outbox = detector(valkey.url, "live"), Acts(valkey.url, "live"), Outbox(valkey.url, "live")
        one.commit(fired(0), fired(1), resolved(1))
        assert acts.acknowledge(fired(0).incident.incident_id, "Ann", NOON_MS)
        last = (await outbox.read(START, 10, 10))[-1][0]
        await outbox.advance("notify", last)
        await outbox.advance("kafka", last)
        assert await outbox.trim(least=0) == 4
        one.lease.release()
        assert all(key.startswith(Keys("live").prefix.encode()) for key in client.scan_iter())
        await outbox.close()
        one.close()
        acts.close()


class Model:
    """One event after the other, as the contract words it."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}
        self.events: list[IncidentEvent] = []
        self.flags: dict[str, Flags] = defaultdict(Flags)

    def add(self, what: EventType, at_ms: int, made: Incident, actor: str | None, text: str | None) -> None:
        seq = 1 + sum(event.incident_id == made.incident_id for event in self.events)
        self.events.append(
            IncidentEvent(
                incident_id=made.incident_id, seq=seq, type=what, at_ms=at_ms, incident=made, actor=actor, text=text
            )
        )
        self.incidents[made.incident_id] = made
        if what == "reopened":
            self.flags.pop(made.incident_id, None)

    def acknowledge(self, name: str, actor: str, at_ms: int) -> bool:
        made = self.incidents.get(name)
        if made is None or made.state == "resolved" or self.flags[name].acknowledged_by:
            return False
        self.flags[name] = Flags(actor, at_ms)
        self.add("acknowledged", at_ms, made, actor, None)
        return True

    def comment(self, name: str, actor: str, text: str, at_ms: int) -> bool:
        if name in self.incidents:
            self.add("commented", at_ms, self.incidents[name], actor, text)
        return name in self.incidents


def random_write(rng: random.Random, model: Model, pending: dict[str, Incident], step: int) -> Write:
    number = rng.randrange(6)
    opened_at_s = NOON_S + 300 * number
    name = incident_id(f"news/ticker/T{number}", opened_at_s)
    now = pending.get(name, model.incidents.get(name))
    choices: list[tuple[EventType, str]]
    if now is None:
        choices = [("fired", "firing")]
    elif now.state == "resolved":
        choices = [("reopened", "firing")]
    else:
        choices = [("escalated", "firing"), ("reminder", "recovering"), ("resolved", "resolved")]
    what, state = rng.choice(choices)
    made = incident(number, opened_at_s=opened_at_s, state=state, z=rng.random(), fired_at_ms=NOON_MS + number)
    pending[made.incident_id] = made
    return Write(what, NOON_MS + step, made, rng.choice((None, "why 为何")))


@pytest.mark.parametrize("seed", range(6))
def test_any_commits_and_acts_end_like_one_event_after_the_other(redis_url: str, run_id: str, seed: int) -> None:
    rng, model = random.Random(seed), Model()
    one, acts, reader = detector(redis_url, run_id), Acts(redis_url, run_id), IncidentReader(redis_url, run_id)
    names = [incident_id(f"news/ticker/T{i}", NOON_S + 300 * i) for i in range(7)]
    for step in range(150):
        kind = rng.random()
        if kind < 0.5:
            pending: dict[str, Incident] = {}
            writes = [random_write(rng, model, pending, step) for _ in range(rng.randrange(5))]
            refused = rng.random()
            if refused < 0.2:
                with pytest.raises(Conflict):
                    one.store.commit(one.fence, "c0", one.version + rng.choice((-1, 1)), b"x", writes)
            elif refused < 0.3:
                with pytest.raises(FencedOut):
                    one.store.commit(one.fence - 1, "c0", one.version, b"x", writes)
            else:
                one.commit(*writes, state=b"%d" % step)
                for write in writes:
                    assert write.type is not None
                    model.add(write.type, write.at_ms, write.incident, None, write.text)
        elif kind < 0.75:
            name = rng.choice(names)
            assert acts.acknowledge(name, f"p{step}", step) == model.acknowledge(name, f"p{step}", step)
        else:
            name = rng.choice(names)
            assert acts.comment(name, "Ann", f"c{step}", step) == model.comment(name, "Ann", f"c{step}", step)
    assert len(model.events) > 100
    for name in names:
        assert reader.history(name) == [event for event in model.events if event.incident_id == name]
        seen = reader.get(name)
        assert (seen and seen.incident) == model.incidents.get(name)
    newest_first = sorted(model.incidents.values(), key=lambda made: -made.opened_at_s)
    assert [seen.incident for seen in reader.recent(0, 2**40)] == newest_first
    assert [seen.incident for seen in reader.open()] == [made for made in newest_first if made.state != "resolved"]
    assert reader.count_open() == len(reader.open())
    assert one.store.flags(names) == {name: model.flags[name] for name in names}
    for seen in reader.recent(0, 2**40):
        flags = model.flags[seen.incident.incident_id]
        assert (seen.acknowledged_by, seen.acknowledged_at_ms) == (flags.acknowledged_by, flags.acknowledged_at_ms)
    for closing in (one, acts, reader):
        closing.close()
