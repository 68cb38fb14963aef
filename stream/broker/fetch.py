"""Fetch Kafka's jars into the cache: `python -m stream.broker.fetch`. Nothing is done where they are right."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from pathlib import Path

from stream.broker import jars
from stream.broker.errors import BrokerError
from stream.maven import MavenError, with_dependencies

logger = logging.getLogger(__name__)


def ensure_jars(folder: Path | None = None) -> Path:
    """Return the folder that holds exactly the committed jars, fetching them where it does not.

    Raises:
        BrokerError: they cannot be downloaded, or what came is not what was committed; the folder is unchanged.
    """
    folder = folder or jars.default_folder()
    expected = jars.committed_sums()
    wrong = jars.differences(jars.folder_sums(folder), expected)
    if not wrong:
        return folder
    if folder.exists():
        logger.warning("%s: %s; fetching Kafka's jars again", folder, jars.summary(wrong))
    else:
        logger.info("fetching Kafka %s's jars into %s", jars.KAFKA_VERSION, folder)
    _replace(folder, expected)
    return folder


def _replace(folder: Path, expected: dict[str, str]) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".kafka-", dir=folder.parent) as scratch:
            fresh = _download(Path(scratch))
            wrong = jars.differences(jars.folder_sums(fresh), expected)
            if wrong:
                raise BrokerError(f"Kafka's jars as downloaded are not the expected ones: {jars.summary(wrong)}")
            if folder.exists():
                folder.rename(Path(scratch) / "old")
            fresh.rename(folder)
    except OSError as exc:
        if not jars.differences(jars.folder_sums(folder), expected):
            return  # somebody else fetched them at the same time
        raise BrokerError(f"Kafka's jars cannot be written to {folder}: {exc.strerror or exc}", permanent=True) from exc


def _download(scratch: Path) -> Path:
    try:
        found = with_dependencies(jars.COORDINATES, scratch)
    except MavenError as exc:
        raise BrokerError(
            f"Kafka {jars.KAFKA_VERSION}'s jars ({jars.COORDINATES}, 44 MB from a Maven repository) are missing and "
            f"could not be downloaded: {exc}"
        ) from exc
    flat = scratch / "flat"
    flat.mkdir()
    for jar in found:
        shutil.copyfile(jar, flat / jar.name)
    return flat


def main() -> int:
    """Fetch, and return 0, or 1 after one line that says what is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        folder = ensure_jars()
    except BrokerError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    sys.stdout.write(f"Kafka {jars.KAFKA_VERSION}: {len(jars.committed_sums())} jars in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
