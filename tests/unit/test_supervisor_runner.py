"""Roles that are real processes: ready, failing, stubborn."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stream.running import is_alive
from stream.supervision import ports
from stream.supervision.roles import Answers, Role, Says, http_ok
from stream.supervision.runner import RoleFailedError, Runner
from stream.supervision.states import State
from stream.supervisor import Supervisor

SERVES = "print('up', flush=True); import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVES}"


def python(
    name: str,
    code: str,
    after: Sequence[str] = (),
    essential: bool = False,
    within_s: float = 30.0,
    grace_s: float = 5.0,
) -> Role:
    return Role(
        name=name,
        command=[sys.executable, "-I", "-S", "-c", code],
        ready=Says("up"),
        after=after,
        essential=essential,
        ready_within_s=within_s,
        grace_s=grace_s,
    )


class Seen:
    """What a supervisor said and did."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.states: list[str] = []
        self.supervisor = Supervisor(self._say, self._changed)

    def _say(self, name: str, line: str) -> None:
        self.lines.append(f"{name}: {line}")

    def _changed(self) -> None:
        for name, status in self.supervisor.statuses().items():
            now = f"{name} {status.state}"
            if now not in self.states[-20:]:
                self.states.append(now)

    def pid(self, name: str) -> int:
        pid = self.supervisor.statuses()[name].pid
        assert pid is not None
        return pid


@asynccontextmanager
async def supervised(*roles: Role) -> AsyncIterator[Seen]:
    seen = Seen()
    try:
        await seen.supervisor.start(roles)
        yield seen
    finally:
        seen.supervisor.kill()
        await seen.supervisor.stop()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def test_roles_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    marks = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def mark(word):\n"
        "    with open({path!r}, 'a') as f: f.write(word + ' {name}\\n')\n"
        "def end(*_):\n"
        "    mark('ends'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "mark('starts'); print('up', flush=True); time.sleep(600)\n"
    )
    roles = [
        python(name, code.format(path=str(marks), name=name), after)
        for name, after in (("page", ["worker"]), ("worker", ["store"]), ("store", []))
    ]
    async with supervised(*roles) as seen:
        assert seen.supervisor.all_ready()
        await seen.supervisor.stop()
        assert {status.state for status in seen.supervisor.statuses().values()} == {State.STOPPED}
    assert marks.read_text().splitlines() == [
        "starts store", "starts worker", "starts page", "ends page", "ends worker", "ends store",
    ]  # fmt: skip


async def test_a_killed_role_comes_back_with_another_pid_and_the_reason_is_said() -> None:
    async with supervised(python("worker", SERVES)) as seen:
        first = seen.pid("worker")
        os.kill(first, signal.SIGKILL)
        await eventually(
            lambda: seen.supervisor.statuses()["worker"].pid not in (None, first) and seen.supervisor.all_ready()
        )
        assert "worker: was ended by SIGKILL; starts again in 0.5 s" in seen.lines
        assert "worker backing off" in seen.states


async def test_an_essential_role_that_never_starts_fails_the_start_with_its_last_words() -> None:
    dies = python("kafka", "print('the disk is full'); raise SystemExit(3)", essential=True)
    with pytest.raises(RoleFailedError, match=r"kafka: ended with exit code 3; failed 3 times") as caught:
        async with supervised(dies):
            pass
    assert "  the disk is full" in str(caught.value)


async def test_another_role_that_keeps_failing_is_tried_again_and_says_why() -> None:
    seen = Seen()
    starting = asyncio.create_task(seen.supervisor.start([python("page", "print('no module'); raise SystemExit(1)")]))
    try:
        await eventually(lambda: any("failed 3 times in a row" in line for line in seen.lines))
        assert "page:   no module" in seen.lines
        assert not starting.done()
    finally:
        starting.cancel()
        await seen.supervisor.stop()


async def test_a_command_that_does_not_exist_is_a_failure_with_a_reason() -> None:
    missing = Role("kafka", ["/no/such/program"], Says("up"), essential=True)
    with pytest.raises(RoleFailedError, match="/no/such/program: No such file"):
        async with supervised(missing):
            pass


async def test_a_role_that_is_not_ready_in_time_is_killed_and_counted_as_a_failure() -> None:
    hangs = python("kafka", "import time; time.sleep(600)", essential=True, within_s=0.3)
    with pytest.raises(RoleFailedError, match=r"was not ready within 0\.3 s"):
        async with supervised(hangs):
            pass


