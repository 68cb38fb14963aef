"""One role, run: started, watched until ready, started again after a failure, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable

from stream.supervision import states
from stream.supervision.command import dying_with_us
from stream.supervision.lines import Cutter, Gate
from stream.supervision.probes import until_answered
from stream.supervision.roles import Answers, Role, Says
from stream.supervision.states import RoleStatus

LAST_LINES = 12
# A grandchild may hold the pipe open after the role itself has ended.
LAST_WORDS_S = 0.5


class RoleFailedError(Exception):
    """An essential role does not start; the message ends with what it said last."""


class Runner:
    """Keeps one role running until told to stop.

    Attributes:
        role: what is run.
        status: where it stands.
        ready: set while the role is ready.
    """

    def __init__(
        self, role: Role, say: Callable[[str, str], None], changed: Callable[[], None], keep_open: tuple[int, ...]
    ) -> None:
        self.role = role
        self.status = RoleStatus()
        self.ready = asyncio.Event()
        self._say = say
        self._changed = changed
        self._keep_open = keep_open
        self._stopping = asyncio.Event()
        self._killed = False
        self._process: asyncio.subprocess.Process | None = None
        self._said_ready = asyncio.Event()
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._gate = Gate()

    async def run(self) -> None:
        """Run the role until `stop`.

        Raises:
            RoleFailedError: it is essential and has failed too often before it was ever ready.
        """
        while not self._stopping.is_set():
            reason = await self._once()
            self.ready.clear()
            if self._stopping.is_set():
                break
            self._set(states.exited(self.status, time.monotonic()))
            await self._back_off(reason)
        self._set(states.stopped(self.status))

    async def stop(self) -> None:
        """Ask the process to end, and return; `run` returns when it has. Killed after the grace."""
        self._stopping.set()
        # One that is only just being made is ended by `run`.
        if self._process is not None:
            await self._end(self._process)

    def kill(self) -> None:
        """Kill the process and what it started, at once."""
        self._killed = True
        self._stopping.set()
        if self._process is not None:
            _kill(self._process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Ask the process to end; return when it has, killed after the grace."""
        if self._killed:
            _kill(process)
        if process.returncode is not None:
            return
        _send(process, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), self.role.grace_s)
        except TimeoutError:
            self._say(self.role.name, f"did not end within {self.role.grace_s:g} s: killed")
            _kill(process)

    def _set(self, status: RoleStatus) -> None:
        self.status = status
        self._changed()

    async def _back_off(self, reason: str) -> None:
        delay_s = states.restart_delay_s(self.status.failures)
        if states.keeps_failing(self.status):
            said = [f"  {line}" for line in self._last] or ["  (it said nothing)"]
            text = f"{reason}; failed {self.status.failures} times in a row. It said last:"
            if states.gives_up(self.status, self.role.essential):
                raise RoleFailedError("\n".join([f"{self.role.name}: {text}", *said]))
            for line in (text, *said):
                self._say(self.role.name, line)
        self._say(self.role.name, f"{reason}; starts again in {delay_s:g} s")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _once(self) -> str:
        """Run the process from start to end; return why it ended."""
        self._said_ready.clear()
        self._last.clear()
        try:
            process = await self._spawn()
        except OSError as exc:
            return f"cannot be started: {exc}"
        self._process = process
        self._set(states.started(self.status, process.pid))
        reading = asyncio.create_task(self._read(process))
        watching = asyncio.create_task(self._watch())
        if self._stopping.is_set():  # told so while the process was being made
            await self._end(process)
        given_up = await self._ended(process, watching)
        watching.cancel()
        await asyncio.wait([reading], timeout=LAST_WORDS_S)
        reading.cancel()
        await asyncio.gather(reading, watching, return_exceptions=True)
        return given_up or _reason(process.returncode)

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *dying_with_us(self.role.command, self.role.death),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(self.role.environment),
            cwd=self.role.folder,
            pass_fds=self._keep_open,
            # Ctrl-C reaches the supervisor only, which stops everything in order.
            start_new_session=True,
        )

    async def _ended(self, process: asyncio.subprocess.Process, watching: asyncio.Task[None]) -> str | None:
        """Return once the process has ended: None, or why it was ended for not becoming ready."""
        waiting = asyncio.create_task(process.wait())
        await asyncio.wait({waiting, watching}, timeout=self.role.ready_within_s, return_when=asyncio.FIRST_COMPLETED)
        given_up = None
        if not waiting.done() and not self._stopping.is_set():
            given_up = self._not_ready(watching)
        if given_up:
            _kill(process)
        await waiting
        return given_up

    def _not_ready(self, watching: asyncio.Task[None]) -> str | None:
        if not watching.done():
            return f"was not ready within {self.role.ready_within_s:g} s"
        exc = watching.exception()
        return None if exc is None else f"cannot be asked whether it is ready: {exc or type(exc).__name__}"

    async def _watch(self) -> None:
        match self.role.ready:
            case Answers() as probe:
                await until_answered(probe)
            case Says():
                await self._said_ready.wait()
        self._set(states.became_ready(self.status, time.monotonic()))
        self.ready.set()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        cutter = Cutter()
        while process.stdout is not None and (chunk := await process.stdout.read(65_536)):
            self._pass_on(cutter.feed(chunk))
        self._pass_on(cutter.end())

    def _pass_on(self, lines: list[str]) -> None:
        for line in filter(str.strip, lines):
            self._last.append(line)
            if isinstance(self.role.ready, Says) and self.role.ready.words in line:
                self._said_ready.set()
            if self._gate.admit(time.monotonic()):
                left_out = self._gate.take_held_back()
                if left_out:
                    self._say(self.role.name, f"… {left_out} lines left out")
                self._say(self.role.name, line)


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _reason(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
