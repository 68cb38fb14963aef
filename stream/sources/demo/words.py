"""The wordings and the companies, read from the files beside this one."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

LANGS: Final = ("en", "zh")
CRISIS_TICKER: Final = "BRONTV"


@dataclass(frozen=True, slots=True)
class Company:
    """A company that does not exist."""

    ticker: str
    en: str
    zh: str

    def name(self, lang: str) -> str:
        """Return its name in `en` or `zh`."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Crisis:
    """What is written in a crisis: a wording, at some of which a tail is hung."""

    wordings: tuple[str, ...]
    tails: tuple[str, ...]


@cache
def companies() -> tuple[Company, ...]:
    """Return every company."""
    return tuple(Company(**row) for row in _read("companies")["company"])


@cache
def wordings(kind: str, lang: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the wordings by topic and label; a topic may lack a label."""
    found = _read(f"{kind}.{lang}")
    return {topic: {label: tuple(rows) for label, rows in labels.items()} for topic, labels in found.items()}


@cache
def crisis_wordings(kind: str, lang: str) -> Crisis:
    """Return what is written of the company in trouble."""
    found = _read("crisis")[kind][lang]
    return Crisis(tuple(found["wordings"]), tuple(found.get("tail") or found["end"]))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
