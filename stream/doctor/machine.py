"""This machine, judged: values in, findings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stream.doctor.findings import Finding, fine, problem, warning

GB: Final = 1_000_000_000
PYTHONS: Final = ((3, 11), (3, 13))
# Thirty days of records and an append-only file that is rewritten need room for a second copy.
DISK_LEAST: Final = 1 * GB
DISK_WISHED: Final = 10 * GB
# Measured: a worker with the shipped model holds 1.0 GB on a CPU, all else of `up` together some 1.3 GB.
MEMORY_A_WORKER: Final = 1 * GB
MEMORY_REST: Final = 3 * GB // 2
MEMORY_LEAST_RUNNING: Final = 300_000_000
INSTALL: Final = "`make install` puts in what the lock names"


def judge_python(version: tuple[int, int], system: str, machine: str) -> Finding:
    """Judge the interpreter and the system it runs on (`platform.system()`, `platform.machine()`)."""
    said = f"Python {version[0]}.{version[1]} on {system} {machine}"
    if not PYTHONS[0] <= version <= PYTHONS[1]:
        return problem("python", said, "install Python 3.11, 3.12 or 3.13, then `make PYTHON=python3.12 install`")
    if system not in ("Linux", "Darwin"):
        return warning("python", said, "it was only ever run on Linux and macOS: use one of them, or Docker")
    return fine("python", said)


def judge_packages(missing: Sequence[str], other: Sequence[str]) -> Finding:
    """Judge what is installed: names that are missing, and `name version` of those that differ from the lock."""
    if missing:
        return problem("packages", f"missing: {', '.join(missing)}", INSTALL)
    if other:
        rest = f" and {len(other) - 5} more" if len(other) > 5 else ""
        return warning("packages", f"not as locked: {', '.join(other[:5])}{rest}", INSTALL)
    return fine("packages", "all there")


@dataclass(frozen=True, slots=True)
class HomeSeen:
    """The home as it is on disk.

    Attributes:
        mode: permission bits; None where the folder is not there yet.
        writable: whether this user can write there, or make it.
        free_bytes: of its file system, None where that is not known.
    """

    path: Path
    mode: int | None
    writable: bool
    free_bytes: int | None


def judge_home(home: HomeSeen) -> list[Finding]:
    """Judge the folder of data: who may write and read there, and how much more it can hold."""
    if not home.writable:
        mend = "make it a folder of this user, or set BAROGRAPH_HOME to one"
        return [problem("home", f"{home.path} cannot be written", mend)]
    if home.mode is not None and home.mode & 0o077:
        said = f"{home.path}: other users of this machine have access (mode {home.mode:04o})"
        found = [warning("home", said, f"chmod 700 {home.path}")]
    else:
        found = [fine("home", f"{home.path}{'' if home.mode is not None else ' (made at the first start)'}")]
    if home.free_bytes is None:
        return found
    said = f"{home.free_bytes / GB:.1f} GB free at {home.path}"
    mend = "make room, or set BAROGRAPH_HOME to a larger disk; Kafka keeps documents for 30 days"
    if home.free_bytes < DISK_LEAST:
        return [*found, problem("disk", said, mend)]
    if home.free_bytes < DISK_WISHED:
        return [*found, warning("disk", said, mend)]
    return [*found, fine("disk", said)]


def judge_memory(available_bytes: int | None, workers: int, *, runs: bool) -> Finding:
    """Judge the memory that is left: for a start with so many workers, or beside a system that `runs` already."""
    if available_bytes is None:
        return fine("memory", "not known on this system")
    said = f"{available_bytes / GB:.1f} GB available"
    wanted = MEMORY_LEAST_RUNNING if runs else MEMORY_REST + workers * MEMORY_A_WORKER
    if available_bytes < wanted:
        what = "beside what runs" if runs else f"for {workers} worker{'s' if workers > 1 else ''} and the rest"
        mend = "fewer workers (BAROGRAPH_WORKERS), or end other programs: the system kills what takes too much"
        return warning("memory", f"{said}, less than the {wanted / GB:.1f} GB it takes {what}", mend)
    return fine("memory", said)


def judge_model(folder: Path, trouble: str | None) -> Finding:
    """Judge a folder of weights; `trouble` names what is wrong with it."""
    if trouble is None:
        return fine("model", f"weights in {folder}, as their manifest says")
    mend = "install the package anew (`git lfs` is not needed), or set BAROGRAPH_MODEL_PATH to a folder of weights"
    return problem("model", trouble, mend)


def judge_device(asked: str, trouble: str | None) -> Finding:
    """Judge the device that was asked for; `trouble` says why it cannot be used."""
    if trouble is None:
        return fine("device", asked)
    return problem("device", trouble, "set BAROGRAPH_DEVICE=auto or cpu, or mend the driver until `nvidia-smi` answers")


def judge_embedded(part: str, trouble: str | None, *, fetched: bool = False) -> Finding:
    """Judge a part of the embedded servers; one that is `fetched` at a start is no problem before it."""
    if trouble is None:
        return fine(part, "embedded, ready")
    if fetched:
        return warning(part, trouble, "the next `barograph up` fetches it over the network; so does `make install`")
    mend = "`make install` brings it; or name servers of your own: BAROGRAPH_KAFKA_BOOTSTRAP, BAROGRAPH_REDIS_URL"
    return problem(part, trouble, mend)
