"""The detector's commits on a real Valkey: by the lease's holder only, in order, wholly or not at all."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from stream.core.incidents import IncidentEvent, Story
from stream.store.acts import Acts
from stream.store.client import StoreError
from stream.store.incident_read import IncidentReader
from stream.store.incidents import Conflict, DetectorStore, FencedOut, Write
from stream.store.keys import Keys
from stream.store.lease import Lease
from tests.servers import running_valkey, wait_until
from tests.services.incident_tools import NOON_MS, NOON_S, Detector, detector, dump, fired, incident, resolved, types

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


def test_what_was_committed_is_read_back_to_the_last_bit(store: Store) -> None:
    one, _, reader = store
    stories = (
        Story(id="a", title='净利润\u2028"下滑" \\u0000 é', source="s", lang="zh", score=-0.1 - 0.2, event_s=NOON_S),
        Story(id="b", title="x" * 5_000, source="s", lang="en", score=-1.0, event_s=NOON_S, copies=9, url="https://e"),
    )
    written = incident(
        z=0.1 + 0.2, z_peak=1e300, share=1 / 3, expected_total=5e-324, evidence=stories, parent="p" * 32,
        early=True, late=True, announced=False, model_revision="r", invented=True, fired_at_ms=2**52 + 1,
    )  # fmt: skip
    state = bytes(range(256)) * 5_000
    assert one.commit(Write("fired", 2**52 + 3, written, "why"), state=state) == 1
    assert one.store.load() == {"c0": (1, state)}
    seen = reader.get(written.incident_id)
    assert seen is not None
    assert (seen.incident, seen.seq) == (written, 1)
    event = IncidentEvent(
        incident_id=written.incident_id, seq=1, type="fired", at_ms=2**52 + 3, incident=written, text="why"
    )
    assert reader.history(written.incident_id) == [event]


def test_a_commit_without_events_writes_the_state_and_chunks_have_versions_of_their_own(store: Store) -> None:
    one, _, reader = store
    assert one.commit(state=b"a") == 1
    assert one.commit(state=b"b") == 2
    for i in range(30):
        assert one.store.commit(one.fence, f"chunk {i}: v:", 0, b"%d" % i, []) == 1
    assert one.store.load() == {"c0": (2, b"b"), **{f"chunk {i}: v:": (1, b"%d" % i) for i in range(30)}}
    assert reader.open() == []
    assert reader.count_open() == 0


def test_several_events_of_one_incident_in_one_commit_are_in_order(store: Store) -> None:
    one, _, reader = store
    first, second = incident(0), incident(1)
    worse = replace(first, severity="critical", z=7.0, z_peak=7.0)
    over = replace(worse, state="resolved", reason="cleared", resolved_at_s=NOON_S + 900)
    one.commit(
        Write("fired", 1, first),
        Write("fired", 2, second),
        Write("escalated", 3, worse),
        Write("resolved", 4, over, "cleared"),
    )
    history = reader.history(first.incident_id)
    assert [(e.seq, e.type, e.at_ms, e.incident, e.text) for e in history] == [
        (1, "fired", 1, first, None),
        (2, "escalated", 3, worse, None),
        (3, "resolved", 4, over, "cleared"),
    ]
    assert [seen.incident for seen in reader.open()] == [second]


def test_the_old_owner_is_refused_once_another_has_taken_over(redis_url: str, run_id: str) -> None:
    old, waiting = detector(redis_url, run_id, "old"), Lease(redis_url, run_id, "detector", "new", 60)
    old.commit(fired(0), state=b"old")
    detector(redis_url, run_id, "old", ttl_s=0.15).close()  # the same owner, about to stop renewing
    fences: list[int] = []

    def taken() -> bool:
        fence = waiting.hold()
        fences.extend([] if fence is None else [fence])
        return fence is not None

    wait_until(taken, 10, "the new owner has the lease", every_s=0.01)
    before = dump(redis_url, run_id)
    with pytest.raises(FencedOut, match=rf"held with {fences[0]}, this commit has {old.fence}") as caught:
        old.commit(fired(1), resolved(0), state=b"late")
    assert caught.value.permanent
    assert dump(redis_url, run_id) == before
    new = DetectorStore(redis_url, run_id)
    assert new.load() == {"c0": (1, b"old")}
    assert new.commit(fences[0], "c0", 1, b"new", [resolved(0)]) == 2
    for one in (old, waiting, new):
        one.close()


def test_an_owner_whose_lease_ran_out_is_refused_although_nobody_took_it(redis_url: str, run_id: str) -> None:
    one = detector(redis_url, run_id)
    one.lease.release()
    with pytest.raises(FencedOut, match="held by nobody"):
        one.commit(fired())
    assert one.store.load() == {}
    one.close()


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_commit_that_follows_another_version_is_refused_and_changes_nothing(
    store: Store, redis_url: str, run_id: str, expected: int
) -> None:
    one, _, _ = store
    one.commit(fired(), state=b"1")
    one.commit(state=b"2")
    before = dump(redis_url, run_id)
    with pytest.raises(Conflict, match=f"c0 is at version 2, this commit follows {expected}") as caught:
        one.store.commit(one.fence, "c0", expected, b"3", [resolved(), fired(1)])
    assert caught.value.permanent
    assert dump(redis_url, run_id) == before


@pytest.mark.parametrize(
    "key", ["detector", "outbox", "incidents_open", "incidents_opened", "incidents_resolved", "incident", "history"]
)
@pytest.mark.parametrize("act", [False, True])
def test_a_key_of_another_type_stops_the_call_before_it_writes(
    store: Store, client: redis.Redis, redis_url: str, run_id: str, key: str, act: bool
) -> None:
    one, acts, _ = store
    one.commit(fired(), state=b"1")
    spoilt: Any = getattr(Keys(run_id), key)
    name: str = spoilt(fired().incident.incident_id) if callable(spoilt) else spoilt
    client.delete(name)
    client.set(name, "spoilt")
    before = dump(redis_url, run_id)
    if act and key not in {"incident", "history", "outbox"}:
        assert acts.acknowledge(fired().incident.incident_id, "Ann", NOON_MS)  # it needs no more than those
        return
    with pytest.raises(StoreError, match="WRONGTYPE") as caught:
        if act:
            acts.acknowledge(fired().incident.incident_id, "Ann", NOON_MS)
        else:
            one.commit(resolved(), fired(1), state=b"2")
    assert caught.value.permanent
    assert dump(redis_url, run_id) == before


def test_a_full_store_refuses_the_whole_commit_and_that_passes(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as valkey, redis.Redis.from_url(valkey.url) as client:
        one, acts = detector(valkey.url, "live"), Acts(valkey.url, "live")
        one.commit(fired(), state=b"1")
        before = dump(valkey.url, "live")
        client.config_set("maxmemory", "1")
        with pytest.raises(StoreError, match="maxmemory") as commit:
            one.commit(resolved(), state=b"2")
        with pytest.raises(StoreError, match="maxmemory") as act:
            acts.acknowledge(fired().incident.incident_id, "Ann", NOON_MS)
        assert not commit.value.permanent
        assert not act.value.permanent
        assert dump(valkey.url, "live") == before
        client.config_set("maxmemory", "0")
        assert one.commit(resolved(), state=b"2") == 2
        one.close()
        acts.close()


@pytest.mark.parametrize(
    "bad", [{"z": float("nan")}, {"share": float("inf")}, {"state": "closed"}, {"reason": "\ud800"}]
)
def test_a_record_that_no_page_could_read_is_never_written(store: Store, bad: dict[str, Any]) -> None:
    one, _, reader = store
    with pytest.raises(StoreError, match=r"incident [0-9a-f]{32} cannot be written: ") as caught:
        one.commit(fired(1), fired(**bad), state=b"1")
    assert caught.value.permanent
    assert one.store.load() == {}
    assert reader.count_open() == 0


def test_a_commit_whose_answer_was_lost_was_done_once_and_its_repetition_is_refused(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as valkey, redis.Redis.from_url(valkey.url) as client:
        one = detector(valkey.url + "?socket_timeout=1", "live")
        reader = IncidentReader(valkey.url, "live")
        one.commit(state=b"1")
        server = int(client.info()["process_id"])
        os.kill(server, signal.SIGSTOP)
        try:
            with pytest.raises(StoreError, match="does not answer") as caught:
                one.commit(fired(), state=b"2")
        finally:
            os.kill(server, signal.SIGCONT)
        assert not caught.value.permanent
        wait_until(lambda: reader.count_open() == 1, 10, "the server has done what it was sent")
        with pytest.raises(Conflict):
            one.commit(fired(), state=b"2")
        assert one.store.load() == {"c0": (2, b"2")}
        assert len(reader.history(fired().incident.incident_id)) == 1
        one.close()
        reader.close()


def test_a_server_that_was_killed_comes_back_with_all_that_was_answered(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as valkey, redis.Redis.from_url(valkey.url) as client:
        one, acts = detector(valkey.url, "live"), Acts(valkey.url, "live")
        one.commit(fired(0), fired(1), state=b"1")
        acts.acknowledge(fired(0).incident.incident_id, "Ann", NOON_MS)
        before = dump(valkey.url, "live")
        os.kill(int(client.info()["process_id"]), signal.SIGKILL)
        with pytest.raises(StoreError, match="does not answer") as caught:
            one.commit(resolved(0), state=b"2")
        assert not caught.value.permanent
    with running_valkey(tmp_path, valkey.port) as again:
        assert again.url == valkey.url
        assert dump(again.url, "live") == before
        # The same clients go on: the new server has never seen their scripts.
        assert one.lease.hold() == one.fence
        assert one.commit(resolved(0), state=b"2") == 2
        assert acts.comment(fired(1).incident.incident_id, "Ann", "still here", NOON_MS)
        reader = IncidentReader(again.url, "live")
        assert types(reader.history(fired(0).incident.incident_id)) == ["fired", "acknowledged", "resolved"]
        assert types(reader.history(fired(1).incident.incident_id)) == ["fired", "commented"]
        for made in (one, acts, reader):
            made.close()


def test_a_store_restored_from_a_copy_is_noticed_by_the_next_commit(tmp_path: Path) -> None:
    now, copy = tmp_path / "now", tmp_path / "copy"
    with running_valkey(now) as valkey:
        one = detector(valkey.url, "live")
        one.commit(fired(0), state=b"1")
        one.close()
    shutil.copytree(now, copy)
    with running_valkey(now) as valkey:
        one = detector(valkey.url, "live")
        one.version = 1
        one.commit(resolved(0), state=b"2")
        one.close()
    with running_valkey(copy) as valkey:
        restored = detector(valkey.url, "live")
        with pytest.raises(Conflict, match="version 1, this commit follows 2"):
            restored.store.commit(restored.fence, "c0", one.version, b"3", [])
        ((chunk, (version, state)),) = restored.store.load().items()
        assert (chunk, version, state) == ("c0", 1, b"1")
        restored.version = version
        restored.commit(resolved(0), state=b"2")  # decided again: the same incident, the same event
        reader = IncidentReader(valkey.url, "live")
        assert types(reader.history(fired(0).incident.incident_id)) == ["fired", "resolved"]
        restored.close()
        reader.close()
