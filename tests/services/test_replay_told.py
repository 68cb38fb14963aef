"""Endpoints that a replay tells: all of it, once, marked, also after kills; a resumed run is still what was asked."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.tiny import make_tiny
from stream.core.incidents import IncidentEvent, event_id
from stream.delivery.signing import delivery_id
from stream.replay.messages import TOLD, is_told, message_id, message_of
from tests.services.incident_tools import NOON_MS, incident
from tests.services.notify_tools import Message, Receiver, answer, receiving, table, write_endpoints
from tests.services.replay_tools import Home, stream_file


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model, and a stream of three days with one spike."""
    folder = tmp_path_factory.mktemp("told")
    model = make_tiny(folder / "model", seed=1)
    return model, stream_file(folder / "stream.jsonl.gz", model)


@pytest.fixture
def home(place: tuple[Path, Path], tmp_path: Path) -> Home:
    # The path of a socket has little more than a hundred characters.
    folder = tmp_path / ("a folder with a long name " * 4).strip()
    (folder / "home").mkdir(parents=True)
    return Home(folder, place[0])


@pytest.fixture
def stream(place: tuple[Path, Path]) -> str:
    return str(place[1])


def expected(home: Home, run: str) -> list[tuple[str, str, str]]:
    """Return (incident, type, at) of what a run tells, as its report has it."""
    return sorted(
        (f"replay:{run}:{one['incident_id']}", event["type"], event["at"])
        for one in home.incidents(run)
        if one["announced"]
        for event in one["events"]
        if event["type"] in TOLD
    )


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Return the same of what came, each message once."""
    bodies = {one.id: json.loads(one.body) for one in receiver.messages}.values()
    return sorted(
        (
            body["data"]["incident_id"],
            body["type"].removeprefix("sentiment.incident."),
            body["timestamp"].replace(".000Z", "Z"),
        )
        for body in bodies
    )


def endpoints(home: Home, **urls: str) -> None:
    write_endpoints(home.folder / "home" / "endpoints.toml", *(table(name, url) for name, url in urls.items()))


@pytest.mark.timeout(600)
def test_the_named_endpoint_alone_is_told_of_each_event_once_and_marked(home: Home, stream: str) -> None:
    async def run() -> None:
        async with receiving(answer(503), answer(204)) as desk, receiving() as other:
            endpoints(home, desk=desk.url, other=other.url)
            said = await asyncio.to_thread(home.run, "replay", stream, "--name", "loud", "--deliver-to", "desk")
            first, again = desk.messages[0], [one for one in desk.messages if one.id == desk.messages[0].id]
            assert len(again) == 2 and again[1].body == first.body  # refused once, and tried again
            assert told(desk) == expected(home, "loud") != []
            assert f"desk was told {len(told(desk))} events" in said
            assert len(desk.messages) == len(told(desk)) + 1 and desk.signed()
            bodies = [json.loads(one.body) for one in desk.messages]
            assert {body["replay"] for body in bodies} == {"loud"}
            assert all(body["data"]["title_en"].startswith("[replay loud] ") for body in bodies)
            assert not other.messages
            # What is told is told: neither this again nor a run without it tells anybody.
            count = len(desk.messages)
            await asyncio.to_thread(home.run, "replay", stream, "--name", "loud", "--deliver-to", "desk")
            await asyncio.to_thread(home.run, "replay", stream, "--name", "silent")
            assert len(desk.messages) == count and not other.messages
            assert home.report("silent") == home.report("loud")

    asyncio.run(run())


@pytest.mark.timeout(600)
def test_killed_while_it_tells_a_run_goes_on_as_it_was_asked_and_tells_each_event_once(home: Home, stream: str) -> None:
    temporary = home.folder / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary)}
    processes: list[subprocess.Popen[str]] = []

    async def run() -> None:
        async def kill_the_sender(_: Message) -> bytes:
            await asyncio.to_thread(_kill, processes[-1])
            return answer(204)

        async with receiving(kill_the_sender, answer(204), kill_the_sender, answer(204)) as desk:
            endpoints(home, desk=desk.url)
            labels = home.folder / "known.jsonl"
            labels.write_text('{"name": "the spike", "at": "2024-03-06T08:00:00Z"}\n')
            asked = ["--name", "broken", "--deliver-to", "desk", "--fail-if", "alerts > 0", "--labels", str(labels)]
            for words in (["replay", stream, *asked], ["replays", "resume", "broken"]):
                processes.append(home.start(*words, environment=environment))
                await asyncio.to_thread(processes[-1].communicate)
                assert processes[-1].returncode == -9
            store = home.folder / "home" / "replays" / "broken" / "store"
            assert store.is_dir() and not list(temporary.iterdir())
            words = ["replays", "resume", "broken"]
            said = await asyncio.to_thread(lambda: home.run(*words, code=3, environment=environment))
            assert "failed: alerts > 0" in said and "known: 100% found" in said
            assert not store.exists() and not list(temporary.iterdir())
            assert told(desk) == expected(home, "broken")
            ids = {one.id for one in desk.messages}
            # The one in flight at each kill came again, with the same id and bytes.
            assert len({(one.id, one.body) for one in desk.messages}) == len(ids) == len(desk.messages) - 2
            await asyncio.to_thread(home.run, "replay", stream, "--name", "whole")
            assert home.report("whole")["incidents.jsonl"] == home.report("broken")["incidents.jsonl"]

    try:
        asyncio.run(run())
    finally:
        for one in processes:
            _kill(one)


@pytest.mark.timeout(300)
def test_a_receiver_that_is_gone_is_told_when_it_is_back(home: Home, stream: str) -> None:
    async def run() -> None:
        async with receiving(answer(410), answer(204)) as desk:
            endpoints(home, desk=desk.url)
            words = ["replay", stream, "--name", "gone", "--deliver-to", "desk"]
            said = await asyncio.to_thread(lambda: home.run(*words, code=5))
            assert "was told 0 events, and not" in said and "HTTP 410" in said
            assert len(desk.messages) == 1 and "not delivered" in home.run("replays", "list")
            await asyncio.to_thread(lambda: home.run(*words))
            assert told(desk) == expected(home, "gone")

    asyncio.run(run())


@pytest.mark.timeout(120)
def test_an_endpoint_that_is_not_there_is_said_in_one_line_with_those_that_are(home: Home, stream: str) -> None:
    words = ["replay", stream, "--deliver-to", "disk"]
    assert "endpoints.toml: there is no such file" in home.refusal(words)
    endpoints(home, desk="http://127.0.0.1:1/", risk="http://127.0.0.1:1/")
    said = home.refusal(words)
    assert "--deliver-to disk: no such endpoint in " in said and said.endswith("known: desk, risk")
    assert not (home.folder / "home" / "replays").exists()


def event(**changes: Any) -> IncidentEvent:
    one = incident()
    made = IncidentEvent(incident_id=one.incident_id, seq=1, type="fired", at_ms=NOON_MS, incident=one)
    return replace(made, **changes)


def test_a_message_of_a_replay_is_never_one_of_live_or_of_another_run() -> None:
    one = event()
    ids = [message_id(one, "a run", "desk"), message_id(one, "another", "desk"), delivery_id(event_id(one), "desk")]
    assert len(set(ids)) == 3 and message_id(one, "a run", "desk") == ids[0]
    part = event(incident=replace(one.incident, parent="wider"))
    data = json.loads(message_of(part, "r1"))["data"]
    assert (data["incident_id"], data["parent"]) == (f"replay:r1:{one.incident_id}", "replay:r1:wider")
    assert data["links"] == {"dashboard": None}


def test_nobody_is_told_of_reminders_or_of_what_opened_as_part_of_another() -> None:
    assert is_told(event()) and not is_told(event(type="reminder"))
    assert not is_told(event(incident=replace(event().incident, announced=False)))


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
