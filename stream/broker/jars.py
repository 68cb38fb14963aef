"""Kafka's jars: where they lie, and whether they are exactly the ones whose sums are committed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from stream.maven import cache_root

KAFKA_VERSION = "4.3.0"
# slf4j-simple 2.x beside Kafka's slf4j-api 1.7.36 means no broker log at all.
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
SUMS_FILE = "kafka_jars.sha256"


def cache_folder(environ: Mapping[str, str], user_home: Path) -> Path:
    """Return the folder of this Kafka version's jars, shared between clones.

    It lies in `BAROGRAPH_CACHE`, else `XDG_CACHE_HOME`, else `~/.cache`.
    """
    return cache_root(environ, user_home) / f"kafka-{KAFKA_VERSION}"


def default_folder() -> Path:
    """Return `cache_folder` for this process' environment."""
    return cache_folder(os.environ, Path.home())


def parse_sums(text: str) -> dict[str, str]:
    """Return sha256 by jar name from lines `<sha256>  <name>`, as `sha256sum` writes them."""
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return {name: digest for digest, name in pairs}


def committed_sums() -> dict[str, str]:
    """Return the sums that this version of the product was tested with."""
    return parse_sums(resources.files("stream.broker").joinpath(SUMS_FILE).read_text(encoding="ascii"))


def folder_sums(folder: Path) -> dict[str, str]:
    """Return sha256 by file name of everything in the folder; empty where there is no folder."""
    if not folder.is_dir():
        return {}
    return {path.name: _sha256(path) for path in folder.iterdir()}


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a set of jars, one phrase each, sorted by name; empty when it is exact."""
    return [
        phrase
        for name in sorted(found.keys() | expected.keys())
        if (phrase := _difference(name, found.get(name), expected.get(name)))
    ]


def _difference(name: str, found: str | None, expected: str | None) -> str | None:
    if found == expected:
        return None
    if found is None:
        return f"{name} is missing"
    if expected is None:
        return f"{name} does not belong there"
    return f"{name} has sha256 {found[:12]}…, expected {expected[:12]}…"


def summary(phrases: list[str], most: int = 3) -> str:
    """Return the first few phrases in one line, with the number left out."""
    rest = len(phrases) - most
    return "; ".join(phrases[:most]) + (f"; and {rest} more" if rest > 0 else "")


def _sha256(path: Path) -> str:
    if not path.is_file():
        return "not a file"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
