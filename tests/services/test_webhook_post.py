"""What an attempt connects to and gives away; and the commands `notify` and `receive`."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis

from stream.delivery.body import body_of
from stream.delivery.endpoints import Endpoint, load_endpoints
from stream.delivery.post import Poster
from stream.store.delivery_keys import DeliveryKeys
from tests.services.incident_tools import NOON_MS, Detector, detector
from tests.services.notify_tools import (
    OTHER,
    SECRET,
    answer,
    endpoint,
    fire,
    notifying,
    of,
    receiving,
    until,
)
from tests.unit.test_delivery_body import event

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def desk(redis_url: str, run_id: str) -> Iterator[Detector]:
    one = detector(redis_url, run_id)
    yield one
    one.close()


async def test_secrets_and_urls_stand_nowhere_in_the_store(redis_url: str, run_id: str, desk: Detector) -> None:
    async with receiving(answer(500), answer(410)) as one:
        load = of(endpoint("one", one.url + "?token=url-secret"))
        async with notifying(redis_url, run_id, load) as office:
            fired = fire(desk)
            await until(lambda: office.states(fired) == ["dead"], "ended")
    with redis.Redis.from_url(redis_url) as client:
        found = b""
        for key in client.scan_iter(match=DeliveryKeys(run_id).prefix + "*"):
            found += key + (client.dump(key) or b"")
    assert b"one" in found
    for secret in (SECRET.encode(), SECRET.removeprefix("whsec_").encode(), b"url-secret", b"/hook"):
        assert secret not in found


async def test_a_private_address_is_refused_without_a_connection(redis_url: str, run_id: str, desk: Detector) -> None:
    async with receiving() as one:
        load = of(endpoint("one", f"https://localhost:{one.port}/", allow_private=False))
        async with notifying(redis_url, run_id, load, schedule_s=(0,)) as office:
            fired = fire(desk)
            await until(lambda: office.states(fired) == ["dead"], "given up")
            reason = office.seen(fired)[0].attempts[0].reason
        assert "loopback address: nothing is sent there" in reason
        assert one.messages == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for hooks.example.test, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=DNS:hooks.example.test"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=hooks.example.test",
    ]
    try:
        subprocess.run(
            [*command, "-addext", names, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("no openssl on this machine to make a certificate with")
    return folder


@pytest.mark.parametrize("name", ["hooks.example.test", "other.example.test"])
async def test_the_address_looked_at_is_connected_to_and_the_name_stays_in_certificate_and_host(
    certificate: Path, name: str
) -> None:
    server, client = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        ssl.create_default_context(cafile=certificate / "cert.pem"),
    )
    server.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    asked: list[str | None] = []
    server.sni_callback = lambda _, wanted, __: asked.append(wanted)
    looked_up: list[str] = []

    async def resolve(host: str, _: int) -> Sequence[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    async with receiving(tls=server) as one:
        receiver = Endpoint("one", f"https://{name}:{one.port}/hook", (SECRET,), allow_private=True)
        poster = Poster(receiver, resolve=resolve, tls=client)
        found = await poster.post("msg_1", b"{}", time.time())
        await poster.close()
        assert asked == [name] and looked_up == [name]
        if name == "hooks.example.test":
            assert found.ok
            assert one.messages[0].headers["host"] == f"{name}:{one.port}"
        else:
            assert found.status is None and "certificate" in found.reason.lower()
            assert one.messages == []


async def test_the_next_address_is_tried_where_the_first_does_not_answer() -> None:
    async def resolve(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with receiving() as one:
        poster = Poster(endpoint("one", f"http://two.example.test:{one.port}/"), resolve=resolve)
        found = await poster.post("msg_1", b"{}", time.time())
        await poster.close()
        assert found.ok and len(one.messages) == 1


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as one:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        poster = Poster(endpoint("one", one.url))
        assert (await poster.post("msg_1", b"{}", time.time())).ok
        await poster.close()
        assert proxy.messages == [] and one.messages[0].path == "/hook"


@pytest.mark.parametrize("answering", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 204 No Content\r\nX: " + b"y" * 300_000])
async def test_what_is_no_answer_is_a_failure_with_a_reason_of_one_line(answering: bytes) -> None:
    async with receiving(answering) as one:
        poster = Poster(endpoint("one", one.url))
        found = await poster.post("msg_1", b"{}", time.time())
        await poster.close()
        assert found.status is None and found.reason and len(found.reason) < 300 and "\n" not in found.reason


async def test_a_name_that_does_not_exist_and_a_closed_port_are_failures_with_a_reason() -> None:
    for url in ("http://no-such-name.invalid/", "http://127.0.0.1:1/"):
        poster = Poster(endpoint("one", url))
        found = await poster.post("msg_1", b"{}", time.time())
        await poster.close()
        assert found.status is None and found.reason


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of i",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno length",
    ],
)
@pytest.mark.parametrize("hangs", [True, False])
async def test_the_status_decides_whatever_becomes_of_the_answer_after_it(head: bytes, hangs: bool) -> None:
    ended = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(head)
        if hangs:
            await reader.read()  # until the other side has had enough
        writer.close()
        ended.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    poster = Poster(endpoint("one", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"), timeout_s=5)
    started_s = time.monotonic()
    found = await poster.post("msg_1", b"{}", time.time())
    took_s = time.monotonic() - started_s
    await asyncio.wait_for(ended.wait(), 5)  # the connection is given up
    await poster.close()
    server.close()
    assert (found.status, found.reason, found.ok) == (200, "", True)
    assert took_s < 3


def test_a_file_that_cannot_be_used_stops_the_start_in_one_line(tmp_path: Path, redis_url: str, run_id: str) -> None:
    from stream.cli.notify import run
    from stream.settings import ConfigurationError, Settings

    path = tmp_path / "endpoints.toml"
    path.write_text("[[endpoint]]\n")
    settings = Settings(redis_url=redis_url, namespace=run_id, endpoints_file=path)
    with pytest.raises(ConfigurationError, match="endpoint 1: name: expected"):
        asyncio.run(run(settings))
    with pytest.raises(ConfigurationError, match="no such file"):
        asyncio.run(run(settings.model_copy(update={"endpoints_file": tmp_path / "none.toml"})))
    assert load_endpoints(tmp_path / "none.toml", {}, required=False).endpoints == ()


async def test_the_receiver_takes_signed_messages_shows_them_and_knows_repeats(tmp_path: Path) -> None:
    secret, out = tmp_path / "secret", tmp_path / "out.jsonl"
    secret.write_text(SECRET + "\n")
    log = tmp_path / "log"
    code = "from stream.cli.receive import receive; import typer; typer.run(receive)"
    command = ["-c", code, "--port", "0", "--secret-file", str(secret), "--out", str(out)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BAROGRAPH_")}
    with log.open("wb") as opened:
        process = subprocess.Popen([sys.executable, *command], stdout=opened, stderr=opened, env=environ)  # noqa: ASYNC220
    try:
        await until(lambda: "receiver ready at http://127.0.0.1:" in log.read_text(), "ready")
        url = log.read_text().split("receiver ready at ")[1].split()[0]
        body = body_of(event(), public_url=None)
        right, wrong = Poster(endpoint("one", url)), Poster(endpoint("one", url, OTHER))
        statuses = [
            (await right.post("msg_1", body, time.time())).status,
            (await right.post("msg_1", body, time.time())).status,
            (await wrong.post("msg_2", body, time.time())).status,
            (await right.post("msg_3", b"[]", time.time())).status,
            (await right.post("msg_4", b"x" * 2_000_000, time.time())).status,
            (await right.post("msg_5", body, time.time() - 600)).status,
        ]
        await asyncio.gather(right.close(), wrong.close())
        assert statuses == [204, 204, 401, 400, 413, 401]
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert [row["webhook_id"] for row in rows] == ["msg_1", "msg_1"]
        assert rows[0]["body"] == json.loads(body) and rows[0]["received_at_ms"] > NOON_MS
        shown = log.read_text()
        assert "sentiment.incident.fired\n" in shown and "sentiment.incident.fired  (seen before)" in shown
        assert "z 7.2, share 62% against 21% expected" in shown
        assert "- Acme's auditor resigns [invented-wire] ×3" in shown
        assert SECRET not in shown
    finally:
        process.terminate()
        assert process.wait(20) == 0
