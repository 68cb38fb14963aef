"""Jars by their coordinates, from a Maven repository; jgo is used here alone."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


class MavenError(Exception):
    """A jar that cannot be had; the message says which, and why."""


def cache_root(environ: Mapping[str, str], user_home: Path) -> Path:
    """Return the folder of what is fetched once: in `BAROGRAPH_CACHE`, else `XDG_CACHE_HOME`, else `~/.cache`."""
    base = environ.get("BAROGRAPH_CACHE") or environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else user_home / ".cache").absolute() / "barograph"


def with_dependencies(coordinates: str, scratch: Path) -> list[Path]:
    """Fetch jars and all that they need into the folder `scratch`; return where they lie.

    Raises:
        MavenError: they cannot be downloaded.
    """
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    logging.getLogger("jgo").setLevel(logging.ERROR)
    try:
        # Folders of its own: jgo.build() would write to the user's Maven cache.
        environment = EnvironmentBuilder(
            context=MavenContext(repo_cache=scratch / "m2"), cache_dir=scratch / "jgo", link_strategy=LinkStrategy.HARD
        ).from_endpoint(coordinates)
        return list(environment.all_jars)
    except Exception as exc:  # jgo lets requests' and its own errors through, of no common type
        raise MavenError(_first_line(exc)) from exc


def jar(coordinates: str, sha256: str, folder: Path | None = None) -> Path:
    """Return a jar (`group:artifact:version`, without what it depends on), fetched where the cache lacks it.

    Raises:
        MavenError: it cannot be downloaded or kept, or is not the one of this hash.
    """
    from jgo.maven import MavenContext

    folder = folder or cache_root(os.environ, Path.home()) / "jars"
    group, artifact, version = coordinates.split(":")
    kept = folder / f"{artifact}-{version}.jar"
    if kept.is_file() and _sha256(kept) == sha256:
        return kept
    logging.getLogger("jgo").setLevel(logging.ERROR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".jar-", dir=folder) as scratch:
            project = MavenContext(repo_cache=Path(scratch) / "m2").project(group, artifact)
            fetched = Path(project.at_version(version).artifact().resolve())
            found = _sha256(fetched)
            if found != sha256:
                raise MavenError(f"{coordinates}: sha256 {found[:12]}… as downloaded; expected {sha256[:12]}…")
            shutil.move(fetched, kept)
    except MavenError:
        raise
    except OSError as exc:
        raise MavenError(f"{coordinates}: cannot be kept in {folder}: {exc.strerror or exc}") from exc
    except Exception as exc:  # as above
        raise MavenError(f"{coordinates}: cannot be downloaded: {_first_line(exc)}") from exc
    return kept


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(exc: Exception) -> str:
    lines = str(exc).splitlines()
    return f"{type(exc).__name__}: {lines[0][:200]}" if lines else type(exc).__name__