async def test_a_role_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    async with supervised(python("worker", STUBBORN, grace_s=0.3)) as seen:
        pid = seen.pid("worker")
        await seen.supervisor.stop()
        assert not is_alive(pid)
        assert "worker: did not end within 0.3 s: killed" in seen.lines


async def told_while_it_is_made(grace_s: float, tell: Callable[[Runner], None]) -> list[str]:
    """Tell a role that ignores SIGTERM to end just before it has a pid; return what was said once it has ended."""
    lines: list[str] = []
    runner = Runner(python("worker", SERVES, grace_s=grace_s), lambda _, line: lines.append(line), lambda: None, ())
    # A child inherits what its parent ignores: it does so from its first moment on.
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        running = asyncio.create_task(runner.run())
        await asyncio.sleep(0)
        assert runner.status.pid is None
        tell(runner)
        async with asyncio.timeout(30):
            await running
    finally:
        signal.signal(signal.SIGTERM, before)
        runner.kill()
    assert runner.status.state is State.STOPPED
    return lines


async def test_a_stop_before_the_process_is_there_is_followed_by_a_kill_after_the_grace() -> None:
    stops: list[asyncio.Task[None]] = []
    lines = await told_while_it_is_made(0.3, lambda runner: stops.append(asyncio.create_task(runner.stop())))
    await asyncio.gather(*stops)
    assert "did not end within 0.3 s: killed" in lines


async def test_a_kill_before_the_process_is_there_does_not_wait_for_the_grace() -> None:
    assert await told_while_it_is_made(600.0, Runner.kill) == []


async def test_a_role_that_cannot_be_asked_whether_it_is_ready_is_a_failure_with_a_reason() -> None:
    role = replace(python("kafka", SERVES, essential=True), ready=Answers(1, host="not..a.name"))
    with pytest.raises(RoleFailedError, match=r"cannot be asked whether it is ready: .*label empty"):
        async with supervised(role):
            pass


async def test_kill_ends_a_stop_that_waits() -> None:
    async with supervised(python("worker", STUBBORN, grace_s=600.0)) as seen:
        pid = seen.pid("worker")
        stopping = asyncio.create_task(seen.supervisor.stop())
        await asyncio.sleep(0)
        seen.supervisor.kill()
        async with asyncio.timeout(10):
            await stopping
        assert not is_alive(pid)


async def test_stop_does_not_wait_for_a_role_that_is_backing_off() -> None:
    async with supervised(python("worker", SERVES)) as seen:
        os.kill(seen.pid("worker"), signal.SIGKILL)
        await eventually(lambda: seen.supervisor.statuses()["worker"].state is State.BACKING_OFF)
        await seen.supervisor.stop()
        assert seen.supervisor.statuses()["worker"].state is State.STOPPED


async def test_a_flood_of_lines_is_cut_and_the_role_runs_on() -> None:
    code = "import sys, time\nfor n in range(5000): print('line', n)\nprint('up', flush=True); time.sleep(600)"
    async with supervised(python("worker", code)) as seen:
        assert 200 <= len(seen.lines) < 1_000
        assert seen.supervisor.all_ready()


async def test_http_readiness_waits_for_status_200() -> None:
    port = ports.choose([], set())
    code = (
        "import http.server, time\n"
        "began = time.monotonic()\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(503 if time.monotonic() - began < 0.5 else 200); self.end_headers()\n"
        f"http.server.HTTPServer(('127.0.0.1', {port}), Handler).serve_forever()\n"
    )
    command = [sys.executable, "-c", code]
    async with supervised(Role("page", command, http_ok(port, "/healthz"), grace_s=5.0)) as seen:
        answered = [line for line in seen.lines if "GET /healthz" in line]
        assert any(" 503 " in line for line in answered)


async def test_a_port_that_opens_is_enough_where_nothing_is_expected() -> None:
    port = ports.choose([], set())
    code = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"
    async with supervised(Role("kafka", [sys.executable, "-c", code], Answers(port))) as seen:
        assert seen.supervisor.all_ready()


async def test_every_child_inherits_the_lock_of_the_home(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        code = f"import os; os.fstat({lock.fileno()}); {SERVES}"
        supervisor = Supervisor(lambda _name, _line: None, lambda: None, keep_open=[lock.fileno()])
        try:
            async with asyncio.timeout(30):
                await supervisor.start([python("worker", code, essential=True)])
            assert supervisor.all_ready()
        finally:
            supervisor.kill()
            await supervisor.stop()
