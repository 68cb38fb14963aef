"""Roles together: started in order, kept running, stopped in reverse order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from stream.supervision.roles import Role, levels
from stream.supervision.runner import Runner
from stream.supervision.states import RoleStatus, State


class Supervisor:
    """Runs roles in one event loop, which must be the main thread's.

    Args:
        say: takes a role's name and a line of its output.
        changed: called after each change of a role's status.
        keep_open: file descriptors that every child inherits (the lock of the home).
    """

    def __init__(
        self, say: Callable[[str, str], None], changed: Callable[[], None], keep_open: Sequence[int] = ()
    ) -> None:
        self._say = say
        self._changed = changed
        self._keep_open = tuple(keep_open)
        self._runners: dict[str, Runner] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def statuses(self) -> Mapping[str, RoleStatus]:
        """Return where each role stands, in the order in which they were started."""
        return {name: runner.status for name, runner in self._runners.items()}

    def all_ready(self) -> bool:
        """Return whether every role is ready now; True where there is none."""
        return all(runner.status.state is State.READY for runner in self._runners.values())

    async def start(self, roles: Sequence[Role]) -> None:
        """Start the roles, each once those it names are ready; return when all are.

        Raises:
            RoleFailedError: an essential one fails again and again; the others still run.
        """
        for group in levels(roles):
            for role in group:
                self._begin(role)
            await self._until_ready([role.name for role in group])

    def _begin(self, role: Role) -> None:
        if role.name in self._runners:
            raise ValueError(f"role {role.name} runs already")
        runner = Runner(role, self._say, self._changed, self._keep_open)
        self._runners[role.name] = runner
        self._tasks[role.name] = asyncio.create_task(runner.run(), name=role.name)

    async def _until_ready(self, names: Sequence[str]) -> None:
        ready = asyncio.create_task(self._all_set(names))
        try:
            await asyncio.wait({ready, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
            for task in self._tasks.values():
                if task.done():
                    task.result()
        finally:
            ready.cancel()

    async def _all_set(self, names: Sequence[str]) -> None:
        for name in names:
            await self._runners[name].ready.wait()

    async def until_broken(self) -> None:
        """Wait for ever; raise what ended the supervision of a role, if anything ever does."""
        # Not gather(): being cancelled at the stop, it would cancel the runners too.
        done, _ = await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Stop every role, those that others build on last."""
        for group in reversed(levels(runner.role for runner in self._runners.values())):
            names = [role.name for role in group]
            await asyncio.gather(*(self._runners[name].stop() for name in names))
            await asyncio.gather(*(self._tasks[name] for name in names), return_exceptions=True)

    def kill(self) -> None:
        """Kill everything at once; `stop` then returns soon."""
        for runner in self._runners.values():
            runner.kill()
