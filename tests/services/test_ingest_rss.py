"""`ingest rss` on a real broker, against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from stream.broker.topics import Offsets
from stream.codec import Document, decode_document
from stream.core.addresses import is_public
from stream.sources.publisher import Publisher
from stream.sources.rss.errors import FeedError
from stream.sources.rss.feeds import Feed
from stream.sources.rss.fetch import Fetcher, Limits
from stream.sources.rss.follow import Sum, follow
from stream.sources.rss.poll import Shared
from stream.sources.rss.state import StateFile
from tests.feed_bodies import plain_feed
from tests.servers import stop, wait_until
from tests.services.feed_server import FeedServer, feed_server
from tests.services.ingest_tools import ends, environment, prepare_topics, records_since
from tests.services.test_ingest_outages import own_kafka, start

NOW = datetime.now(UTC)
LIMITS = Limits(connect_s=5.0, silent_s=3.0, total_s=6.0, max_bytes=2_000_000)
COMMAND = [sys.executable, "-c", "import typer; from stream.cli.ingest_rss import rss; typer.run(rss)"]


@pytest.fixture
def bootstrap(kafka_bootstrap: str) -> str:
    """A Kafka with topics."""
    prepare_topics(kafka_bootstrap)
    return kafka_bootstrap


@pytest.fixture
def server() -> Iterator[FeedServer]:
    """The misbehaving server on 127.0.0.1."""
    with feed_server() as running:
        yield running


@contextmanager
def shared(bootstrap: str, home: Path, limits: Limits = LIMITS) -> Iterator[Shared]:
    with ExitStack() as closing:
        state = StateFile(home)
        closing.callback(state.close)
        publisher = Publisher(bootstrap, room_timeout_s=10.0)
        closing.callback(publisher.close)
        yield Shared(publisher, state, bytes(32), httpx.create_ssl_context(), limits)


async def poll_once(bootstrap: str, home: Path, *feeds: Feed, limits: Limits = LIMITS) -> Sum:
    with shared(bootstrap, home, limits) as used:
        return await follow(feeds, used, once=True)


def documents_since(bootstrap: str, start: Offsets) -> list[Document]:
    records = records_since(bootstrap, start)
    assert all(record.problem is None for record in records)
    return [decode_document(record.value, received_at=NOW) for record in records]


# What each path has to say, and whether the poll worked.
MISBEHAVIOUR: dict[str, tuple[bool, str]] = {
    "/slow-headers": (False, r"silent for 3 s \(failure 1"),
    "/drip": (False, r"not complete after 6 s"),
    "/huge": (False, r"is larger than 2,000,000 bytes"),
    "/huge-head": (False, r"broke off, or does not speak HTTP"),
    "/gzip-bomb": (False, r"is larger than 2,000,000 bytes decompressed \(from \d"),
    "/gzip-cut": (False, r"its gzip data ends in the middle"),
    "/not-gzip": (False, r"is not gzip data"),
    "/brotli": (False, r"content-encoding 'br' was not asked for"),
    "/short": (False, r"broke off"),
    "/no-http": (False, r"does not speak HTTP"),
    "/500": (False, r"HTTP 500 Internal Server Error"),
    "/404": (False, r"HTTP 404 Not Found"),
    "/410": (False, r"HTTP 410 Gone"),
    "/429-seconds": (False, r"HTTP 429 Too Many Requests"),
    "/429-date": (False, r"HTTP 429 Too Many Requests"),
    "/503": (False, r"HTTP 503 Service Unavailable"),
    "/circle": (False, r"redirects in a circle"),
    "/chain0": (False, r"redirects more than 5 times"),
    "/to-file": (False, r"redirects to 'file:///etc/passwd': only http and https"),
    "/empty": (False, r"is empty"),
    "/html": (False, r"is a web page \(HTML\), not a feed"),
    "/json": (False, r"is JSON, not RSS or Atom"),
    "/garbage": (False, r"is not RSS or Atom"),
    "/slow-parse": (False, r"takes more time than a feed may \([\d,]+ bytes\)"),
    "/entities": (False, r"holds entities made to grow beyond all bounds: refused"),
    "/many": (True, r"7 entries after the first 5,000 not read"),
    "/malformed": (True, r"malformed \(line 1: .*\); \d entries could be read"),
    "/charset": (True, r"its charset is not what it says; read as windows-1252"),
    "/damaged": (True, r"1 entry with characters that cannot be read"),
    "/twice": (True, r"1 entry with a guid that stands there twice, not sent"),
    "/no-text": (True, r"1 entry without any text, not sent: n1"),
    "/ahead": (True, r"1 entry dated more than a day ahead, sent without a published time: a1"),
    "/no-entries": (True, r"0 new of 0 in"),
    "/gzip": (True, r"3 new of 3 in"),
}


def self_signed(folder: Path) -> ssl.SSLContext:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and is not there")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


async def test_a_healthy_feed_is_delivered_beside_every_misbehaviour(
    bootstrap: str,
    server: FeedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("stream.sources.rss.parsing.CPU_S", 4)
    before = ends(bootstrap)
    server.feeds["/good"] = plain_feed("good", 40)
    wanted = dict(MISBEHAVIOUR)
    feeds = [Feed(server.url(path), source=f"bad{path}") for path in MISBEHAVIOUR]
    with feed_server(tls=self_signed(tmp_path)) as secure:
        others = {
            "/refused": (f"http://127.0.0.1:{closed_port()}/", r"no connection: connection refused"),
            "/no-host": ("http://no-such-host.invalid/", r"no-such-host.invalid: no such host"),
            "/tls-none": (server.url("/good").replace("http:", "https:"), r"TLS failed: "),
            "/tls-own": (secure.url("/good").replace("http:", "https:"), r"TLS certificate is not valid: self.signed"),
        }
        for name, (url, line) in others.items():
            feeds.append(Feed(url, source=f"bad{name}"))
            wanted[name] = (False, line)
        healthy = Feed(server.url("/good"), source="healthy")
        done = await poll_once(bootstrap, tmp_path / "home", *feeds[:20], healthy, *feeds[20:])
    said = {path: [m for m in caplog.messages if m.startswith(f"bad{path}: ")] for path in wanted}
    for path, (_, line) in wanted.items():
        assert any(re.search(line, message) for message in said[path]), (path, line, said[path])
        assert len(said[path]) <= 3
    (tmp_path / "lines.txt").write_text("\n".join(message for lines in said.values() for message in lines))
    assert "healthy: 40 new of 40 in" in caplog.text
    assert "Traceback" not in caplog.text
    assert "a defect" not in caplog.text
    worked = sum(works for works, _ in wanted.values()) + 1
    assert (done.worked, done.failed) == (worked, len(wanted) + 1 - worked)
    sent = documents_since(bootstrap, before)
    assert len(sent) == done.sent
    assert {d.title for d in sent if d.source == "healthy"} == {f"Headline {n} of good" for n in range(40)}


async def test_slow_feeds_never_delay_another(
    bootstrap: str, server: FeedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = ends(bootstrap)
    bodies = iter(range(1, 1000))
    server.feeds["/growing"] = plain_feed("growing", 1)
    server.on_get["/growing"] = lambda: server.feeds.update({"/growing": plain_feed("growing", next(bodies))})
    slow = [Feed(server.url(f"/{kind}?{n}"), interval_s=1.0) for kind in ("drip", "slow-headers") for n in range(20)]
    patient = Limits(silent_s=60.0, total_s=60.0)
    with shared(bootstrap, tmp_path, patient) as used:
        following = asyncio.create_task(
            follow([*slow, Feed(server.url("/growing"), source="growing", interval_s=1.0)], used, once=False)
        )
        started = time.monotonic()
        while server.count("/growing") < 5:
            assert time.monotonic() - started < 20, caplog.text
            await asyncio.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)
        done = await asyncio.wait_for(following, 10)
    assert done.stopped
    # A poll a second, up to 10% more, and room for a busy machine.
    assert time.monotonic() - started < 12
    titles = [document.title for document in documents_since(bootstrap, before)]
    assert len(titles) == len(set(titles)) == done.sent >= 4
    assert "rss ready with 41 feeds" in caplog.text


async def test_what_was_sent_is_not_sent_again_and_an_unchanged_feed_is_cheap(
    bootstrap: str, server: FeedServer, tmp_path: Path
) -> None:
    server.feeds["/good"] = plain_feed("good", 10)
    feed = Feed(server.url("/good"))
    before = ends(bootstrap)
    assert (await poll_once(bootstrap, tmp_path, feed)).sent == 10
    assert (await poll_once(bootstrap, tmp_path, feed)).sent == 0
    assert "if-none-match" in server.asked[-1].head
    server.feeds["/good"] = plain_feed("good", 13)
    assert (await poll_once(bootstrap, tmp_path, feed)).sent == 3
    # The first that Kafka gets of a poll is the oldest.
    documents = documents_since(bootstrap, before)
    assert len({document.id for document in documents}) == len(documents) == 13
    assert {document.source for document in documents} == {"good"}
    assert documents[0].url is not None
    assert documents[0].text.startswith("Body ")
    assert documents[0].published_at == datetime(2026, 1, 2, 9, tzinfo=UTC)


async def test_a_permanent_redirect_is_remembered(bootstrap: str, server: FeedServer, tmp_path: Path) -> None:
    server.feeds["/good"] = plain_feed("good", 2)
    feed = Feed(server.url("/moved"))
    for _ in range(2):
        assert (await poll_once(bootstrap, tmp_path, feed)).failed == 0
    assert [asked.path for asked in server.asked] == ["/moved", "/good", "/good"]


async def test_a_place_moved_to_that_dies_is_given_up(
    bootstrap: str, server: FeedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.feeds["/good"] = plain_feed("good", 2)
    feed = Feed(server.url("/moved"))
    assert (await poll_once(bootstrap, tmp_path, feed)).sent == 2
    del server.feeds["/good"]
    for _ in range(3):
        assert (await poll_once(bootstrap, tmp_path, feed)).failed == 1
    assert "where it had moved, does not answer; back to its first URL" in caplog.text
    server.feeds["/good"] = plain_feed("good", 3)
    assert (await poll_once(bootstrap, tmp_path, feed)).sent == 1
    assert [asked.path for asked in server.asked][-2:] == ["/moved", "/good"]


@pytest.mark.parametrize("path", ["/to-local", "/to-metadata"])
async def test_no_redirect_leads_from_a_public_host_into_a_local_network(
    bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    # This machine stands in for the public internet, under an address of its own.
    monkeypatch.setattr("stream.sources.rss.fetch.is_public", lambda a: a == "127.0.0.2" or is_public(a))
    try:
        lent = feed_server("127.0.0.2")
        server = lent.__enter__()
    except OSError:
        pytest.skip("this system has no second loopback address")
    try:
        done = await poll_once(bootstrap, tmp_path, Feed(server.url(path, "127.0.0.2")))
    finally:
        lent.__exit__(None, None, None)
    assert (done.worked, done.failed, done.sent) == (0, 1, 0)
    assert "which is not on the public internet: refused" in caplog.text
    assert [asked.path for asked in server.asked] == [path]


async def test_a_private_host_may_redirect_within_its_network(
    bootstrap: str, server: FeedServer, tmp_path: Path
) -> None:
    server.feeds["/good"] = plain_feed("good", 2)
    assert (await poll_once(bootstrap, tmp_path, Feed(server.url("/to-local")))).sent == 2


async def test_a_password_goes_only_to_the_host_for_which_it_was_given(
    bootstrap: str, server: FeedServer, tmp_path: Path
) -> None:
    with feed_server() as stranger:
        stranger.feeds["/good"] = plain_feed("good", 1)
        server.redirects = {"/here": "/there", "/there": stranger.url("/good").replace("//", "//x:y@")}
        done = await poll_once(bootstrap, tmp_path, Feed(server.url("/here").replace("//", "//me:word@")))
    assert done.sent == 1
    assert ["authorization" in asked.head for asked in server.asked] == [True, True]
    assert ["authorization" in asked.head for asked in stranger.asked] == [False]


async def test_where_a_public_feed_moved_has_to_stay_public(server: FeedServer) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return [host]

    fetcher = Fetcher(LIMITS, httpx.create_ssl_context(), resolve)
    with pytest.raises(FeedError, match=r"had moved to .* not on the public internet: refused"):
        await fetcher.get(server.url("/good"), guarded=True)
    assert server.asked == []
    assert await fetcher.is_guarded("https://8.8.8.8/feed")
    assert not await fetcher.is_guarded(server.url("/feed"))


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(server: FeedServer) -> None:
    server.feeds["/good"] = plain_feed("good", 1)
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fetcher = Fetcher(LIMITS, httpx.create_ssl_context(), resolve)
    answer = await fetcher.get(server.url("/good", "only-this-resolver-knows.invalid"))
    assert answer.body == server.feeds["/good"]
    assert asked == ["only-this-resolver-knows.invalid"]
    assert server.asked[0].head["host"] == f"only-this-resolver-knows.invalid:{server.port}"


async def test_retry_after_holds_also_over_a_restart(
    bootstrap: str, server: FeedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feed = Feed(server.url("/429-seconds"))
    for _ in range(2):
        assert (await poll_once(bootstrap, tmp_path, feed)).failed == 1
    assert server.count("/429-seconds") == 1
    assert "its server asked to stay away until" in caplog.text


async def test_state_moves_only_after_kafka_confirmed(
    bootstrap: str,
    server: FeedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("stream.sources.rss.poll.CONFIRM_S", 0.0)
    server.feeds["/good"] = plain_feed("good", 5)
    feed = Feed(server.url("/good"))
    done = await poll_once(bootstrap, tmp_path, feed)
    assert (done.worked, done.sent) == (0, 0)
    assert "did not confirm within 0 s; feeds are read again" in caplog.text
    monkeypatch.undo()
    done = await poll_once(bootstrap, tmp_path, feed)
    assert (done.worked, done.sent) == (1, 5)
    assert "if-none-match" not in server.asked[-1].head


def test_kafka_may_go_and_come_back(server: FeedServer, tmp_path: Path) -> None:
    kafka = own_kafka(tmp_path)
    server.feeds["/good"] = plain_feed("good", 3)
    log = tmp_path / "log"
    log.touch()

    def until(words: str) -> None:
        wait_until(lambda: words in log.read_text(), 60, words)

    # A process of its own: Kafka's client leaves sockets behind when a broker goes.
    patient = COMMAND[-1].replace(
        "typer.run", "import stream.sources.rss.poll as poll; poll.CONFIRM_S = 2.0; typer.run"
    )
    with start(kafka) as broker:
        prepare_topics(kafka.bootstrap)
        before = ends(kafka.bootstrap)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*COMMAND[:-1], patient, "--source", "wire", "--interval", "1", server.url("/good")],
                env=environment(tmp_path / "home", kafka.bootstrap),
                cwd=tmp_path,
                stdout=output,
                stderr=output,
            )
        try:
            until("wire: 3 new of 3")
            broker.kill()
            broker.wait()
            server.feeds["/good"] = plain_feed("good", 8)
            until("feeds are read again until it confirms")
            with start(kafka):
                until("wire: 5 new of 8")
                process.send_signal(signal.SIGINT)
                assert process.wait(20) == 0
                documents = documents_since(kafka.bootstrap, before)
        finally:
            process.kill()
            process.wait()
    assert len({document.id for document in documents}) == 8
    text = log.read_text()
    assert "Kafka confirms again" in text
    assert text.count("feeds are read again") == 1
    assert "ERROR" not in text
    assert "Traceback" not in text


def test_a_killed_process_sends_at_most_duplicates_with_the_same_id(
    bootstrap: str, server: FeedServer, tmp_path: Path
) -> None:
    before = ends(bootstrap)
    made = 0

    def grow() -> None:
        nonlocal made
        made += 25
        server.feeds["/growing"] = plain_feed("growing", min(made, 400), max(0, made - 400))

    server.feeds["/growing"] = b""
    server.on_get["/growing"] = grow
    for round_ in range(5):
        polls, sent = server.count("/growing"), sum(ends(bootstrap).values())
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                [*COMMAND, "--interval", "1", server.url("/growing")],
                env=environment(tmp_path / "home", bootstrap),
                cwd=tmp_path,
                stdout=log,
                stderr=log,
            )
        try:
            # Killed before, while and after records reach Kafka.
            if round_ % 2:
                wait_until(lambda: sum(ends(bootstrap).values()) > sent, 30, "records", 0.001)  # noqa: B023
            else:
                wait_until(lambda: server.count("/growing") > polls + 1, 30, "a second poll", 0.001)  # noqa: B023
        finally:
            process.kill()
            process.wait()
    out = subprocess.run(
        [*COMMAND, "--once", server.url("/growing")],
        env=environment(tmp_path / "home", bootstrap),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    ids: dict[str | None, set[str]] = {}
    for document in documents_since(bootstrap, before):
        ids.setdefault(document.title, set()).add(document.id)
    assert set(ids) == {f"Headline {n} of growing" for n in range(made)}
    assert all(len(found) == 1 for found in ids.values())
    log_text = (tmp_path / "log").read_text()
    assert "Traceback" not in log_text


def test_the_command_says_what_it_did_and_ends_with_its_exit_code(
    bootstrap: str, server: FeedServer, tmp_path: Path
) -> None:
    server.feeds["/good"] = plain_feed("good", 4)
    listed = tmp_path / "feeds.toml"
    listed.write_text(f'[[feed]]\nurl = "{server.url("/500")}"\nkind = "comment"\nlang = "en"\n')

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env=environment(tmp_path / "home", bootstrap),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    both = run("--once", "--feeds", str(listed), server.url("/good"))
    assert both.returncode == 1
    assert both.stdout == "2 feeds: 1 worked, 1 failed; 4 documents sent\n"
    assert "127.0.0.1" in both.stderr
    assert "HTTP 500 Internal Server Error (failure 1 in a row)\n" in both.stderr
    assert "Traceback" not in both.stderr
    again = run("--once", server.url("/good"))
    assert (again.returncode, again.stdout) == (0, "1 feeds: 1 worked, 0 failed; 0 documents sent\n")


def test_a_running_command_stops_cleanly_and_keeps_no_secret_in_its_lines(
    bootstrap: str, server: FeedServer, tmp_path: Path
) -> None:
    server.feeds["/good?key=hush-key"] = plain_feed("good", 4)
    url = server.url("/good?key=hush-key").replace("//", "//me:hush-word@")
    log = tmp_path / "log"
    listed = tmp_path / "feeds.toml"
    urls = (url, url.replace("good", "missing"), server.url("/429-seconds"))
    listed.write_text("".join(f'[[feed]]\nurl = "{one}"\n' for one in urls))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "--feeds", str(listed)],
            env=environment(tmp_path / "home", bootstrap),
            cwd=tmp_path,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(
            lambda: all(words in log.read_bytes() for words in (b"4 new of 4", b"HTTP 404", b"HTTP 429")),
            30,
            "all polled",
        )
    finally:
        stop(process)
    text = log.read_text()
    assert process.returncode == 0, text
    assert "rss ready with 3 feeds" in text
    after_429 = re.search(r"/429-seconds: HTTP 429 .* \(failure 1 in a row\); next try at (.{19}) UTC", text)
    assert after_429 is not None, text
    # 7,000 s after it was asked.
    wait_s = (datetime.fromisoformat(f"{after_429[1]}+00:00") - datetime.now(UTC)).total_seconds()
    assert 6_900 < wait_s < 7_001
    assert "hush" not in text
    assert server.asked[0].head["authorization"].startswith("Basic ")
    for path in (tmp_path / "home").glob("rss.sqlite*"):
        assert b"hush" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0, path
